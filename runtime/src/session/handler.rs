//! Handlers: callbacks for the events of a subscription.
//!
//! A handler is run by a loop over the stream of events.

use std::{
    any::Any,
    future::poll_fn,
    ops::ControlFlow,
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    Events, Item, Notice, Runtime, Session, SubscriptionItem,
    done::{Done, SetDone},
};
use crate::{
    error::{Logged, SdkError},
    operation::StreamingOperation,
    protocol::client::Key,
    transport::caught,
};

/// Callbacks for one subscription, called in the order in which the events arrive.
///
/// A callback may make calls and wait for other subscriptions. The next callback is called when the one before has
/// finished.
// Exported by the asynchronous client only.
#[cfg_attr(not(feature = "tokio"), allow(unreachable_pub))]
pub trait StreamHandler<O: StreamingOperation>: Send + 'static {
    /// An event arrived.
    fn on_stream_event(&mut self, event: O::ResponseEvent) -> impl Future<Output = ()> + Send;

    /// An error arrived instead of an event. `Break` ends the stream, and is the default, as in the other Greengrass
    /// SDKs. With `Continue` the stream continues unless the error has ended it.
    fn on_stream_error(
        &mut self,
        error: SdkError<O::Error>,
    ) -> impl Future<Output = ControlFlow<()>> + Send {
        let _ = error;
        async { ControlFlow::Break(()) }
    }

    /// The stream has ended. This is the last callback, and is called once.
    fn on_stream_closed(&mut self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// `count` events were dropped before the next one because the queue was full.
    fn on_dropped(&mut self, count: u64) -> impl Future<Output = ()> + Send {
        let _ = count;
        async {}
    }

    /// The connection was lost, and a [`ReconnectPolicy`](crate::client::ReconnectPolicy) opens it again. Events that
    /// the service sends before [`on_resubscribed`](Self::on_resubscribed) do not arrive.
    fn on_disconnected(&mut self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// The subscription is open again after an outage.
    fn on_resubscribed(&mut self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Another callback panicked; the panic has been caught and logged. By default the stream continues with the next
    /// event.
    ///
    /// It is not called for [`on_stream_closed`](Self::on_stream_closed), which is always the last callback. A panic in
    /// this method ends the stream.
    fn on_panic(
        &mut self,
        panic: Box<dyn Any + Send>,
    ) -> impl Future<Output = ControlFlow<()>> + Send {
        let _ = panic;
        async { ControlFlow::Continue(()) }
    }
}

/// Callbacks for one subscription that may block, called on a thread of their own in the order in which the events
/// arrive.
///
/// A callback may make calls and wait for other subscriptions. The next callback is called when the one before has
/// returned.
pub trait BlockingStreamHandler<O: StreamingOperation>: Send + 'static {
    /// An event arrived.
    fn on_stream_event(&mut self, event: O::ResponseEvent);

    /// An error arrived instead of an event. `Break` ends the stream, and is the default. With `Continue` the stream
    /// continues unless the error has ended it.
    fn on_stream_error(&mut self, error: SdkError<O::Error>) -> ControlFlow<()> {
        let _ = error;
        ControlFlow::Break(())
    }

    /// The stream has ended. This is the last callback, and is called once.
    fn on_stream_closed(&mut self) {}

    /// `count` events were dropped before the next one because the queue was full.
    fn on_dropped(&mut self, count: u64) {
        let _ = count;
    }

    /// The connection was lost, and a [`ReconnectPolicy`](crate::client::ReconnectPolicy) opens it again. Events that
    /// the service sends before [`on_resubscribed`](Self::on_resubscribed) do not arrive.
    fn on_disconnected(&mut self) {}

    /// The subscription is open again after an outage.
    fn on_resubscribed(&mut self) {}

    /// Another callback panicked; the panic has been caught and logged. By default the stream continues with the next
    /// event.
    ///
    /// It is not called for [`on_stream_closed`](Self::on_stream_closed), which is always the last callback. A panic in
    /// this method ends the stream.
    fn on_panic(&mut self, panic: Box<dyn Any + Send>) -> ControlFlow<()> {
        let _ = panic;
        ControlFlow::Continue(())
    }
}

impl<O: StreamingOperation, F: FnMut(O::ResponseEvent) + Send + 'static> BlockingStreamHandler<O>
    for F
{
    fn on_stream_event(&mut self, event: O::ResponseEvent) {
        self(event);
    }

    fn on_stream_error(&mut self, error: SdkError<O::Error>) -> ControlFlow<()> {
        log_error::<O>(&error)
    }
}

/// Closures as a handler: asynchronous ones, or ones that may block.
pub(crate) struct Closures<E, F, C> {
    pub(crate) on_event: E,
    pub(crate) on_error: F,
    pub(crate) on_closed: C,
}

#[cfg(feature = "tokio")]
impl<O, E, EventFuture, F, ErrorFuture, C, ClosedFuture> StreamHandler<O> for Closures<E, F, C>
where
    O: StreamingOperation,
    E: FnMut(O::ResponseEvent) -> EventFuture + Send + 'static,
    EventFuture: Future<Output = ()> + Send,
    F: FnMut(SdkError<O::Error>) -> ErrorFuture + Send + 'static,
    ErrorFuture: Future<Output = ControlFlow<()>> + Send,
    C: FnMut() -> ClosedFuture + Send + 'static,
    ClosedFuture: Future<Output = ()> + Send,
{
    async fn on_stream_event(&mut self, event: O::ResponseEvent) {
        (self.on_event)(event).await;
    }

    async fn on_stream_error(&mut self, error: SdkError<O::Error>) -> ControlFlow<()> {
        (self.on_error)(error).await
    }

    async fn on_stream_closed(&mut self) {
        (self.on_closed)().await;
    }
}

impl<O, E, F, C> BlockingStreamHandler<O> for Closures<E, F, C>
where
    O: StreamingOperation,
    E: FnMut(O::ResponseEvent) + Send + 'static,
    F: FnMut(SdkError<O::Error>) -> ControlFlow<()> + Send + 'static,
    C: FnMut() + Send + 'static,
{
    fn on_stream_event(&mut self, event: O::ResponseEvent) {
        (self.on_event)(event);
    }

    fn on_stream_error(&mut self, error: SdkError<O::Error>) -> ControlFlow<()> {
        (self.on_error)(error)
    }

    fn on_stream_closed(&mut self) {
        (self.on_closed)();
    }
}

/// Logs an error, for a closure that is used as a handler, and ends the stream.
pub(crate) fn log_error<O: StreamingOperation>(error: &SdkError<O::Error>) -> ControlFlow<()> {
    tracing::warn!(target: crate::LOG_TARGET, operation = O::ID, error = %Logged(error), "stream error");
    ControlFlow::Break(())
}

/// A handler that may block.
pub(crate) struct Blocking<H>(pub(crate) H);

impl<O: StreamingOperation, H: BlockingStreamHandler<O>> StreamHandler<O> for Blocking<H> {
    async fn on_stream_event(&mut self, event: O::ResponseEvent) {
        self.0.on_stream_event(event);
    }

    async fn on_stream_error(&mut self, error: SdkError<O::Error>) -> ControlFlow<()> {
        self.0.on_stream_error(error)
    }

    async fn on_stream_closed(&mut self) {
        self.0.on_stream_closed();
    }

    async fn on_dropped(&mut self, count: u64) {
        self.0.on_dropped(count);
    }

    async fn on_disconnected(&mut self) {
        self.0.on_disconnected();
    }

    async fn on_resubscribed(&mut self) {
        self.0.on_resubscribed();
    }

    async fn on_panic(&mut self, panic: Box<dyn Any + Send>) -> ControlFlow<()> {
        self.0.on_panic(panic)
    }
}

/// Calls the handler for each item until the stream ends. Dropping `next` ends the stream on the wire.
pub(crate) async fn run<O: StreamingOperation>(
    mut next: impl FnMut(&mut Context<'_>) -> Poll<Option<Item<O>>>,
    mut handler: impl StreamHandler<O>,
) {
    while let Some(item) = poll_fn(&mut next).await {
        let mut flow = logged::<O, _>(handle(&mut handler, item)).await;
        if let Err(panic) = flow {
            flow = logged::<O, _>(async { handler.on_panic(panic).await }).await;
        }
        if !matches!(flow, Ok(ControlFlow::Continue(()))) {
            break;
        }
    }
    // The stream ends on the wire before the handler is told.
    drop(next);
    let _ = logged::<O, _>(async { handler.on_stream_closed().await }).await;
}

async fn handle<O: StreamingOperation>(
    handler: &mut impl StreamHandler<O>,
    item: Item<O>,
) -> ControlFlow<()> {
    match item {
        Ok(SubscriptionItem::Event(event)) => handler.on_stream_event(event).await,
        Ok(SubscriptionItem::Notice(Notice::Dropped(count))) => handler.on_dropped(count).await,
        Ok(SubscriptionItem::Notice(Notice::Disconnected)) => handler.on_disconnected().await,
        Ok(SubscriptionItem::Notice(Notice::Resubscribed)) => handler.on_resubscribed().await,
        Err(error) => return handler.on_stream_error(error).await,
    }
    ControlFlow::Continue(())
}

/// Catches and logs the panic of a callback.
async fn logged<O: StreamingOperation, F: Future>(
    callback: F,
) -> Result<F::Output, Box<dyn Any + Send>> {
    caught(callback).await.inspect_err(
        |_| tracing::error!(target: crate::LOG_TARGET, operation = O::ID, "handler panicked"),
    )
}

/// A stream whose events go to a handler. Dropping it ends the stream.
#[derive(Debug)]
pub(crate) struct HandledStream<R: Runtime> {
    session: Arc<Session<R>>,
    key: Key,
    done: Arc<Done>,
}

impl<R: Runtime> HandledStream<R> {
    /// The stream, and a guard that is dropped when its handler has finished.
    pub(crate) fn new<O: StreamingOperation>(events: &Events<R, O>) -> (Self, SetDone) {
        let done = Arc::new(Done::default());
        let session = Arc::clone(&events.stream.session);
        (Self { session, key: events.stream.key, done: Arc::clone(&done) }, SetDone(done))
    }

    /// Waits until the stream has ended and the handler has been told so.
    pub(crate) async fn closed(&self) {
        self.done.wait().await;
    }

    pub(crate) fn end(&self) {
        self.session.runtime.update(|core| core.end(self.key));
    }
}

impl<R: Runtime> Drop for HandledStream<R> {
    fn drop(&mut self) {
        self.end();
    }
}
