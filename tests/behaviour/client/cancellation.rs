//! Cancel safety of the functions of a connected client.
//!
//! There is one test for each "Cancel safety" section. It drops the future at every point at which it waits and
//! checks that the connection still works. The recorded messages show that stream ids count up without gaps and that
//! each stream is ended exactly once.

use std::time::{Duration, Instant};

use echo::{client::ConnectionBuilder, server::Config};
use test_util::{EchoService, Feed, Pair, event, in_time, message, poll_once, poll_times, run};

#[test]
fn a_call() {
    run(async {
        let pair = Pair::start(EchoService).await;
        for times in 0.. {
            let call = pair.client.echo_message().message(message(&"x".repeat(1_000))).send();
            let done = poll_times(call, times).await;
            pair.assert_healthy(0).await;
            if let Some(response) = done {
                assert!(response.is_ok() && times > 2);
                break;
            }
        }
    });
}

#[test]
fn a_call_that_waits_for_queue_capacity() {
    run(async {
        let builder = ConnectionBuilder::default().write_queue_limit(0);
        let pair = Pair::with(EchoService, Config::default(), builder).await;
        for times in 0.. {
            // Written in many steps.
            let large = pair.client.echo_message().message(message(&"x".repeat(4_000))).send();
            let large = poll_once(large).await;
            let waits = pair.client.echo_message().message(message("x")).send();
            let behind = tokio::spawn(pair.client.echo_message().message(message("y")).send());
            let done = poll_times(waits, times).await;
            large.await.unwrap();
            assert_eq!(behind.await.unwrap().unwrap().message, Some(message("y")));
            pair.assert_healthy(0).await;
            if let Some(response) = done {
                assert!(response.is_ok() && times > 10);
                break;
            }
        }
    });
}

#[test]
fn opening_a_subscription() {
    run(async {
        let pair = Pair::start(EchoService).await;
        for times in 0.. {
            let done = poll_times(pair.client.echo_stream_messages().send(), times).await;
            pair.assert_healthy(usize::from(done.is_some())).await;
            if let Some(stream) = done {
                stream.unwrap().close().await.unwrap();
                pair.assert_healthy(0).await;
                break;
            }
        }
    });
}

#[test]
fn the_next_event() {
    run(async {
        let pair = Pair::start(EchoService).await;
        let mut stream = pair.client.echo_stream_messages().send().await.unwrap();
        let mut expected = 0;
        for times in 0.. {
            stream.send_event(event(&times.to_string())).await.unwrap();
            let Some(next) = poll_times(stream.next(), times).await else { continue };
            assert_eq!(next.unwrap().unwrap(), event(&expected.to_string()), "no event is lost");
            expected += 1;
            if expected == 20 {
                break;
            }
        }
        pair.assert_healthy(1).await;
        let mut items = stream.with_notices();
        for times in 0.. {
            let Some(next) = poll_times(items.next(), times).await else { continue };
            let expected = echo::client::SubscriptionItem::Event(event(&expected.to_string()));
            assert_eq!(next.unwrap().unwrap(), expected);
            break;
        }
        drop(items);
        pair.assert_healthy(0).await;
    });
}

#[test]
fn sending_an_event() {
    run(async {
        let builder = ConnectionBuilder::default().write_queue_limit(0);
        let pair = Pair::with(EchoService, Config::default(), builder).await;
        let mut stream = pair.client.echo_stream_messages().send().await.unwrap();
        let mut waited = 0;
        for times in 0.. {
            let large = pair.client.echo_message().message(message(&"x".repeat(4_000))).send();
            let large = poll_once(large).await;
            let done = poll_times(stream.send_event(event("maybe")), times).await;
            stream.send_event(event("certain")).await.unwrap();
            large.await.unwrap();
            let mut next = async || stream.next().await.unwrap().unwrap();
            if done.is_some() {
                assert_eq!(next().await, event("maybe"));
            }
            // An event whose future was dropped is not sent.
            assert_eq!(next().await, event("certain"));
            pair.assert_healthy(1).await;
            if done.is_some() {
                break;
            }
            waited = times;
        }
        assert!(waited > 5, "the event waits for queue capacity");
    });
}

#[test]
fn closing_a_subscription() {
    run(async {
        let pair = Pair::start(EchoService).await;
        for times in 0.. {
            let stream = pair.client.echo_stream_messages().send().await.unwrap();
            let done = poll_times(stream.close(), times).await;
            // The stream ends even if the future was dropped.
            pair.assert_healthy(0).await;
            if done.is_some() {
                break;
            }
        }
    });
}

#[test]
fn closing_and_awaiting_a_handler() {
    run(async {
        let pair = Pair::start(EchoService).await;
        for times in 0.. {
            let stream = pair.client.echo_stream_messages().send().await.unwrap();
            let handle = stream.spawn_for_each(|_| async {});
            assert!(
                poll_times(handle.closed(), times).await.is_none(),
                "the handler is still open"
            );
            pair.assert_healthy(1).await;
            let done = poll_times(handle.close(), times).await;
            pair.assert_healthy(0).await;
            if done.is_some() {
                break;
            }
        }
    });
}

#[test]
fn a_ping() {
    run(async {
        let builder = ConnectionBuilder::default().write_queue_limit(0);
        let pair = Pair::with(EchoService, Config::default(), builder).await;
        let connection = pair.client.connection();
        for times in 0.. {
            let large = pair.client.echo_message().message(message(&"x".repeat(2_000))).send();
            let large = poll_once(large).await;
            let done = poll_times(connection.ping(Duration::from_secs(60)), times).await;
            large.await.unwrap();
            // The next ping takes only its own response.
            connection.ping(Duration::from_secs(60)).await.unwrap();
            pair.assert_healthy(0).await;
            if done.is_some() {
                assert!(times > 5);
                break;
            }
        }
    });
}

#[test]
fn a_flush() {
    run(async {
        let pair = Pair::start(EchoService).await;
        let connection = pair.client.connection();
        for times in 0.. {
            let large = pair.client.echo_message().message(message(&"x".repeat(2_000))).send();
            let large = poll_once(large).await;
            let done = poll_times(connection.flush(), times).await;
            large.await.unwrap();
            pair.assert_healthy(0).await;
            if done.is_some() {
                assert!(times > 5);
                break;
            }
        }
    });
}

#[test]
fn waiting_for_the_end_of_the_connection() {
    run(async {
        let pair = Pair::start(EchoService).await;
        for times in 0..20 {
            assert!(poll_times(pair.client.connection().closed(), times).await.is_none());
            pair.assert_healthy(0).await;
        }
        pair.client.connection().close().await.unwrap();
        pair.client.connection().closed().await.unwrap();
    });
}

#[test]
fn closing_the_connection() {
    run(async {
        for times in 0.. {
            let pair = Pair::start(EchoService).await;
            let stream = pair.client.echo_stream_messages().send().await.unwrap();
            let done = poll_times(pair.client.connection().close(), times).await;
            if times > 0 {
                // The connection closes and ends its streams even if the future was dropped.
                pair.client.connection().closed().await.unwrap();
                in_time("the server ends the connection", pair.server).await.unwrap();
                assert!(pair.wire.open_streams().is_empty());
            }
            drop(stream);
            if done.is_some() {
                break;
            }
        }
    });
}

#[test]
fn many_calls_that_wait_for_queue_capacity() {
    run(async {
        let builder = ConnectionBuilder::default().write_queue_limit(0);
        let pair = Pair::with(EchoService, Config::default(), builder).await;
        let large = pair.client.echo_message().message(message(&"x".repeat(20_000))).send();
        let large = poll_once(large).await;
        let calls: Vec<_> = (0..2_000)
            .map(|number: u32| {
                let call = pair.client.echo_message().message(message(&number.to_string())).send();
                tokio::spawn(call)
            })
            .collect();
        for (number, call) in calls.into_iter().enumerate() {
            if number % 3 == 0 {
                let response = in_time("the call ends", call).await.unwrap().unwrap();
                assert_eq!(response.message, Some(message(&number.to_string())));
            } else {
                call.abort();
                // Ignored: the call may have completed before it was aborted.
                let _ = call.await;
            }
        }
        large.await.unwrap();
        pair.assert_healthy(0).await;
    });
}

/// The future is not dropped here: its call times out.
#[tokio::test(start_paused = true)]
async fn a_call_that_times_out() {
    let pair = Pair::start(Feed::new(0)).await;
    let began = Instant::now();
    for _ in 0..10 {
        let call = pair.client.echo_message().message(message("wait"));
        let error = call.call_timeout(Duration::from_secs(3_600)).send().await.unwrap_err();
        assert!(error.is_timeout());
        pair.assert_healthy(0).await;
    }
    assert!(began.elapsed() < Duration::from_secs(3_600), "the paused clock is used");
}
