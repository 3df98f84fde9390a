//! Scenarios for shuttle: the callers of one connection and its driver, each on its own thread, over a socket in memory
//! with a small capacity.

mod socket;

use std::{fmt, future::poll_fn, pin::pin, sync::OnceLock, task::Poll, time::Duration};

use ::serde::{Deserialize, Serialize};
use bytes::{Buf, BytesMut};
use shuttle::{future::block_on, thread};
use tokio::runtime::Runtime;

use super::{Connection, runtime::Tokio};
use crate::{
    error::{ConnectionError, ErrorMetadata, OperationError, SdkError, Unhandled},
    frame::{Decoder, FrameEncoder, HeaderValueRef},
    json::{self, Shape},
    operation::Operation,
    options::CallOptions,
    protocol::{
        MessageFlags, MessageType, RpcMessage,
        client::{Config, Connect, Core},
        header,
    },
    session::{Session, settings::Settings},
    sync::Arc,
    transport::{Shared, drive},
};
use socket::{Pipe, Socket};

/// Three threads make calls; one of them also drops a call after each has been polled once. Each call gets its own answer,
/// the server receives complete messages in order, and all threads end after the close.
///
/// # Panics
///
/// The scenario fails.
pub fn callers_share_a_connection() {
    let (connection, other) = Other::connect();
    let callers: Vec<_> = (0..3)
        .map(|number| {
            let connection = connection.clone();
            let gives_up = number == 0;
            thread::spawn(move || block_on(call_twice(&connection, number, gives_up)))
        })
        .collect();
    for caller in callers {
        caller.join().unwrap();
    }
    block_on(connection.close()).unwrap();
    let served = other.join();
    // Some may have been dropped before they were sent.
    assert!((6..=8).contains(&served), "{served} requests");
}

/// Futures are dropped while others wait for the same response, in the same task and in another one. The others are woken.
///
/// # Panics
///
/// The scenario fails.
pub fn waits_are_dropped_while_others_wait() {
    let (connection, other) = Other::connect();
    let waiters: Vec<_> = (0..2)
        .map(|_| {
            let connection = connection.clone();
            thread::spawn(move || block_on(ping_beside_another(&connection)))
        })
        .collect();
    for waiter in waiters {
        waiter.join().unwrap();
    }
    block_on(connection.close()).unwrap();
    other.join();
}

/// A thread closes the connection while others make calls. Each call is answered or fails because of the close.
///
/// # Panics
///
/// The scenario fails.
pub fn one_closes_while_others_call() {
    let (connection, other) = Other::connect();
    let callers: Vec<_> = (0..2)
        .map(|number| {
            let connection = connection.clone();
            thread::spawn(move || match block_on(call(&connection, number)) {
                Ok(answer) => assert_eq!(answer, Text { number }),
                Err(SdkError::DispatchFailure { source: ConnectionError::Closed, .. }) => {}
                Err(error) => panic!("{error:?}"),
            })
        })
        .collect();
    block_on(connection.close()).unwrap();
    for caller in callers {
        caller.join().unwrap();
    }
    other.join();
}

/// Waits for a ping response in a task that drops another such future; the task is polled again only when it is woken.
async fn ping_beside_another(connection: &Connection) {
    let mut dropped = Some(Box::pin(connection.ping(Duration::MAX)));
    let mut ping = pin!(connection.ping(Duration::MAX));
    let answered = poll_fn(|cx| {
        let poll = ping.as_mut().poll(cx);
        if let Some(mut dropped) = dropped.take() {
            let _ = dropped.as_mut().poll(cx);
        }
        poll
    });
    answered.await.unwrap();
}

async fn call(connection: &Connection, number: u32) -> Result<Text, SdkError<Failed>> {
    connection.call(Echo, Text { number }, CallOptions::default()).await
}

async fn call_twice(connection: &Connection, number: u32, gives_up: bool) {
    for number in [number, number + 10] {
        if gives_up {
            let mut given_up = pin!(call(connection, number + 100));
            // The other calls must not depend on it.
            poll_fn(|cx| Poll::Ready(given_up.as_mut().poll(cx).is_ready())).await;
        }
        assert_eq!(call(connection, number).await.unwrap(), Text { number });
    }
}

/// The driver and the server of a connection, on a thread each.
struct Other {
    driver: thread::JoinHandle<()>,
    server: thread::JoinHandle<usize>,
}

impl Other {
    fn connect() -> (Connection, Self) {
        static RUNTIME: OnceLock<Runtime> = OnceLock::new();
        let runtime = RUNTIME.get_or_init(|| {
            tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
        });
        let config = Config { write_queue_limit: 100, ..Config::default() };
        let core = Core::new(config, &Connect::default()).unwrap();
        let shared = Arc::new(Shared::numbered(core));
        let runtime_of_connection =
            Tokio { shared: Arc::clone(&shared), runtime: runtime.handle().clone() };
        // The clock cannot represent this deadline, so that calls do not time out.
        let settings = Settings { call_timeout: Duration::MAX, ..Settings::default() };
        let connection = Connection::new(Session::new(runtime_of_connection, &settings));
        let (to_server, to_client) = (Arc::new(Pipe::default()), Arc::new(Pipe::default()));
        let server = {
            let (to_server, to_client) = (Arc::clone(&to_server), Arc::clone(&to_client));
            thread::spawn(move || block_on(serve(&to_server, &to_client)))
        };
        let direct = Arc::clone(&to_server);
        shared.set_direct(Some(Box::new(move |bytes| direct.try_write(bytes))));
        let socket = Box::new(Socket { read: to_client, write: to_server });
        let driver = drive(socket, Arc::clone(&shared));
        let driver = thread::spawn(move || {
            let _runtime = runtime.enter();
            block_on(driver);
        });
        block_on(shared.poll(|core, cx| core.poll_connected(cx))).unwrap();
        (connection, Self { driver, server })
    }

    /// Waits for the end; returns how many requests have arrived.
    fn join(self) -> usize {
        self.driver.join().unwrap();
        self.server.join().unwrap()
    }
}

/// Echoes each request until the client closes; returns how many there were.
async fn serve(from_client: &Pipe, to_client: &Pipe) -> usize {
    let (mut input, mut decoder) = (BytesMut::new(), Decoder::default());
    let mut last_id = 0;
    while poll_fn(|cx| from_client.poll_read(cx, &mut input)).await > 0 {
        while let Some(frame) = decoder.decode(&mut input).unwrap() {
            let message = RpcMessage::read(frame).unwrap();
            let mut output = BytesMut::new();
            if message.message_type == MessageType::Connect {
                let flags = MessageFlags::CONNECTION_ACCEPTED;
                encode(&mut output, MessageType::ConnectAck, flags, 0, b"");
            } else if message.message_type == MessageType::Ping {
                let flags = MessageFlags::NONE;
                encode(&mut output, MessageType::PingResponse, flags, 0, b"");
            } else if message.operation().is_some() {
                last_id += 1;
                assert_eq!(message.stream_id.0, last_id, "ids count up");
                let kind = MessageType::ApplicationMessage;
                let flags = MessageFlags::TERMINATE_STREAM;
                encode(&mut output, kind, flags, last_id, message.payload());
            } else {
                assert!(message.is_terminating() && message.stream_id.0 <= last_id);
            }
            while !output.is_empty() {
                match poll_fn(|cx| to_client.poll_write(cx, &output)).await {
                    Ok(len) => output.advance(len),
                    // The client has closed.
                    Err(_) => output.clear(),
                }
            }
        }
    }
    assert!(input.is_empty(), "a message is incomplete");
    to_client.close();
    last_id as usize
}

fn encode(out: &mut BytesMut, kind: MessageType, flags: MessageFlags, stream: i32, payload: &[u8]) {
    let mut frame = FrameEncoder::new(out);
    frame.header(header::MESSAGE_TYPE, &HeaderValueRef::Int32(kind as i32)).unwrap();
    frame.header(header::MESSAGE_FLAGS, &HeaderValueRef::Int32(flags.0)).unwrap();
    frame.header(header::STREAM_ID, &HeaderValueRef::Int32(stream)).unwrap();
    frame.payload(payload);
    frame.finish().unwrap();
}

struct Echo;

impl Operation for Echo {
    const SERVICE: &'static str = "test#Service";
    const ID: &'static str = "test#Echo";
    type Request = Text;
    type Response = Text;
    type Error = Failed;
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Text {
    number: u32,
}

impl Shape for Text {
    const ID: &'static str = "test#Text";
}

#[derive(Debug)]
struct Failed(Unhandled);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failed {}

impl From<Unhandled> for Failed {
    fn from(error: Unhandled) -> Self {
        Self(error)
    }
}

impl OperationError for Failed {
    fn from_payload(_: &str, _: &[u8]) -> Option<Result<Self, json::Error>> {
        None
    }

    fn metadata(&self) -> &(dyn ErrorMetadata + 'static) {
        &self.0
    }
}
