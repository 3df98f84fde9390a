//! Callbacks for the events of a subscription.
//!
//! A handler is a loop over the stream, so that there is one way for events to arrive, and one order.

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

/// Callbacks for one subscription that may block, in the order in which the events arrive. They run on a
/// thread of their own.
///
/// They may make calls and wait for other subscriptions. The next event waits until the callback for the
/// one before is done.
pub trait BlockingStreamHandler<O: StreamingOperation>: Send + 'static {
    /// An event arrived.
    fn on_stream_event(&mut self, event: O::ResponseEvent);

    /// The stream reported an error. `Break` ends the stream, and is the default.
    fn on_stream_error(&mut self, error: SdkError<O::Error>) -> ControlFlow<()> {
        let _ = error;
        ControlFlow::Break(())
    }

    /// The stream has ended; called once, last.
    fn on_stream_closed(&mut self) {}

    /// So many events were dropped before the next, because the queue was full.
    fn on_dropped(&mut self, count: u64) {
        let _ = count;
    }

    /// The connection was lost, and a [`ReconnectPolicy`](crate::client::ReconnectPolicy) is at work. Events that
    /// are sent until [`on_resubscribed`](Self::on_resubscribed) do not arrive.
    fn on_disconnected(&mut self) {}

    /// The subscription is open again after an outage.
    fn on_resubscribed(&mut self) {}

    /// Another callback panicked; the panic has been caught and logged. By default the stream continues
    /// with the next event, if it still can.
    ///
    /// Not called for [`on_stream_closed`](Self::on_stream_closed), which is the last in any case. A panic in
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

/// What a closure does about errors: it has no other way to tell anyone.
pub(crate) fn log_error<O: StreamingOperation>(error: &SdkError<O::Error>) -> ControlFlow<()> {
    tracing::warn!(target: crate::LOG_TARGET, operation = O::ID, error = %Logged(error), "stream error");
    ControlFlow::Break(())
}

/// What a handler is told.
pub(crate) enum Call<O: StreamingOperation> {
    /// What comes next on the stream.
    Item(Item<O>),
    /// Another callback panicked.
    Panic(Box<dyn Any + Send>),
    /// The stream has ended.
    Closed,
}

/// The callbacks of a handler. `Break` ends the stream.
pub(crate) trait Callbacks<O: StreamingOperation>: Send {
    fn call(&mut self, call: Call<O>) -> impl Future<Output = ControlFlow<()>> + Send;
}

/// Callbacks that may block.
pub(crate) struct Blocking<H>(pub(crate) H);

impl<O: StreamingOperation, H: BlockingStreamHandler<O>> Callbacks<O> for Blocking<H> {
    async fn call(&mut self, call: Call<O>) -> ControlFlow<()> {
        match call {
            Call::Item(Ok(SubscriptionItem::Event(event))) => self.0.on_stream_event(event),
            Call::Item(Ok(SubscriptionItem::Notice(notice))) => match notice {
                Notice::Dropped(count) => self.0.on_dropped(count),
                Notice::Disconnected => self.0.on_disconnected(),
                Notice::Resubscribed => self.0.on_resubscribed(),
            },
            Call::Item(Err(error)) => return self.0.on_stream_error(error),
            Call::Panic(panic) => return self.0.on_panic(panic),
            Call::Closed => self.0.on_stream_closed(),
        }
        ControlFlow::Continue(())
    }
}

/// Calls the handler for everything until the stream ends. The end of `next` is the end of the stream on the wire.
pub(crate) async fn run<O: StreamingOperation>(
    mut next: impl FnMut(&mut Context<'_>) -> Poll<Option<Item<O>>>,
    mut handler: impl Callbacks<O>,
) {
    while let Some(item) = poll_fn(&mut next).await {
        let mut flow = call(&mut handler, Call::Item(item)).await;
        if let Err(panic) = flow {
            flow = call(&mut handler, Call::Panic(panic)).await;
        }
        if !matches!(flow, Ok(ControlFlow::Continue(()))) {
            break;
        }
    }
    // The stream ends on the wire before the handler is told.
    drop(next);
    let _ = call(&mut handler, Call::Closed).await;
}

async fn call<O: StreamingOperation>(
    handler: &mut impl Callbacks<O>,
    call: Call<O>,
) -> Result<ControlFlow<()>, Box<dyn Any + Send>> {
    let flow = caught(handler.call(call)).await;
    if flow.is_err() {
        tracing::error!(target: crate::LOG_TARGET, operation = O::ID, "handler panicked");
    }
    flow
}

/// A stream whose events go to a handler. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct HandledStream<R: Runtime> {
    session: Arc<Session<R>>,
    key: Key,
    done: Arc<Done>,
}

impl<R: Runtime> HandledStream<R> {
    /// The stream, and what says that its handler is done.
    pub(crate) fn new<O: StreamingOperation>(events: &Events<R, O>) -> (Self, SetDone) {
        let done = Arc::new(Done::default());
        let session = Arc::clone(&events.stream.session);
        (Self { session, key: events.stream.key, done: Arc::clone(&done) }, SetDone(done))
    }

    /// Waits until the stream has ended and the handler has been told.
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
