//! The protocol state of a server's connection.
//!
//! The input of a [`Core`] are the bytes that arrive and the responses, events and errors of the service; its output
//! are the bytes to send, and what the service has to handle: the connect message and each new request. Payloads are
//! not interpreted.
//!
//! It is as strict with clients as the library under the Java nucleus, with one exception: a message without
//! `operation` on a stream that has ended is ignored, because a client that sends events cannot know yet that the
//! server has ended the stream.

mod config;
mod receive;
mod stream;

use std::{
    task::{Context, Poll},
    time::{Duration, Instant},
};

use super::{
    Endpoint, JSON, MessageFlags, MessageType, Outgoing, Payload, RpcMessage, SendError, StreamId,
    endpoint::{Settings, State},
    header,
    numbers::NumberMap,
    queue::Queue,
    waiting::{QueueLimit, Until},
};
use crate::{
    error::{BuildError, ConnectionError, Unhandled},
    frame::{Decoder, Header, Limits},
};

pub use config::Config;
pub use stream::Phase;
use stream::Stream;

/// How long a client has to close the connection itself after a message that ends it: a refusal, or a report of what it
/// did wrong.
///
/// The official SDKs close when they have read the message. If the socket has been closed by then, they report that
/// instead.
const CLOSING_GRACE: Duration = Duration::from_secs(1);

/// The kind of a message from the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The only response, which ends the stream.
    Response,
    /// A response that leaves the stream open for events.
    OpenResponse,
    /// An event, after the response.
    Event,
}

/// The server's end of a connection.
pub type Core = Endpoint<Server>;

/// The role of a server.
#[derive(Debug, Default)]
pub struct Server {
    config: Config,
    /// The service is deciding whether to accept the client.
    is_deciding: bool,
    /// The open streams, and streams that have ended while events wait to be read or a handler is still running.
    streams: NumberMap<StreamId, Stream>,
    /// How many bytes are held for the service.
    received: usize,
    last_id: i32,
    /// The connect message or new requests, also those whose stream has been ended by the client.
    incoming: Queue<RpcMessage>,
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
        let role = Server { config, ..Server::default() };
        let decoder = decoder(config.max_connect_len.min(config.max_frame_len));
        let mut core = Self::with_role(role, settings, decoder);
        core.deadline = now.checked_add(config.handshake_timeout);
        core
    }

    /// The next message for the service: the client's connect message, which [`accept`](Self::accept) or
    /// [`refuse`](Self::refuse) answers, then the request of each new stream. `None` after the connection has ended;
    /// requests that arrived before the client closed it come first.
    pub fn poll_incoming(&mut self, cx: &Context<'_>) -> Poll<Option<RpcMessage>> {
        match self.role.incoming.pop() {
            Some(incoming) => Poll::Ready(Some(incoming)),
            None if self.is_closed() => Poll::Ready(None),
            None => self.output.waiting.wait(Until::Change, cx),
        }
    }

    /// Accepts the client.
    pub fn accept(&mut self) {
        if std::mem::take(&mut self.role.is_deciding) {
            self.state = State::Open;
            self.deadline = None;
            // Nothing after the connect message has been decoded yet.
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

    /// Answers a request; `payload` appends the payload to the buffer.
    ///
    /// # Errors
    ///
    /// See [`SendError`]. [`poll_room`](Self::poll_room) waits for room.
    pub fn send(
        &mut self,
        id: StreamId,
        answer: Answer,
        shape: &'static str,
        payload: impl Payload,
    ) -> Result<(), SendError> {
        let stream = self.open_stream(id).ok_or(SendError::StreamEnded)?;
        let is_event = answer == Answer::Event;
        debug_assert!(stream.has_responded || !is_event, "events follow the response");
        let limit = if is_event { QueueLimit::Write } else { QueueLimit::Reply };
        self.check_room(limit)?;
        let mut head = Outgoing::of_stream(id, shape);
        if answer == Answer::Response {
            head.flags = MessageFlags::TERMINATE_STREAM;
        }
        self.send_message(&head, payload)?;
        if answer == Answer::Response {
            self.remove(id);
        } else if let Some(stream) = self.open_stream(id) {
            stream.has_responded = true;
        }
        Ok(())
    }

    /// Sends an error, which ends the stream.
    ///
    /// # Errors
    ///
    /// The error is too long: an internal error has been sent in its place.
    pub fn send_error(&mut self, id: StreamId, error: &Unhandled) -> Result<(), BuildError> {
        if !self.remove(id) {
            return Ok(());
        }
        let sent = self.write_error(id, error, self.settings.max_frame_len);
        if sent.is_err() {
            self.write_internal_error(id);
        }
        sent
    }

    /// Sends an error without a shape, which is short, without regard to limits.
    fn write_internal_error(&mut self, id: StreamId) {
        let sent = self.write_error(id, &Unhandled::internal(), usize::MAX);
        debug_assert!(sent.is_ok(), "{sent:?}");
    }

    fn write_error(
        &mut self,
        id: StreamId,
        error: &Unhandled,
        max_frame_len: usize,
    ) -> Result<(), BuildError> {
        let head =
            Outgoing { message_type: MessageType::ApplicationError, ..Outgoing::terminate(id) };
        let content_type = error.content_type().unwrap_or(JSON);
        let mut headers = vec![Header::new(header::CONTENT_TYPE, content_type.into())];
        let shape = error.shape_id();
        headers.extend(shape.map(|it| Header::new(header::SERVICE_MODEL_TYPE, it.into())));
        self.output.write(&head, &headers, max_frame_len, |frame| {
            frame.payload(error.payload());
            Ok(())
        })
    }

    /// Ends a stream from this side.
    pub fn terminate(&mut self, id: StreamId) {
        if self.remove(id) {
            self.send_terminate(id);
        }
    }

    /// Waits until a stream has ended, from either side.
    pub fn poll_ended(&mut self, id: StreamId, cx: &Context<'_>) -> Poll<()> {
        match self.open_stream(id) {
            Some(stream) => stream.wait(cx),
            None => Poll::Ready(()),
        }
    }

    /// Refuses new requests from now on, and ends the streams that have had their response.
    pub fn drain(&mut self) {
        self.role.is_draining = true;
        for id in self.ids(|it| it.is_open && it.has_responded) {
            self.terminate(id);
        }
        if !self.role.streams.values().any(|it| it.is_open) {
            self.fail(ConnectionError::Closed);
        }
    }

    /// Waits until everything that was queued before the end has been written.
    pub fn poll_finished(&mut self, cx: &Context<'_>) -> Poll<()> {
        let is_finished = self.output.is_finished;
        if is_finished { Poll::Ready(()) } else { self.output.waiting.wait(Until::Change, cx) }
    }

    /// Whether no stream is open and no handler is running.
    pub fn is_idle(&self) -> bool {
        !self.role.streams.values().any(|it| it.is_open || it.has_handler)
    }

    /// Waits until no stream is open and no handler is running.
    pub fn poll_idle(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.is_idle() { Poll::Ready(()) } else { self.output.waiting.wait(Until::Change, cx) }
    }
}

fn decoder(max_message_len: usize) -> Decoder {
    Decoder::with_limits(Limits::DEFAULT.with_max_message_len(max_message_len))
}
