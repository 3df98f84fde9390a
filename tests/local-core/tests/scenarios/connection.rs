//! A connection of a scenario, which sends arbitrary messages.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use bytes::BytesMut;
use eventstream_rpc::frame::{FrameEncoder, HeaderValue, Limits};
use serde_json::Value;
use test_util::{END, PING, Peer, Received};
use tokio::net::UnixStream;

use super::{describe::shape, marks};

/// The time after which a reply or the end of a connection counts as missing.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// The time in which processes and deployments must have done what they do.
pub(super) const SLOW: Duration = Duration::from_secs(90);

/// The payload of pings that the scenario does not contain.
const ROUND_TRIP: &str = "round trip of the player";

pub(super) struct Connection {
    peer: Peer,
    pub(super) last_stream: i32,
    /// The names of streams in the scenario.
    pub(super) names: HashMap<i32, String>,
    /// The open subscriptions.
    pub(super) subscriptions: BTreeSet<i32>,
    pub(super) is_closed: bool,
    /// The scenario has sent a part of a message.
    pub(super) is_within_message: bool,
}

impl Connection {
    /// Connects and sends bytes.
    pub(super) async fn open(socket: &std::path::Path, first: &[u8]) -> Self {
        let mut peer = Peer::new(UnixStream::connect(socket).await.unwrap());
        peer.send_bytes(first).await.unwrap();
        Self {
            peer,
            last_stream: 0,
            names: HashMap::new(),
            subscriptions: BTreeSet::new(),
            is_closed: false,
            is_within_message: false,
        }
    }

    /// The latest stream with a name.
    pub(super) fn stream(&self, name: &str) -> i32 {
        let named = self.names.iter().filter(|(_, it)| *it == name);
        named.map(|(stream, _)| *stream).max().expect("the stream has a name")
    }

    /// Sends bytes. Returns whether the connection was open.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> bool {
        let is_sent = !self.is_closed && self.peer.send_bytes(bytes).await.is_ok();
        self.is_closed |= !is_sent;
        is_sent
    }

    /// Receives the next message, or `None` if there is none in time or the connection is closed.
    pub(super) async fn receive(&mut self) -> Option<Received> {
        if self.is_closed {
            return None;
        }
        let message = tokio::time::timeout(PATIENCE, self.peer.message()).await.ok()?;
        let message = message.unwrap_or_default();
        self.is_closed = message.is_none();
        let message = message?;
        if message.flags & END != 0 {
            self.subscriptions.remove(&message.stream);
        } else if marks::are_sent_after(shape(&message)) {
            self.subscriptions.insert(message.stream);
        }
        Some(message)
    }

    /// Receives the messages before the response to a ping, which the server sends after it has read all earlier
    /// messages. The second ping is sent when the calls among them have been dispatched.
    pub(super) async fn round_trip(&mut self) -> Vec<Received> {
        let mut received = Vec::new();
        for _ in 0..2 {
            self.send(&encoded(
                &serde_json::json!(
                    { ":message-type": PING, ":message-flags": 0, ":stream-id": 0, "x": "y" }
                ),
                ROUND_TRIP.as_bytes(),
            ))
            .await;
            while let Some(message) = self.receive().await {
                if message.payload() == ROUND_TRIP {
                    break;
                }
                received.push(message);
            }
        }
        received
    }
}

/// Encodes a message with the headers of a scenario, also one that is longer than a server accepts.
pub(super) fn encoded(headers: &Value, payload: &[u8]) -> BytesMut {
    let mut bytes = BytesMut::new();
    let mut limits = Limits::DEFAULT;
    limits.max_message_len = usize::MAX;
    let mut frame = FrameEncoder::with_limits(&mut bytes, limits);
    for (name, value) in headers.as_object().unwrap() {
        let value = match value {
            Value::Null => continue,
            Value::Bool(value) => HeaderValue::Bool(*value),
            Value::Number(value) => HeaderValue::Int32(value.as_i64().unwrap().try_into().unwrap()),
            value => value.as_str().unwrap().into(),
        };
        frame.header(name, &value).unwrap();
    }
    frame.payload(payload);
    frame.finish().unwrap();
    bytes
}
