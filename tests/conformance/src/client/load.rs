//! Promises about many events in a short time.

use std::time::Duration;

use serde_json::{Value, json};
use test_util::wire::Peer;
use tokio::sync::watch;

use crate::{
    process::Driver,
    session::{Session, event},
    verdict::{Problem, Verdict, fails},
};

/// The number of events.
const EVENTS: usize = 5_000;

/// The time without progress after which the writes of the server count as blocked.
const STALL: Duration = Duration::from_millis(300);

/// Events arrive in order even if the handler is slow for the first.
pub async fn event_order(mut session: Session) -> Verdict {
    let seen = flood(&mut session, "slow", 0).await?;
    match seen["in_order"].as_bool() {
        Some(true) => Ok(()),
        _ => fails("events overtake each other"),
    }
}

/// Several megabytes of events arrive although the handler blocks in the first event until all are sent.
pub async fn no_loss(mut session: Session) -> Verdict {
    flood(&mut session, "stuck", 1_000).await.map(drop)
}

/// Sends events of at least this length to a handler that counts them. Returns its report.
async fn flood(session: &mut Session, handler: &str, len: usize) -> Result<Value, Problem> {
    let subscribe = json!({"do": "subscribe", "topic": "t", "handler": handler, "count": EVENTS});
    session.driver.send(subscribe).await?;
    let stream = session.receive().await?.stream;
    session.peer.send(&crate::session::subscribed(stream)).await?;
    session.expect_subscribed().await?;
    let (progress, written) = watch::channel(0);
    let (sent, seen) = tokio::join!(
        send_all(&mut session.peer, stream, len, &progress),
        count(&mut session.driver, written, handler == "stuck"),
    );
    let seen = seen?;
    sent?;
    Ok(seen)
}

async fn send_all(
    peer: &mut Peer,
    stream: i32,
    len: usize,
    progress: &watch::Sender<usize>,
) -> Verdict {
    for number in 0..EVENTS {
        peer.send(&event(stream, &format!("{number:0len$}"))).await?;
        progress.send_replace(number + 1);
    }
    Ok(())
}

async fn count(
    driver: &mut Driver,
    mut written: watch::Receiver<usize>,
    is_stuck: bool,
) -> Result<Value, Problem> {
    if is_stuck {
        driver.next(&["stuck"], "the first event does not arrive").await?;
        // Waits until all events are sent or the writes block.
        while *written.borrow_and_update() < EVENTS {
            if tokio::time::timeout(STALL, written.changed()).await.is_err() {
                break;
            }
        }
        driver.send(json!({"do": "open"})).await?;
    }
    let keys = ["counted", "stream_error", "stream_closed"];
    let seen = driver.next(&keys, "events are lost").await?;
    if seen.get("counted").is_some() { Ok(seen) } else { fails("the subscription ends") }
}
