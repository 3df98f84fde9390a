//! The client's side of a connection, as a value.
//!
//! [`Core`] takes the bytes that arrive and the calls that are made, and has the bytes to send, the
//! results of the calls and the next point in time at which something is due. Whoever holds it behind a
//! lock can share it: a call takes its stream id and writes its request in one step, so that ids go out
//! in order and none is lost when a caller goes away. Payloads are opaque here.
//!
//! A core outlives its socket if it is told to: after an outage it starts over with another, and opens the
//! subscriptions again that were open.

mod calls;
mod config;
mod connection;
mod outage;
mod queue;
mod receive;
mod stream;
#[cfg(test)]
mod tests;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    task::{Context, Poll},
    time::Instant,
};

use bytes::BytesMut;

use super::{
    Endpoint, MessageType, ProtocolViolation, RpcMessage, StreamId,
    endpoint::{Behavior, Settings, State},
    header,
    numbers::NumberMap,
    queue::Queue,
};
use crate::{
    error::{ConnectError, ConnectionError, EncodeError},
    frame::{Decoder, FrameEncoder, HeaderValueRef},
};

pub use config::{Config, Connect, ConnectionEvent, OpenError, Request};
use stream::Stream;
pub use stream::{Failure, Key, Next};

/// The client's side of a connection.
pub type Core = Endpoint<Client>;

/// The role of a client.
#[derive(Debug)]
pub struct Client {
    config: Config,
    /// What the server said to the connect message, once it has.
    is_accepted: Option<bool>,
    /// Whether a server has ever said yes.
    was_open: bool,
    streams: NumberMap<Key, Stream>,
    keys: NumberMap<StreamId, Key>,
    next_key: u64,
    next_id: Option<i32>,
    deadlines: BinaryHeap<Reverse<(Instant, Key)>>,
    pings: VecDeque<u64>,
    pongs: u64,
    /// The pings after the first number and up to the second were sent to a server that is gone.
    lost_pings: (u64, u64),
    /// How many streams are of operations with one response.
    calls: usize,
    /// How many bytes of answers to pings have been queued since they were last all written, and where the
    /// last of them ends.
    answers: (u64, u64),
    /// How many of these bytes, at most, had not been written when the driver came with what it has read last.
    unread_answers: u64,
    /// Why the connection was lost for the last time.
    lost_by: Option<ConnectionError>,
    events: Queue<ConnectionEvent>,
    records_events: bool,
    /// An error of the other side has been recorded, and nobody has said whether it is the end.
    has_unjudged_error: bool,
    /// The error that the other side reported, if it has sent nothing since: why it closes, if it does.
    last_words: Option<ConnectionError>,
}

impl Core {
    /// A connection that is about to introduce itself.
    ///
    /// # Errors
    ///
    /// A connect message over the limits of the encoding.
    pub fn new(config: Config, connect: &Connect) -> Result<Self, EncodeError> {
        let frame = connect_frame(connect)?;
        let settings = Settings {
            max_frame_len: config.max_frame_len,
            write_queue_limit: config.write_queue_limit,
            reply_queue_limit: usize::MAX,
            frame_timeout: config.frame_timeout,
        };
        let role = Client {
            config,
            is_accepted: None,
            was_open: false,
            streams: NumberMap::default(),
            keys: NumberMap::default(),
            next_key: 0,
            next_id: Some(1),
            deadlines: BinaryHeap::new(),
            pings: VecDeque::new(),
            pongs: 0,
            lost_pings: (0, 0),
            calls: 0,
            answers: (0, 0),
            unread_answers: 0,
            lost_by: None,
            events: Queue::default(),
            records_events: false,
            has_unjudged_error: false,
            last_words: None,
        };
        let mut core = Self::with_role(role, settings, Decoder::default());
        core.output.introduce(&frame);
        Ok(core)
    }

    /// Keeps what happens to the connection for [`poll_connection_event`](Self::poll_connection_event).
    pub fn record_events(&mut self) {
        self.role.records_events = true;
    }

    /// Whether the server has let this side in; the error says why not.
    pub fn poll_connected(&mut self, cx: &Context<'_>) -> Poll<Result<(), ConnectError>> {
        match (self.role.is_accepted, &self.state) {
            // It may have ended since: whatever is tried on it then says why.
            (Some(true), _) => Poll::Ready(Ok(())),
            (Some(false), _) => Poll::Ready(Err(ConnectError::Rejected)),
            (None, State::Closed(error) | State::Down(error)) => {
                Poll::Ready(Err(match error.clone() {
                    ConnectionError::ClosedByPeer => ConnectError::ClosedDuringHandshake,
                    error => ConnectError::Handshake(error),
                }))
            }
            (None, _) => self.output.wait(cx),
        }
    }

    fn record(&mut self, event: ConnectionEvent) {
        if self.role.records_events {
            self.role.events.push(event);
            self.output.wake_waiting();
        }
    }
}

impl Behavior for Client {
    const REPORTS_EARLY: bool = false;

    // However full the queue of a subscription is: a call or another subscription may need what comes next.
    fn wants_input(_: &Core) -> bool {
        true
    }

    fn start_receiving(core: &mut Core) {
        core.count_unread_answers();
    }

    fn receive_handshake(
        core: &mut Core,
        message: &RpcMessage,
        now: Instant,
    ) -> Result<(), ProtocolViolation> {
        core.receive_ack(message, now)
    }

    fn receive_control(core: &mut Core, message: &RpcMessage) -> Result<(), ProtocolViolation> {
        core.role.last_words = None;
        core.receive_control(message)
    }

    fn receive_application(core: &mut Core, message: RpcMessage) -> Result<(), ProtocolViolation> {
        core.role.last_words = None;
        core.receive_application(message)
    }

    fn fail(core: &mut Core, error: ConnectionError) {
        core.lose(error);
    }

    fn next_deadline(core: &Core) -> Option<Instant> {
        core.next_call_deadline()
    }

    fn expire_deadlines(core: &mut Core, now: Instant) {
        core.expire_calls(now);
    }

    fn can_send(&self) -> bool {
        self.next_id.is_some()
    }

    fn waits_for_open(&self) -> bool {
        self.was_open && self.config.calls_wait
    }

    // A call that is alone goes out at once; of several it is better to write all together. The driver has to
    // come if the deadline is one that it does not know of.
    fn writes_directly(core: &Core) -> bool {
        core.role.calls <= 1 && matches!(core.state, State::Open) && core.is_timed()
    }
}

fn connect_frame(connect: &Connect) -> Result<BytesMut, EncodeError> {
    let mut out = BytesMut::new();
    let mut frame = FrameEncoder::new(&mut out);
    frame.header(header::VERSION, HeaderValueRef::String(super::VERSION))?;
    frame.header(header::MESSAGE_TYPE, HeaderValueRef::Int32(MessageType::Connect as i32))?;
    frame.header(header::MESSAGE_FLAGS, HeaderValueRef::Int32(0))?;
    frame.header(header::STREAM_ID, HeaderValueRef::Int32(0))?;
    for it in &connect.headers {
        frame.header(&it.name, it.value.as_value_ref())?;
    }
    frame.payload(&connect.payload);
    frame.finish()?;
    Ok(out)
}
