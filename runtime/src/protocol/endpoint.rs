//! What both sides of a connection have in common.

use std::{
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::BytesMut;

use super::{
    MessageType, Outgoing, ProtocolViolation, Role, RpcMessage, SendTurn, StreamId, Wakers,
    frame_timer::FrameTimer, log, output::Output, role::Received, waiting::QueueLimit,
};
use crate::{
    error::{BuildError, ConnectionError, DecodeError},
    frame::{Decoder, Frame},
    json,
};

/// One side of a connection, as a value: [`client::Core`](super::client::Core) or
/// [`server::Core`](super::server::Core).
///
/// A driver moves bytes between it and a socket. It gives what has arrived to [`receive`](Self::receive) while
/// [`wants_input`](Self::wants_input), writes what [`take_output`](Self::take_output) gives and says so with
/// [`wrote`](Self::wrote), and calls [`expire`](Self::expire) when the [deadline](Self::next_deadline) has passed.
/// [`set_driver`](Self::set_driver) says how to wake it. After each use, [`take_woken`](Self::take_woken) gives the
/// wakers to call. When the connection [has ended](Self::ended) and the socket is closed, the driver calls
/// [`finish`](Self::finish).
#[derive(Debug)]
pub struct Endpoint<R> {
    pub(super) role: R,
    pub(super) state: State,
    pub(super) decoder: Decoder,
    pub(super) output: Output,
    pub(super) settings: Settings,
    /// Runs while a message has arrived in part.
    pub(super) frame_timer: Option<FrameTimer>,
    /// When the timer of the driver runs out.
    timer: Option<Instant>,
    /// The last message tells the other side why the connection ends.
    pub(super) is_told: bool,
}

/// Appends a payload to a buffer.
pub trait Payload: FnOnce(&mut BytesMut) -> Result<(), json::Error> {}

impl<F: FnOnce(&mut BytesMut) -> Result<(), json::Error>> Payload for F {}

/// Why a message was not sent. Nothing of it has been queued then.
#[derive(Debug)]
pub enum SendError {
    /// Too much is waiting to be written already, or messages wait for the end of an outage. Try again when
    /// woken.
    Full,
    /// The connection is not open.
    Closed(ConnectionError),
    /// The stream has ended.
    StreamEnded,
    /// The message cannot be encoded.
    Build(BuildError),
}

#[derive(Debug)]
pub(super) enum State {
    /// The handshake is not over.
    Connecting,
    Open,
    /// The connection is lost, and a client may bring it back.
    Down(ConnectionError),
    /// Everything that was open has been told, and this is the end.
    Closed(ConnectionError),
}

/// The limits that both roles have.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) max_frame_len: usize,
    pub(super) write_queue_limit: usize,
    pub(super) reply_queue_limit: usize,
    pub(super) frame_timeout: Duration,
}

impl<R: Role> Endpoint<R> {
    pub(super) fn with_role(role: R, settings: Settings, decoder: Decoder) -> Self {
        Self {
            role,
            state: State::Connecting,
            decoder,
            output: Output::default(),
            settings,
            frame_timer: None,
            timer: None,
            is_told: false,
        }
    }

    /// Takes the whole messages off the front of what has arrived; gives how many.
    pub fn receive(&mut self, input: &mut BytesMut, now: Instant) -> usize {
        let buffer_len = input.capacity();
        self.receive_in(input, buffer_len, now)
    }

    /// As [`receive`](Self::receive), for a driver that knows how long the buffer is that `input` is a part of, in
    /// bytes: messages that are small against it are copied, so that they do not keep all of it alive.
    pub fn receive_in(&mut self, input: &mut BytesMut, buffer_len: usize, now: Instant) -> usize {
        let mut received = 0;
        R::start_receiving(self);
        while self.wants_input() {
            match self.decoder.decode_frame_in(input, buffer_len) {
                Ok(Some(frame)) => {
                    received += 1;
                    self.receive_frame(frame, now);
                }
                Ok(None) => break,
                // As the library under the official SDKs: after bad framing nothing can be said that would be
                // understood for certain, bad headers in a good frame are reported.
                Err(error @ DecodeError::Headers(_)) => {
                    let rule = "a header cannot be read";
                    self.reject(MessageType::InternalError, rule, error.into());
                }
                Err(error) => self.fail(error.into()),
            }
        }
        if let State::Open = self.state {
            // What is not looked at may be whole.
            let is_partial = !input.is_empty() && self.wants_input();
            let timeout = self.settings.frame_timeout;
            self.frame_timer =
                FrameTimer::after(self.frame_timer, received > 0, is_partial, now, timeout);
        }
        received
    }

    fn receive_frame(&mut self, frame: Frame, now: Instant) {
        let received = RpcMessage::read(frame).and_then(|it| self.receive_message(it, now));
        if let Err(ProtocolViolation(rule)) = received {
            self.reject(MessageType::ProtocolError, rule, ConnectionError::Protocol(rule));
        }
    }

    fn receive_message(&mut self, message: RpcMessage, now: Instant) -> Received {
        let is_application = matches!(
            message.message_type,
            MessageType::ApplicationMessage | MessageType::ApplicationError
        );
        match self.state {
            State::Connecting => R::receive_handshake(self, message, now),
            State::Open => match (message.stream_id, is_application) {
                (StreamId::CONNECTION, false) => R::receive_control(self, &message),
                (StreamId::CONNECTION, true) => {
                    Err(ProtocolViolation("an application message on stream 0"))
                }
                (_, true) => R::receive_application(self, message),
                (_, false) => Err(ProtocolViolation("a message of the connection on a stream")),
            },
            State::Down(_) | State::Closed(_) => Ok(()),
        }
    }

    /// Ends the connection because of what the other side did wrong, and tells it.
    pub(super) fn reject(&mut self, message_type: MessageType, rule: &str, error: ConnectionError) {
        // Before the acknowledgement a client sends nothing but its connect message.
        let is_reported = R::REPORTS_EARLY || matches!(self.state, State::Open);
        self.fail(error);
        if is_reported {
            self.output.report(message_type, rule);
            self.is_told = true;
        }
    }

    /// Answers as the Java nucleus does: the same payload, and the headers that are not the protocol's.
    pub(super) fn answer_ping(&mut self, ping: &RpcMessage) {
        let head = Outgoing::of_connection(MessageType::PingResponse);
        self.output.write_control(&head, &ping.own_headers(), ping.payload());
    }

    /// Queues an application message.
    pub(super) fn send_message(
        &mut self,
        head: &Outgoing,
        payload: impl Payload,
    ) -> Result<(), SendError> {
        let shape = head.service_model_type.unwrap_or_default();
        let payload = |dst: &mut BytesMut| {
            payload(dst).map_err(|source| BuildError::Serialize { shape_id: shape, source })
        };
        self.output.write(head, &[], self.settings.max_frame_len, payload).map_err(SendError::Build)
    }

    /// Tells the other side that a stream has ended.
    pub(super) fn send_terminate(&mut self, id: StreamId) {
        self.output.wake(log::trace(id, "terminate sent"));
        self.output.write_control(&Outgoing::terminate(id), &[], &[]);
    }

    /// How many more bytes than `input` holds the message at its front needs, as far as that is known.
    pub fn missing(&self, input: &BytesMut) -> usize {
        self.decoder.missing(input)
    }

    /// Whether the driver should read.
    pub fn wants_input(&self) -> bool {
        !self.is_closed() && R::wants_input(self)
    }

    /// Ends the connection: everything that is open ends with this error, at once.
    pub fn fail(&mut self, error: ConnectionError) {
        R::fail(self, error);
    }

    /// Why the connection has ended, once it has. What is still to be written may then be written.
    pub fn ended(&self) -> Option<&ConnectionError> {
        match &self.state {
            State::Down(error) | State::Closed(error) => Some(error),
            State::Connecting | State::Open => None,
        }
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.ended().is_some()
    }

    /// Once the connection has ended and everything has been written: how long the other side has to close it first.
    /// Meanwhile, and until it closes, the driver reads and discards what arrives: a socket that is closed while the
    /// other side writes to it may lose what was written last. `None`: the driver closes at once.
    pub fn closing_grace(&self) -> Option<Duration> {
        R::closing_grace(self)
    }

    /// When [`expire`](Self::expire) has something to do, at the earliest.
    pub fn next_deadline(&self) -> Option<Instant> {
        [R::next_deadline(self), self.frame_deadline()].into_iter().flatten().min()
    }

    /// When [`expire_frame`](Self::expire_frame) has something to do.
    pub fn frame_deadline(&self) -> Option<Instant> {
        self.frame_timer.as_ref().map(FrameTimer::due)
    }

    /// Ends everything that is due, after a read that found nothing:
    /// [`expire_deadlines`](Self::expire_deadlines) and [`expire_frame`](Self::expire_frame).
    pub fn expire(&mut self, now: Instant) {
        self.expire_deadlines(now);
        self.expire_frame(now);
    }

    /// Ends what is due except for a message that is late. It may be called at any time.
    pub fn expire_deadlines(&mut self, now: Instant) {
        R::expire_deadlines(self, now);
    }

    /// Counts the time since the first byte of a message that is not complete, and ends the connection after
    /// `frame_timeout`. Call it after a read that found nothing: unread bytes may be the rest of the message. The time
    /// between two calls counts at most as a sixteenth of `frame_timeout`.
    pub fn expire_frame(&mut self, now: Instant) {
        if self.frame_timer.as_mut().is_some_and(|it| it.is_over(now)) {
            self.fail(ConnectionError::FrameTimeout { after: self.settings.frame_timeout });
        }
    }

    /// Moves the frames that are to be written to `dst`, which must be empty.
    pub fn take_output(&mut self, dst: &mut BytesMut) {
        let can_send = self.room(QueueLimit::Write).is_some();
        self.output.take(dst, can_send);
    }

    /// That many bytes of what was taken have been written.
    pub fn wrote(&mut self, bytes: usize) {
        let was_congested = self.room(QueueLimit::Reply).is_none();
        self.output.wrote(bytes);
        if self.output.has_senders() {
            for limit in [QueueLimit::Write, QueueLimit::Reply] {
                if let Some(room) = self.room(limit) {
                    self.output.wake_senders(limit, room);
                }
            }
        }
        if was_congested && self.room(QueueLimit::Reply).is_some() {
            // A server reads again.
            self.output.wake_driver();
        }
    }

    /// What can be written at once by the caller that has just queued it, so that the driver need not be woken.
    /// Empty if it is better to leave it to the driver.
    pub fn direct_output(&self) -> &[u8] {
        let output = self.output.direct();
        if !output.is_empty() && R::writes_directly(self) { output } else { &[] }
    }

    /// That many bytes of it have been written. The driver takes the rest.
    pub fn wrote_directly(&mut self, bytes: usize) {
        self.output.wrote_directly(bytes);
        self.wrote(bytes);
    }

    /// When the timer of the driver runs out, if it is set.
    pub fn set_timer(&mut self, at: Option<Instant>) {
        self.timer = at;
    }

    /// Whether the driver comes before the next deadline without being woken.
    pub(super) fn is_timed(&self) -> bool {
        match (self.next_deadline(), self.timer) {
            (None, _) => true,
            (Some(deadline), timer) => timer.is_some_and(|it| it <= deadline),
        }
    }

    /// The socket is closed: what has not been written will not be.
    pub fn finish(&mut self) {
        self.output.finish();
    }

    /// Sets the waker that is called when there is something for the driver to do.
    pub fn set_driver(&mut self, cx: &Context<'_>) {
        self.output.set_driver(cx);
    }

    /// A future that waited with this waker has been dropped.
    pub fn release(&mut self, waker: &Waker) {
        self.output.release(waker);
    }

    /// The tasks to be woken because of what was done; to be called after the lock is released.
    pub fn take_woken(&mut self) -> Wakers {
        self.output.take_woken()
    }

    /// How many bytes more may be queued, if a message can be sent: one that is larger than the limit by itself
    /// goes out alone.
    pub(super) fn room(&self, limit: QueueLimit) -> Option<u64> {
        if !matches!(self.state, State::Open) || !self.role.can_send() {
            return None;
        }
        let limit = match limit {
            QueueLimit::Write => self.settings.write_queue_limit,
            QueueLimit::Reply => self.settings.reply_queue_limit,
        };
        (limit as u64).checked_sub(self.output.waiting_bytes())
    }

    /// Whether a message that cannot be sent now may be sent later.
    pub(super) fn waits_for_room(&self) -> bool {
        match self.state {
            State::Open => true,
            State::Connecting | State::Down(_) => self.role.waits_for_open(),
            State::Closed(_) => false,
        }
    }

    /// Waits until there is room to send and earlier senders have sent. [`leave`](Self::leave) has to follow in any
    /// case.
    pub fn poll_room(&mut self, turn: &mut SendTurn, cx: &Context<'_>) -> Poll<()> {
        let has_room = self.room(turn.limit).is_some();
        if !has_room && !self.waits_for_room() {
            // There is nothing to wait for.
            return Poll::Ready(());
        }
        self.output.senders[turn.limit as usize].poll(turn, has_room, cx)
    }

    /// Leaves the queue of senders.
    pub fn leave(&mut self, turn: &mut SendTurn) {
        let has_room = self.room(turn.limit).is_some();
        self.output.leave(turn, has_room);
    }
}
