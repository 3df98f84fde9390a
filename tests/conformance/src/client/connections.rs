//! Promises about connections.

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
pub async fn ping(mut session: Session) -> Verdict {
    session
        .peer
        .send(&MessageBuilder::new(PING, 0, 0).header("x-note", "n").payload("payload"))
        .await?;
    // The client has answered the ping before it makes the second call, if it answers at all.
    let (mut before, request, number) = session.call_with_preceding().await?;
    session.peer.send(&configuration(request.stream, "well")).await?;
    session.driver.result(number).await?;
    before.extend(session.call_with_preceding().await?.0);
    match &before[..] {
        [] => fails("no answer"),
        [answer] if answer.kind == PING_RESPONSE && answer.payload() == "payload" => Ok(()),
        [answer] => fails(format!("answers with a message of type {}", answer.kind)),
        _ => fails("answers more than once"),
    }
}

/// A call that is cancelled while its request is written does not break the connection.
pub async fn cancelled_send(mut session: Session) -> Verdict {
    session.driver.call("publish", 50).await?;
    // The client has begun to write. The rest of the request waits until the server reads more.
    if session.peer.read().await? == 0 {
        return fails("closes the connection");
    }
    session.driver.send(json!({"do": "cancel", "n": 50})).await?;
    session.driver.next(&["cancelled"], "cancelling hangs").await?;
    session.driver.call("call", 51).await?;
    loop {
        tokio::select! {
            request = session.peer.message() => {
                let Some(request) = request? else { return fails("the connection is lost") };
                match request.text("operation") {
                    Some("aws.greengrass#GetConfiguration") => {
                        session.peer.send(&configuration(request.stream, "well")).await?;
                        break;
                    }
                    _ => continue,
                }
            }
            // The call ends without a response.
            _ = session.driver.result(51) => return fails("the connection is broken"),
        }
    }
    let result = session.driver.result(51).await?;
    if result["ok"] == "well" { Ok(()) } else { fails("the next call fails") }
}

/// A pending call fails when the connection is lost.
pub async fn pending_call(mut session: Session) -> Verdict {
    let (_, number) = session.call("call").await?;
    session.disconnect();
    let result = session.driver.next(&[&*format!("call {number}")], "hangs").await?;
    if result.get("failed").is_some() { Ok(()) } else { fails("the call succeeds") }
}

/// A subscription is informed when the connection is lost.
pub async fn subscription(mut session: Session) -> Verdict {
    let stream = session.subscribe("t", "print").await?;
    session.peer.send(&event(stream, "last")).await?;
    session.expect_event(json!("last"), "the event does not arrive").await?;
    session.disconnect();
    session
        .driver
        .next(&["stream_error", "stream_closed"], "the subscription is not informed")
        .await
        .map(drop)
}

/// A malformed frame ends the connection with its calls, but not the process.
pub async fn malformed_frame(mut session: Session) -> Verdict {
    for (what, bytes) in malformed(&configuration(1, "well")) {
        let (request, number) = session.call("call").await?;
        assert_eq!(request.stream, 1, "each connection counts streams from 1");
        session.peer.send_bytes(&bytes).await?;
        let problem = format!("{what}: the call hangs");
        let result = session.driver.next(&[&*format!("call {number}")], &problem).await?;
        if result.get("failed").is_none() {
            return fails(format!("{what}: the call succeeds"));
        }
        session.connect(json!({"do": "connect"})).await?;
    }
    session.next_call_works().await
}

/// A message of the maximum length is received.
pub async fn large_frame(mut session: Session) -> Verdict {
    let reply = |stream| {
        let spare = MAX_FRAME - configuration(stream, "").encode().len();
        configuration(stream, &"x".repeat(spare))
    };
    let (request, number) = session.call("call").await?;
    let reply = reply(request.stream).encode();
    assert_eq!(reply.len(), MAX_FRAME);
    let result = tokio::select! {
        // A client that fails the call need not read the rest.
        result = session.driver.result(number) => result?,
        sent = session.peer.send_bytes(&reply) => {
            sent?;
            session.driver.result(number).await?
        }
    };
    if result.get("ok").is_none() {
        return fails("the call fails");
    }
    session.next_call_works().await
}

/// A client that is configured to reconnects and restores its subscriptions.
pub async fn reconnect(mut session: Session) -> Verdict {
    session.connect(json!({"do": "connect", "reconnect": true})).await?;
    session.subscribe("t", "print").await?;
    session.disconnect();
    session.accept().await?;
    let request = session.receive().await?;
    session.peer.send(&crate::session::subscribed(request.stream)).await?;
    session.peer.send(&event(request.stream, "again")).await?;
    session.expect_event(json!("again"), "the subscription is lost").await?;
    session.next_call_works().await
}

/// The log contains no token and no part of a message at any level: no payload, header, topic, key of a map or error
/// text.
pub async fn secrets(mut session: Session) -> Verdict {
    let reply = |stream| configuration(stream, "SECRET-IN-A-REPLY");
    let result = session.answer("call", reply).await?;
    if result["ok"] != "SECRET-IN-A-REPLY" {
        return fails("the call fails");
    }
    let stream = session.subscribe("SECRET-IN-A-REQUEST", "print").await?;
    let keys = json!({"text": "SECRET-IN-AN-EVENT", "SECRET-IN-AN-EVENT": 1});
    let event = json!({"jsonMessage": {"message": keys, "context": {"topic": "t"}}});
    session.peer.send(&event_json(stream, event)).await?;
    session.expect_event(json!("SECRET-IN-AN-EVENT"), "the event does not arrive").await?;
    session.peer.send(&MessageBuilder::new(MESSAGE, END, stream)).await?;
    let (_, number) = session.call("publish_secret").await?;
    let text = "SECRET-IN-AN-ERROR\nSECRET-IN-AN-ERROR";
    let payload = json!({"message": text}).to_string();
    let error = MessageBuilder::new(PROTOCOL_ERROR, 0, 0).header("x-text", "SECRET-IN-AN-ERROR");
    session.peer.send(&error.header(":content-type", "application/json").payload(payload)).await?;
    session.disconnect();
    // Ignored: another row checks whether the call fails.
    let _ = session.driver.result(number).await;
    let log = session.driver.finish().await;
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
