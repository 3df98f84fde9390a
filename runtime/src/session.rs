//! What the asynchronous and the blocking client share: everything but sockets, and how they wait.

mod builder;
pub(crate) mod credentials;
pub(crate) mod done;
pub(crate) mod handler;
mod item;
pub(crate) mod lifecycle;
pub(crate) mod open;
mod ping;
pub(crate) mod policy;
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
    error::{ConnectError, ConnectionError, SdkError},
    json::{self, Shape},
    operation::{Operation, StreamingOperation},
    options::{CallOptions, SubscribeOptions},
    protocol::{
        RpcMessage, SendError, SendTurn,
        client::{Core, Failure, Key, Request},
    },
    transport::{LINGER, Shared},
};
use reply::{decode, failed, not_sent, with_hint};
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

/// How a client waits, reads the clock and drives its connection: with tokio or with threads.
pub(crate) trait Runtime: fmt::Debug + Send + Sync + 'static {
    /// A timer that wakes a task.
    type Timer;
    /// An open socket.
    type Socket;
    /// Ready when the connection has ended and its socket is no longer used.
    type Driver: Future + Send + Unpin;

    fn shared(&self) -> &Shared<Core>;

    fn now(&self) -> Instant;

    /// Waits until the deadline. The first poll sets the timer.
    fn poll_timer(
        &self,
        timer: &mut Option<Self::Timer>,
        deadline: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<()>;

    /// Whether the driver ends a call that is due, so that the caller needs no timer.
    fn ends_calls(&self) -> bool {
        false
    }

    /// Opens a socket.
    async fn open(address: &Address, timeout: Duration) -> Result<Self::Socket, ConnectError>;

    /// Starts to drive the connection over a socket, unless `start` fails or returns false.
    fn attach(
        &self,
        socket: Self::Socket,
        start: impl FnOnce(&mut Core) -> Result<bool, ConnectError>,
    ) -> Result<Option<Self::Driver>, ConnectError>;

    /// Changes the state and starts writing the messages that the change queues. It does not wait.
    fn update(&self, change: impl FnOnce(&mut Core)) {
        self.shared().with(change);
    }

    /// Closes the connection. It does not wait.
    fn start_closing(&self) {
        self.shared().with(Core::close);
    }
}

/// The result of a future, or `None` if the deadline passes first.
pub(crate) async fn until<R: Runtime, F: Future>(
    runtime: &R,
    deadline: Option<Instant>,
    future: F,
) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut timer = None;
    poll_fn(|cx| {
        // Most futures are ready immediately and need no timer.
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        let Some(deadline) = deadline else { return Poll::Pending };
        runtime.poll_timer(&mut timer, deadline, cx).map(|()| None)
    })
    .await
}

/// An open connection and the settings of its calls. The connection closes when the last handle is dropped.
#[derive(Debug)]
pub(crate) struct Session<R: Runtime> {
    pub(crate) runtime: R,
    call_timeout: Duration,
    /// Whether requests are checked before they are sent.
    validates: bool,
}

impl<R: Runtime> Drop for Session<R> {
    fn drop(&mut self) {
        self.runtime.start_closing();
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
        // If it is dropped, the guard ends the stream.
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
        if self.runtime.ends_calls() {
            return Poll::Pending;
        }
        ready!(self.runtime.poll_timer(timer, deadline, cx));
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

    /// The deadline of what begins now: none if the clock cannot represent it.
    fn deadline(&self, timeout: Option<Duration>) -> Option<Instant> {
        self.runtime.now().checked_add(timeout.unwrap_or(self.call_timeout))
    }
}

impl Shared<Core> {
    /// Waits until everything that has been queued so far has been written. Fails if an earlier part was discarded.
    pub(crate) fn flushed(&self) -> impl Future<Output = Result<(), ConnectionError>> {
        let queued = self.with(|core| core.queued());
        self.poll(move |core, cx| core.poll_flushed(queued, cx))
    }

    /// Waits until everything that has been queued so far has been written.
    pub(crate) fn written(&self) -> impl Future<Output = Result<(), ConnectionError>> {
        let queued = self.with(|core| core.queued());
        self.poll(move |core, cx| core.poll_written(queued, cx))
    }

    /// Waits until the connection has ended, and returns `Ok` if this side closed it.
    pub(crate) async fn closed(&self) -> Result<(), ConnectionError> {
        match self.poll(|core, cx| core.poll_closed(cx)).await {
            ConnectionError::Closed => Ok(()),
            error => Err(error),
        }
    }
}

/// Closes a connection, and waits for a limited time until everything queued has been written.
pub(crate) fn close<R: Runtime>(runtime: &R) -> impl Future<Output = Result<(), ConnectionError>> {
    runtime.shared().with(Core::close);
    linger(runtime, runtime.shared().flushed())
}

/// Waits for a limited time, as a connection that is being closed does.
pub(crate) async fn linger<R: Runtime, F>(runtime: &R, written: F) -> Result<(), ConnectionError>
where
    F: Future<Output = Result<(), ConnectionError>>,
{
    let deadline = runtime.now().checked_add(LINGER);
    until(runtime, deadline, written).await.unwrap_or(Err(ConnectionError::Closed))
}

/// Removes a stream when it is dropped, and ends it on the wire if it is still open there. This makes calls safe to
/// cancel.
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

/// The first message that arrived on a stream.
pub(crate) struct Reply<R: Runtime> {
    stream: StreamGuard<R>,
    message: RpcMessage,
}

impl<R: Runtime> Reply<R> {
    /// The response of an operation without events.
    pub(crate) fn response<O: Operation>(
        self,
        request: &O::Request,
    ) -> Result<O::Response, SdkError<O::Error>> {
        decode::<O, O::Response>(&self.message).map_err(|it| with_hint::<O>(it, request))
    }

    /// The response of a streaming operation, and the events that follow.
    pub(crate) fn events<O: StreamingOperation>(
        self,
        request: &O::Request,
    ) -> Result<Events<R, O>, SdkError<O::Error>> {
        let response = decode::<O, O::Response>(&self.message);
        let response = response.map_err(|it| with_hint::<O>(it, request))?;
        Ok(Events { stream: self.stream, response, dropped: 0 })
    }
}
