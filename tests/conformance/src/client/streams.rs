//! Subscriptions, and handlers.

use serde_json::{Value, json};
use test_util::wire::{END, MESSAGE, MessageBuilder};

use crate::{
    session::{Session, configuration, event, event_json, subscribed},
    verdict::{Verdict, fails},
};

/// An event of a kind that did not exist when the client was made arrives as such, and the stream goes on.
pub async fn unknown_union_member(mut it: Session) -> Verdict {
    let stream = it.subscribe("t", "print").await?;
    it.peer.send(&event_json(stream, json!({"videoMessage": {"message": "AA=="}}))).await?;
    it.peer.send(&event(stream, "next")).await?;
    it.sees(Value::Null, "the event is passed over in silence").await?;
    it.sees(json!("next"), "the next event does not arrive").await
}

/// Members that are null are members that are not there, in responses and in events.
pub async fn null_members(mut it: Session) -> Verdict {
    let reply = |stream| {
        let reply = MessageBuilder::new(MESSAGE, END, stream)
            .shape("aws.greengrass#RestartComponentResponse");
        reply.payload(r#"{"restartStatus":"SUCCEEDED","message":null}"#)
    };
    let result = it.answer("restart", reply).await?;
    if result.get("ok").is_none() {
        return fails("a response with one is an error");
    }
    let stream = it.subscribe("t", "print").await?;
    let message = json!({"message": {"text": "with nulls"}, "context": null});
    let nulls = json!({"binaryMessage": null, "jsonMessage": message});
    it.peer.send(&event_json(stream, nulls)).await?;
    it.sees(json!("with nulls"), "an event with one does not arrive").await
}

/// A handler makes a call, and waits for its response.
pub async fn call_in_handler(mut it: Session) -> Verdict {
    let stream = it.subscribe("t", "call").await?;
    it.peer.send(&event(stream, "go")).await?;
    let request = it.receive().await?;
    it.peer.send(&configuration(request.stream, "well")).await?;
    let result = it.driver.next(&["called"], "deadlock").await?;
    if result["called"] == "well" { Ok(()) } else { fails("deadlock") }
}

/// A handler waits for an event of another subscription.
pub async fn wait_in_handler(mut it: Session) -> Verdict {
    let waiting = it.subscribe("a", "wait").await?;
    let signalling = it.subscribe("b", "signal").await?;
    it.peer.send(&event(waiting, "wait")).await?;
    it.driver.next(&["waiting"], "the event does not arrive").await?;
    it.peer.send(&event(signalling, "signal")).await?;
    let result = it.driver.next(&["waited"], "deadlock").await?;
    if result["waited"] == true { Ok(()) } else { fails("deadlock") }
}

/// An event that overtakes the response, as both nuclei can let it, arrives, and the subscription goes on.
pub async fn event_before_response(mut it: Session) -> Verdict {
    it.driver.tell(json!({"do": "subscribe", "topic": "t", "handler": "print"})).await?;
    let request = it.receive().await?;
    it.peer.send(&event(request.stream, "early")).await?;
    it.peer.send(&subscribed(request.stream)).await?;
    it.peer.send(&event(request.stream, "late")).await?;
    it.is_subscribed().await?;
    it.sees(json!("early"), "the early event is lost").await?;
    it.sees(json!("late"), "the event after it does not arrive").await
}

/// A server ends a stream instead of answering, or twice, or sends on after the end; the client ends none
/// that the server has ended, for which an older Java nucleus would end the connection.
pub async fn terminate(mut it: Session) -> Verdict {
    let result = it.answer("call", |stream| MessageBuilder::new(MESSAGE, END, stream)).await?;
    if result.get("failed").is_none() {
        return fails("a call without a response succeeds");
    }
    let stream = it.subscribe("t", "print").await?;
    it.peer.send(&event(stream, "last")).await?;
    it.peer.send(&MessageBuilder::new(MESSAGE, END, stream)).await?;
    it.peer.send(&event(stream, "too late")).await?;
    it.peer.send(&MessageBuilder::new(MESSAGE, END, stream)).await?;
    let last = it.driver.next(&["event", "stream_closed", "stream_error"], "no event").await?;
    if last.get("event").is_none() {
        return fails("the event before the end is lost");
    }
    let end = it.driver.next(&["stream_closed", "stream_error", "event"], "no end").await?;
    if end.get("stream_error").is_some() {
        return fails("reports an error at the end of a stream");
    }
    if end.get("event").is_some() {
        return fails("delivers an event after the end");
    }
    it.driver.tell(json!({"do": "unsubscribe", "topic": "t"})).await?;
    it.driver.next(&["unsubscribed"], "unsubscribing hangs").await?;
    it.driver.call("call", 100).await?;
    let request = it.receive().await?;
    if request.is_end() {
        return fails("ends a stream that the server has ended");
    }
    it.peer.send(&configuration(request.stream, "well")).await?;
    let result = it.driver.result(100).await?;
    if result["ok"] == "well" { Ok(()) } else { fails("the connection is lost") }
}
