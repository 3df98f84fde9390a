//! Promises about connections.

use std::{fs, sync::Arc};

use super::{TestServer, is_response};
use crate::{
    process::TOKEN,
    verdict::{Verdict, fails},
};
use test_util::wire::{MAX_FRAME, MessageBuilder, PING, PING_RESPONSE, PROTOCOL_ERROR, malformed};

/// A ping is answered with its payload and its own headers.
pub async fn ping() -> Verdict {
    let server = TestServer::start()?;
    let mut client = server.connect().await?;
    let ping = MessageBuilder::new(PING, 0, 0).header("x-note", "n").payload("payload");
    client.peer.send(&ping).await?;
    let answer = client.receive().await?;
    if answer.kind != PING_RESPONSE || answer.payload() != "payload" {
        return fails("no answer");
    }
    if answer.text("x-note") != Some("n") {
        return fails("the answer lacks the headers of the ping");
    }
    client.next_call_works().await
}

/// A connection that is lost within a message affects no other connection.
pub async fn interrupted_send() -> Verdict {
    let server = TestServer::start()?;
    let mut other = server.connect().await?;
    for len in [1, 12, 50] {
        let mut client = server.connect().await?;
        let request = client.request(0, "GetConfiguration", r#"{"keyPath":["k"]}"#).encode();
        client.peer.send_bytes(&request[..len]).await?;
        other.next_call_works().await?;
        client.peer.close();
        other.next_call_works().await?;
    }
    Ok(())
}

/// A malformed frame ends only its connection.
pub async fn malformed_frame() -> Verdict {
    let server = TestServer::start()?;
    let mut other = server.connect().await?;
    let mut client = server.connect().await?;
    let valid = client.request(0, "GetConfiguration", r#"{"keyPath":["k"]}"#);
    for (what, bytes) in malformed(&valid) {
        let mut client = server.connect().await?;
        client.peer.send_bytes(&bytes).await?;
        // A connection with unread bytes may be reset instead of closed.
        if let Ok(Some(answer)) = client.peer.message().await {
            return fails(format!("{what}: answered with {}", answer.payload()));
        }
        other.next_call_works().await?;
    }
    Ok(())
}

/// A message of the maximum length is served.
pub async fn large_frame() -> Verdict {
    let server = TestServer::start()?;
    let mut client = server.connect().await?;
    let payload = |len: usize| {
        let text = "x".repeat(len);
        format!(
            r#"{{"topic":"t","publishMessage":{{"jsonMessage":{{"message":{{"k":"{text}"}}}}}}}}"#
        )
    };
    let spare = MAX_FRAME - client.request(0, "PublishToTopic", &payload(0)).encode().len();
    client.last_stream = 0;
    let reply = client.call("PublishToTopic", &payload(spare)).await?;
    is_response(&reply, "PublishToTopicResponse")?;
    client.next_call_works().await
}

/// A client that reconnects counts streams from 1 again, and its old streams were dropped.
pub async fn reconnect() -> Verdict {
    let mut server = TestServer::start()?;
    let mut client = server.connect().await?;
    client.subscribe("never").await?;
    drop(client);
    server.wait_for_drop().await?;
    let mut client = server.connect().await?;
    client.subscribe("early").await.map(drop)
}

/// The log contains no token and no part of a message at any level: no payload, header, topic, key of a map, name of
/// an unknown operation, or error text.
pub async fn secrets() -> Verdict {
    let path = test_util::socket_path().with_extension("log");
    let file = Arc::new(fs::File::create(&path)?);
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(file).finish();
    // On its own thread, so that events of other tests are not logged.
    let verdict = tokio::task::spawn_blocking(move || {
        let _guard = tracing::subscriber::set_default(subscriber);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(conversation())
    });
    let verdict = verdict.await;
    let log = fs::read_to_string(&path)?;
    fs::remove_file(&path)?;
    match verdict {
        Ok(verdict) => verdict?,
        Err(_) => return fails("panics"),
    }
    if !log.contains("client accepted") {
        return fails("nothing is logged");
    }
    if log.contains(TOKEN) || log.contains("SECRET") { fails("logs secrets") } else { Ok(()) }
}

async fn conversation() -> Verdict {
    let mut server = TestServer::start()?;
    let mut client = server.connect().await?;
    client.next_call_works().await?;
    client.call("UpdateState", r#"{"state":"SECRET-IN-A-REQUEST"}"#).await?;
    client.call("UpdateState", r#"{"state":{"SECRET-IN-A-REQUEST":1}}"#).await?;
    let keys = r#"{"rootComponentVersionsToAdd":{"SECRET\n2":null,"SECRET.3":4}}"#;
    client.call("CreateLocalDeployment", keys).await?;
    client.call("SECRET-IN-A-REQUEST", "{}").await?;
    let topic = r#"{"topic":"SECRET-IN-A-TOPIC","publishMessage":{}}"#;
    client.call("PublishToTopic", topic).await?;
    client.subscribe("never").await?;
    let request = client.request(0, "GetConfiguration", r#"{"SECRET":"SECRET"}"#);
    client.peer.send(&request.header("SECRET", "SECRET")).await?;
    client.receive().await?;
    let error = MessageBuilder::new(PROTOCOL_ERROR, 0, 0).header("SECRET", "SECRET");
    client.peer.send(&error.payload(r#"{"message":"SECRET\nSECRET"}"#)).await?;
    // The server ends the connection and logs that.
    while client.peer.message().await?.is_some() {}
    server.wait_for_drop().await
}
