//! The connection as a whole.

use std::{fs, sync::Arc};

use super::{Serving, is_response};
use crate::{
    process::TOKEN,
    verdict::{Verdict, fails},
};
use test_util::wire::{MAX_FRAME, MessageBuilder, PING, PING_RESPONSE, PROTOCOL_ERROR, malformed};

/// A ping is answered with its payload and its own headers.
pub async fn ping() -> Verdict {
    let serving = Serving::start()?;
    let mut it = serving.connect().await?;
    let ping = MessageBuilder::new(PING, 0, 0).header("x-note", "n").payload("are you there?");
    it.peer.send(&ping).await?;
    let answer = it.receive().await?;
    if answer.kind != PING_RESPONSE || answer.payload() != "are you there?" {
        return fails("no answer");
    }
    if answer.text("x-note") != Some("n") {
        return fails("the answer lacks the headers of the ping");
    }
    it.next_call_works().await
}

/// A client that goes away in the middle of a message disturbs no other.
pub async fn interrupted_send() -> Verdict {
    let serving = Serving::start()?;
    let mut other = serving.connect().await?;
    for len in [1, 12, 50] {
        let mut it = serving.connect().await?;
        let request = it.request(0, "GetConfiguration", r#"{"keyPath":["k"]}"#).encode();
        it.peer.send_bytes(&request[..len]).await?;
        other.next_call_works().await?;
        it.peer.close();
        other.next_call_works().await?;
    }
    Ok(())
}

/// A frame that is none ends its connection, and no other.
pub async fn malformed_frame() -> Verdict {
    let serving = Serving::start()?;
    let mut other = serving.connect().await?;
    let mut maker = serving.connect().await?;
    let good = maker.request(0, "GetConfiguration", r#"{"keyPath":["k"]}"#);
    for (what, bytes) in malformed(&good) {
        let mut it = serving.connect().await?;
        it.peer.send_bytes(&bytes).await?;
        // One whose bytes nobody has read may be reset rather than closed.
        if let Ok(Some(answer)) = it.peer.message().await {
            return fails(format!("{what}: answered with {}", answer.payload()));
        }
        other.next_call_works().await?;
    }
    Ok(())
}

/// The longest message there can be is served.
pub async fn large_frame() -> Verdict {
    let serving = Serving::start()?;
    let mut it = serving.connect().await?;
    let payload = |len: usize| {
        let text = "x".repeat(len);
        format!(
            r#"{{"topic":"t","publishMessage":{{"jsonMessage":{{"message":{{"k":"{text}"}}}}}}}}"#
        )
    };
    let spare = MAX_FRAME - it.request(0, "PublishToTopic", &payload(0)).encode().len();
    it.last_stream = 0;
    let reply = it.call("PublishToTopic", &payload(spare)).await?;
    is_response(&reply, "PublishToTopicResponse")?;
    it.next_call_works().await
}

/// A client that comes back counts from 1 again, and finds what it had open gone.
pub async fn reconnect() -> Verdict {
    let mut serving = Serving::start()?;
    let mut it = serving.connect().await?;
    it.subscribe("never").await?;
    drop(it);
    serving.something_is_gone().await?;
    let mut it = serving.connect().await?;
    it.subscribe("early").await.map(drop)
}

/// No token and nothing of a message is in what is logged at the finest level: no payload, header, topic, key of
/// a map, name of an operation that there is not, or text of an error.
pub async fn secrets() -> Verdict {
    let path = test_util::socket_path().with_extension("log");
    let file = Arc::new(fs::File::create(&path)?);
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(file).finish();
    // On a thread of its own, so that what others log meanwhile stays out.
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
        Err(_) => return fails("it panics"),
    }
    if !log.contains("client accepted") {
        return fails("nothing is logged");
    }
    if log.contains(TOKEN) || log.contains("SECRET") { fails("they are logged") } else { Ok(()) }
}

async fn conversation() -> Verdict {
    let mut serving = Serving::start()?;
    let mut it = serving.connect().await?;
    it.next_call_works().await?;
    it.call("UpdateState", r#"{"state":"SECRET-IN-A-REQUEST"}"#).await?;
    it.call("UpdateState", r#"{"state":{"SECRET-IN-A-REQUEST":1}}"#).await?;
    let keys = r#"{"rootComponentVersionsToAdd":{"SECRET\n2":null,"SECRET.3":4}}"#;
    it.call("CreateLocalDeployment", keys).await?;
    it.call("SECRET-IN-A-REQUEST", "{}").await?;
    let topic = r#"{"topic":"SECRET-IN-A-TOPIC","publishMessage":{}}"#;
    it.call("PublishToTopic", topic).await?;
    it.subscribe("never").await?;
    let request = it.request(0, "GetConfiguration", r#"{"SECRET":"SECRET"}"#);
    it.peer.send(&request.header("SECRET", "SECRET")).await?;
    it.receive().await?;
    let error = MessageBuilder::new(PROTOCOL_ERROR, 0, 0).header("SECRET", "SECRET");
    it.peer.send(&error.payload(r#"{"message":"SECRET\nSECRET"}"#)).await?;
    // The server ends the connection, and says so in its log.
    while it.peer.message().await?.is_some() {}
    serving.something_is_gone().await
}
