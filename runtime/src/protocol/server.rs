//! The server's side of a connection, as a value.
//!
//! [`Core`] takes the bytes that arrive and gives what the service has to decide: who is connecting, and
//! each new request. Responses, events and errors go in and come out as bytes. Payloads are opaque here.
//!
//! It is as strict as the library under the Java nucleus where a client breaks a rule, with one exception:
//! a message without `operation` on a stream that has ended is passed over, because a client that sends
//! events cannot know yet that the server has ended the stream.

mod config;
mod ending;
mod receive;
mod stream;

use std::{
    fmt,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};

use super::{
    Endpoint, MessageFlags, MessageType, Outgoing, ProtocolViolation, RpcMessage, StreamId,
    endpoint::{Behavior, Settings, State},
    log,
    numbers::NumberMap,
    queue::{Element, Queue},
    waiting::QueueLimit,
};
use crate::{
    error::{BuildError, ConnectionError, Unhandled},
    frame::{Decoder, Header, Limits},
    json,
};

pub use config::Config;
pub use ending::Phase;
use stream::{Reader, Stream};

/// How long a client has to close the connection itself after a message that ends it: a refusal, or what it did wrong.
///
/// The official SDKs close when they have read it. If the end of the socket is there as well by then, they take it for
/// the reason of the end.
const CLOSING_GRACE: Duration = Duration::from_secs(1);

/// Something that the service has to decide.
pub enum Incoming {
    /// A client introduces itself; [`Core::accept`] or [`Core::refuse`] answers.
    Connect {
        /// The headers of the connect message, without those of the protocol.
        headers: Vec<Header>,
        /// Its payload.
        payload: Bytes,
    },
    /// A request on a new stream.
    Request(RpcMessage),
}

impl Element for Incoming {
    fn held(&self) -> usize {
        match self {
            // There is one of it.
            Self::Connect { payload, .. } => payload.len(),
            Self::Request(message) => message.held(),
        }
    }

    fn shares(&self, next: &Self) -> bool {
        match (self, next) {
            (Self::Request(message), Self::Request(next)) => message.shares(next),
            _ => false,
        }
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Headers and payload may hold a token.
            Self::Connect { .. } => f.debug_struct("Connect").finish_non_exhaustive(),
            Self::Request(message) => f.debug_tuple("Request").field(message).finish(),
        }
    }
}

/// Why a message was not sent.
#[derive(Debug)]
pub enum SendError {
    /// Too much is waiting to be written already. Try again when woken.
    Full,
    /// The stream has ended, or the connection has.
    Ended,
    /// The message cannot be encoded.
    Build(BuildError),
}

/// An error reply as it travels.
#[derive(Clone)]
pub struct ErrorMessage {
    /// The shape, if it is an error of a model.
    pub service_model_type: Option<String>,
    /// The content type.
    pub content_type: String,
    /// The payload.
    pub payload: Bytes,
}

impl fmt::Debug for ErrorMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A payload may be secret.
        f.debug_struct("ErrorMessage")
            .field("service_model_type", &self.service_model_type)
            .field("content_type", &self.content_type)
            .field("payload_len", &self.payload.len())
            .finish_non_exhaustive()
    }
}

/// The server's side of a connection.
pub type Core = Endpoint<Server>;

/// The role of a server.
#[derive(Debug)]
pub struct Server {
    config: Config,
    /// The service is deciding whether to let the client in.
    is_deciding: bool,
    streams: NumberMap<StreamId, Stream>,
    /// Streams that have ended and whose events have not all been read, or whose handler is still to finish.
    ended: NumberMap<StreamId, Stream>,
    /// How many of them have a handler that is still to finish.
    finishing: usize,
    /// How many bytes are held for the service.
    received: usize,
    last_id: i32,
    /// Includes requests that the client has given up since.
    incoming: Queue<Incoming>,
    /// When the client has to be connected.
    deadline: Option<Instant>,
    /// New requests are refused, because the server is about to stop.
    is_draining: bool,
}

impl Core {
    /// A connection that has just been accepted.
    pub fn new(config: Config, now: Instant) -> Self {
        let settings = Settings {
            max_frame_len: config.max_frame_len,
            write_queue_limit: config.write_queue_limit,
            reply_queue_limit: config.reply_queue_limit.max(config.write_queue_limit),
            frame_timeout: config.frame_timeout,
        };
        let role = Server {
            config,
            is_deciding: false,
            streams: NumberMap::default(),
            ended: NumberMap::default(),
            finishing: 0,
            received: 0,
            last_id: 0,
            incoming: Queue::default(),
            deadline: now.checked_add(config.handshake_timeout),
            is_draining: false,
        };
        Self::with_role(role, settings, decoder(config.max_connect_len.min(config.max_frame_len)))
    }

    /// What the service has to decide next; `None` after the connection has ended. Requests that arrived before
    /// the client went away come first.
    pub fn poll_incoming(&mut self, cx: &Context<'_>) -> Poll<Option<Incoming>> {
        match self.role.incoming.pop() {
            Some(incoming) => Poll::Ready(Some(incoming)),
            None if self.is_closed() => Poll::Ready(None),
            None => self.output.wait(cx),
        }
    }

    /// Lets the client in.
    pub fn accept(&mut self) {
        if std::mem::take(&mut self.role.is_deciding) {
            self.state = State::Open;
            self.role.deadline = None;
            // The connect message has been taken, and nothing behind it been looked at.
            self.decoder = decoder(self.settings.max_frame_len);
            self.acknowledge(MessageFlags::CONNECTION_ACCEPTED);
        }
    }

    /// Refuses the client, which ends the connection.
    pub fn refuse(&mut self) {
        if std::mem::take(&mut self.role.is_deciding) {
            self.acknowledge(MessageFlags::NONE);
            self.is_told = true;
            self.fail(ConnectionError::Closed);
        }
    }

    fn acknowledge(&mut self, flags: MessageFlags) {
        let head = Outgoing { flags, ..Outgoing::of_connection(MessageType::ConnectAck) };
        self.output.write_control(&head, &[], &[]);
    }

    /// Answers a one-shot request, which ends its stream.
    ///
    /// # Errors
    ///
    /// See [`SendError`]. [`poll_room`](Self::poll_room) waits for room.
    pub fn respond(
        &mut self,
        id: StreamId,
        shape: &'static str,
        payload: impl FnOnce(&mut BytesMut) -> Result<(), json::Error>,
    ) -> Result<(), SendError> {
        self.check_reply(id)?;
        self.send(id, shape, MessageFlags::TERMINATE_STREAM, payload)?;
        self.remove(id);
        Ok(())
    }

    /// Answers a request and leaves its stream open for events.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    pub fn respond_open(
        &mut self,
        id: StreamId,
        shape: &'static str,
        payload: impl FnOnce(&mut BytesMut) -> Result<(), json::Error>,
    ) -> Result<(), SendError> {
        self.check_reply(id)?;
        self.send(id, shape, MessageFlags::NONE, payload)?;
        if let Some(stream) = self.role.streams.get_mut(&id) {
            stream.has_responded = true;
        }
        Ok(())
    }

    /// Sends an event, after the response.
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    pub fn send_event(
        &mut self,
        id: StreamId,
        shape: &'static str,
        payload: impl FnOnce(&mut BytesMut) -> Result<(), json::Error>,
    ) -> Result<(), SendError> {
        debug_assert!(
            self.role.streams.get(&id).is_none_or(|it| it.has_responded),
            "events come after the response"
        );
        if self.role.streams.contains_key(&id) && self.room(QueueLimit::Write).is_none() {
            return Err(SendError::Full);
        }
        self.send(id, shape, MessageFlags::NONE, payload)
    }

    fn check_reply(&self, id: StreamId) -> Result<(), SendError> {
        if !self.role.streams.contains_key(&id) {
            return Err(SendError::Ended);
        }
        if self.room(QueueLimit::Reply).is_none() { Err(SendError::Full) } else { Ok(()) }
    }

    fn send(
        &mut self,
        id: StreamId,
        shape: &'static str,
        flags: MessageFlags,
        payload: impl FnOnce(&mut BytesMut) -> Result<(), json::Error>,
    ) -> Result<(), SendError> {
        if !self.role.streams.contains_key(&id) {
            return Err(SendError::Ended);
        }
        let head = Outgoing {
            flags,
            stream_id: id,
            service_model_type: Some(shape),
            ..Outgoing::of_connection(MessageType::ApplicationMessage)
        };
        self.output
            .write(&head, shape, self.settings.max_frame_len, payload)
            .map_err(SendError::Build)
    }

    /// Sends an error, which ends the stream.
    ///
    /// # Errors
    ///
    /// It is too long: an internal error has been sent in its place.
    pub fn send_error(&mut self, id: StreamId, error: &ErrorMessage) -> Result<(), BuildError> {
        if !self.remove(id) {
            return Ok(());
        }
        let sent = self.write_error(id, error, self.settings.max_frame_len);
        if sent.is_err() {
            self.write_internal_error(id);
        }
        sent
    }

    /// Sends an error without a shape. It is so short that it goes out whatever the limit.
    fn write_internal_error(&mut self, id: StreamId) {
        let sent = self.write_error(id, &(&Unhandled::internal()).into(), usize::MAX);
        debug_assert!(sent.is_ok(), "{sent:?}");
    }

    fn write_error(
        &mut self,
        id: StreamId,
        error: &ErrorMessage,
        max_frame_len: usize,
    ) -> Result<(), BuildError> {
        let head = Outgoing {
            flags: MessageFlags::TERMINATE_STREAM,
            stream_id: id,
            ..Outgoing::of_connection(MessageType::ApplicationError)
        };
        let mut headers =
            vec![Header::new(super::header::CONTENT_TYPE, error.content_type.as_str().into())];
        if let Some(shape) = &error.service_model_type {
            headers.push(Header::new(super::header::SERVICE_MODEL_TYPE, shape.as_str().into()));
        }
        self.output.write_message(&head, &headers, max_frame_len, |dst| {
            dst.extend_from_slice(&error.payload);
            Ok(())
        })
    }

    /// Ends a stream from this side.
    pub fn terminate(&mut self, id: StreamId) {
        if self.remove(id) {
            self.output.wake(log::terminate_sent(id));
            self.output.write_control(&Outgoing::terminate(id), &[], &[]);
        }
    }

    /// Waits until a stream has ended, from whichever side.
    pub fn poll_ended(&mut self, id: StreamId, cx: &Context<'_>) -> Poll<()> {
        match self.role.streams.get_mut(&id) {
            Some(stream) => stream.wait(cx),
            None => Poll::Ready(()),
        }
    }

    /// Takes no new requests, and ends the streams that have had their response.
    pub fn drain(&mut self) {
        self.role.is_draining = true;
        let mut open: Vec<_> = self
            .role
            .streams
            .iter()
            .filter(|(_, it)| it.has_responded)
            .map(|(id, _)| *id)
            .collect();
        open.sort_unstable();
        for id in open {
            self.terminate(id);
        }
        if self.role.streams.is_empty() {
            self.fail(ConnectionError::Closed);
        }
    }

    /// Waits until the connection has ended.
    pub fn poll_closed(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.is_closed() { Poll::Ready(()) } else { self.output.wait_for_end(cx) }
    }

    /// Waits until everything that was queued before the end has been written.
    pub fn poll_finished(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.output.is_finished() { Poll::Ready(()) } else { self.output.wait(cx) }
    }

    /// Whether nothing is being served any more: no stream is open, and no handler is still to finish.
    pub fn is_idle(&self) -> bool {
        self.role.streams.is_empty() && self.role.finishing == 0
    }

    /// Waits until nothing is being served any more.
    pub fn poll_idle(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.is_idle() { Poll::Ready(()) } else { self.output.wait(cx) }
    }
}

impl Behavior for Server {
    const REPORTS_EARLY: bool = true;

    // A client should wait to be let in: what it sends before is not looked at until then. One that does not read
    // what it asked for is not read from either.
    fn wants_input(core: &Core) -> bool {
        match core.state {
            State::Open => core.room(QueueLimit::Reply).is_some(),
            _ => !core.role.is_deciding,
        }
    }

    fn receive_handshake(
        core: &mut Core,
        message: &RpcMessage,
        _: Instant,
    ) -> Result<(), ProtocolViolation> {
        core.receive_connect(message)
    }

    fn receive_control(core: &mut Core, message: &RpcMessage) -> Result<(), ProtocolViolation> {
        core.receive_control(message)
    }

    fn receive_application(core: &mut Core, message: RpcMessage) -> Result<(), ProtocolViolation> {
        core.receive_application(message)
    }

    fn fail(core: &mut Core, error: ConnectionError) {
        if core.is_closed() {
            return;
        }
        let was_open = matches!(core.state, State::Open);
        // What arrived before the client went away is still served.
        let is_ours = matches!(error, ConnectionError::Closed | ConnectionError::RuntimeStopped);
        core.state = State::Closed(error);
        for (id, stream) in std::mem::take(&mut core.role.streams) {
            core.retire(id, stream);
        }
        if is_ours || !was_open {
            core.drop_incoming();
        }
        core.role.deadline = None;
        core.role.is_deciding = false;
        core.frame_timer = None;
        core.output.wake_all();
        core.output.wake_driver();
    }

    fn next_deadline(core: &Core) -> Option<Instant> {
        core.role.deadline
    }

    fn expire_deadlines(core: &mut Core, now: Instant) {
        if core.role.deadline.is_some_and(|it| it <= now) {
            core.fail(ConnectionError::Protocol("no connect message in time"));
        }
    }

    fn closing_grace(core: &Core) -> Option<Duration> {
        use ConnectionError::{ClosedByPeer, Io, RuntimeStopped};
        match core.state {
            State::Closed(ClosedByPeer | Io(_) | RuntimeStopped) => None,
            _ if core.is_told => Some(CLOSING_GRACE),
            _ => Some(Duration::ZERO),
        }
    }
}

fn decoder(max_message_len: usize) -> Decoder {
    Decoder::with_limits(Limits::DEFAULT.with_max_message_len(max_message_len))
}
