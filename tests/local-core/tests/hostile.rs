//! Hostile clients and slow subscribers cost only themselves.

use bytes::{Bytes, BytesMut};
use greengrass_core_ipc::{
    Client, Subscription,
    error::ConnectError,
    operation::subscribe_to_topic::SubscribeToTopic,
    types::{BinaryMessage, SubscriptionResponseMessage},
};
use greengrass_local_core::LocalCore;
use serde_json::json;
use test_util::{
    CONNECT, MESSAGE, MessageBuilder, Peer, in_time,
    wire::{MAX_FRAME, malformed},
};
use tokio::net::UnixStream;

use crate::support::{Raw, wait_until};

/// A component that uses the core meanwhile.
struct Bystander {
    client: Client,
    received: Subscription<SubscribeToTopic>,
    calls: i64,
}

impl Bystander {
    async fn connect(core: &LocalCore) -> Self {
        let client = Client::new(core.connection("b").connect().await.unwrap());
        let received = client.subscribe_to_topic().topic("own").send().await.unwrap();
        Self { client, received, calls: 0 }
    }

    /// Receives its own message, and updates and reads its configuration.
    async fn works(&mut self) {
        let uses = async {
            self.calls += 1;
            let message = BinaryMessage::builder().message("x").build();
            let publish = self.client.publish_to_topic().topic("own").publish_message(message);
            publish.send().await.unwrap();
            self.received.next().await.unwrap().unwrap();
            let update = self.client.update_configuration().timestamp(std::time::SystemTime::now());
            update.value_to_merge(json!({ "calls": self.calls })).send().await.unwrap();
            let read = self.client.get_configuration().key_path(["calls"]).send().await.unwrap();
            assert_eq!(read.value.unwrap()["calls"].as_f64(), Some(self.calls as f64));
        };
        in_time("the bystander", uses).await;
    }
}

async fn core() -> LocalCore {
    let builder = LocalCore::builder().component("a").component("b").record_calls(false);
    builder.start().await.unwrap()
}

async fn dial(core: &LocalCore) -> Peer {
    Peer::new(UnixStream::connect(core.socket_path()).await.unwrap())
}

fn connect(token: &str) -> MessageBuilder {
    let message = MessageBuilder::new(CONNECT, 0, 0).header(":version", "0.1.0");
    message.payload(json!({ "authToken": token }).to_string())
}

fn request(stream: i32, operation: &str, payload: impl Into<Bytes>) -> MessageBuilder {
    let operation = format!("aws.greengrass#{operation}");
    MessageBuilder::new(MESSAGE, 0, stream).header("operation", &*operation).payload(payload)
}

/// A request that publishes a message of this length in base64.
fn publish(stream: i32, topic: &str, len: usize) -> MessageBuilder {
    let message = "A".repeat(len / 4 * 4);
    let payload = format!(
        r#"{{"topic":"{topic}","publishMessage":{{"binaryMessage":{{"message":"{message}"}}}}}}"#
    );
    request(stream, "PublishToTopic", payload)
}

/// Connects as component a.
async fn accepted(core: &LocalCore) -> Peer {
    let mut peer = dial(core).await;
    peer.send(&connect(&core.auth_token("a"))).await.unwrap();
    assert_eq!(peer.expect().await.flags, 1);
    peer
}

/// Reads until the core closes the connection.
async fn closed(peer: &mut Peer) {
    // An error means that the core has closed it while bytes were unread.
    in_time("the end of the connection", async { while let Ok(Some(_)) = peer.message().await {} })
        .await;
}

#[tokio::test]
async fn half_frames_and_malformed_frames() {
    let core = core().await;
    let mut bystander = Bystander::connect(&core).await;
    let mut open = Vec::new();
    for is_accepted in [false, true] {
        let message =
            if is_accepted { publish(1, "own", 8) } else { connect(&core.auth_token("a")) };
        let whole = message.encode();
        for cut in [1, 4, 8, 11, 12, 15, 40, whole.len() - 5, whole.len() - 1] {
            let mut peer = if is_accepted { accepted(&core).await } else { dial(&core).await };
            peer.send_bytes(&whole[..cut]).await.unwrap();
            open.push(peer);
            bystander.works().await;
        }
        for (_, bytes) in malformed(&message) {
            let mut peer = if is_accepted { accepted(&core).await } else { dial(&core).await };
            peer.send_bytes(&bytes).await.unwrap();
            closed(&mut peer).await;
            bystander.works().await;
        }
    }
}

#[tokio::test]
async fn guessed_tokens() {
    let core = core().await;
    let mut bystander = Bystander::connect(&core).await;
    let token = core.auth_token("a").to_owned();
    let near = |index: usize| {
        let mut token = token.clone().into_bytes();
        let at = index % token.len();
        token[at] = if token[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(token).unwrap()
    };
    let mut open = Vec::new();
    for index in 0..400 {
        let guess = match index % 4 {
            0 => near(index / 4),
            1 => token[..index % token.len()].to_owned(),
            2 => format!("{token}{index}"),
            _ => format!("{index:016}"),
        };
        let mut peer = dial(&core).await;
        peer.send(&connect(&guess)).await.unwrap();
        assert_eq!(peer.expect().await.flags, 0, "{guess} is rejected");
        // What follows on the connection is not served.
        let _ = peer.send(&publish(1, "own", 8)).await;
        if index < 40 {
            open.push(peer);
        }
        if index % 20 == 0 {
            bystander.works().await;
        }
    }
    for payload in ["", "null", "[]", r#"{"authToken":null}"#, r#"{"authToken":[1]}"#, "{"] {
        let mut peer = dial(&core).await;
        peer.send(&MessageBuilder::new(CONNECT, 0, 0).payload(payload)).await.unwrap();
        closed(&mut peer).await;
    }
    // The tokens are valid as before.
    core.connection("a").connect().await.unwrap();
    let wrong = core.connection("a").auth_token(near(3)).connect().await.unwrap_err();
    assert!(matches!(wrong, ConnectError::Rejected), "{wrong:?}");
    bystander.works().await;
}

#[tokio::test]
async fn ten_thousand_streams() {
    const STREAMS: i32 = 10_000;
    let core = core().await;
    let mut bystander = Bystander::connect(&core).await;
    let mut peer = accepted(&core).await;
    let is_event = |it: &test_util::Received| {
        it.text("service-model-type") == Some("aws.greengrass#SubscriptionResponseMessage")
    };
    for first in (1..=STREAMS).step_by(500) {
        let mut requests = BytesMut::new();
        for stream in first..first + 500 {
            requests.extend_from_slice(
                &request(stream, "SubscribeToTopic", r#"{"topic":"t/+"}"#).encode(),
            );
        }
        peer.send_bytes(&requests).await.unwrap();
        for _ in 0..500 {
            let reply = in_time("a response", peer.expect()).await;
            assert!(reply.kind == MESSAGE && !is_event(&reply), "{reply:?}");
        }
        bystander.works().await;
    }
    // Each stream has an event, which this client does not read yet.
    let message = BinaryMessage::builder().message("x").build();
    let publish = bystander.client.publish_to_topic().topic("t/1").publish_message(message);
    in_time("the publication", publish.send()).await.unwrap();
    bystander.works().await;
    // Over the limit, the connection of this client ends.
    for stream in STREAMS + 1..STREAMS + 10 {
        let over = request(stream, "SubscribeToTopic", r#"{"topic":"t/+"}"#);
        let _ = peer.send(&over).await;
    }
    bystander.works().await;
    drop(peer);
    let event = BinaryMessage::builder().message("x").build();
    let event = SubscriptionResponseMessage::BinaryMessage(event);
    wait_until("the end of all streams", || core.send_event(SubscribeToTopic, "a", &event) == 0)
        .await;
    bystander.works().await;
}

/// Runs a test that measures the memory of its process.
#[cfg(target_os = "linux")]
fn measured(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(test);
}

#[cfg(target_os = "linux")]
use crate::memory::peak;

#[cfg(target_os = "linux")]
#[test]
fn frames_of_24_mib() {
    test_util::in_own_process(|| {
        measured(async {
            let core = core().await;
            let mut bystander = Bystander::connect(&core).await;
            let whole = publish(1, "t", MAX_FRAME - 4096).encode();
            let limit = peak() + 128 * 1024;
            // Incomplete frames take no memory for the rest.
            let mut open = Vec::new();
            for index in 0..40 {
                let mut peer =
                    if index % 2 == 0 { accepted(&core).await } else { dial(&core).await };
                peer.send_bytes(&whole[..16 * 1024]).await.unwrap();
                open.push(peer);
                bystander.works().await;
            }
            assert!(peak() < limit, "{} of {limit} KiB", peak());
            drop(open);
            // Whole frames, of a client that does not read.
            let mut peer = accepted(&core).await;
            for stream in 1..=6 {
                let message = publish(stream, "t", MAX_FRAME - 4096);
                peer.send_bytes(&message.encode()).await.unwrap();
                bystander.works().await;
            }
            let mut peer = accepted(&core).await;
            let prelude = [(MAX_FRAME as u32 + 1).to_be_bytes(), 0_u32.to_be_bytes()].concat();
            peer.send_bytes(&prelude).await.unwrap();
            peer.send_bytes(&[0; 4]).await.unwrap();
            closed(&mut peer).await;
            bystander.works().await;
        });
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_slow_subscriber() {
    test_util::in_own_process(|| {
        measured(async {
            let core = core().await;
            let mut bystander = Bystander::connect(&core).await;
            let mut slow = Raw::connect(&core, "a").await;
            slow.call("SubscribeToTopic", r#"{"topic":"t"}"#).await.unwrap();
            let fast = bystander.client.subscribe_to_topic().topic("t").send().await;
            let mut fast = fast.unwrap();
            let before = peak();
            let message = "x".repeat(1024 * 1024);
            // More than the limit of the queue.
            for _ in 0..48 {
                let message = BinaryMessage::builder().message(message.clone()).build();
                let publish = bystander.client.publish_to_topic().topic("t");
                in_time("a publication", publish.publish_message(message).send()).await.unwrap();
                in_time("a message", fast.next()).await.unwrap().unwrap();
            }
            bystander.works().await;
            let grown = peak() - before;
            assert!(grown < 48 * 1024, "{grown} KiB");
            let (received, error) = slow.events().await;
            assert!((5..40).contains(&received), "{received}");
            assert!(error.header("service-model-type").is_some(), "{error:?}");
            // Only the stream has ended.
            slow.call("UpdateState", r#"{"state":"RUNNING"}"#).await.unwrap();
        });
    });
}
