//! The long tests, short.

use std::{path::Path, time::Duration};

use endurance::{kills, restarts, soak};

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_endurance"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_comes_back_when_a_server_is_restarted() {
    let report = restarts::with_tokens_that_stay(program(), 5, 7).await.unwrap();
    assert!(report.restarts == 5 && report.answered > 0 && report.events > 0, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_ends_when_a_server_is_restarted_and_refuses_the_token() {
    let report = restarts::with_tokens_that_do_not(program(), 5, 7).await.unwrap();
    assert!(report.restarts == 5 && report.answered > 0 && report.events > 0, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribers_that_are_killed_disturb_nobody() {
    let report = kills::run(program(), 2).await.unwrap();
    assert!(report.killed == 2 * kills::VICTIMS && report.calls > 0, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_grows_under_mixed_traffic() {
    let rounds = soak::Rounds { count: 3, length: Duration::from_secs(1) };
    let report = soak::run(program(), rounds, 7).await.unwrap();
    assert_eq!(report.figures.len(), 3, "{report}");
}
