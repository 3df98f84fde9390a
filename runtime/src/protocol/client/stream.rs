//! One stream, from its request to its last event.

use std::{
    task::{Context, Poll, Waker},
    time::Instant,
};

use bytes::Bytes;

use super::{
    Request,
    queue::{Item, Queue},
};
use crate::{
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
        /// Whether the request had been handed to the socket.
        request_written: bool,
    },
    /// Time was up.
    Timeout,
    /// The server ended the stream without a response.
    NoResponse,
    /// Events overtook the response, and their queue was full before it came.
    Lagged {
        /// How many events have arrived and are not delivered.
        dropped: u64,
        /// The sum of their payloads in bytes.
        bytes: u64,
    },
}

/// What comes next on a stream that stays open.
#[derive(Clone, Debug)]
pub enum Next {
    /// An event, or an error in its place.
    Message(RpcMessage),
    /// So many events were dropped before the next, because the queue was full.
    Dropped(u64),
    /// The connection was lost; it may come back.
    Disconnected,
    /// The connection is back, and the server has accepted the request again.
    Resubscribed,
    /// The queue was full, and this is the end.
    Lagged {
        /// How many events have arrived and are not delivered.
        dropped: u64,
        /// The sum of their payloads in bytes.
        bytes: u64,
    },
    /// The stream ended for a reason of its own: the connection is gone, or the request was not answered
    /// when it was sent again.
    Failed(Failure),
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

/// How far a stream has got that is opened again after an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reopening {
    No,
    /// The request is on its way.
    Waiting,
    /// An event has overtaken the response.
    Overtaken,
}

/// What it takes to open a stream again.
#[derive(Clone)]
pub(super) struct Reopen {
    pub(super) operation: &'static str,
    pub(super) request_shape: &'static str,
    pub(super) payload: Bytes,
}

impl std::fmt::Debug for Reopen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The request may be secret.
        f.debug_struct("Reopen").field("operation", &self.operation).finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(super) struct Stream {
    /// The id on the wire until either side has ended the stream there.
    pub(super) id: Option<StreamId>,
    /// The id of a stream that this side has ended because its queue was full: what still arrives is
    /// counted.
    pub(super) lagging: Option<StreamId>,
    /// How to open it again after an outage, if it is one that can be.
    pub(super) reopen: Option<Reopen>,
    reopening: Reopening,
    /// When to give up waiting for the answer to its request.
    pub(super) deadline: Option<Instant>,
    /// The connection is down, and the stream waits for it.
    is_down: bool,
    phase: Phase,
    response_shape: &'static str,
    /// How many bytes of frames there were when the request had been queued.
    request_end: u64,
    pub(super) is_streaming: bool,
    queue: Queue,
    failed: Option<Failure>,
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
}

impl Stream {
    pub(super) fn new(
        id: StreamId,
        request: &Request<'_>,
        request_end: u64,
        reopen: Option<Reopen>,
    ) -> Self {
        Self {
            id: Some(id),
            lagging: None,
            reopen,
            reopening: Reopening::No,
            deadline: request.deadline,
            is_down: false,
            phase: Phase::Waiting,
            response_shape: request.response_shape,
            request_end,
            is_streaming: request.subscribe.is_some(),
            queue: Queue::new(request.subscribe),
            failed: None,
            waker: None,
        }
    }

    /// Takes a message that arrived for the stream.
    pub(super) fn receive(&mut self, message: RpcMessage) -> (Action, Option<Waker>) {
        let is_terminating = message.is_terminating();
        if self.lagging.is_some() {
            self.queue.count_message(&message);
            return (if is_terminating { Action::Ended } else { Action::None }, None);
        }
        let action = match self.phase {
            Phase::Waiting => self.receive_first(message),
            Phase::Replied(_) | Phase::Open if self.reopening != Reopening::No => {
                self.receive_again(message)
            }
            Phase::Replied(_) | Phase::Open if self.is_streaming => self.receive_event(message),
            // A one-shot operation has its reply, and its stream is on its way out.
            Phase::Replied(_) | Phase::Open | Phase::Failed(_) => Action::None,
        };
        let action = if is_terminating { Action::Ended } else { action };
        (action, self.waker.take())
    }

    fn receive_first(&mut self, message: RpcMessage) -> Action {
        if is_bare_end(&message) {
            self.phase = Phase::Failed(Failure::NoResponse);
            return Action::Ended;
        }
        if self.is_streaming && self.has_overtaken(&message) {
            return self.receive_event(message);
        }
        let is_error = message.message_type == MessageType::ApplicationError;
        self.phase = Phase::Replied(Box::new(message));
        // An error ends a stream whether it says so or not, and so does any reply to a one-shot request.
        if is_error || !self.is_streaming { Action::Terminate } else { Action::None }
    }

    /// Whether it is an event that arrives before the response: some servers start to send before they
    /// answer. A message is told by its shape where it has one, by its position where it has none.
    fn has_overtaken(&self, message: &RpcMessage) -> bool {
        message.message_type == MessageType::ApplicationMessage
            && !message.is_terminating()
            && message.has_shape(self.response_shape) == Some(false)
    }

    /// Takes the answer to a request that was sent again.
    fn receive_again(&mut self, message: RpcMessage) -> Action {
        if is_bare_end(&message) {
            self.failed = Some(Failure::NoResponse);
            return Action::Ended;
        }
        if message.message_type == MessageType::ApplicationError {
            self.reopening = Reopening::No;
            self.queue.push_last(message);
            return Action::Terminate;
        }
        if self.reopening == Reopening::Waiting {
            self.queue.push_resubscribed();
        }
        if self.has_overtaken(&message) {
            self.reopening = Reopening::Overtaken;
            return self.receive_event(message);
        }
        self.reopening = Reopening::No;
        Action::None
    }

    fn receive_event(&mut self, message: RpcMessage) -> Action {
        let is_end = message.is_terminating()
            && message.service_model_type().is_none()
            && message.message_type == MessageType::ApplicationMessage;
        if is_end {
            // A payload without a shape says nothing.
            return Action::Ended;
        }
        if self.queue.push(message) {
            return Action::None;
        }
        // There is no answer to wait for any more.
        self.reopening = Reopening::No;
        if let Phase::Waiting = self.phase {
            let (dropped, bytes) = self.queue.give_up();
            self.phase = Phase::Failed(Failure::Lagged { dropped, bytes });
        }
        Action::Lag
    }

    /// Whether the response to its request is still to come.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Waiting) || self.reopening != Reopening::No
    }

    /// Whether it is a call that the other side has ended, and nobody waits for it.
    pub(super) fn is_over(&self) -> bool {
        !self.is_streaming && self.id.is_none() && self.waker.is_none()
    }

    pub(super) fn poll_reply(&mut self, cx: &Context<'_>) -> Poll<Result<RpcMessage, Failure>> {
        if let Phase::Waiting = self.phase {
            return self.wait(cx);
        }
        match std::mem::replace(&mut self.phase, Phase::Open) {
            Phase::Replied(message) => Poll::Ready(Ok(*message)),
            Phase::Failed(failure) => {
                self.phase = Phase::Failed(failure.clone());
                Poll::Ready(Err(failure))
            }
            Phase::Waiting | Phase::Open => Poll::Ready(Err(Failure::NoResponse)),
        }
    }

    pub(super) fn poll_event(&mut self, cx: &Context<'_>) -> Poll<Option<Next>> {
        if let Some(count) = self.queue.take_dropped() {
            return Poll::Ready(Some(Next::Dropped(count)));
        }
        if let Some(item) = self.queue.pop() {
            return Poll::Ready(Some(match item {
                Item::Message(message) => Next::Message(message),
                Item::Disconnected => Next::Disconnected,
                Item::Resubscribed => Next::Resubscribed,
            }));
        }
        if let Some((dropped, bytes)) = self.queue.take_lag() {
            return Poll::Ready(Some(Next::Lagged { dropped, bytes }));
        }
        if let Some(failure) = self.failed.take() {
            return Poll::Ready(Some(Next::Failed(failure)));
        }
        if self.id.is_none() && !self.is_down { Poll::Ready(None) } else { self.wait(cx) }
    }

    /// The owner wants no more events.
    pub(super) fn close(&mut self) -> Option<Waker> {
        self.queue.clear();
        self.failed = None;
        self.reopen = None;
        self.reopening = Reopening::No;
        self.is_down = false;
        self.waker.take()
    }

    /// The connection has ended. With `may_return` a stream that can be opened again waits for that.
    pub(super) fn lose(
        &mut self,
        error: &ConnectionError,
        written: u64,
        may_return: bool,
    ) -> Option<Waker> {
        let was_open = self.id.take().is_some() || self.is_down;
        self.lagging = None;
        self.reopening = Reopening::No;
        self.is_down = false;
        match self.phase {
            Phase::Waiting => {
                let request_written = self.request_end <= written;
                self.phase = Phase::Failed(Failure::Lost { error: error.clone(), request_written });
            }
            Phase::Replied(_) | Phase::Open if was_open && self.is_streaming => {
                if may_return && self.reopen.is_some() {
                    self.is_down = true;
                    self.queue.push_disconnected();
                } else if !matches!(error, ConnectionError::Closed) {
                    self.failed =
                        Some(Failure::Lost { error: error.clone(), request_written: true });
                }
            }
            _ => {}
        }
        self.waker.take()
    }

    /// What to send to open the stream again, if it waits for that.
    pub(super) fn to_send_again(&self) -> Option<Reopen> {
        self.reopen.clone().filter(|_| self.is_down)
    }

    /// The request has been sent again, under a new id.
    pub(super) fn sent_again(&mut self, id: StreamId) {
        self.id = Some(id);
        self.is_down = false;
        self.reopening = Reopening::Waiting;
    }

    /// Time is up; `None` if there is nothing to wait for any more.
    pub(super) fn expire(&mut self) -> Option<Option<Waker>> {
        if let Phase::Waiting = self.phase {
            self.phase = Phase::Failed(Failure::Timeout);
        } else if self.reopening == Reopening::No {
            return None;
        } else {
            self.reopening = Reopening::No;
            self.failed = Some(Failure::Timeout);
        }
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

/// Whether a message says that its stream has ended, and nothing else.
fn is_bare_end(message: &RpcMessage) -> bool {
    message.is_terminating()
        && message.message_type == MessageType::ApplicationMessage
        && message.payload().is_empty()
        && message.service_model_type().is_none()
}
