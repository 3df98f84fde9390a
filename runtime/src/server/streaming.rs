//! Operations that keep their stream open.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use futures_core::Stream;
use tokio::task::coop::{cooperative, poll_proceed};

use super::{
    EncodedEvent, ErrorReply, EventReceiver, InvalidRequest,
    call::{OnInvalid, Reply, RunningHandler, log_not_encoded},
};
use crate::{
    json::{self, Shape},
    operation::{Operation, StreamingOperation},
    protocol::{
        SendTurn, StreamId,
        server::{Answer, Core},
    },
    transport::Shared,
};

/// Events of one direction, in order.
pub type EventStream<T> = Pin<Box<dyn Stream<Item = T> + Send>>;

/// The request of an operation that keeps its stream open, and the events that follow it.
pub struct StreamingRequest<O: StreamingOperation> {
    /// The request.
    pub request: O::Request,
    /// What the client sends after the request. It ends after the last event, once the client has ended the stream
    /// or its connection is lost.
    ///
    /// A handler that has not dropped it by then may go on, to read the rest of the events and to finish: for
    /// [`Config::finish_timeout`](super::Config::finish_timeout), or until the grace period of a server that stops
    /// is over. What it answers goes nowhere.
    ///
    /// An event that cannot be read ends the stream with an error that is not of the model, as the Java
    /// server does.
    pub events: EventStream<O::RequestEvent>,
}

impl<O: StreamingOperation> fmt::Debug for StreamingRequest<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamingRequest").finish_non_exhaustive()
    }
}

/// The response, then events: they go out in that order.
///
/// The stream of events is dropped when the client ends the stream or goes away; while the events of the client are
/// still read, only after those (see [`StreamingRequest::events`]). When it ends by itself, the server ends the
/// stream; an error in it does so with the error.
pub struct StreamingResponse<O: StreamingOperation> {
    response: O::Response,
    events: Events<O>,
}

enum Events<O: StreamingOperation> {
    Stream(EventStream<Result<O::ResponseEvent, <O as Operation>::Error>>),
    Queue(EventReceiver<O>),
}

/// An event that is about to be written.
enum Event<O: StreamingOperation> {
    Value(O::ResponseEvent),
    Encoded(EncodedEvent<O>),
}

impl<O: StreamingOperation> Events<O> {
    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Event<O>, <O as Operation>::Error>>> {
        match self {
            Self::Stream(events) => {
                events.as_mut().poll_next(cx).map(|it| it.map(|it| it.map(Event::Value)))
            }
            Self::Queue(events) => {
                events.poll_next(cx).map(|it| it.map(|it| it.map(Event::Encoded)))
            }
        }
    }
}

impl<O: StreamingOperation> Event<O> {
    fn append(&self, dst: &mut BytesMut) -> Result<(), json::Error> {
        match self {
            Self::Value(event) => json::append(dst, event),
            Self::Encoded(event) => {
                dst.extend_from_slice(event.payload());
                Ok(())
            }
        }
    }
}

impl<O: StreamingOperation> StreamingResponse<O> {
    /// A response, and the events that follow it.
    ///
    /// The stream is asked for the next event only when there is room to send it: how many events a slow
    /// client may be behind is for the stream to decide.
    pub fn new(
        response: O::Response,
        events: impl Stream<Item = Result<O::ResponseEvent, <O as Operation>::Error>> + Send + 'static,
    ) -> Self {
        Self { response, events: Events::Stream(Box::pin(events)) }
    }

    /// A response, and the events that are sent into a queue.
    pub fn queued(response: O::Response, events: EventReceiver<O>) -> Self {
        Self { response, events: Events::Queue(events) }
    }
}

impl<O: StreamingOperation> fmt::Debug for StreamingResponse<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamingResponse").finish_non_exhaustive()
    }
}

/// The events that a client sends on a stream.
pub(super) fn client_events<O: StreamingOperation>(
    reply: &Reply,
    on_invalid: OnInvalid,
) -> EventStream<O::RequestEvent> {
    Box::pin(ClientEvents {
        shared: Arc::clone(reply.shared()),
        id: reply.id(),
        on_invalid,
        operation: std::marker::PhantomData::<fn() -> O>,
    })
}

struct ClientEvents<O> {
    shared: Arc<Shared<Core>>,
    id: StreamId,
    on_invalid: OnInvalid,
    operation: std::marker::PhantomData<fn() -> O>,
}

impl<O> Drop for ClientEvents<O> {
    fn drop(&mut self) {
        self.shared.with(|core| core.close_events(self.id));
    }
}

impl<O: StreamingOperation> ClientEvents<O> {
    /// Reads an event, and asks the service about one that is not what the model says.
    fn read(&self, payload: &[u8]) -> Result<O::RequestEvent, ErrorReply> {
        let (event, violations) = json::request_from_slice(payload).map_err(|error| {
            tracing::debug!(
                target: crate::LOG_TARGET,
                connection = self.shared.number, operation = O::ID, error = error.kind(),
                "invalid event"
            );
            ErrorReply::internal()
        })?;
        if violations.is_empty() {
            return Ok(event);
        }
        match (self.on_invalid)(O::ID, &violations) {
            InvalidRequest::Accept => Ok(event),
            InvalidRequest::Reject => Err(ErrorReply::internal()),
            InvalidRequest::RejectWith(error) => Err(error),
        }
    }
}

impl<O: StreamingOperation> Stream for ClientEvents<O> {
    type Item = O::RequestEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<O::RequestEvent>> {
        let budget = ready!(poll_proceed(cx));
        let message = ready!(self.shared.with(|core| core.poll_event(self.id, cx)));
        budget.made_progress();
        let Some(message) = message else { return Poll::Ready(None) };
        Poll::Ready(match self.read(message.payload()) {
            Ok(event) => Some(event),
            Err(refusal) => {
                let refusal = refusal.to_message(O::SERVICE);
                let sent = self.shared.with(|core| {
                    let sent = core.send_error(self.id, &refusal);
                    core.close_events(self.id);
                    sent
                });
                if let Err(error) = sent {
                    log_not_encoded(&self.shared, Some(O::ID), &error);
                }
                None
            }
        })
    }
}

/// Sends the response, then the events until there are no more.
///
/// The end of the stream does not stop it as long as the client's events are read: they may be what the events are
/// made of.
pub(super) async fn serve<O: StreamingOperation>(
    reply: &Reply,
    running: Option<RunningHandler>,
    response: StreamingResponse<O>,
) {
    let StreamingResponse { response, mut events } = response;
    let (shared, id) = (reply.shared(), reply.id());
    // A queue is filled elsewhere: nothing is left to finish here once the stream has ended.
    let _running = running.filter(|_| matches!(events, Events::Stream(_)));
    let sent = shared.send(SendTurn::of_reply(), |core| {
        core.send(id, Answer::OpenResponse, O::Response::ID, |dst| json::append(dst, &response))
    });
    let is_sent = reply.unless_ended(sent).await.is_some_and(|sent| reply.check(sent));
    if !is_sent && !shared.with(|core| core.has_reader(id)) {
        return;
    }
    loop {
        // A stream that has ended needs no room.
        reply.unless_ended(shared.send(SendTurn::default(), |_| ())).await;
        match std::future::poll_fn(|cx| events.poll_next(cx)).await {
            None => return shared.with(|core| core.terminate(id)),
            Some(Err(error)) => return reply.error(&error),
            Some(Ok(event)) => {
                let sent = reply.unless_ended(send::<O>(reply, &event)).await;
                if sent == Some(true) {
                    continue;
                }
                if !shared.with(|core| core.has_reader(id)) {
                    return;
                }
                // It goes nowhere, and so nothing else may make the task wait.
                tokio::task::coop::consume_budget().await;
            }
        }
    }
}

/// Sends one event when there is room for it; `false` if the stream has ended.
async fn send<O: StreamingOperation>(reply: &Reply, event: &Event<O>) -> bool {
    let shape = O::ResponseEvent::ID;
    let sent = reply.shared().send(SendTurn::default(), |core| {
        core.send(reply.id(), Answer::Event, shape, |dst| event.append(dst))
    });
    // The events may all be there already.
    reply.check(cooperative(sent).await)
}
