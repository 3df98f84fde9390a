//! One stream, from its request to its last event.

use std::{
    fmt,
    task::{Context, Poll, Waker},
    time::Instant,
};

use bytes::Bytes;

use super::{Next, Request, SubscriptionItem, queue::EventQueue};
use crate::{
    error::ConnectionError,
    protocol::{MessageType, RpcMessage, StreamId},
};

/// Names a stream within its connection. It stays the same when the stream gets another id after a reconnect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub(super) u64);

/// Why there is no reply, or why a stream has ended.
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
    /// The queue of events was full.
    Lagged {
        /// How many events have arrived and are not delivered.
        dropped: u64,
        /// The sum of their payloads in bytes.
        bytes: u64,
    },
}

/// How many events a message is, and how many bytes of payload. The empty message that ends a stream is not an event.
pub(super) fn event_size(message: &RpcMessage) -> (u64, u64) {
    let len = message.payload().len() as u64;
    (len.min(1), len)
}

/// The stream as the other side knows it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wire {
    Open(StreamId),
    /// This side has ended it because its queue was full; what still arrives is counted.
    Lagging(StreamId),
    /// The connection is down, and the stream waits to be opened again.
    Down,
    Ended,
}

/// The reply to the first request.
#[derive(Debug)]
enum Reply {
    Awaited,
    /// It has come and has not been taken.
    Here(Box<RpcMessage>),
    /// There will be none.
    Failed(Failure),
    Taken,
}

/// What has to be sent to open a stream again after an outage.
#[derive(Clone)]
pub(super) struct Reopen {
    pub(super) operation: &'static str,
    pub(super) request_shape: &'static str,
    pub(super) payload: Bytes,
}

impl fmt::Debug for Reopen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The payload may be secret.
        f.debug_struct("Reopen").field("operation", &self.operation).finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) wire: Wire,
    /// None if it cannot be opened again.
    pub(super) reopen: Option<Reopen>,
    /// The request has been sent again after an outage, and its response has not come.
    is_reopening: bool,
    /// When to give up waiting for a response.
    pub(super) deadline: Option<Instant>,
    reply: Reply,
    response_shape: &'static str,
    /// How many bytes had been queued with the request.
    request_end: u64,
    pub(super) is_streaming: bool,
    queue: EventQueue,
    /// Why the stream ends after what is queued.
    end: Option<Failure>,
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
            wire: Wire::Open(id),
            reopen,
            is_reopening: false,
            deadline: request.deadline,
            reply: Reply::Awaited,
            response_shape: request.response_shape,
            request_end,
            is_streaming: request.subscribe.is_some(),
            queue: EventQueue::new(request.subscribe),
            end: None,
            waker: None,
        }
    }

    /// Its id, if it can carry events in either direction.
    pub(super) fn id(&self) -> Option<StreamId> {
        if let Wire::Open(id) = self.wire { Some(id) } else { None }
    }

    /// Takes a message that arrived for the stream.
    pub(super) fn receive(&mut self, message: RpcMessage) -> (Action, Option<Waker>) {
        let is_terminating = message.is_terminating();
        let action = match self.reply {
            _ if matches!(self.wire, Wire::Lagging(_)) => {
                if let Some(Failure::Lagged { dropped, bytes }) = &mut self.end {
                    let (count, len) = event_size(&message);
                    (*dropped, *bytes) = (*dropped + count, *bytes + len);
                }
                return (if is_terminating { Action::Ended } else { Action::None }, None);
            }
            Reply::Awaited => self.receive_first(message),
            Reply::Here(_) | Reply::Taken if self.is_reopening => self.receive_again(message),
            Reply::Here(_) | Reply::Taken if self.is_streaming => self.receive_event(message),
            // A one-shot operation has its reply, and its stream is about to end.
            Reply::Here(_) | Reply::Taken | Reply::Failed(_) => Action::None,
        };
        let action = if is_terminating { Action::Ended } else { action };
        (action, self.waker.take())
    }

    fn receive_first(&mut self, message: RpcMessage) -> Action {
        if message.payload().is_empty() && is_end(&message) {
            self.reply = Reply::Failed(Failure::NoResponse);
            return Action::Ended;
        }
        if self.is_streaming && self.has_overtaken(&message) {
            return self.receive_event(message);
        }
        let is_error = message.message_type == MessageType::ApplicationError;
        self.reply = Reply::Here(Box::new(message));
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
        if message.payload().is_empty() && is_end(&message) {
            self.is_reopening = false;
            self.end = Some(Failure::NoResponse);
            return Action::Ended;
        }
        if message.message_type == MessageType::ApplicationError {
            self.is_reopening = false;
            self.queue.push_last(message);
            return Action::Terminate;
        }
        self.queue.push_resubscribed();
        if self.has_overtaken(&message) {
            return self.receive_event(message);
        }
        self.is_reopening = false;
        Action::None
    }

    fn receive_event(&mut self, message: RpcMessage) -> Action {
        if is_end(&message) {
            // A payload without a shape says nothing.
            return Action::Ended;
        }
        let Err(refused) = self.queue.push(message) else { return Action::None };
        // There is no answer to wait for any more.
        self.is_reopening = false;
        let (mut dropped, mut bytes) = refused.size();
        if let Reply::Awaited = self.reply {
            for (count, len) in self.queue.clear().iter().map(SubscriptionItem::size) {
                (dropped, bytes) = (dropped + count, bytes + len);
            }
            self.reply = Reply::Failed(Failure::Lagged { dropped, bytes });
        } else {
            self.end = Some(Failure::Lagged { dropped, bytes });
        }
        Action::Lag
    }

    /// Whether the response to its request is still to come.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.reply, Reply::Awaited) || self.is_reopening
    }

    /// Whether it is a call that the other side has ended, and no task waits for it.
    pub(super) fn is_over(&self) -> bool {
        !self.is_streaming && self.id().is_none() && self.waker.is_none()
    }

    pub(super) fn poll_reply(&mut self, cx: &Context<'_>) -> Poll<Result<RpcMessage, Failure>> {
        match &self.reply {
            Reply::Awaited => return self.wait(cx),
            Reply::Failed(failure) => return Poll::Ready(Err(failure.clone())),
            Reply::Here(_) | Reply::Taken => {}
        }
        match std::mem::replace(&mut self.reply, Reply::Taken) {
            Reply::Here(message) => Poll::Ready(Ok(*message)),
            _ => Poll::Ready(Err(Failure::NoResponse)),
        }
    }

    pub(super) fn poll_event(&mut self, cx: &Context<'_>) -> Poll<Option<Next>> {
        let next = self.queue.pop().map(Ok).or_else(|| self.end.take().map(Err));
        match self.wire {
            Wire::Open(_) | Wire::Down if next.is_none() => self.wait(cx),
            _ => Poll::Ready(next),
        }
    }

    /// The owner wants no more events.
    pub(super) fn close(&mut self) -> Option<Waker> {
        drop(self.queue.clear());
        self.end = None;
        self.reopen = None;
        self.is_reopening = false;
        if let Wire::Down = self.wire {
            self.wire = Wire::Ended;
        }
        self.waker.take()
    }

    /// The connection has ended. With `may_return` a stream that can be opened again waits for that.
    pub(super) fn lose(
        &mut self,
        error: &ConnectionError,
        written: u64,
        may_return: bool,
    ) -> Option<Waker> {
        let wire = std::mem::replace(&mut self.wire, Wire::Ended);
        self.is_reopening = false;
        let lost = |request_written| Failure::Lost { error: error.clone(), request_written };
        match (&self.reply, wire) {
            (Reply::Awaited, _) => self.reply = Reply::Failed(lost(self.request_end <= written)),
            (Reply::Here(_) | Reply::Taken, Wire::Open(_) | Wire::Down) if self.is_streaming => {
                if may_return && self.reopen.is_some() {
                    self.wire = Wire::Down;
                    self.queue.push_disconnected();
                } else if !matches!(error, ConnectionError::Closed) {
                    self.end = Some(lost(true));
                }
            }
            _ => {}
        }
        self.waker.take()
    }

    /// What to send to open the stream again, if it waits for that.
    pub(super) fn to_send_again(&self) -> Option<Reopen> {
        if let Wire::Down = self.wire { self.reopen.clone() } else { None }
    }

    /// The request has been sent again, under a new id.
    pub(super) fn sent_again(&mut self, id: StreamId, deadline: Option<Instant>) {
        self.wire = Wire::Open(id);
        self.is_reopening = true;
        self.deadline = deadline;
    }

    /// Time is up; `None` if there is nothing to wait for any more.
    pub(super) fn expire(&mut self) -> Option<Option<Waker>> {
        if let Reply::Awaited = self.reply {
            self.reply = Reply::Failed(Failure::Timeout);
        } else if std::mem::take(&mut self.is_reopening) {
            self.end = Some(Failure::Timeout);
        } else {
            return None;
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

/// Whether a message ends its stream and has no shape: a payload without one says nothing, but for a reply.
fn is_end(message: &RpcMessage) -> bool {
    message.is_terminating()
        && message.message_type == MessageType::ApplicationMessage
        && message.service_model_type().is_none()
}
