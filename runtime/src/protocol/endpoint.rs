//! The protocol state of a connection, and what both roles have in common.

use std::{
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::BytesMut;

use super::{
    MessageType, Outgoing, ProtocolViolation, Role, RpcMessage, SendTurn, StreamId, Wakers,
    frame_timer::FrameTimer,
    log,
    output::Output,
    role::Received,
    waiting::{QueueLimit, Until},
};
use crate::{
    error::{BuildError, ConnectionError, DecodeError},
    frame::{Decoder, Frame},
    json,
};

/// The protocol state of one end of a connection: [`client::Core`](super::client::Core) or
/// [`server::Core`](super::server::Core).
///
/// A driver moves bytes between it and a socket:
///
/// - It reads while [`wants_input`](Self::wants_input) and passes the bytes to [`receive`](Self::receive).
/// - It writes the bytes of [`take_output`](Self::take_output) and reports them to [`wrote`](Self::wrote).
/// - It calls [`expire`](Self::expire) when the [deadline](Self::next_deadline) has passed.
/// - It is woken by the waker that it gave to [`set_driver`](Self::set_driver).
/// - When the connection [has ended](Self::ended) and the socket is closed, it calls [`finish`](Self::finish).
///
/// After each use, the wakers of [`take_woken`](Self::take_woken) have to be called.
#[derive(Debug)]
pub struct Endpoint<R> {
    pub(super) role: R,
    pub(super) state: State,
    pub(super) decoder: Decoder,
    pub(super) output: Output,
    pub(super) settings: Settings,
    /// Nothing of the role is due before.
    pub(super) deadline: Option<Instant>,
    /// Runs while a message has arrived in part.
    pub(super) frame_timer: Option<FrameTimer>,
    /// When the timer of the driver expires.
    timer: Option<Instant>,
    /// The last message tells the peer why the connection ends.
    pub(super) is_told: bool,
}

/// Appends a payload to a buffer.
pub trait Payload: FnOnce(&mut BytesMut) -> Result<(), json::Error> {}

impl<F: FnOnce(&mut BytesMut) -> Result<(), json::Error>> Payload for F {}

/// Why a message was not sent. Nothing of it has been queued.
#[derive(Debug)]
pub enum SendError {
    /// The queue is full, or messages wait for the end of an outage. Try again when woken.
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
    /// A client has lost the connection and may reconnect.
    Down(ConnectionError),
    /// The connection has ended permanently.
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
            deadline: None,
            frame_timer: None,
            timer: None,
            is_told: false,
        }
    }

    /// Removes the complete messages from the front of `input` and handles them; returns how many.
    pub fn receive(&mut self, input: &mut BytesMut, now: Instant) -> usize {
        self.receive_in(input, usize::MAX, now)
    }

    /// As [`receive`](Self::receive), for a driver that knows the length in bytes of the buffer that `input` is a part of:
    /// large messages share its memory, others are copied and do not keep it alive.
    pub fn receive_in(&mut self, input: &mut BytesMut, buffer_len: usize, now: Instant) -> usize {
        let mut received = 0;
        R::start_receiving(self);
        while self.wants_input() {
            match self.decoder.decode_in(input, buffer_len) {
                Ok(Some(frame)) => {
                    received += 1;
                    self.receive_frame(frame, now);
                }
                Ok(None) => break,
                // As the library under the official SDKs: bad headers in a good frame are reported; after bad framing
                // the peer may not understand a report.
                Err(error @ DecodeError::Headers(_)) => {
                    let rule = "a header cannot be read";
                    self.reject(MessageType::InternalError, rule, error.into());
                }
                Err(error) => self.fail(error.into()),
            }
        }
        if let State::Open = self.state {
            // Bytes that have not been decoded may be a complete message.
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

    /// Ends the connection because of an error of the peer, and reports it to the peer.
    pub(super) fn reject(&mut self, message_type: MessageType, rule: &str, error: ConnectionError) {
        // Before the acknowledgement a client sends its connect message only.
        let is_reported = R::REPORTS_EARLY || matches!(self.state, State::Open);
        self.fail(error);
        if is_reported {
            self.output.report(message_type, rule);
            self.is_told = true;
        }
    }

    /// Answers as the Java nucleus does: with the same payload, and the headers that do not belong to the protocol.
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
        let sent = self.output.write(head, &[], self.settings.max_frame_len, |frame| {
            payload(frame.payload_mut())
                .map_err(|source| BuildError::Serialize { shape_id: shape, source })
        });
        sent.map_err(SendError::Build)
    }

    /// Tells the peer that a stream has ended.
    pub(super) fn send_terminate(&mut self, id: StreamId) {
        self.output.wake(log::trace(id, "terminate sent"));
        self.output.write_control(&Outgoing::terminate(id), &[], &[]);
    }

    /// How many bytes of the message at the front of `input` are missing, if its length is known; otherwise 0.
    pub fn missing(&self, input: &BytesMut) -> usize {
        self.decoder.missing(input)
    }

    /// Whether the driver should read.
    pub fn wants_input(&self) -> bool {
        !self.is_closed() && R::wants_input(self)
    }

    /// Ends the connection immediately: all open streams end with this error.
    pub fn fail(&mut self, error: ConnectionError) {
        R::fail(self, error);
    }

    /// Why the connection has ended, once it has. Frames that are still queued may be written afterwards.
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

    /// How long the peer has to close a connection that has ended and on which everything has been written.
    /// `None`: the driver closes immediately.
    ///
    /// Until the peer closes, the driver reads and discards what arrives: if a socket is closed while the peer writes to
    /// it, the peer may lose what was written last.
    pub fn closing_grace(&self) -> Option<Duration> {
        R::closing_grace(self)
    }

    /// Waits until the connection has ended permanently; returns the reason.
    pub fn poll_closed(&mut self, cx: &Context<'_>) -> Poll<ConnectionError> {
        match &self.state {
            State::Closed(error) => Poll::Ready(error.clone()),
            _ => self.output.waiting.wait(Until::End, cx),
        }
    }

    /// The earliest time at which [`expire`](Self::expire) may have something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        [self.deadline, self.frame_deadline()].into_iter().flatten().min()
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

    /// Ends the calls, or the handshake, that are due. It may be called at any time.
    pub fn expire_deadlines(&mut self, now: Instant) {
        if self.deadline.is_some_and(|it| it <= now) {
            R::expire(self, now);
        }
    }

    /// Measures the time since the first byte of an incomplete message, and ends the connection after `frame_timeout`.
    ///
    /// It is called after a read that found nothing, because unread bytes may be the rest of the message. The time between
    /// two calls counts as at most a sixteenth of `frame_timeout`.
    pub fn expire_frame(&mut self, now: Instant) {
        if self.frame_timer.as_mut().is_some_and(|it| it.is_over(now)) {
            self.fail(ConnectionError::FrameTimeout { after: self.settings.frame_timeout });
        }
    }

    /// Moves the queued frames to `dst`, which must be empty.
    pub fn take_output(&mut self, dst: &mut BytesMut) {
        let can_send = self.room(QueueLimit::Write).is_some();
        self.output.take(dst, can_send);
    }

    /// So many bytes of the output have been written.
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
            // A server stops reading while the queue is full; the driver continues it.
            self.output.wake_driver();
        }
    }

    /// Frames that the caller, which has just queued them, may write itself instead of waking the driver. Empty if the
    /// driver should write them.
    pub fn direct_output(&self) -> &[u8] {
        let output = self.output.direct();
        if !output.is_empty() && R::writes_directly(self) { output } else { &[] }
    }

    /// So many bytes of [`direct_output`](Self::direct_output) have been written. The driver writes the rest.
    pub fn wrote_directly(&mut self, bytes: usize) {
        self.output.wrote_directly(bytes);
        self.wrote(bytes);
    }

    /// Sets when the timer of the driver expires, if it has one.
    pub fn set_timer(&mut self, at: Option<Instant>) {
        self.timer = at;
    }

    /// Whether the timer of the driver expires before the next deadline, so that the driver need not be woken.
    pub(super) fn is_timed(&self) -> bool {
        match (self.next_deadline(), self.timer) {
            (None, _) => true,
            (Some(deadline), timer) => timer.is_some_and(|it| it <= deadline),
        }
    }

    /// The socket is closed: frames that have not been written never will be.
    pub fn finish(&mut self) {
        self.output.is_finished = true;
        self.output.wake_all();
    }

    /// Sets the waker that is called when the driver has something to do.
    pub fn set_driver(&mut self, cx: &Context<'_>) {
        match &mut self.output.driver {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.output.driver = Some(cx.waker().clone()),
        }
    }

    /// Forgets a future that waited with this waker. Its task is woken, because it may wait for something else as well.
    pub fn release(&mut self, waker: &Waker) {
        let Output { waiting, woken, .. } = &mut self.output;
        waiting.take_if(|_, it| it.will_wake(waker), woken);
    }

    /// The wakers to call because of the last use; to be called after the lock is released.
    pub fn take_woken(&mut self) -> Wakers {
        self.output.take_woken()
    }

    /// How many more bytes may be queued, or `None` if no message can be sent. The message itself may be longer than that:
    /// one that is larger than the limit is sent alone.
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

    /// Checks whether a message can be sent now.
    pub(super) fn check_room(&self, limit: QueueLimit) -> Result<(), SendError> {
        if self.room(limit).is_some() {
            Ok(())
        } else if self.waits_for_room() {
            Err(SendError::Full)
        } else {
            Err(SendError::Closed(self.not_open()))
        }
    }

    /// Why nothing can be sent on a connection that is not open.
    pub(super) fn not_open(&self) -> ConnectionError {
        match &self.state {
            State::Closed(error) => error.clone(),
            _ => ConnectionError::Reconnecting,
        }
    }

    /// Whether a message that cannot be sent now may be sent later.
    pub(super) fn waits_for_room(&self) -> bool {
        match self.state {
            State::Open => true,
            State::Connecting | State::Down(_) => self.role.waits_for_open(),
            State::Closed(_) => false,
        }
    }

    /// Waits until there is room and earlier senders have sent. Call [`leave`](Self::leave) afterwards in any case.
    pub fn poll_room(&mut self, turn: &mut SendTurn, cx: &Context<'_>) -> Poll<()> {
        let has_room = self.room(turn.limit).is_some();
        if !has_room && !self.waits_for_room() {
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
