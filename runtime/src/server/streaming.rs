//! Operations that keep their stream open for events.

use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use tokio::task::coop::{consume_budget, cooperative, poll_proceed};

use super::{
    EventReceiver,
    call::{OnDrop, Reply},
};
use crate::{
    json::{self, Shape},
    operation::{Operation, StreamingOperation},
    protocol::{SendTurn, server::Answer},
};

/// A stream of events in one direction.
pub type EventStream<T> = Pin<Box<dyn Stream<Item = T> + Send>>;

/// The request of an operation that keeps its stream open, and the client's events that follow.
pub struct StreamingRequest<O: StreamingOperation> {
    /// The request.
    pub request: O::Request,
    /// The events that the client sends after the request. The stream ends after the last of them, when the client
    /// has ended its side or the connection is lost.
    ///
    /// A handler that has not dropped this stream by then may read the remaining events and finish. It has
    /// [`Config::finish_timeout`](super::Config::finish_timeout) for that, or the grace period of a server that shuts
    /// down. Its response is discarded.
    ///
    /// An event that cannot be decoded ends the stream with an error that is not in the model, as in the Java server.
    pub events: EventStream<O::RequestEvent>,
}

impl<O: StreamingOperation> fmt::Debug for StreamingRequest<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamingRequest").finish_non_exhaustive()
    }
}

/// A response and the events that follow it.
///
/// The server ends the stream after the last event; an event that is an error ends it with that error. When the client
/// ends the stream or its connection is lost, the remaining events are dropped, but not before the handler has read
/// the client's events (see [`StreamingRequest::events`]).
pub struct StreamingResponse<O: StreamingOperation> {
    response: O::Response,
    events: Events<O>,
}

enum Events<O: StreamingOperation> {
    Stream(EventStream<Result<O::ResponseEvent, <O as Operation>::Error>>),
    Queue(EventReceiver<O>),
}

impl<O: StreamingOperation> StreamingResponse<O> {
    /// A response, and a stream of the events that follow it.
    ///
    /// The stream is polled for the next event only when there is room to send it, so the stream decides how many
    /// events it keeps for a slow client.
    pub fn new(
        response: O::Response,
        events: impl Stream<Item = Result<O::ResponseEvent, <O as Operation>::Error>> + Send + 'static,
    ) -> Self {
        Self { response, events: Events::Stream(Box::pin(events)) }
    }

    /// A response, and a queue of the events that follow it.
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
    owner: OnDrop,
) -> EventStream<O::RequestEvent> {
    Box::pin(ClientEvents::<O> { reply: reply.clone(), _owner: owner, operation: PhantomData })
}

struct ClientEvents<O> {
    reply: Reply,
    _owner: OnDrop,
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
        if let Err(error) = &event {
            reply.send_error(error);
            reply.shared().with(|core| core.stop_reading(reply.id()));
        }
        Poll::Ready(event.ok())
    }
}

/// Sends the response, and then the events until the last one.
///
/// While the client's events are read, the end of the stream does not stop this: the events may be computed from the
/// client's.
pub(super) async fn serve<O: StreamingOperation>(
    reply: &Reply,
    running: Option<OnDrop>,
    response: StreamingResponse<O>,
) {
    let StreamingResponse { response, events } = response;
    // A queue is filled by other tasks, so this one has nothing to finish after the end of the stream.
    let _running = running.filter(|_| matches!(events, Events::Stream(_)));
    if !send(reply, reply.send_response(Answer::OpenResponse, &response)).await {
        return;
    }
    match events {
        Events::Stream(mut events) => {
            let next = |cx: &mut Context<'_>| events.as_mut().poll_next(cx);
            send_events::<O, _>(reply, next, |event, dst| json::append(dst, event)).await;
        }
        Events::Queue(mut events) => {
            let next = |cx: &mut Context<'_>| events.poll_next(cx);
            let append = |payload: &Bytes, dst: &mut BytesMut| {
                dst.extend_from_slice(payload);
                Ok(())
            };
            send_events::<O, _>(reply, next, append).await;
        }
    }
}

async fn send_events<O: StreamingOperation, E>(
    reply: &Reply,
    mut next: impl FnMut(&mut Context<'_>) -> Poll<Option<Result<E, O::Error>>>,
    append: impl Fn(&E, &mut BytesMut) -> Result<(), json::Error>,
) {
    let shared = reply.shared();
    loop {
        // Waits for room; after the end of the stream none is needed.
        reply.unless_ended(shared.send(SendTurn::default(), |_| ())).await;
        let event = match std::future::poll_fn(&mut next).await {
            None => return shared.with(|core| core.terminate(reply.id())),
            Some(Err(error)) => return reply.error(&error),
            Some(Ok(event)) => event,
        };
        let append = |dst: &mut BytesMut| append(&event, dst);
        let sending = reply.send(SendTurn::default(), Answer::Event, O::ResponseEvent::ID, append);
        if !send(reply, sending).await {
            return;
        }
    }
}

/// Waits until a message has been sent or the stream has ended. Whether to continue: the stream is open, or the
/// client's events are still read.
async fn send(reply: &Reply, sending: impl Future<Output = bool>) -> bool {
    // All events may be available already, so that nothing else makes the task yield.
    if reply.unless_ended(cooperative(sending)).await == Some(true) {
        return true;
    }
    consume_budget().await;
    reply.shared().with(|core| core.has_reader(reply.id()))
}
