//! Subscriptions.

use std::{
    fmt,
    future::poll_fn,
    ops::ControlFlow,
    pin::Pin,
    task::{Context, Poll, ready},
    thread,
};

use futures_core::Stream;
use tokio::task::coop::{cooperative, poll_proceed};

use super::{StreamHandler, SubscriptionHandle, runtime::Tokio};
use crate::{
    error::{ConnectionError, SdkError},
    operation::StreamingOperation,
    session::{
        BlockingStreamHandler, Events, Item, SubscriptionItem,
        done::block_on,
        handler::{Blocking, Closures, HandledStream, log_error, run},
        without_notices,
    },
};

/// An open subscription: the response of a streaming operation, and the events that follow.
///
/// It is a stream of the events in the order in which the server sent them. Dropping it ends the stream on the wire.
/// After an error that concerns one event only, such as an event that cannot be decoded, the stream continues; after
/// any other error it ends.
#[must_use = "dropping a subscription unsubscribes"]
pub struct Subscription<O: StreamingOperation> {
    events: Events<Tokio, O>,
}

impl<O: StreamingOperation> Unpin for Subscription<O> {}

impl<O: StreamingOperation> Subscription<O> {
    pub(super) fn new(events: Events<Tokio, O>) -> Self {
        Self { events }
    }

    /// The response that opened the stream.
    pub fn response(&self) -> &O::Response {
        &self.events.response
    }

    /// The next event; `None` after the stream has ended.
    ///
    /// # Errors
    ///
    /// The event cannot be decoded, the service sent an error instead of an event, the connection ended, or the queue
    /// was full ([`SdkError::Lagged`]).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no event.
    pub async fn next(&mut self) -> Option<Result<O::ResponseEvent, SdkError<O::Error>>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// The next event as [`next`](Self::next) returns it, for `while let Some(event) = subscription.try_next().await?`.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no event.
    pub async fn try_next(&mut self) -> Result<Option<O::ResponseEvent>, SdkError<O::Error>> {
        self.next().await.transpose()
    }

    /// How many events have been dropped so far because the queue was full, if the [overflow](crate::client::Overflow)
    /// option of the subscription drops events. [`with_notices`](Self::with_notices) reports where.
    pub fn dropped(&self) -> u64 {
        self.events.dropped
    }

    /// Sends an event to the server.
    ///
    /// # Errors
    ///
    /// The event cannot be encoded, the stream or the connection has ended, or the write queue stayed full for as long
    /// as the timeout of a call.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before it is ready sends nothing. It only waits for room in the write queue.
    pub async fn send_event(&self, event: O::RequestEvent) -> Result<(), SdkError<O::Error>> {
        cooperative(self.events.send_event(&event)).await
    }

    /// Ends the stream, and waits until the message that ends it has been written to the socket. The protocol has no
    /// answer to that message.
    ///
    /// There is no time limit: it waits as long as the server does not read. Use a [timeout](tokio::time::timeout), or
    /// drop the subscription, which also ends the stream and does not wait.
    ///
    /// # Errors
    ///
    /// The connection ended or was lost before, and the stream with it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops waiting; the stream ends nevertheless.
    pub async fn close(self) -> Result<(), ConnectionError> {
        cooperative(self.events.close()).await
    }

    /// The same stream, with notices of what happened between the events, such as dropped events or an outage.
    pub fn with_notices(self) -> WithNotices<O> {
        WithNotices { subscription: self }
    }

    /// Runs `handler` on a task of its own until the stream ends.
    ///
    /// On a runtime with one thread, a handler that blocks its thread blocks everything else, including the connection.
    /// Use [`spawn_blocking_handler`](Self::spawn_blocking_handler) for such handlers.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn spawn_handler(self, handler: impl StreamHandler<O>) -> SubscriptionHandle {
        let (handle, running) = self.handled(handler);
        tokio::spawn(running);
        handle
    }

    /// Calls `on_event` for each event, one after the other, on a task of its own until the stream ends. An error ends
    /// the stream and is logged at level `warn`.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn spawn_for_each<F, Fut>(self, on_event: F) -> SubscriptionHandle
    where
        F: FnMut(O::ResponseEvent) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send,
    {
        self.spawn_handlers(on_event, |error| async move { log_error::<O>(&error) }, || async {})
    }

    /// Calls `on_event` for each event, `on_error` for each error and `on_closed` at the end, one after the other, on a
    /// task of its own. The methods of [`StreamHandler`] with these names describe them.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn spawn_handlers<E, F, C>(
        self,
        on_event: impl FnMut(O::ResponseEvent) -> E + Send + 'static,
        on_error: impl FnMut(SdkError<O::Error>) -> F + Send + 'static,
        on_closed: impl FnMut() -> C + Send + 'static,
    ) -> SubscriptionHandle
    where
        E: Future<Output = ()> + Send,
        F: Future<Output = ControlFlow<()>> + Send,
        C: Future<Output = ()> + Send,
    {
        self.spawn_handler(Closures { on_event, on_error, on_closed })
    }

    /// Runs `handler`, which may block, on a thread of its own until the stream ends. A closure that takes an event is
    /// such a handler.
    ///
    /// # Panics
    ///
    /// The operating system cannot create a thread.
    pub fn spawn_blocking_handler(
        self,
        handler: impl BlockingStreamHandler<O>,
    ) -> SubscriptionHandle {
        let (handle, running) = self.handled(Blocking(handler));
        thread::Builder::new()
            .name("subscription handler".to_owned())
            .spawn(move || block_on(running))
            .expect("the operating system can create a thread");
        handle
    }

    fn handled(
        mut self,
        handler: impl StreamHandler<O>,
    ) -> (SubscriptionHandle, impl Future<Output = ()> + Send) {
        let (stream, done) = HandledStream::new(&self.events);
        let running = async move {
            run(move |cx| self.poll_item(cx), handler).await;
            drop(done);
        };
        (SubscriptionHandle { stream }, running)
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item<O>>> {
        let budget = ready!(poll_proceed(cx));
        let next = ready!(self.events.poll_next(cx));
        budget.made_progress();
        Poll::Ready(self.events.read(next))
    }
}

impl<O: StreamingOperation> Stream for Subscription<O> {
    type Item = Result<O::ResponseEvent, SdkError<O::Error>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        without_notices::<O>(|| self.poll_item(cx))
    }
}

impl<O: StreamingOperation> fmt::Debug for Subscription<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("operation", &O::ID).finish_non_exhaustive()
    }
}

/// A [`Subscription`] with notices of what happened between the events.
#[derive(Debug)]
#[must_use = "dropping a subscription unsubscribes"]
pub struct WithNotices<O: StreamingOperation> {
    subscription: Subscription<O>,
}

impl<O: StreamingOperation> WithNotices<O> {
    /// The next event or notice; `None` after the stream has ended.
    ///
    /// # Errors
    ///
    /// As [`Subscription::next`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no event or notice.
    pub async fn next(
        &mut self,
    ) -> Option<Result<SubscriptionItem<O::ResponseEvent>, SdkError<O::Error>>> {
        poll_fn(|cx| self.subscription.poll_item(cx)).await
    }
}

impl<O: StreamingOperation> Stream for WithNotices<O> {
    type Item = Result<SubscriptionItem<O::ResponseEvent>, SdkError<O::Error>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.subscription.poll_item(cx)
    }
}
