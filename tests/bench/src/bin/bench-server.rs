//! A minimal server with one thread per connection and without any checks.
//!
//! It answers each request with an empty response. On a subscription to `bench/COUNT/SIZE` it sends `COUNT` events of
//! `SIZE` bytes. As `bench-server broker` it also sends published messages to the subscriptions with exactly their topic.

use std::{
    borrow::Cow,
    io::{Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use bench::{EVENT_SHAPE, Input, Message, decode, event, frame, put_base64, respond};
use bench_client::socket;
use serde::Deserialize;
use serde_json::value::RawValue;

type Connection = Arc<Mutex<UnixStream>>;

struct Subscription {
    topic: String,
    stream_id: i32,
    connection: Connection,
}

static SUBSCRIPTIONS: RwLock<Vec<Subscription>> = RwLock::new(Vec::new());

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Publish<'a> {
    #[serde(borrow)]
    topic: Cow<'a, str>,
    #[serde(borrow)]
    publish_message: PublishMessage<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PublishMessage<'a> {
    #[serde(borrow)]
    binary_message: BinaryMessage<'a>,
}

#[derive(Deserialize)]
struct BinaryMessage<'a> {
    #[serde(borrow)]
    message: &'a RawValue,
}

#[derive(Deserialize)]
struct Subscribe<'a> {
    #[serde(borrow)]
    topic: Cow<'a, str>,
}

fn main() {
    let is_broker = std::env::args().nth(1).as_deref() == Some("broker");
    let listener = UnixListener::bind(socket()).expect("the socket can be bound");
    for stream in listener.incoming() {
        let stream = stream.expect("a client can be accepted");
        std::thread::spawn(move || serve(stream, is_broker));
    }
}

/// The output for the requests of one read, written at once.
struct Batch {
    connection: Connection,
    is_broker: bool,
    /// The output for the client.
    out: Vec<u8>,
    /// The output for subscribers, which may include the client.
    events: Vec<(Connection, Vec<u8>)>,
}

fn serve(mut stream: UnixStream, is_broker: bool) {
    let connection =
        Arc::new(Mutex::new(stream.try_clone().expect("the descriptor can be duplicated")));
    let mut batch = Batch {
        connection: Arc::clone(&connection),
        is_broker,
        out: Vec::new(),
        events: Vec::new(),
    };
    let mut input = Input::default();
    loop {
        while let Some(frame) = input.next_frame() {
            batch.take(&decode(frame));
        }
        batch.write();
        match stream.read(input.unused()) {
            Ok(len) if len > 0 => input.filled(len),
            _ => break,
        }
    }
    let mut all = SUBSCRIPTIONS.write().unwrap_or_else(PoisonError::into_inner);
    all.retain(|it| !Arc::ptr_eq(&it.connection, &connection));
}

impl Batch {
    fn take(&mut self, message: &Message<'_>) {
        match (message.message_type, message.operation) {
            (4, _) => frame(&mut self.out, [5, 1, 0], &[], |_| {}),
            (0, b"aws.greengrass#PublishToTopic") => {
                if self.is_broker {
                    self.publish(message.payload);
                }
                respond(&mut self.out, message.stream_id, "PublishToTopic");
            }
            (0, b"aws.greengrass#SubscribeToTopic") => {
                let request: Subscribe<'_> =
                    serde_json::from_slice(message.payload).expect("a request");
                self.subscribe(message.stream_id, request.topic.into_owned());
            }
            _ => {}
        }
    }

    fn publish(&mut self, payload: &[u8]) {
        let request: Publish<'_> = serde_json::from_slice(payload).expect("a request");
        let topic = &request.topic;
        let message = request.publish_message.binary_message.message;
        let body = format!(
            r#"{{"binaryMessage":{{"message":{message},"context":{{"topic":"{topic}"}}}}}}"#
        );
        let all = SUBSCRIPTIONS.read().unwrap_or_else(PoisonError::into_inner);
        for subscription in all.iter().filter(|it| it.topic == *topic) {
            let connection = &subscription.connection;
            let known = self.events.iter().position(|(to, _)| Arc::ptr_eq(to, connection));
            let index = known.unwrap_or_else(|| {
                self.events.push((Arc::clone(connection), Vec::new()));
                self.events.len() - 1
            });
            event(&mut self.events[index].1, subscription.stream_id, body.as_bytes());
        }
    }

    fn subscribe(&mut self, stream_id: i32, topic: String) {
        let texts = [
            (":content-type", "application/json"),
            ("service-model-type", "aws.greengrass#SubscribeToTopicResponse"),
        ];
        frame(&mut self.out, [0, 0, stream_id], &texts, |out| out.extend_from_slice(b"{}"));
        self.write();
        match topic.strip_prefix("bench/").and_then(|it| it.split_once('/')) {
            Some((count, size)) => {
                let (count, size) =
                    (count.parse().expect("a count"), size.parse().expect("a size"));
                send_events(&self.connection, stream_id, &topic, count, size);
            }
            None => {
                let connection = Arc::clone(&self.connection);
                let mut all = SUBSCRIPTIONS.write().unwrap_or_else(PoisonError::into_inner);
                all.push(Subscription { topic, stream_id, connection });
            }
        }
    }

    fn write(&mut self) {
        for (to, events) in &mut self.events {
            // Ignored: the subscriber may have disconnected.
            let _ = lock(to).write_all(events);
        }
        self.events.clear();
        if !self.out.is_empty() {
            let _ = lock(&self.connection).write_all(&self.out);
            self.out.clear();
        }
    }
}

fn lock(connection: &Connection) -> std::sync::MutexGuard<'_, UnixStream> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

fn send_events(to: &Connection, stream_id: i32, topic: &str, count: usize, size: usize) {
    let message: Vec<u8> = (0..size).map(|index| (index * 31 + 7) as u8).collect();
    let mut body = br#"{"binaryMessage":{"message":""#.to_vec();
    put_base64(&mut body, &message);
    write!(body, r#"","context":{{"topic":"{topic}"}}}}}}"#).expect("writing to memory succeeds");
    let mut one = Vec::new();
    event(&mut one, stream_id, &body);
    debug_assert!(decode(&one).shape == EVENT_SHAPE.as_bytes());
    let each = (64 * 1024 / one.len()).max(1);
    let block = one.repeat(each);
    let mut left = count;
    while left > 0 {
        let now = left.min(each);
        if lock(to).write_all(&block[..now * one.len()]).is_err() {
            return;
        }
        left -= now;
    }
}
