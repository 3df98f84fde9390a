//! Short runs of the endurance tests. Each counts the threads, file descriptors and tasks of its process, so it runs in
//! its own process.

use std::{path::Path, time::Duration};

use robustness::endurance::{kills, restarts, soak};
use test_util::in_own_process;

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_endurance"))
}

fn on_two_threads(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(test);
}

#[test]
fn clients_reconnect_when_a_server_is_restarted() {
    in_own_process(|| {
        on_two_threads(async {
            let report = restarts::with_valid_tokens(program(), 5, 7).await.unwrap();
            assert!(report.restarts == 5 && report.answered > 0 && report.events > 0, "{report}");
        });
    });
}

#[test]
fn connections_end_when_a_restarted_server_rejects_the_token() {
    in_own_process(|| {
        on_two_threads(async {
            let report = restarts::with_invalidated_tokens(program(), 5, 7).await.unwrap();
            assert!(report.restarts == 5 && report.answered > 0 && report.events > 0, "{report}");
        });
    });
}

#[test]
fn killed_subscribers_do_not_affect_other_clients() {
    in_own_process(|| {
        on_two_threads(async {
            let report = kills::run(program(), 2).await.unwrap();
            assert!(report.killed == 2 * kills::VICTIMS && report.calls > 0, "{report}");
        });
    });
}

#[test]
fn resource_usage_does_not_grow_under_mixed_traffic() {
    in_own_process(|| {
        on_two_threads(async {
            let rounds = soak::Rounds { count: 3, length: Duration::from_secs(1) };
            let report = soak::run(program(), rounds, 7).await.unwrap();
            assert_eq!(report.usage.len(), 3, "{report}");
        });
    });
}
