//! Open streams of events.

use std::{
    fmt,
    future::poll_fn,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use super::{
    BlockingStreamHandler, SubscriptionHandle, SubscriptionItem,
    background::Reason,
    connection::{Handle, StreamGuard},
    handler,
};
use crate::{
    error::{ConnectionError, SdkError},
    json::{self, Shape},
    operation::StreamingOperation,
    protocol::client::Key,
    session::item::{self, Item},
};

/// An open streaming operation: the response that opened it, and the events since.
///
/// It is an iterator over the events in the order in which the server sent them, which waits for the next
/// and ends with the stream. Dropping it ends the stream on the wire. After an error that is about one event
/// only, an event that cannot be read for example, the stream goes on; after any other it ends.
#[must_use = "dropping a subscription unsubscribes"]
pub struct Subscription<O: StreamingOperation> {
    stream: StreamGuard,
    response: O::Response,
    dropped: u64,
    _reason: Reason,
}

impl<O: StreamingOperation> Subscription<O> {
    pub(super) fn new(stream: StreamGuard, response: O::Response, reason: Reason) -> Self {
        Self { stream, response, dropped: 0, _reason: reason }
    }

    /// The response that opened the stream.
    pub fn response(&self) -> &O::Response {
        &self.response
    }

    /// The next event, which is waited for at most so long: [`Poll::Pending`] if none came. `None` after the
    /// stream has ended.
    ///
    /// # Errors
    ///
    /// An event that cannot be read, an error that the service sent in the place of an event, the end of
    /// the connection, or a queue that was full ([`SdkError::Lagged`]).
    pub fn next_timeout(&mut self, timeout: Duration) -> Poll<Option<<Self as Iterator>::Item>> {
        self.next_until(Instant::now().checked_add(timeout))
    }

    /// The next event if it is there: [`Poll::Pending`] if it is not. `None` after the stream has ended.
    ///
    /// # Errors
    ///
    /// As [`next_timeout`](Self::next_timeout).
    pub fn try_next(&mut self) -> Poll<Option<<Self as Iterator>::Item>> {
        self.next_timeout(Duration::ZERO)
    }

    /// How many events have been dropped so far because the queue was full, if the subscription was opened
    /// so that this can happen. [`with_notices`](Self::with_notices) says between which.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Sends an event to the server. It waits for room in the write queue, as long as for the response to a
    /// call.
    ///
    /// # Errors
    ///
    /// The event cannot be encoded, or stream or connection have ended.
    pub fn send_event(&self, event: O::RequestEvent) -> Result<(), SdkError<O::Error>> {
        let handle = &self.stream.handle;
        handle.queue(handle.deadline(None), |core| {
            core.send_event(self.stream.key, O::RequestEvent::ID, |dst| json::append(dst, &event))
        })
    }

    /// Ends the stream; returns when that has been written to the socket. The protocol has no answer to it.
    ///
    /// That takes as long as the server does not read, and has no timeout. Dropping the subscription ends it as
    /// well and does not wait: what there is no room for is written when there is.
    ///
    /// # Errors
    ///
    /// The connection ended before.
    pub fn close(self) -> Result<(), ConnectionError> {
        let handle = Arc::clone(&self.stream.handle);
        drop(self);
        handle.written()
    }

    /// The same stream, with notices of what happened between the events.
    pub fn with_notices(self) -> WithNotices<O> {
        WithNotices { subscription: self }
    }

    /// Runs `handler` on a thread of its own until the stream ends. A closure that takes an event is such a
    /// handler; it logs errors at level `warn`.
    ///
    /// # Panics
    ///
    /// If the operating system gives no thread.
    pub fn spawn_handler(self, handler: impl BlockingStreamHandler<O>) -> SubscriptionHandle {
        handler::spawn(self, handler)
    }

    pub(super) fn owner(&self) -> (Arc<Handle>, Key) {
        (Arc::clone(&self.stream.handle), self.stream.key)
    }

    fn next_until(&mut self, until: Option<Instant>) -> Poll<Option<<Self as Iterator>::Item>> {
        loop {
            return match self.item(until) {
                Poll::Ready(Some(Ok(SubscriptionItem::Event(event)))) => {
                    Poll::Ready(Some(Ok(event)))
                }
                Poll::Ready(Some(Ok(SubscriptionItem::Notice(_)))) => continue,
                Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            };
        }
    }

    fn item(&mut self, until: Option<Instant>) -> Poll<Option<Item<O>>> {
        let (link, key) = (&self.stream.handle.link, self.stream.key);
        let next = poll_fn(|cx| link.shared.with(|core| core.poll_event(key, cx)));
        let Some(next) = link.wait(until, next) else { return Poll::Pending };
        let item = next.map(|next| item::read::<O>(next, &mut self.dropped));
        if item.as_ref().is_some_and(item::is_last::<O>) {
            link.shared.with(|core| core.forget(key));
        }
        Poll::Ready(item)
    }
}

impl<O: StreamingOperation> Iterator for Subscription<O> {
    type Item = Result<O::ResponseEvent, SdkError<O::Error>>;

    fn next(&mut self) -> Option<Self::Item> {
        ready(self.next_until(None))
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
    /// The next event or notice, which is waited for at most so long: [`Poll::Pending`] if none came. `None`
    /// after the stream has ended.
    ///
    /// # Errors
    ///
    /// As [`Subscription::next_timeout`].
    pub fn next_timeout(&mut self, timeout: Duration) -> Poll<Option<<Self as Iterator>::Item>> {
        self.subscription.item(Instant::now().checked_add(timeout))
    }
}

impl<O: StreamingOperation> Iterator for WithNotices<O> {
    type Item = Result<SubscriptionItem<O::ResponseEvent>, SdkError<O::Error>>;

    fn next(&mut self) -> Option<Self::Item> {
        ready(self.subscription.item(None))
    }
}

/// What has been waited for without a limit.
fn ready<T>(poll: Poll<Option<T>>) -> Option<T> {
    match poll {
        Poll::Ready(value) => value,
        Poll::Pending => None,
    }
}
