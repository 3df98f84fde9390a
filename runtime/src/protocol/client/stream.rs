//! One stream of a client, from its request to its last event.

use std::{
    fmt,
    task::{Context, Poll, Waker},
    time::Instant,
};

use bytes::Bytes;

use super::{Next, Request, queue::EventQueue};
use crate::{
    error::ConnectionError,
    protocol::{MessageType, Outgoing, RpcMessage, StreamId},
};

/// Identifies a stream within its connection. Unlike the stream id, it stays the same after a reconnect.
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
    /// There was no response in time.
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

/// The state of a stream on the wire.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wire {
    Open(StreamId),
    /// This side has ended it because its queue was full. Events that still arrive are counted.
    Lagging(StreamId),
    /// The connection is down, and the stream will be opened again.
    Down,
    Ended,
}

/// The reply to the first request.
#[derive(Debug)]
enum Reply {
    Awaited,
    /// It has arrived and has not been read.
    Here(Box<RpcMessage>),
    Failed(Failure),
    Taken,
}

/// The request that opens a stream again after an outage.
#[derive(Clone)]
pub(super) struct Reopen {
    /// Its stream id is replaced.
    pub(super) head: Outgoing,
    pub(super) payload: Bytes,
}

impl fmt::Debug for Reopen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The payload may be secret.
        f.debug_struct("Reopen").field("head", &self.head).finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) wire: Wire,
    /// `None` if the stream cannot be opened again.
    pub(super) reopen: Option<Reopen>,
    /// The request has been sent again after an outage, and its response has not arrived.
    is_reopening: bool,
    /// When to stop waiting for a response.
    deadline: Option<Instant>,
    reply: Reply,
    response_shape: &'static str,
    /// The end of the request in the output.
    request_end: u64,
    pub(super) is_streaming: bool,
    queue: EventQueue,
    /// Why the stream ends after the queued events.
    end: Option<Failure>,
    /// Wakes the task that waits for the stream.
    pub(super) waker: Option<Waker>,
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

    /// The stream id, if the stream can carry events in either direction.
    pub(super) fn id(&self) -> Option<StreamId> {
        if let Wire::Open(id) = self.wire { Some(id) } else { None }
    }

    /// Takes a message that arrived on the stream. Returns whether the peer has to be told that the stream has ended, and
    /// the task to wake.
    pub(super) fn receive(&mut self, message: RpcMessage) -> (bool, Option<Waker>) {
        if let Wire::Lagging(_) = self.wire {
            if let Some(Failure::Lagged { dropped, bytes }) = &mut self.end {
                let (count, len) = event_size(&message);
                (*dropped, *bytes) = (*dropped + count, *bytes + len);
            }
            return (false, None);
        }
        let is_over = match self.reply {
            _ if self.is_waiting() => self.receive_response(message),
            Reply::Here(_) | Reply::Taken if self.is_streaming => self.receive_event(message),
            // A call has its reply, and its stream is about to end.
            _ => false,
        };
        (is_over, self.waker.take())
    }

    /// Takes the response to the first request, or to the one that was sent again.
    fn receive_response(&mut self, message: RpcMessage) -> bool {
        if message.payload().is_empty() && is_end(&message) {
            self.fail(Failure::NoResponse);
            return false;
        }
        let is_error = message.message_type == MessageType::ApplicationError;
        if self.is_reopening && !is_error {
            self.queue.push_resubscribed();
        }
        if self.is_streaming && self.has_overtaken(&message) {
            return self.receive_event(message);
        }
        if !self.is_reopening {
            self.reply = Reply::Here(Box::new(message));
        } else if is_error {
            self.queue.push_last(message);
        }
        self.is_reopening = false;
        // An error ends a stream even without the flag, and so does the reply to a call.
        is_error || !self.is_streaming
    }

    /// Whether the message is an event that arrives before the response: some servers send events before they
    /// answer. A message with a shape is identified by its shape, one without by its position.
    fn has_overtaken(&self, message: &RpcMessage) -> bool {
        message.message_type == MessageType::ApplicationMessage
            && !message.is_terminating()
            && message.has_shape(self.response_shape) == Some(false)
    }

    fn receive_event(&mut self, message: RpcMessage) -> bool {
        if is_end(&message) {
            return false;
        }
        let Err(refused) = self.queue.push(message) else { return false };
        let (mut dropped, mut bytes) = event_size(&refused);
        if let Reply::Awaited = self.reply {
            let (count, len) = self.queue.clear();
            (dropped, bytes) = (dropped + count, bytes + len);
        }
        self.fail(Failure::Lagged { dropped, bytes });
        if let Wire::Open(id) = self.wire {
            self.wire = Wire::Lagging(id);
        }
        true
    }

    /// Ends the stream: instead of a response, or after the queued events if there has been one.
    pub(super) fn fail(&mut self, failure: Failure) {
        self.is_reopening = false;
        match self.reply {
            Reply::Awaited => self.reply = Reply::Failed(failure),
            _ => self.end = Some(failure),
        }
    }

    /// Whether the response to its request is still to come.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.reply, Reply::Awaited) || self.is_reopening
    }

    /// When to stop waiting for the response that is still to come.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline.filter(|_| self.is_waiting())
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

    /// Drops the events, because the owner wants no more.
    pub(super) fn close(&mut self) {
        self.queue.clear();
        self.end = None;
        self.reopen = None;
        self.is_reopening = false;
    }

    /// The connection has ended, after so many bytes of the output were written. With `may_return`, a stream that can be
    /// opened again waits for the reconnect.
    pub(super) fn lose(&mut self, error: &ConnectionError, written: u64, may_return: bool) {
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
    }

    /// The request to send after a reconnect, if the stream waits for one.
    pub(super) fn to_send_again(&self) -> Option<Reopen> {
        if let Wire::Down = self.wire { self.reopen.clone() } else { None }
    }

    /// The request has been sent again, with a new id.
    pub(super) fn sent_again(&mut self, id: StreamId, deadline: Option<Instant>) {
        self.wire = Wire::Open(id);
        self.is_reopening = true;
        self.deadline = deadline;
    }

    fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        match &mut self.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

/// Whether a message ends its stream and has no shape. Such a message is not an event, even with a payload.
fn is_end(message: &RpcMessage) -> bool {
    message.is_terminating()
        && message.message_type == MessageType::ApplicationMessage
        && message.service_model_type().is_none()
}
