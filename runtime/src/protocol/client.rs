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
    task::{Context, Poll, Waker},
    time::Instant,
};

use bytes::BytesMut;

use super::{
    Endpoint, MessageType, StreamId, Wakers, header, numbers::NumberMap, output::Output,
    patience::Patience, queue::Queue,
};
use crate::{
    error::{ConnectError, ConnectionError, EncodeError},
    frame::{Decoder, FrameEncoder, HeaderValueRef},
};

pub use config::{Config, Connect, ConnectionEvent, OpenError, Request};
use stream::Stream;
pub use stream::{Failure, Key, Next};

#[derive(Debug)]
enum State {
    /// The connect message has been queued, and no acknowledgement has arrived.
    Connecting,
    Open,
    /// The connection is lost, and may come back.
    Down(ConnectionError),
    /// Everything that was open has been told, and this is the end.
    Closed(ConnectionError),
}

/// The client's side of a connection.
#[derive(Debug)]
pub struct Core {
    config: Config,
    state: State,
    /// What the server said to the connect message, once it has.
    is_accepted: Option<bool>,
    /// Whether a server has ever said yes.
    was_open: bool,
    decoder: Decoder,
    output: Output,
    streams: NumberMap<Key, Stream>,
    keys: NumberMap<StreamId, Key>,
    next_key: u64,
    next_id: Option<i32>,
    deadlines: BinaryHeap<Reverse<(Instant, Key)>>,
    /// How much longer the message may take that has begun to arrive.
    patience: Option<Patience>,
    pings: VecDeque<u64>,
    pongs: u64,
    /// The pings after the first number and up to the second were sent to a server that is gone.
    lost_pings: (u64, u64),
    /// How many streams are of operations with one response.
    calls: usize,
    /// When the driver comes by itself.
    timer: Option<Instant>,
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
        let mut output = Output::default();
        output.introduce(&connect_frame(connect)?);
        Ok(Self {
            config,
            state: State::Connecting,
            is_accepted: None,
            was_open: false,
            decoder: Decoder::default(),
            output,
            streams: NumberMap::default(),
            keys: NumberMap::default(),
            next_key: 0,
            next_id: Some(1),
            deadlines: BinaryHeap::new(),
            patience: None,
            pings: VecDeque::new(),
            pongs: 0,
            lost_pings: (0, 0),
            calls: 0,
            timer: None,
            answers: (0, 0),
            unread_answers: 0,
            lost_by: None,
            events: Queue::default(),
            records_events: false,
            has_unjudged_error: false,
            last_words: None,
        })
    }

    /// Keeps what happens to the connection for [`poll_connection_event`](Self::poll_connection_event).
    pub fn record_events(&mut self) {
        self.records_events = true;
    }

    /// Whether the server has let this side in; the error says why not.
    pub fn poll_connected(&mut self, cx: &Context<'_>) -> Poll<Result<(), ConnectError>> {
        match (self.is_accepted, &self.state) {
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
        if self.records_events {
            self.events.push(event);
            self.output.wake_waiting();
        }
    }
}

impl Endpoint for Core {
    fn receive_in(&mut self, input: &mut BytesMut, buffer_len: usize, now: Instant) -> usize {
        self.receive_all(input, buffer_len, now)
    }

    fn missing(&self, input: &BytesMut) -> usize {
        self.decoder.missing(input)
    }

    // However full the queue of a subscription is: a call or another subscription may need what comes next.
    fn wants_input(&self) -> bool {
        !self.is_closed()
    }

    fn fail(&mut self, error: ConnectionError) {
        self.lose(error);
    }

    fn ended(&self) -> Option<&ConnectionError> {
        match &self.state {
            State::Down(error) | State::Closed(error) => Some(error),
            State::Connecting | State::Open => None,
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        [self.next_call_deadline(), self.frame_deadline()].into_iter().flatten().min()
    }

    fn expire_deadlines(&mut self, now: Instant) {
        self.expire_calls(now);
    }

    fn expire_frame(&mut self, now: Instant) {
        self.expire_frame(now);
    }

    fn take_output(&mut self, dst: &mut BytesMut) {
        self.output.take(dst, self.has_turns());
    }

    fn wrote(&mut self, bytes: usize) {
        self.output.wrote(bytes);
        if self.output.has_line() && self.has_turns() {
            self.output.wake_line(self.room().unwrap_or_default());
        }
    }

    // A call that is alone goes out at once; of several it is better to write all together. The driver has to
    // come if the deadline is one that it does not know of.
    fn direct_output(&self) -> &[u8] {
        let output = self.output.direct();
        if output.is_empty() || self.calls > 1 || !matches!(self.state, State::Open) {
            return &[];
        }
        let is_timed = match (self.next_deadline(), self.timer) {
            (None, _) => true,
            (Some(deadline), timer) => timer.is_some_and(|it| it <= deadline),
        };
        if is_timed { output } else { &[] }
    }

    fn wrote_directly(&mut self, bytes: usize) {
        self.output.wrote_directly(bytes);
        self.wrote(bytes);
    }

    fn set_timer(&mut self, at: Option<Instant>) {
        self.timer = at;
    }

    fn finish(&mut self) {
        self.output.finish();
    }

    fn set_driver(&mut self, cx: &Context<'_>) {
        self.output.set_driver(cx);
    }

    fn release(&mut self, waker: &Waker) {
        self.output.release(waker);
    }

    fn take_woken(&mut self) -> Wakers {
        self.output.take_woken()
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
