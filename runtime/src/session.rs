//! What the asynchronous and the blocking client have in common: everything but how they wait.

mod builder;
pub(crate) mod credentials;
pub(crate) mod done;
pub(crate) mod handler;
mod item;
pub(crate) mod lifecycle;
mod ping;
pub(crate) mod policy;
pub(crate) mod reconnect;
mod reply;
pub(crate) mod settings;
mod subscription;

use std::{
    fmt,
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use crate::{
    error::{ConnectionError, SdkError},
    json::{self, Shape},
    operation::{Operation, StreamingOperation},
    options::{CallOptions, SubscribeOptions},
    protocol::{
        RpcMessage, SendError, SendTurn,
        client::{Core, Failure, Key, Request},
    },
    transport::{LINGER, Shared},
};
use reply::{decode, failed, not_sent};
use settings::Settings;

pub use crate::{
    protocol::client::{Notice, SubscriptionItem},
    transport::Address,
};
pub use builder::Builder;
pub use credentials::{Credentials, StaticPayload};
pub use handler::BlockingStreamHandler;
pub(crate) use item::{Event, Item};
pub use lifecycle::LifecycleHandler;
pub use ping::PingError;
pub use policy::ReconnectPolicy;
pub(crate) use subscription::{Events, without_notices};

/// What a client runs on: how it waits, and what time it is.
pub(crate) trait Runtime: fmt::Debug + Send + Sync + 'static {
    /// Wakes a future when it is time.
    type Timer;

    fn shared(&self) -> &Shared<Core>;

    fn now(&self) -> Instant;

    /// Ready when it is `deadline`; sets the timer when it is first polled.
    fn poll_timer(
        &self,
        timer: &mut Option<Self::Timer>,
        deadline: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<()>;

    /// As [`poll_timer`](Self::poll_timer) for the deadline of a call. It stays pending where the driver ends calls
    /// that are due.
    fn poll_call_timer(
        &self,
        timer: &mut Option<Self::Timer>,
        deadline: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        self.poll_timer(timer, deadline, cx)
    }

    /// Changes the state, and sees to it that what is queued then is written. It does not wait.
    fn update(&self, change: impl FnOnce(&mut Core)) {
        self.shared().with(change);
    }

    /// Closes the connection. It does not wait.
    fn hang_up(&self) {
        self.shared().with(Core::close);
    }
}

/// The result of a future, or nothing if the deadline comes first.
pub(crate) async fn until<R: Runtime, F: Future>(
    runtime: &R,
    deadline: Option<Instant>,
    future: F,
) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut timer = None;
    poll_fn(|cx| {
        // Most need not wait, and no timer.
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        let Some(deadline) = deadline else { return Poll::Pending };
        runtime.poll_timer(&mut timer, deadline, cx).map(|()| None)
    })
    .await
}

/// A connection and what was chosen for it. It closes when the last handle is dropped.
#[derive(Debug)]
pub(crate) struct Session<R: Runtime> {
    pub(crate) runtime: R,
    call_timeout: Duration,
    /// Whether requests are checked before they are sent.
    validates: bool,
}

impl<R: Runtime> Drop for Session<R> {
    fn drop(&mut self) {
        self.runtime.hang_up();
    }
}

impl<R: Runtime> Session<R> {
    pub(crate) fn new(runtime: R, settings: &Settings) -> Arc<Self> {
        let (call_timeout, validates) = (settings.call_timeout, settings.validates);
        Arc::new(Self { runtime, call_timeout, validates })
    }

    /// Sends a request and waits for its reply.
    pub(crate) async fn start<O: Operation>(
        self: &Arc<Self>,
        request: &O::Request,
        options: &CallOptions,
        subscribe: Option<&SubscribeOptions>,
    ) -> Result<Reply<R>, SdkError<O::Error>> {
        options.check(request, self.validates)?;
        let deadline = self.deadline(options.timeout);
        let head = Request {
            operation: O::ID,
            request_shape: O::Request::ID,
            response_shape: O::Response::ID,
            deadline,
            subscribe,
        };
        let open = |core: &mut Core| core.open(&head, |dst| json::append(dst, request));
        let key = self.send(deadline, open).await?;
        let stream = StreamGuard { session: Arc::clone(self), key };
        let mut timer = None;
        // It leaves nothing behind but the stream, which has its guard.
        let reply = poll_fn(|cx| self.poll_reply(key, deadline, &mut timer, cx)).await;
        Ok(Reply { message: reply.map_err(failed)?, stream })
    }

    /// Queues a message, and waits for room first if the queue is full.
    async fn send<T, E>(
        &self,
        deadline: Option<Instant>,
        queue: impl FnMut(&mut Core) -> Result<T, SendError>,
    ) -> Result<T, SdkError<E>> {
        let sending = self.runtime.shared().send(SendTurn::default(), queue);
        let sent = until(&self.runtime, deadline, sending).await;
        sent.unwrap_or(Err(SendError::Full)).map_err(not_sent)
    }

    fn poll_reply(
        &self,
        key: Key,
        deadline: Option<Instant>,
        timer: &mut Option<R::Timer>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<RpcMessage, Failure>> {
        let shared = self.runtime.shared();
        let reply = shared.with(|core| core.poll_reply(key, cx));
        let (Poll::Pending, Some(deadline)) = (&reply, deadline) else { return reply };
        ready!(self.runtime.poll_call_timer(timer, deadline, cx));
        shared.with(|core| {
            core.expire_deadlines(deadline);
            core.poll_reply(key, cx)
        })
    }

    pub(crate) async fn ping(&self, timeout: Duration) -> Result<(), PingError> {
        let shared = self.runtime.shared();
        let pong = async {
            let number = shared.send(SendTurn::default(), Core::ping).await?;
            shared.poll(|core, cx| core.poll_pong(number, cx)).await
        };
        match until(&self.runtime, self.deadline(Some(timeout)), pong).await {
            Some(result) => Ok(result?),
            None => Err(PingError::Timeout),
        }
    }

    /// When to give up what begins now. A timeout beyond what the clock can say never comes.
    fn deadline(&self, timeout: Option<Duration>) -> Option<Instant> {
        self.runtime.now().checked_add(timeout.unwrap_or(self.call_timeout))
    }
}

impl Shared<Core> {
    /// Waits until everything that has been queued so far has been written, and fails if something was discarded.
    pub(crate) fn flushed(&self) -> impl Future<Output = Result<(), ConnectionError>> {
        let queued = self.with(|core| core.queued());
        self.poll(move |core, cx| core.poll_flushed(queued, cx))
    }

    /// Waits until everything that has been queued so far has been written.
    pub(crate) fn written(&self) -> impl Future<Output = Result<(), ConnectionError>> {
        let queued = self.with(|core| core.queued());
        self.poll(move |core, cx| core.poll_written(queued, cx))
    }

    /// Waits until the connection has ended: `Ok` if this side closed it.
    pub(crate) async fn closed(&self) -> Result<(), ConnectionError> {
        match self.poll(|core, cx| core.poll_closed(cx)).await {
            ConnectionError::Closed => Ok(()),
            error => Err(error),
        }
    }
}

/// Closes a connection, and waits until what was queued before has been written, for a limited time.
pub(crate) fn close<R: Runtime>(runtime: &R) -> impl Future<Output = Result<(), ConnectionError>> {
    runtime.shared().with(Core::close);
    linger(runtime, runtime.shared().flushed())
}

/// The result of a future for which a connection that is being closed waits for a limited time.
pub(crate) async fn linger<R: Runtime, F>(runtime: &R, written: F) -> Result<(), ConnectionError>
where
    F: Future<Output = Result<(), ConnectionError>>,
{
    let deadline = runtime.now().checked_add(LINGER);
    until(runtime, deadline, written).await.unwrap_or(Err(ConnectionError::Closed))
}

/// Forgets a stream when its owner goes away, wherever that is.
///
/// It is what makes calls safe to cancel: the stream is ended on the wire if it is still open there, once.
#[derive(Debug)]
struct StreamGuard<R: Runtime> {
    session: Arc<Session<R>>,
    key: Key,
}

impl<R: Runtime> Drop for StreamGuard<R> {
    fn drop(&mut self) {
        self.session.runtime.update(|core| core.forget(self.key));
    }
}

/// The first message that came back on a stream.
pub(crate) struct Reply<R: Runtime> {
    stream: StreamGuard<R>,
    message: RpcMessage,
}

impl<R: Runtime> Reply<R> {
    /// The response; the stream ends.
    pub(crate) fn response<O: Operation>(self) -> Result<O::Response, SdkError<O::Error>> {
        decode::<O, O::Response>(&self.message)
    }

    /// The response and the events that follow.
    pub(crate) fn events<O: StreamingOperation>(self) -> Result<Events<R, O>, SdkError<O::Error>> {
        let response = decode::<O, O::Response>(&self.message)?;
        Ok(Events { stream: self.stream, response, dropped: 0 })
    }
}
