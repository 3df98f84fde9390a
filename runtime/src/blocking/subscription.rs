//! Subscriptions, and handlers on threads of their own.

use std::{
    fmt,
    future::poll_fn,
    ops::ControlFlow,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use super::{
    BlockingStreamHandler, SubscriptionItem,
    background::{self, BackgroundUse},
    link::Link,
};
use crate::{
    error::{ConnectionError, SdkError},
    operation::StreamingOperation,
    session::{
        Events, Item,
        done::block_on,
        handler::{Blocking, Closures, HandledStream, run},
        until, without_notices,
    },
};

/// An open subscription: the response of a streaming operation, and the events that follow.
///
/// It is an iterator over the events in the order in which the server sent them, which waits for the next event and
/// ends with the stream. Dropping it ends the stream on the wire. After an error that concerns one event only, such as
/// an event that cannot be decoded, the stream continues; after any other error it ends.
#[must_use = "dropping a subscription unsubscribes"]
pub struct Subscription<O: StreamingOperation> {
    events: Events<Arc<Link>, O>,
    _background: BackgroundUse,
}

impl<O: StreamingOperation> Subscription<O> {
    pub(super) fn new(events: Events<Arc<Link>, O>, background: BackgroundUse) -> Self {
        Self { events, _background: background }
    }

    /// The response that opened the stream.
    pub fn response(&self) -> &O::Response {
        &self.events.response
    }

    /// Waits for the next event, and returns [`Poll::Pending`] if none arrives within `timeout`, which may be zero.
    /// `None` after the stream has ended.
    ///
    /// # Errors
    ///
    /// The event cannot be decoded, the service sent an error instead of an event, the connection ended, or the queue
    /// was full ([`SdkError::Lagged`]).
    pub fn next_timeout(&mut self, timeout: Duration) -> Poll<Option<<Self as Iterator>::Item>> {
        self.next_until(Instant::now().checked_add(timeout))
    }

    /// Waits for the next event, for `while let Some(event) = subscription.try_next()?`. `None` after the stream has
    /// ended.
    ///
    /// # Errors
    ///
    /// As [`next_timeout`](Self::next_timeout).
    #[allow(clippy::result_large_err)]
    pub fn try_next(&mut self) -> Result<Option<O::ResponseEvent>, SdkError<O::Error>> {
        self.next().transpose()
    }

    /// How many events have been dropped so far because the queue was full, if the [overflow](crate::client::Overflow)
    /// option of the subscription drops events. [`with_notices`](Self::with_notices) reports where.
    pub fn dropped(&self) -> u64 {
        self.events.dropped
    }

    /// Sends an event to the server. If the write queue is full, it waits for room for as long as the timeout of a
    /// call.
    ///
    /// # Errors
    ///
    /// The event cannot be encoded, the stream or the connection has ended, or the write queue stayed full.
    pub fn send_event(&self, event: O::RequestEvent) -> Result<(), SdkError<O::Error>> {
        self.events.runtime().wait(self.events.send_event(&event))
    }

    /// Ends the stream, and waits until the message that ends it has been written to the socket. The protocol has no
    /// answer to that message.
    ///
    /// There is no time limit: it waits as long as the server does not read. Dropping the subscription also ends the
    /// stream and does not wait.
    ///
    /// # Errors
    ///
    /// The connection ended before.
    pub fn close(self) -> Result<(), ConnectionError> {
        let link = Arc::clone(self.events.runtime());
        link.wait(self.events.close())
    }

    /// The same stream, with notices of what happened between the events, such as dropped events or an outage.
    pub fn with_notices(self) -> WithNotices<O> {
        WithNotices { subscription: self }
    }

    /// Runs `handler` on a thread of its own until the stream ends. A closure that takes an event is such a handler; an
    /// error ends its stream and is logged at level `warn`.
    ///
    /// # Panics
    ///
    /// The operating system cannot create a thread.
    pub fn spawn_handler(self, handler: impl BlockingStreamHandler<O>) -> SubscriptionHandle {
        let (stream, done) = HandledStream::new(&self.events);
        background::spawn("subscription handler", move || {
            let mut stream = self;
            block_on(run(move |_| stream.item(None), Blocking(handler)));
            drop(done);
        })
        .expect("the operating system can create a thread");
        SubscriptionHandle { stream }
    }

    /// Calls `on_event` for each event, `on_error` for each error and `on_closed` at the end, one after the other, on a
    /// thread of its own. The methods of [`BlockingStreamHandler`] with these names describe them.
    ///
    /// # Panics
    ///
    /// The operating system cannot create a thread.
    pub fn spawn_handlers(
        self,
        on_event: impl FnMut(O::ResponseEvent) + Send + 'static,
        on_error: impl FnMut(SdkError<O::Error>) -> ControlFlow<()> + Send + 'static,
        on_closed: impl FnMut() + Send + 'static,
    ) -> SubscriptionHandle {
        self.spawn_handler(Closures { on_event, on_error, on_closed })
    }

    fn next_until(&mut self, until: Option<Instant>) -> Poll<Option<<Self as Iterator>::Item>> {
        without_notices::<O>(|| self.item(until))
    }

    fn item(&mut self, deadline: Option<Instant>) -> Poll<Option<Item<O>>> {
        let link = self.events.runtime();
        let next = poll_fn(|cx| self.events.poll_next(cx));
        match link.wait(until(link, deadline, next)) {
            Some(next) => Poll::Ready(self.events.read(next)),
            None => Poll::Pending,
        }
    }
}

impl<O: StreamingOperation> Iterator for Subscription<O> {
    type Item = Result<O::ResponseEvent, SdkError<O::Error>>;

    fn next(&mut self) -> Option<Self::Item> {
        let Poll::Ready(next) = self.next_until(None) else { return None };
        next
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
    /// Waits for the next event or notice, and returns [`Poll::Pending`] if none arrives within `timeout`. `None` after
    /// the stream has ended.
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
        let Poll::Ready(next) = self.subscription.item(None) else { return None };
        next
    }
}

/// The handle to a subscription whose events go to a handler. Dropping it unsubscribes.
#[must_use = "dropping the handle unsubscribes"]
#[derive(Debug)]
pub struct SubscriptionHandle {
    stream: HandledStream<Arc<Link>>,
}

impl SubscriptionHandle {
    /// Waits until the stream has ended and the handler has been told so.
    pub fn closed(&self) {
        block_on(self.stream.closed());
    }

    /// Unsubscribes, and waits until the handler has returned from its current event and has been told that the stream
    /// has ended. The handler itself must not call it, because it would wait for itself.
    pub fn close(self) {
        self.stream.end();
        self.closed();
    }
}
