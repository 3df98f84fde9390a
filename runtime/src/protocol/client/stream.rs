//! One stream, from its request to its last event.

use std::{
    collections::VecDeque,
    task::{Context, Poll, Waker},
};

use super::{Request, is_pausing};
use crate::{
    client::Overflow,
    error::ConnectionError,
    protocol::{MessageType, RpcMessage, StreamId},
};

/// Names a stream within its connection, whatever its id on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub(super) u64);

/// Why there is no reply.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The connection ended.
    Lost {
        /// Why.
        error: ConnectionError,
        /// Whether the whole request had been written.
        request_written: bool,
    },
    /// Time was up.
    Timeout {
        /// Whether the whole request had been written.
        request_written: bool,
    },
    /// The server ended the stream without a response.
    NoResponse,
}

/// What comes next on a stream that stays open.
#[derive(Clone, Debug)]
pub enum Next {
    /// An event, or an error in its place.
    Message(RpcMessage),
    /// So many events were dropped before the next, because the queue was full.
    Dropped(u64),
    /// The queue was full, and this is the end.
    Lagged {
        /// How many events were not delivered.
        dropped: u64,
        /// The sum of their payloads in bytes.
        bytes: u64,
    },
    /// The connection ended, and with it the stream.
    Lost(ConnectionError),
}

/// How far a stream has got.
#[derive(Debug)]
enum Phase {
    /// No reply yet.
    Waiting,
    /// The reply has come and has not been taken.
    Replied(Box<RpcMessage>),
    /// There will be no reply.
    Failed(Failure),
    /// The reply has been taken.
    Open,
}

#[derive(Debug)]
pub(super) struct Stream {
    /// The id on the wire until either side has ended the stream there.
    pub(super) id: Option<StreamId>,
    /// The id of a stream that this side has ended because its queue was full: what still arrives is
    /// counted.
    pub(super) lagging: Option<StreamId>,
    phase: Phase,
    response_shape: &'static str,
    /// How many bytes of frames there were when the request had been queued.
    request_end: u64,
    is_streaming: bool,
    overflow: Overflow,
    queue_limit: usize,
    queue: VecDeque<RpcMessage>,
    /// The lengths of the queued messages, in bytes.
    queued: usize,
    /// Events dropped since the last that was delivered, and their payloads in bytes.
    dropped: u64,
    dropped_bytes: u64,
    has_lagged: bool,
    lost: Option<ConnectionError>,
    waker: Option<Waker>,
}

/// What the connection has to do about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing.
    None,
    /// The other side has ended the stream.
    Ended,
    /// Tell the other side that the stream has ended.
    Terminate,
    /// The same, because the queue was full; what still comes is to be counted.
    Lag,
    /// Stop reading until there is room.
    Pause,
}

impl Stream {
    pub(super) fn new(id: StreamId, request: &Request<'_>, request_end: u64) -> Self {
        Self {
            id: Some(id),
            lagging: None,
            phase: Phase::Waiting,
            response_shape: request.response_shape,
            request_end,
            is_streaming: request.subscribe.is_some(),
            overflow: request.subscribe.map_or(Overflow::End, |it| it.overflow),
            queue_limit: request.subscribe.map_or(0, |it| it.queue_limit),
            queue: VecDeque::new(),
            queued: 0,
            dropped: 0,
            dropped_bytes: 0,
            has_lagged: false,
            lost: None,
            waker: None,
        }
    }

    /// Takes a message that arrived for the stream.
    pub(super) fn receive(&mut self, message: RpcMessage) -> (Action, Option<Waker>) {
        let is_terminating = message.is_terminating();
        let end = if is_terminating { Action::Ended } else { Action::None };
        if self.lagging.is_some() {
            self.drop_message(&message);
            return (end, None);
        }
        let action = match self.phase {
            Phase::Waiting => self.receive_first(message),
            Phase::Replied(_) | Phase::Open if self.is_streaming => self.receive_event(message),
            // A one-shot operation has its reply, and its stream is on its way out.
            Phase::Replied(_) | Phase::Open | Phase::Failed(_) => Action::None,
        };
        let action = if is_terminating { Action::Ended } else { action };
        (action, self.waker.take())
    }

    fn receive_first(&mut self, message: RpcMessage) -> Action {
        let is_error = message.message_type == MessageType::ApplicationError;
        let shape = message.service_model_type();
        // By its shape where it has one, by its position where it has none.
        let is_response = shape.is_none_or(|it| it == self.response_shape);
        let is_empty = message.payload().is_empty() && shape.is_none() && !is_error;
        if is_empty && message.is_terminating() {
            self.phase = Phase::Failed(Failure::NoResponse);
            return Action::Ended;
        }
        if self.is_streaming && !is_error && !is_response {
            // An event has overtaken the response: some servers start to send before they answer.
            if !message.is_terminating() {
                return self.receive_event(message);
            }
        }
        self.phase = Phase::Replied(Box::new(message));
        // An error ends a stream whether it says so or not, and so does any reply to a one-shot request.
        if is_error || !self.is_streaming { Action::Terminate } else { Action::None }
    }

    fn receive_event(&mut self, message: RpcMessage) -> Action {
        let is_end = message.is_terminating()
            && message.service_model_type().is_none()
            && message.message_type == MessageType::ApplicationMessage;
        if is_end {
            // A payload without a shape says nothing.
            return Action::Ended;
        }
        let len = message.frame_len();
        let is_full = !self.queue.is_empty() && self.queued + len > self.queue_limit;
        match self.overflow {
            Overflow::End if is_full => {
                self.drop_message(&message);
                self.has_lagged = true;
                return Action::Lag;
            }
            Overflow::DropOldest => {
                while !self.queue.is_empty() && self.queued + len > self.queue_limit {
                    self.drop_oldest();
                }
            }
            Overflow::LatestOnly => {
                while !self.queue.is_empty() {
                    self.drop_oldest();
                }
            }
            Overflow::End | Overflow::PauseConnection => {}
        }
        let was_over = self.is_over_limit();
        self.queued += len;
        self.queue.push_back(message);
        match self.pauses() && !was_over && self.is_over_limit() {
            true => Action::Pause,
            false => Action::None,
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.queue.pop_front() {
            self.queued -= oldest.frame_len();
            self.drop_message(&oldest);
        }
    }

    fn drop_message(&mut self, message: &RpcMessage) {
        // The empty message that ends a stream is not an event.
        if !message.payload().is_empty() {
            self.dropped += 1;
            self.dropped_bytes += message.payload().len() as u64;
        }
    }

    pub(super) fn pauses(&self) -> bool {
        is_pausing(self.overflow)
    }

    pub(super) fn is_over_limit(&self) -> bool {
        self.queued > self.queue_limit
    }

    pub(super) fn poll_reply(&mut self, cx: &Context<'_>) -> Poll<Result<RpcMessage, Failure>> {
        match std::mem::replace(&mut self.phase, Phase::Open) {
            Phase::Replied(message) => Poll::Ready(Ok(*message)),
            Phase::Failed(failure) => {
                self.phase = Phase::Failed(failure.clone());
                Poll::Ready(Err(failure))
            }
            Phase::Waiting => {
                self.phase = Phase::Waiting;
                self.wait(cx)
            }
            Phase::Open => Poll::Ready(Err(Failure::NoResponse)),
        }
    }

    pub(super) fn poll_event(&mut self, cx: &Context<'_>) -> Poll<Option<Next>> {
        if self.dropped > 0 && !self.has_lagged {
            return Poll::Ready(Some(Next::Dropped(std::mem::take(&mut self.dropped))));
        }
        if let Some(message) = self.queue.pop_front() {
            self.queued -= message.frame_len();
            return Poll::Ready(Some(Next::Message(message)));
        }
        if std::mem::take(&mut self.has_lagged) {
            let (dropped, bytes) = (self.dropped, self.dropped_bytes);
            self.dropped = 0;
            return Poll::Ready(Some(Next::Lagged { dropped, bytes }));
        }
        if let Some(error) = self.lost.take() {
            return Poll::Ready(Some(Next::Lost(error)));
        }
        if self.id.is_none() { Poll::Ready(None) } else { self.wait(cx) }
    }

    /// The owner wants no more events.
    pub(super) fn close(&mut self) -> Option<Waker> {
        self.queue.clear();
        self.queued = 0;
        self.dropped = 0;
        self.has_lagged = false;
        self.lost = None;
        self.waker.take()
    }

    /// The connection has ended.
    pub(super) fn lose(&mut self, error: &ConnectionError, written: u64) -> Option<Waker> {
        let was_open = self.id.take().is_some();
        self.lagging = None;
        match self.phase {
            Phase::Waiting => {
                let request_written = self.request_end <= written;
                self.phase = Phase::Failed(Failure::Lost { error: error.clone(), request_written });
            }
            Phase::Replied(_) | Phase::Open if was_open && self.is_streaming => {
                self.lost = Some(error.clone());
            }
            _ => {}
        }
        self.waker.take()
    }

    /// Time is up; `None` if the reply has come.
    pub(super) fn expire(&mut self, written: u64) -> Option<Option<Waker>> {
        let Phase::Waiting = self.phase else { return None };
        self.phase =
            Phase::Failed(Failure::Timeout { request_written: self.request_end <= written });
        Some(self.waker.take())
    }

    fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        match &mut self.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}
