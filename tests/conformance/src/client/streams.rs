//! Promises about subscriptions and handlers.

use serde_json::{Value, json};
use test_util::wire::{END, MESSAGE, MessageBuilder};

use crate::{
    session::{Session, configuration, event, event_json, subscribed},
    verdict::{Verdict, fails},
};

/// An event that the client's model does not contain arrives as an unknown event, and the stream continues.
pub async fn unknown_union_member(mut session: Session) -> Verdict {
    let stream = session.subscribe("t", "print").await?;
    session.peer.send(&event_json(stream, json!({"videoMessage": {"message": "AA=="}}))).await?;
    session.peer.send(&event(stream, "next")).await?;
    session.expect_event(Value::Null, "the event is silently dropped").await?;
    session.expect_event(json!("next"), "the next event does not arrive").await
}

/// Members with the value `null` count as absent, in responses and in events.
pub async fn null_members(mut session: Session) -> Verdict {
    let reply = |stream| {
        let reply = MessageBuilder::new(MESSAGE, END, stream)
            .shape("aws.greengrass#RestartComponentResponse");
        reply.payload(r#"{"restartStatus":"SUCCEEDED","message":null}"#)
    };
    let result = session.answer("restart", reply).await?;
    if result.get("ok").is_none() {
        return fails("a response with null members fails");
    }
    let stream = session.subscribe("t", "print").await?;
    let message = json!({"message": {"text": "with nulls"}, "context": null});
    let nulls = json!({"binaryMessage": null, "jsonMessage": message});
    session.peer.send(&event_json(stream, nulls)).await?;
    session.expect_event(json!("with nulls"), "an event with null members does not arrive").await
}

/// A handler can make a call and wait for its response.
pub async fn call_in_handler(mut session: Session) -> Verdict {
    let stream = session.subscribe("t", "call").await?;
    session.peer.send(&event(stream, "go")).await?;
    let request = session.receive().await?;
    session.peer.send(&configuration(request.stream, "well")).await?;
    let result = session.driver.next(&["called"], "deadlock").await?;
    if result["called"] == "well" { Ok(()) } else { fails("deadlock") }
}

/// A handler can wait for an event of another subscription.
pub async fn wait_in_handler(mut session: Session) -> Verdict {
    let waiting = session.subscribe("a", "wait").await?;
    let signalling = session.subscribe("b", "signal").await?;
    session.peer.send(&event(waiting, "wait")).await?;
    session.driver.next(&["waiting"], "the event does not arrive").await?;
    session.peer.send(&event(signalling, "signal")).await?;
    let result = session.driver.next(&["waited"], "deadlock").await?;
    if result["waited"] == true { Ok(()) } else { fails("deadlock") }
}

/// An event that overtakes the response of its subscription arrives. Both nuclei can send one.
pub async fn event_before_response(mut session: Session) -> Verdict {
    session.driver.send(json!({"do": "subscribe", "topic": "t", "handler": "print"})).await?;
    let request = session.receive().await?;
    session.peer.send(&event(request.stream, "early")).await?;
    session.peer.send(&subscribed(request.stream)).await?;
    session.peer.send(&event(request.stream, "late")).await?;
    session.expect_subscribed().await?;
    session.expect_event(json!("early"), "the early event is lost").await?;
    session.expect_event(json!("late"), "the event after it does not arrive").await
}

/// The client accepts that a server ends a stream instead of responding, ends it twice, or sends events after its end.
/// It never ends a stream after the server has, because older Java nuclei then close the connection.
pub async fn terminate(mut session: Session) -> Verdict {
    let result = session.answer("call", |stream| MessageBuilder::new(MESSAGE, END, stream)).await?;
    if result.get("failed").is_none() {
        return fails("a call without a response succeeds");
    }
    let stream = session.subscribe("t", "print").await?;
    session.peer.send(&event(stream, "last")).await?;
    session.peer.send(&MessageBuilder::new(MESSAGE, END, stream)).await?;
    session.peer.send(&event(stream, "too late")).await?;
    session.peer.send(&MessageBuilder::new(MESSAGE, END, stream)).await?;
    let last = session.driver.next(&["event", "stream_closed", "stream_error"], "no event").await?;
    if last.get("event").is_none() {
        return fails("the event before the end is lost");
    }
    let end = session.driver.next(&["stream_closed", "stream_error", "event"], "no end").await?;
    if end.get("stream_error").is_some() {
        return fails("reports an error at the end of a stream");
    }
    if end.get("event").is_some() {
        return fails("delivers an event after the end");
    }
    session.driver.send(json!({"do": "unsubscribe", "topic": "t"})).await?;
    session.driver.next(&["unsubscribed"], "unsubscribing hangs").await?;
    session.driver.call("call", 100).await?;
    let request = session.receive().await?;
    if request.is_end() {
        return fails("ends a stream that the server has ended");
    }
    session.peer.send(&configuration(request.stream, "well")).await?;
    let result = session.driver.result(100).await?;
    if result["ok"] == "well" { Ok(()) } else { fails("the connection is lost") }
}
