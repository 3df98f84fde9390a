//! The client's side of a connection, as a value.
//!
//! [`Core`] takes the bytes that arrive and the calls that are made, and has the bytes to send, the
//! results of the calls and the next point in time at which something is due. Whoever holds it behind a
//! lock can share it: a call takes its stream id and writes its request in one step, so that ids go out
//! in order and none is lost when a caller goes away. Payloads are opaque here.

mod receive;
mod stream;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    task::{Context, Poll, Waker},
    time::Instant,
};

use bytes::{Bytes, BytesMut};

use super::{Endpoint, MessageType, Outgoing, StreamId, header, output::Output};
use crate::{
    LOG_TARGET,
    client::{Overflow, SubscribeOptions},
    error::{BuildError, ConnectError, ConnectionError, EncodeError},
    frame::{Decoder, FrameEncoder, Header, HeaderValueRef, Limits},
    serde,
};

use stream::Stream;
pub use stream::{Failure, Key, Next};

/// What is sent to introduce this side.
#[derive(Clone, Default)]
pub struct Connect {
    /// Headers besides those of the protocol.
    pub headers: Vec<Header>,
    /// Says who is connecting; a service decides what is in it.
    pub payload: Bytes,
}

impl std::fmt::Debug for Connect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Both may hold a token.
        f.debug_struct("Connect").finish_non_exhaustive()
    }
}

/// What a [`Core`] may send and hold.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Config {
    /// How long a message may be that is sent, in bytes. Default: 24 MiB.
    pub max_frame_len: usize,
    /// How many bytes may wait to be written before calls wait for room. Default: 1 MiB.
    pub write_queue_limit: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_frame_len: Limits::DEFAULT.max_message_len, write_queue_limit: 1024 * 1024 }
    }
}

/// A request to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Absolute shape ID of the operation.
    pub operation: &'static str,
    /// Absolute shape ID of the request.
    pub request_shape: &'static str,
    /// Absolute shape ID of the response, by which it is told from an event that overtakes it.
    pub response_shape: &'static str,
    /// When to give up waiting for the response.
    pub deadline: Option<Instant>,
    /// For an operation that keeps its stream open: how its events are queued.
    pub subscribe: Option<&'a SubscribeOptions>,
}

/// Why a request was not sent.
#[derive(Debug)]
pub enum OpenError {
    /// Too much is waiting to be written already. Try again when woken.
    Full,
    /// The connection is not open.
    Closed(ConnectionError),
    /// The request cannot be encoded.
    Build(BuildError),
}

/// Something that happened to the connection as a whole.
#[derive(Clone, Debug)]
pub enum ConnectionEvent {
    /// The server has accepted the connection.
    Connected,
    /// The other side reported an error.
    Error(ConnectionError),
    /// A ping came, and was answered.
    Ping {
        /// Its headers, without those of the protocol.
        headers: Vec<Header>,
        /// Its payload.
        payload: Bytes,
    },
    /// The connection has ended; `None` if this side closed it.
    Disconnected(Option<ConnectionError>),
}

#[derive(Debug)]
enum State {
    /// The connect message has been queued, and no acknowledgement has arrived.
    Connecting,
    Open,
    /// Everything that was open has been told.
    Closed(ConnectionError),
}

/// The client's side of a connection.
#[derive(Debug)]
pub struct Core {
    config: Config,
    state: State,
    /// What the server said to the connect message, once it has.
    is_accepted: Option<bool>,
    decoder: Decoder,
    output: Output,
    streams: HashMap<Key, Stream>,
    keys: HashMap<StreamId, Key>,
    next_key: u64,
    next_id: Option<i32>,
    deadlines: BinaryHeap<Reverse<(Instant, Key)>>,
    pings: VecDeque<u64>,
    pongs: u64,
    /// How many subscriptions with [`Overflow::PauseConnection`] are over their limit.
    paused: usize,
    events: VecDeque<ConnectionEvent>,
    records_events: bool,
}

impl Core {
    /// A connection that is about to introduce itself.
    ///
    /// # Errors
    ///
    /// A connect message over the limits of the encoding.
    pub fn new(config: Config, connect: &Connect) -> Result<Self, EncodeError> {
        let mut out = BytesMut::new();
        let mut frame = FrameEncoder::new(&mut out);
        frame.header(header::VERSION, HeaderValueRef::String(super::VERSION))?;
        frame.header(header::MESSAGE_TYPE, HeaderValueRef::Int32(MessageType::Connect as i32))?;
        frame.header(header::MESSAGE_FLAGS, HeaderValueRef::Int32(0))?;
        frame.header(header::STREAM_ID, HeaderValueRef::Int32(0))?;
        for it in &connect.headers {
            frame.header(&it.name, it.value.as_value_ref())?;
        }
        frame.payload(&connect.payload).finish()?;
        drop(frame);
        let mut output = Output::default();
        output.append(&out);
        Ok(Self {
            config,
            state: State::Connecting,
            is_accepted: None,
            decoder: Decoder::default(),
            output,
            streams: HashMap::new(),
            keys: HashMap::new(),
            next_key: 0,
            next_id: Some(1),
            deadlines: BinaryHeap::new(),
            pings: VecDeque::new(),
            pongs: 0,
            paused: 0,
            events: VecDeque::new(),
            records_events: false,
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
            (None, State::Closed(ConnectionError::ClosedByPeer)) => {
                Poll::Ready(Err(ConnectError::ClosedDuringHandshake))
            }
            (None, State::Closed(error)) => {
                Poll::Ready(Err(ConnectError::Handshake(error.clone())))
            }
            (None, _) => self.output.wait(cx),
        }
    }

    /// Sends a request on a new stream; `payload` appends it to the buffer.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]. Nothing has been sent then, and no stream id is used.
    pub fn open(
        &mut self,
        request: &Request<'_>,
        payload: impl FnOnce(&mut BytesMut) -> Result<(), serde::Error>,
    ) -> Result<Key, OpenError> {
        self.check_room()?;
        let Some(id) = self.next_id.map(StreamId) else {
            return Err(OpenError::Closed(ConnectionError::Protocol("all stream ids are used up")));
        };
        let head = Outgoing {
            stream_id: id,
            service_model_type: Some(request.request_shape),
            operation: Some(request.operation),
            ..Outgoing::of_connection(MessageType::ApplicationMessage)
        };
        self.output
            .write(&head, request.request_shape, self.config.max_frame_len, payload)
            .map_err(OpenError::Build)?;
        self.next_id = id.0.checked_add(1);
        let key = Key(self.next_key);
        self.next_key += 1;
        let stream = Stream::new(id, request, self.output.queued());
        self.streams.insert(key, stream);
        self.keys.insert(id, key);
        if let Some(deadline) = request.deadline {
            self.deadlines.push(Reverse((deadline, key)));
        }
        Ok(key)
    }

    /// Sends an event on an open stream; `payload` appends it to the buffer.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]. Nothing has been sent then.
    pub fn send_event(
        &mut self,
        key: Key,
        shape: &'static str,
        payload: impl FnOnce(&mut BytesMut) -> Result<(), serde::Error>,
    ) -> Result<(), OpenError> {
        self.check_room()?;
        // A message on a stream that has ended would end the connection with a strict server.
        let Some(id) = self.streams.get(&key).and_then(|it| it.id) else {
            return Err(OpenError::Closed(ConnectionError::StreamEnded));
        };
        let head = Outgoing {
            stream_id: id,
            service_model_type: Some(shape),
            ..Outgoing::of_connection(MessageType::ApplicationMessage)
        };
        self.output
            .write(&head, shape, self.config.max_frame_len, payload)
            .map_err(OpenError::Build)
    }

    fn check_room(&self) -> Result<(), OpenError> {
        match &self.state {
            State::Closed(error) => return Err(OpenError::Closed(error.clone())),
            State::Connecting => {
                return Err(OpenError::Closed(ConnectionError::Protocol("not connected yet")));
            }
            State::Open => {}
        }
        // A message that is larger than the limit by itself goes out alone.
        let is_full = self.output.waiting_bytes() > self.config.write_queue_limit as u64;
        if is_full { Err(OpenError::Full) } else { Ok(()) }
    }

    /// What came of a request.
    pub fn poll_reply(
        &mut self,
        key: Key,
        cx: &Context<'_>,
    ) -> Poll<Result<super::RpcMessage, Failure>> {
        let Some(stream) = self.streams.get_mut(&key) else {
            return Poll::Ready(Err(Failure::NoResponse));
        };
        stream.poll_reply(cx)
    }

    /// The next event of a stream that stays open; `None` after the last.
    pub fn poll_event(&mut self, key: Key, cx: &Context<'_>) -> Poll<Option<Next>> {
        let Some(stream) = self.streams.get_mut(&key) else { return Poll::Ready(None) };
        let was_over = stream.is_over_limit();
        let next = stream.poll_event(cx);
        if was_over && !stream.is_over_limit() && stream.pauses() {
            self.resume();
        }
        next
    }

    /// Whether a stream can still carry events in either direction.
    pub fn is_open(&self, key: Key) -> bool {
        self.streams.get(&key).is_some_and(|it| it.id.is_some())
    }

    /// Ends a stream as far as the other side is concerned, and whoever waits for its events.
    pub fn end(&mut self, key: Key) {
        self.terminate(key);
        let Some(stream) = self.streams.get_mut(&key) else { return };
        let pauses = stream.pauses() && stream.is_over_limit();
        self.output.wake(stream.close());
        if pauses {
            self.resume();
        }
    }

    /// Forgets a stream whose owner is gone; it is ended if it is still open.
    pub fn forget(&mut self, key: Key) {
        self.end(key);
        self.streams.remove(&key);
        // Reconsider the earliest deadline only when it is due: most calls end before theirs.
        if self.streams.is_empty() {
            self.deadlines.clear();
        }
    }

    /// Tells the other side that a stream has ended, unless it has been told or has said so itself.
    fn terminate(&mut self, key: Key) {
        let Some(stream) = self.streams.get_mut(&key) else { return };
        let lagging = stream.lagging.take();
        if let Some(id) = stream.id.take() {
            self.keys.remove(&id);
            if matches!(self.state, State::Open) {
                tracing::trace!(target: LOG_TARGET, stream = id.0, "terminate sent");
                self.output.write_control(&Outgoing::terminate(id), &[], &[]);
            }
        } else if let Some(id) = lagging {
            self.keys.remove(&id);
        }
    }

    /// Sends a ping; its answer has come when [`poll_pong`](Self::poll_pong) says so.
    ///
    /// # Errors
    ///
    /// The connection is not open.
    pub fn ping(&mut self, payload: &[u8]) -> Result<u64, ConnectionError> {
        if let State::Closed(error) = &self.state {
            return Err(error.clone());
        }
        self.output.write_control(&Outgoing::of_connection(MessageType::Ping), &[], payload);
        let number = self.pongs + self.pings.len() as u64 + 1;
        self.pings.push_back(number);
        Ok(number)
    }

    /// Whether the answer to a ping has come. Answers come in the order of the pings.
    pub fn poll_pong(
        &mut self,
        number: u64,
        cx: &Context<'_>,
    ) -> Poll<Result<(), ConnectionError>> {
        if self.pongs >= number {
            return Poll::Ready(Ok(()));
        }
        match &self.state {
            State::Closed(error) => Poll::Ready(Err(error.clone())),
            _ => self.output.wait(cx),
        }
    }

    /// Waits until there is room to send.
    pub fn poll_room(&mut self, cx: &Context<'_>) -> Poll<()> {
        match self.check_room() {
            Err(OpenError::Full) => self.output.wait(cx),
            _ => Poll::Ready(()),
        }
    }

    /// How many bytes have been queued so far: what [`poll_written`](Self::poll_written) waits for.
    pub fn queued(&self) -> u64 {
        self.output.queued()
    }

    /// Whether that many bytes have been written.
    pub fn poll_written(
        &mut self,
        bytes: u64,
        cx: &Context<'_>,
    ) -> Poll<Result<(), ConnectionError>> {
        if self.output.written() >= bytes {
            return Poll::Ready(Ok(()));
        }
        match &self.state {
            State::Closed(error) if self.output.is_finished() => Poll::Ready(Err(error.clone())),
            _ => self.output.wait(cx),
        }
    }

    /// Why the connection ended, once it has.
    pub fn poll_closed(&mut self, cx: &Context<'_>) -> Poll<ConnectionError> {
        match &self.state {
            State::Closed(error) => Poll::Ready(error.clone()),
            _ => self.output.wait(cx),
        }
    }

    /// What happened to the connection; `None` after the last.
    pub fn poll_connection_event(&mut self, cx: &Context<'_>) -> Poll<Option<ConnectionEvent>> {
        match self.events.pop_front() {
            Some(event) => Poll::Ready(Some(event)),
            None if self.is_closed() => Poll::Ready(None),
            None => self.output.wait(cx),
        }
    }

    /// Closes the connection from this side: ends every stream, on the wire as well.
    pub fn close(&mut self) {
        let mut open: Vec<_> = self.keys.iter().map(|(id, key)| (*id, *key)).collect();
        open.sort_unstable();
        for (_, key) in open {
            self.terminate(key);
        }
        self.fail(ConnectionError::Closed);
    }

    fn resume(&mut self) {
        self.paused = self.paused.saturating_sub(1);
        if self.paused == 0 {
            self.output.wake_driver();
        }
    }

    fn record(&mut self, event: ConnectionEvent) {
        if self.records_events {
            self.events.push_back(event);
            self.output.wake_waiting();
        }
    }
}

impl Endpoint for Core {
    fn receive(&mut self, input: &mut BytesMut, _now: Instant) {
        self.receive_all(input);
    }

    fn missing(&self, input: &BytesMut) -> usize {
        self.decoder.missing(input)
    }

    // Not while a subscription holds the connection up.
    fn wants_input(&self) -> bool {
        self.paused == 0 && !self.is_closed()
    }

    fn fail(&mut self, error: ConnectionError) {
        if self.is_closed() {
            return;
        }
        let was_open = matches!(self.state, State::Open);
        let written = self.output.written();
        for stream in self.streams.values_mut() {
            self.output.wake(stream.lose(&error, written));
        }
        self.keys.clear();
        self.paused = 0;
        if was_open {
            let cause = (!matches!(error, ConnectionError::Closed)).then(|| error.clone());
            self.record(ConnectionEvent::Disconnected(cause));
        }
        self.state = State::Closed(error);
        self.output.wake_waiting();
        self.output.wake_driver();
    }

    fn ended(&self) -> Option<&ConnectionError> {
        match &self.state {
            State::Closed(error) => Some(error),
            _ => None,
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.peek().map(|Reverse((deadline, _))| *deadline)
    }

    fn expire(&mut self, now: Instant) {
        while let Some(Reverse((deadline, key))) = self.deadlines.peek().copied() {
            if deadline > now {
                break;
            }
            self.deadlines.pop();
            let written = self.output.written();
            let Some(stream) = self.streams.get_mut(&key) else { continue };
            if let Some(waker) = stream.expire(written) {
                self.output.wake(waker);
                self.terminate(key);
            }
        }
    }

    fn take_output(&mut self, dst: &mut BytesMut) {
        self.output.take(dst);
    }

    fn wrote(&mut self, bytes: usize) {
        self.output.wrote(bytes);
    }

    fn finish(&mut self) {
        self.output.finish();
    }

    fn set_driver(&mut self, cx: &Context<'_>) {
        self.output.set_driver(cx);
    }

    fn take_woken(&mut self) -> Vec<Waker> {
        self.output.take_woken()
    }
}

/// Whether a queue that is over its limit holds the connection up.
fn is_pausing(overflow: Overflow) -> bool {
    overflow == Overflow::PauseConnection
}
