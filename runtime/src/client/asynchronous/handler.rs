//! Callbacks for the events of a subscription.

use std::{any::Any, ops::ControlFlow};

use tokio::task::coop::cooperative;

use super::runtime::Tokio;
use crate::{
    error::SdkError,
    operation::StreamingOperation,
    session::{
        Notice, SubscriptionItem,
        handler::{Call, Callbacks, HandledStream, log_error},
    },
};

/// Callbacks for one subscription, in the order in which the events arrive.
///
/// They may make calls and wait for other subscriptions. The next event waits until the callback for the
/// one before is done.
pub trait StreamHandler<O: StreamingOperation>: Send + 'static {
    /// An event arrived.
    fn on_stream_event(&mut self, event: O::ResponseEvent) -> impl Future<Output = ()> + Send;

    /// The stream reported an error. `Break` ends the stream, and is the default, as in the other
    /// Greengrass SDKs; with `Continue` it continues if it still can.
    fn on_stream_error(
        &mut self,
        error: SdkError<O::Error>,
    ) -> impl Future<Output = ControlFlow<()>> + Send {
        let _ = error;
        async { ControlFlow::Break(()) }
    }

    /// The stream has ended; called once, last.
    fn on_stream_closed(&mut self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// So many events were dropped before the next, because the queue was full.
    fn on_dropped(&mut self, count: u64) -> impl Future<Output = ()> + Send {
        let _ = count;
        async {}
    }

    /// The connection was lost, and a [`ReconnectPolicy`](crate::client::ReconnectPolicy) is at work. Events that
    /// are sent until [`on_resubscribed`](Self::on_resubscribed) do not arrive.
    fn on_disconnected(&mut self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// The subscription is open again after an outage.
    fn on_resubscribed(&mut self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Another callback panicked; the panic has been caught and logged. By default the stream continues
    /// with the next event, if it still can.
    ///
    /// Not called for [`on_stream_closed`](Self::on_stream_closed), which is the last in any case. A panic in
    /// this method ends the stream.
    fn on_panic(
        &mut self,
        panic: Box<dyn Any + Send>,
    ) -> impl Future<Output = ControlFlow<()>> + Send {
        let _ = panic;
        async { ControlFlow::Continue(()) }
    }
}

/// An asynchronous closure as a handler.
pub(super) struct Closure<F>(pub(super) F);

impl<O, F, Fut> StreamHandler<O> for Closure<F>
where
    O: StreamingOperation,
    F: FnMut(O::ResponseEvent) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    async fn on_stream_event(&mut self, event: O::ResponseEvent) {
        (self.0)(event).await;
    }

    async fn on_stream_error(&mut self, error: SdkError<O::Error>) -> ControlFlow<()> {
        log_error::<O>(&error)
    }
}

/// Callbacks that are asynchronous.
pub(super) struct Asynchronous<H>(pub(super) H);

impl<O: StreamingOperation, H: StreamHandler<O>> Callbacks<O> for Asynchronous<H> {
    async fn call(&mut self, call: Call<O>) -> ControlFlow<()> {
        match call {
            Call::Item(Ok(SubscriptionItem::Event(event))) => self.0.on_stream_event(event).await,
            Call::Item(Ok(SubscriptionItem::Notice(notice))) => match notice {
                Notice::Dropped(count) => self.0.on_dropped(count).await,
                Notice::Disconnected => self.0.on_disconnected().await,
                Notice::Resubscribed => self.0.on_resubscribed().await,
            },
            Call::Item(Err(error)) => return self.0.on_stream_error(error).await,
            Call::Panic(panic) => return self.0.on_panic(panic).await,
            Call::Closed => self.0.on_stream_closed().await,
        }
        ControlFlow::Continue(())
    }
}

/// The handle to a subscription whose events go to a handler. Dropping it unsubscribes.
#[must_use = "dropping the handle unsubscribes"]
#[derive(Debug)]
pub struct SubscriptionHandle {
    pub(super) stream: HandledStream<Tokio>,
}

impl SubscriptionHandle {
    /// Waits until the stream has ended and the handler has been told.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops waiting.
    pub async fn closed(&self) {
        cooperative(self.stream.closed()).await;
    }

    /// Unsubscribes, and waits until the handler is done with the event it is at.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops waiting; the subscription ends all the same.
    pub async fn close(self) {
        self.stream.end();
        self.closed().await;
    }
}
