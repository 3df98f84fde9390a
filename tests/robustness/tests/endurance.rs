//! The long tests, short. Each in a process of its own, because it counts threads, descriptors and tasks.

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
fn everything_comes_back_when_a_server_is_restarted() {
    in_own_process(|| {
        on_two_threads(async {
            let report = restarts::with_tokens_that_stay(program(), 5, 7).await.unwrap();
            assert!(report.restarts == 5 && report.answered > 0 && report.events > 0, "{report}");
        });
    });
}

#[test]
fn everything_ends_when_a_server_is_restarted_and_refuses_the_token() {
    in_own_process(|| {
        on_two_threads(async {
            let report = restarts::with_tokens_that_do_not(program(), 5, 7).await.unwrap();
            assert!(report.restarts == 5 && report.answered > 0 && report.events > 0, "{report}");
        });
    });
}

#[test]
fn subscribers_that_are_killed_disturb_nobody() {
    in_own_process(|| {
        on_two_threads(async {
            let report = kills::run(program(), 2).await.unwrap();
            assert!(report.killed == 2 * kills::VICTIMS && report.calls > 0, "{report}");
        });
    });
}

#[test]
fn nothing_grows_under_mixed_traffic() {
    in_own_process(|| {
        on_two_threads(async {
            let rounds = soak::Rounds { count: 3, length: Duration::from_secs(1) };
            let report = soak::run(program(), rounds, 7).await.unwrap();
            assert_eq!(report.figures.len(), 3, "{report}");
        });
    });
}
