//! Many events at once.

use std::time::Duration;

use serde_json::{Value, json};
use test_util::wire::Peer;
use tokio::sync::watch;

use crate::{
    process::Driver,
    session::{Session, event},
    verdict::{Problem, Verdict, fails},
};

/// How many events there are.
const EVENTS: usize = 5_000;

/// How long nothing is written before a server counts as held up.
const STALL: Duration = Duration::from_millis(300);

/// Events come in their order, although the handler needs its time for the first.
pub async fn event_order(mut it: Session) -> Verdict {
    let seen = flood(&mut it, "slow", 0).await?;
    match seen["in_order"].as_bool() {
        Some(true) => Ok(()),
        _ => fails("events overtake each other"),
    }
}

/// All of several megabytes of events arrive at a handler that is stuck in the first until they were sent.
pub async fn no_loss(mut it: Session) -> Verdict {
    flood(&mut it, "stuck", 1_000).await.map(drop)
}

/// Sends the events, of this length at least, to a handler that counts them; what it has counted.
async fn flood(it: &mut Session, handler: &str, len: usize) -> Result<Value, Problem> {
    let subscribe = json!({"do": "subscribe", "topic": "t", "handler": handler, "count": EVENTS});
    it.driver.tell(subscribe).await?;
    let stream = it.receive().await?.stream;
    it.peer.send(&crate::session::subscribed(stream)).await?;
    it.is_subscribed().await?;
    let (progress, written) = watch::channel(0);
    let (sent, seen) = tokio::join!(
        send_all(&mut it.peer, stream, len, &progress),
        count(&mut it.driver, written, handler == "stuck"),
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
        // Until everything has been sent, or cannot be because nobody reads.
        while *written.borrow_and_update() < EVENTS {
            if tokio::time::timeout(STALL, written.changed()).await.is_err() {
                break;
            }
        }
        driver.tell(json!({"do": "open"})).await?;
    }
    let keys = ["counted", "stream_error", "stream_closed"];
    let seen = driver.next(&keys, "events are lost").await?;
    if seen.get("counted").is_some() { Ok(seen) } else { fails("the subscription ends") }
}
