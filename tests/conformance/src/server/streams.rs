//! Subscriptions.

use serde_json::Value;

use super::{Caller, Serving, service::EVENTS};
use crate::verdict::{Problem, Verdict, fails};
use test_util::wire::{END, MESSAGE, MessageBuilder};

/// The numbers of all events of a subscription, to its end.
async fn numbers(it: &mut Caller, stream: i32) -> Result<Vec<usize>, Problem> {
    let mut numbers = Vec::new();
    loop {
        let event = it.receive().await?;
        if event.stream != stream {
            return fails("an event of another stream");
        }
        if event.is_end() {
            return Ok(numbers);
        }
        let payload: Value = serde_json::from_str(&event.payload()).unwrap_or_default();
        let text = payload["jsonMessage"]["message"]["text"].as_str().unwrap_or_default();
        numbers.push(text.parse().unwrap_or(usize::MAX));
    }
}

/// Events go out in their order.
pub async fn event_order() -> Verdict {
    let serving = Serving::start()?;
    let mut it = serving.connect().await?;
    let stream = it.subscribe("flood").await?;
    if numbers(&mut it, stream).await?.is_sorted() {
        Ok(())
    } else {
        fails("events overtake each other")
    }
}

/// A client that does not read for a while gets all of several megabytes of events.
pub async fn no_loss() -> Verdict {
    let serving = Serving::start()?;
    let mut it = serving.connect().await?;
    let stream = it.subscribe("flood").await?;
    // Another client is served in the meantime.
    for _ in 0..100 {
        let mut other = serving.connect().await?;
        other.next_call_works().await?;
    }
    if numbers(&mut it, stream).await?.len() == EVENTS { Ok(()) } else { fails("events are lost") }
}

/// The events of a client that has gone are dropped at once.
pub async fn events_of_a_client_that_goes_away() -> Verdict {
    let mut serving = Serving::start()?;
    let mut it = serving.connect().await?;
    it.subscribe("never").await?;
    it.peer.close();
    serving.something_is_gone().await?;
    serving.connect().await?.next_call_works().await
}

/// Events that are there before the handler has answered come after the response.
pub async fn event_before_response() -> Verdict {
    let serving = Serving::start()?;
    let mut it = serving.connect().await?;
    let stream = it.subscribe("early").await?;
    for _ in 0..3 {
        let event = it.receive().await?;
        let shape = event.text("service-model-type");
        if event.stream != stream || shape != Some("aws.greengrass#SubscriptionResponseMessage") {
            return fails("an event does not arrive");
        }
    }
    Ok(())
}

/// A client ends a stream in its first message, twice, or after the server has: nobody minds, and nothing
/// is served that has been given up.
pub async fn terminate() -> Verdict {
    let mut serving = Serving::start()?;
    let mut it = serving.connect().await?;
    let given_up = it.request(END, "GetConfiguration", r#"{"keyPath":["k"]}"#);
    it.peer.send(&given_up).await?;
    it.next_call_works().await?;
    // The server has ended that one.
    it.peer.send(&MessageBuilder::new(MESSAGE, END, it.last_stream)).await?;
    let stream = it.subscribe("never").await?;
    for _ in 0..2 {
        it.peer.send(&MessageBuilder::new(MESSAGE, END, stream)).await?;
    }
    serving.something_is_gone().await?;
    it.next_call_works().await
}
