//! Operations that keep their stream open.

use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use futures_core::Stream;
use tokio::task::coop::{cooperative, poll_proceed};

use super::{
    EncodedEvent, EventReceiver,
    call::{OnDrop, Reply},
};
use crate::{
    json::{self, Shape},
    operation::{Operation, StreamingOperation},
    protocol::{
        SendTurn,
        server::{Answer, Core},
    },
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
pub(super) fn client_events<O: StreamingOperation>(reply: &Reply) -> EventStream<O::RequestEvent> {
    let reader = OnDrop::new(&reply.context, Core::stop_reading);
    Box::pin(ClientEvents::<O> { reply: reply.clone(), _reader: reader, operation: PhantomData })
}

struct ClientEvents<O> {
    reply: Reply,
    _reader: OnDrop,
    operation: PhantomData<fn() -> O>,
}

impl<O: StreamingOperation> Stream for ClientEvents<O> {
    type Item = O::RequestEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<O::RequestEvent>> {
        let budget = ready!(poll_proceed(cx));
        let reply = &self.reply;
        let message = ready!(reply.shared().with(|core| core.poll_event(reply.id(), cx)));
        budget.made_progress();
        let Some(message) = message else { return Poll::Ready(None) };
        let event = reply.read(message.payload(), "invalid event").map(|(event, _)| event);
        if let Err(refusal) = &event {
            reply.send_error(refusal);
            reply.shared().with(|core| core.stop_reading(reply.id()));
        }
        Poll::Ready(event.ok())
    }
}

/// Sends the response, then the events until there are no more.
///
/// The end of the stream does not stop it as long as the client's events are read: they may be what the events are
/// made of.
pub(super) async fn serve<O: StreamingOperation>(
    reply: &Reply,
    running: Option<OnDrop>,
    response: StreamingResponse<O>,
) {
    let StreamingResponse { response, mut events } = response;
    let (shared, id) = (reply.shared(), reply.id());
    // A queue is filled elsewhere: nothing is left to finish here once the stream has ended.
    let _running = running.filter(|_| matches!(events, Events::Stream(_)));
    let sent =
        reply.send(Answer::OpenResponse, O::Response::ID, |dst| json::append(dst, &response));
    let is_sent = reply.unless_ended(sent).await == Some(true);
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
                let sent = reply.send(Answer::Event, O::ResponseEvent::ID, |dst| event.append(dst));
                // The events may all be there already.
                let sent = reply.unless_ended(cooperative(sent)).await;
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
