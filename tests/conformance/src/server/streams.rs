//! Promises about subscriptions.

use serde_json::Value;

use super::{TestClient, TestServer, service::EVENTS};
use crate::verdict::{Problem, Verdict, fails};
use test_util::wire::{END, MESSAGE, MessageBuilder};

/// Reads the numbers of all events until the stream ends.
async fn numbers(client: &mut TestClient, stream: i32) -> Result<Vec<usize>, Problem> {
    let mut numbers = Vec::new();
    loop {
        let event = client.receive().await?;
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

/// Events are sent in order.
pub async fn event_order() -> Verdict {
    let server = TestServer::start()?;
    let mut client = server.connect().await?;
    let stream = client.subscribe("flood").await?;
    if numbers(&mut client, stream).await?.is_sorted() {
        Ok(())
    } else {
        fails("events overtake each other")
    }
}

/// A client that pauses reading receives several megabytes of events without loss.
pub async fn no_loss() -> Verdict {
    let server = TestServer::start()?;
    let mut client = server.connect().await?;
    let stream = client.subscribe("flood").await?;
    // Meanwhile the server serves other clients.
    for _ in 0..100 {
        let mut other = server.connect().await?;
        other.next_call_works().await?;
    }
    if numbers(&mut client, stream).await?.len() == EVENTS {
        Ok(())
    } else {
        fails("events are lost")
    }
}

/// The event stream of a lost connection is dropped.
pub async fn events_of_a_lost_connection() -> Verdict {
    let mut server = TestServer::start()?;
    let mut client = server.connect().await?;
    client.subscribe("never").await?;
    client.peer.close();
    server.wait_for_drop().await?;
    server.connect().await?.next_call_works().await
}

/// Events that are ready before the response are sent after it.
pub async fn event_before_response() -> Verdict {
    let server = TestServer::start()?;
    let mut client = server.connect().await?;
    let stream = client.subscribe("early").await?;
    for _ in 0..3 {
        let event = client.receive().await?;
        let shape = event.text("service-model-type");
        if event.stream != stream || shape != Some("aws.greengrass#SubscriptionResponseMessage") {
            return fails("an event does not arrive");
        }
    }
    Ok(())
}

/// A client may end a stream with its request, twice, or after the server has. A request that ends its stream is not
/// served.
pub async fn terminate() -> Verdict {
    let mut server = TestServer::start()?;
    let mut client = server.connect().await?;
    let cancelled = client.request(END, "GetConfiguration", r#"{"keyPath":["k"]}"#);
    client.peer.send(&cancelled).await?;
    client.next_call_works().await?;
    // The server has already ended this stream.
    client.peer.send(&MessageBuilder::new(MESSAGE, END, client.last_stream)).await?;
    let stream = client.subscribe("never").await?;
    for _ in 0..2 {
        client.peer.send(&MessageBuilder::new(MESSAGE, END, stream)).await?;
    }
    server.wait_for_drop().await?;
    client.next_call_works().await
}
