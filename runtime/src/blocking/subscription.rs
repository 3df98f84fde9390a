//! Open streams of events, and handlers on threads of their own.

use std::{
    fmt,
    future::poll_fn,
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
        handler::{Blocking, HandledStream, run},
        until, without_notices,
    },
};

/// An open streaming operation: the response that opened it, and the events since.
///
/// It is an iterator over the events in the order in which the server sent them, which waits for the next
/// and ends with the stream. Dropping it ends the stream on the wire. After an error that is about one event
/// only, an event that cannot be read for example, the stream continues; after any other it ends.
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
        self.events.dropped
    }

    /// Sends an event to the server. It waits for room in the write queue, as long as for the response to a
    /// call.
    ///
    /// # Errors
    ///
    /// The event cannot be encoded, or stream or connection have ended.
    pub fn send_event(&self, event: O::RequestEvent) -> Result<(), SdkError<O::Error>> {
        self.events.runtime().wait(self.events.send_event(&event))
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
        let link = Arc::clone(self.events.runtime());
        link.wait(self.events.close())
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
        let (stream, done) = HandledStream::new(&self.events);
        background::spawn("subscription handler", move || {
            let mut stream = self;
            block_on(run(move |_| stream.item(None), Blocking(handler)));
            drop(done);
        })
        .expect("the operating system gives a thread");
        SubscriptionHandle { stream }
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

/// The handle to a subscription whose events go to a handler. Dropping it unsubscribes.
#[must_use = "dropping the handle unsubscribes"]
#[derive(Debug)]
pub struct SubscriptionHandle {
    stream: HandledStream<Arc<Link>>,
}

impl SubscriptionHandle {
    /// Waits until the stream has ended and the handler has been told.
    pub fn closed(&self) {
        block_on(self.stream.closed());
    }

    /// Unsubscribes, and waits until the handler is done with the event it is at. So it waits for ever if
    /// that handler calls it.
    pub fn close(self) {
        self.stream.end();
        self.closed();
    }
}
