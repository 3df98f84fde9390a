//! The connection as a whole.

use serde_json::json;
use test_util::wire::{
    END, MAX_FRAME, MESSAGE, MessageBuilder, PING, PING_RESPONSE, PROTOCOL_ERROR, malformed,
};

use crate::{
    process::TOKEN,
    session::{Session, configuration, event, event_json},
    verdict::{Verdict, fails},
};

/// A ping is answered with its payload.
pub async fn ping(mut it: Session) -> Verdict {
    it.peer
        .send(&MessageBuilder::new(PING, 0, 0).header("x-note", "n").payload("are you there?"))
        .await?;
    // What comes before the second call has had all the time it needs.
    let (mut before, request, number) = it.call_after_anything().await?;
    it.peer.send(&configuration(request.stream, "well")).await?;
    it.driver.result(number).await?;
    before.extend(it.call_after_anything().await?.0);
    match &before[..] {
        [] => fails("no answer"),
        [answer] if answer.kind == PING_RESPONSE && answer.payload() == "are you there?" => Ok(()),
        [answer] => fails(format!("answers with a message of type {}", answer.kind)),
        _ => fails("answers more than once"),
    }
}

/// A call that is given up while its request is being written leaves a connection that works.
pub async fn cancelled_send(mut it: Session) -> Verdict {
    it.driver.call("publish", 50).await?;
    // It has begun to write, and there is no room for all of it until more is read.
    if it.peer.read().await? == 0 {
        return fails("it closes the connection");
    }
    it.driver.tell(json!({"do": "cancel", "n": 50})).await?;
    it.driver.next(&["cancelled"], "cancelling hangs").await?;
    it.driver.call("call", 51).await?;
    loop {
        tokio::select! {
            request = it.peer.message() => {
                let Some(request) = request? else { return fails("the connection is lost") };
                match request.text("operation") {
                    Some("aws.greengrass#GetConfiguration") => {
                        it.peer.send(&configuration(request.stream, "well")).await?;
                        break;
                    }
                    _ => continue,
                }
            }
            // Without having been answered.
            _ = it.driver.result(51) => return fails("the connection is broken"),
        }
    }
    let result = it.driver.result(51).await?;
    if result["ok"] == "well" { Ok(()) } else { fails("the next call fails") }
}

/// A call that waits fails when the server goes away.
pub async fn pending_call(mut it: Session) -> Verdict {
    let (_, number) = it.call("call").await?;
    it.disconnect();
    let result = it.driver.next(&[&*format!("call {number}")], "hangs").await?;
    if result.get("failed").is_some() { Ok(()) } else { fails("the call succeeds") }
}

/// Whoever has subscribed is told when the server goes away.
pub async fn subscription(mut it: Session) -> Verdict {
    let stream = it.subscribe("t", "print").await?;
    it.peer.send(&event(stream, "last")).await?;
    it.sees(json!("last"), "the event does not arrive").await?;
    it.disconnect();
    it.driver.next(&["stream_error", "stream_closed"], "is not told").await.map(drop)
}

/// A frame that is none ends the connection and every call on it, and not the process.
pub async fn malformed_frame(mut it: Session) -> Verdict {
    for (what, bytes) in malformed(&configuration(1, "well")) {
        let (request, number) = it.call("call").await?;
        assert_eq!(request.stream, 1, "every connection counts from 1");
        it.peer.send_bytes(&bytes).await?;
        let silence = format!("{what}: the call hangs");
        let result = it.driver.next(&[&*format!("call {number}")], &silence).await?;
        if result.get("failed").is_none() {
            return fails(format!("{what}: the call succeeds"));
        }
        it.connect(json!({"do": "connect"})).await?;
    }
    it.next_call_works().await
}

/// The longest message there can be arrives.
pub async fn large_frame(mut it: Session) -> Verdict {
    let reply = |stream| {
        let spare = MAX_FRAME - configuration(stream, "").encode().len();
        configuration(stream, &"x".repeat(spare))
    };
    let (request, number) = it.call("call").await?;
    let reply = reply(request.stream).encode();
    assert_eq!(reply.len(), MAX_FRAME);
    let result = tokio::select! {
        // A client that gives up need not read the rest.
        result = it.driver.result(number) => result?,
        sent = it.peer.send_bytes(&reply) => {
            sent?;
            it.driver.result(number).await?
        }
    };
    if result.get("ok").is_none() {
        return fails("the call fails");
    }
    it.next_call_works().await
}

/// A client that is told to comes back when the server has been away, and so do its subscriptions.
pub async fn reconnect(mut it: Session) -> Verdict {
    it.connect(json!({"do": "connect", "reconnect": true})).await?;
    it.subscribe("t", "print").await?;
    it.disconnect();
    it.accept().await?;
    let request = it.receive().await?;
    it.peer.send(&crate::session::subscribed(request.stream)).await?;
    it.peer.send(&event(request.stream, "again")).await?;
    it.sees(json!("again"), "the subscription is gone").await?;
    it.next_call_works().await
}

/// No token and nothing of a message is in what is logged at the finest level: no payload, header, topic, key of
/// a map or text of an error.
pub async fn secrets(mut it: Session) -> Verdict {
    let reply = |stream| configuration(stream, "SECRET-IN-A-REPLY");
    let result = it.answer("call", reply).await?;
    if result["ok"] != "SECRET-IN-A-REPLY" {
        return fails("the call fails");
    }
    let stream = it.subscribe("SECRET-IN-A-REQUEST", "print").await?;
    let keys = json!({"text": "SECRET-IN-AN-EVENT", "SECRET-IN-AN-EVENT": 1});
    let event = json!({"jsonMessage": {"message": keys, "context": {"topic": "t"}}});
    it.peer.send(&event_json(stream, event)).await?;
    it.sees(json!("SECRET-IN-AN-EVENT"), "the event does not arrive").await?;
    it.peer.send(&MessageBuilder::new(MESSAGE, END, stream)).await?;
    let (_, number) = it.call("publish_secret").await?;
    let text = "SECRET-IN-AN-ERROR\nSECRET-IN-AN-ERROR";
    let payload = json!({"message": text}).to_string();
    let error = MessageBuilder::new(PROTOCOL_ERROR, 0, 0).header("x-text", "SECRET-IN-AN-ERROR");
    it.peer.send(&error.header(":content-type", "application/json").payload(payload)).await?;
    it.disconnect();
    // Whether it is told is another row's business.
    let _ = it.driver.result(number).await;
    let log = it.driver.finish().await;
    if log.trim().is_empty() {
        return fails("nothing is logged");
    }
    let secrets = [
        ("the token", TOKEN),
        ("replies", "SECRET-IN-A-REPLY"),
        ("events", "SECRET-IN-AN-EVENT"),
        ("requests", "SECRET-IN-A-REQUEST"),
        ("errors", "SECRET-IN-AN-ERROR"),
    ];
    let found: Vec<_> =
        secrets.iter().filter(|(_, it)| log.contains(it)).map(|(what, _)| *what).collect();
    if found.is_empty() { Ok(()) } else { fails(format!("logs {}", found.join(", "))) }
}
