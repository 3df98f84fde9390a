//! Open streams of events.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use tokio::task::coop::{cooperative, poll_proceed};

use super::{
    Connection, StreamHandler, SubscriptionHandle, handler,
    shared::{Handle, StreamGuard},
};
use crate::{
    error::{ConnectionError, SdkError},
    operation::StreamingOperation,
    protocol::client::Key,
    session::{
        BlockingStreamHandler, SubscriptionItem,
        item::{self, Item},
    },
};

/// An open streaming operation: the response that opened it, and the events since.
///
/// It is a stream of events in the order in which the server sent them. Dropping it ends the stream on the
/// wire. After an error that is about one event only, an event that cannot be read for example, the stream
/// goes on; after any other it ends.
#[must_use = "dropping a subscription unsubscribes"]
pub struct Subscription<O: StreamingOperation> {
    stream: StreamGuard,
    response: O::Response,
    dropped: u64,
}

impl<O: StreamingOperation> Unpin for Subscription<O> {}

impl<O: StreamingOperation> Subscription<O> {
    pub(super) fn new(stream: StreamGuard, response: O::Response) -> Self {
        Self { stream, response, dropped: 0 }
    }

    /// The response that opened the stream.
    pub fn response(&self) -> &O::Response {
        &self.response
    }

    /// The next event; `None` after the stream has ended.
    ///
    /// # Errors
    ///
    /// An event that cannot be read, an error that the service sent in the place of an event, the end of
    /// the connection, or a queue that was full ([`SdkError::Lagged`]).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no event.
    pub async fn next(&mut self) -> Option<Result<O::ResponseEvent, SdkError<O::Error>>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// How many events have been dropped so far because the queue was full, if the subscription was opened
    /// so that this can happen. [`with_notices`](Self::with_notices) says between which.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Sends an event to the server.
    ///
    /// # Errors
    ///
    /// The event cannot be encoded, stream or connection have ended, or there was no room in the write queue
    /// within the time of a call.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before it is ready sends nothing; it waits only for room in the write queue.
    pub async fn send_event(&self, event: O::RequestEvent) -> Result<(), SdkError<O::Error>> {
        Connection::send_event::<O>(&self.stream.handle, self.stream.key, &event).await
    }

    /// Ends the stream; returns when that has been written to the socket. The protocol has no answer to it.
    ///
    /// That takes as long as the server does not read, and nothing here ends it. To limit the time, put a
    /// [timeout](tokio::time::timeout) around it, or drop the subscription, which ends the stream as well and does
    /// not wait.
    ///
    /// # Errors
    ///
    /// The connection ended or was lost before; the stream has ended with it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops waiting; the stream ends all the same.
    pub async fn close(self) -> Result<(), ConnectionError> {
        let handle = Arc::clone(&self.stream.handle);
        drop(self);
        let queued = handle.shared.with(|core| core.queued());
        cooperative(handle.shared.poll(|core, cx| core.poll_written(queued, cx))).await
    }

    /// The same stream, with notices of what happened between the events.
    pub fn with_notices(self) -> WithNotices<O> {
        WithNotices { subscription: self }
    }

    /// Runs `handler` on a task of its own until the stream ends.
    ///
    /// A handler that blocks its thread holds up everything else on a runtime with one thread, the
    /// connection included; use [`spawn_blocking_handler`](Self::spawn_blocking_handler) for those.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn spawn_handler(self, handler: impl StreamHandler<O>) -> SubscriptionHandle {
        handler::spawn(self, handler)
    }

    /// Calls `on_event` for each event, one after the other, on a task of its own, until the stream ends.
    /// Errors are logged at level `warn`.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn spawn_for_each<F, Fut>(self, on_event: F) -> SubscriptionHandle
    where
        F: FnMut(O::ResponseEvent) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send,
    {
        handler::spawn(self, handler::Closure(on_event))
    }

    /// Runs `handler`, which may block, on a thread of its own until the stream ends. A closure that takes
    /// an event is such a handler.
    ///
    /// # Panics
    ///
    /// If the operating system gives no thread.
    pub fn spawn_blocking_handler(
        self,
        handler: impl BlockingStreamHandler<O>,
    ) -> SubscriptionHandle {
        handler::spawn_blocking(self, handler)
    }

    pub(super) fn owner(&self) -> (Arc<Handle>, Key) {
        (Arc::clone(&self.stream.handle), self.stream.key)
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item<O>>> {
        let budget = ready!(poll_proceed(cx));
        let key = self.stream.key;
        let next = ready!(self.stream.handle.shared.with(|core| core.poll_event(key, cx)));
        budget.made_progress();
        let item = next.map(|next| item::read::<O>(next, &mut self.dropped));
        if item.as_ref().is_some_and(item::is_last::<O>) {
            self.stream.handle.shared.with(|core| core.forget(key));
        }
        Poll::Ready(item)
    }
}

impl<O: StreamingOperation> Stream for Subscription<O> {
    type Item = Result<O::ResponseEvent, SdkError<O::Error>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let item = match ready!(self.poll_item(cx)) {
                None => None,
                Some(Ok(SubscriptionItem::Event(event))) => Some(Ok(event)),
                Some(Ok(SubscriptionItem::Notice(_))) => continue,
                Some(Err(error)) => Some(Err(error)),
            };
            return Poll::Ready(item);
        }
    }
}

impl<O: StreamingOperation> fmt::Debug for Subscription<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("operation", &O::ID).finish_non_exhaustive()
    }
}

/// A [`Subscription`] that also says what happened between the events.
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
    /// Dropping the future loses nothing.
    pub async fn next(
        &mut self,
    ) -> Option<Result<SubscriptionItem<O::ResponseEvent>, SdkError<O::Error>>> {
        std::future::poll_fn(|cx| self.subscription.poll_item(cx)).await
    }
}

impl<O: StreamingOperation> Stream for WithNotices<O> {
    type Item = Result<SubscriptionItem<O::ResponseEvent>, SdkError<O::Error>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.subscription.poll_item(cx)
    }
}
