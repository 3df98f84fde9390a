//! Callbacks for the events of a subscription.
//!
//! A handler is a loop over the stream, so that there is one way for events to arrive, and one order.

use std::{
    any::Any,
    fmt,
    ops::ControlFlow,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use tokio::task::coop::cooperative;

use super::{Subscription, WithNotices, shared::Handle};
use crate::{
    error::SdkError,
    operation::StreamingOperation,
    protocol::client::Key,
    session::{
        BlockingStreamHandler, Notice, SubscriptionItem,
        done::{Done, SetDone},
        handler::{self, log_error, log_panic},
        item::Item,
    },
    transport::caught,
};

/// Callbacks for one subscription, in the order in which the events arrive.
///
/// They may make calls and wait for other subscriptions. The next event waits until the callback for the
/// one before is done.
pub trait StreamHandler<O: StreamingOperation>: Send + 'static {
    /// An event arrived.
    fn on_stream_event(&mut self, event: O::ResponseEvent) -> impl Future<Output = ()> + Send;

    /// The stream reported an error. `Break` ends the stream, and is the default, as in the other
    /// Greengrass SDKs; with `Continue` it goes on if it still can.
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

    /// Another callback panicked; the panic has been caught and logged. By default the stream goes on with
    /// the next event, if it still can.
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

/// The handle to a subscription whose events go to a handler. Dropping it unsubscribes.
#[must_use = "dropping the handle unsubscribes"]
pub struct SubscriptionHandle {
    connection: Arc<Handle>,
    key: Key,
    done: Arc<Done>,
}

impl SubscriptionHandle {
    /// Waits until the stream has ended and the handler has been told.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops waiting.
    pub async fn closed(&self) {
        cooperative(std::future::poll_fn(|cx| self.done.poll(cx))).await;
    }

    /// Unsubscribes, and waits until the handler is done with the event it is at.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops waiting; the subscription ends all the same.
    pub async fn close(self) {
        self.end();
        self.closed().await;
    }

    fn end(&self) {
        self.connection.shared.with(|core| core.end(self.key));
    }
}

impl Drop for SubscriptionHandle {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for SubscriptionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionHandle").finish_non_exhaustive()
    }
}

fn handle<O: StreamingOperation>(subscription: &Subscription<O>) -> (SubscriptionHandle, SetDone) {
    let (connection, key) = subscription.owner();
    let done = Arc::new(Done::default());
    (SubscriptionHandle { connection, key, done: Arc::clone(&done) }, SetDone(done))
}

pub(super) fn spawn<O: StreamingOperation>(
    subscription: Subscription<O>,
    handler: impl StreamHandler<O>,
) -> SubscriptionHandle {
    let (handle, done) = handle(&subscription);
    tokio::spawn(async move {
        run(subscription.with_notices(), handler).await;
        drop(done);
    });
    handle
}

pub(super) fn spawn_blocking<O: StreamingOperation>(
    subscription: Subscription<O>,
    handler: impl BlockingStreamHandler<O>,
) -> SubscriptionHandle {
    let (handle, done) = handle(&subscription);
    thread::Builder::new()
        .name("subscription handler".to_owned())
        .spawn(move || {
            let mut stream = subscription.with_notices();
            handler::run::<O>(move || block_on(stream.next()), handler);
            drop(done);
        })
        .expect("the operating system gives a thread");
    handle
}

async fn run<O: StreamingOperation>(
    mut stream: WithNotices<O>,
    mut handler: impl StreamHandler<O>,
) {
    while let Some(item) = stream.next().await {
        let mut flow = caught(tell(&mut handler, item)).await;
        if let Err(panic) = flow {
            log_panic::<O>();
            flow = caught(async { handler.on_panic(panic).await }).await;
        }
        match flow {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => break,
            Err(_panic) => {
                log_panic::<O>();
                break;
            }
        }
    }
    // The stream ends on the wire before the handler is told.
    drop(stream);
    if caught(async { handler.on_stream_closed().await }).await.is_err() {
        log_panic::<O>();
    }
}

async fn tell<O: StreamingOperation>(
    handler: &mut impl StreamHandler<O>,
    item: Item<O>,
) -> ControlFlow<()> {
    match item {
        Ok(SubscriptionItem::Event(event)) => handler.on_stream_event(event).await,
        Ok(SubscriptionItem::Notice(notice)) => match notice {
            Notice::Dropped(count) => handler.on_dropped(count).await,
            Notice::Disconnected => handler.on_disconnected().await,
            Notice::Resubscribed => handler.on_resubscribed().await,
        },
        Err(error) => return handler.on_stream_error(error).await,
    }
    ControlFlow::Continue(())
}

/// Runs a future on this thread, which sleeps while there is nothing to do.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
