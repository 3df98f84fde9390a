//! The handle to a connection.

use std::{
    future::poll_fn,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::coop::{consume_budget, cooperative};
use tracing::Instrument;

use super::{
    ConnectionBuilder, Subscription,
    shared::{CallTimer, Handle, Shared, StreamGuard},
};
use crate::{
    error::{ConnectionError, SdkError},
    json::{self, Shape},
    operation::{Operation, StreamingOperation},
    options::{CallOptions, SubscribeOptions},
    protocol::{
        RpcMessage, SendTurn,
        client::{Core, Key, OpenError},
    },
    session::{
        PingError,
        reply::{self, decode, failed, not_sent},
    },
    transport::LINGER,
};

/// A handle to one open connection.
///
/// Clones share it. It closes when the last clone is gone, and with it the last subscription and the
/// last [`SubscriptionHandle`](super::SubscriptionHandle).
///
/// A process needs one connection: keep a clone wherever calls are made, or one in a
/// [`std::sync::OnceLock`].
#[derive(Clone, Debug)]
pub struct Connection {
    handle: Arc<Handle>,
}

impl crate::options::Sealed for Connection {}

impl Connection {
    /// Starts building a connection.
    pub fn builder() -> ConnectionBuilder {
        ConnectionBuilder::default()
    }

    pub(super) fn new(handle: Handle) -> Self {
        Self { handle: Arc::new(handle) }
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.handle.shared)
    }

    /// Sends `request` and waits for the response.
    ///
    /// # Errors
    ///
    /// See [`SdkError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the call: before the request was queued nothing is sent, afterwards the
    /// stream is ended on the wire. The connection goes on.
    pub async fn call<O: Operation>(
        &self,
        operation: O,
        request: O::Request,
        options: CallOptions,
    ) -> Result<O::Response, SdkError<O::Error>> {
        let _ = operation;
        let span = self.handle.shared.call_span(O::ID);
        let reply = self.start::<O>(&request, &options, None).instrument(span).await;
        if reply.is_err() {
            // A call that fails at once, and is made again and again, lets other tasks run.
            consume_budget().await;
        }
        let (_stream, message) = reply?;
        decode::<O, O::Response>(&message)
    }

    /// Sends `request`, waits for the response, and keeps the stream open for events.
    ///
    /// # Errors
    ///
    /// See [`SdkError`].
    ///
    /// # Cancel safety
    ///
    /// As [`call`](Self::call).
    pub async fn subscribe<O: StreamingOperation>(
        &self,
        operation: O,
        request: O::Request,
        options: SubscribeOptions,
    ) -> Result<Subscription<O>, SdkError<O::Error>> {
        let _ = operation;
        let span = self.handle.shared.call_span(O::ID);
        let reply = self.start::<O>(&request, &options.call, Some(&options)).instrument(span).await;
        if reply.is_err() {
            consume_budget().await;
        }
        let (stream, message) = reply?;
        let response = decode::<O, O::Response>(&message)?;
        Ok(Subscription::new(stream, response))
    }

    async fn start<O: Operation>(
        &self,
        request: &O::Request,
        options: &CallOptions,
        subscribe: Option<&SubscribeOptions>,
    ) -> Result<(StreamGuard, RpcMessage), SdkError<O::Error>> {
        options.check(request, self.handle.validates)?;
        let deadline = self.handle.deadline(options.timeout);
        let head = reply::request::<O>(deadline, subscribe);
        let open = |core: &mut Core| core.open(&head, |dst| json::append(dst, request));
        let key = self.send(deadline, open).await?;
        let stream = StreamGuard { handle: Arc::clone(&self.handle), key };
        // It leaves nothing behind but the stream, which has its guard.
        let mut timer = CallTimer::default();
        let reply = poll_fn(|cx| self.handle.poll_reply(key, deadline, &mut timer, cx)).await;
        reply.map(|message| (stream, message)).map_err(failed)
    }

    /// Queues a message, and waits for room first if there is none.
    async fn send<T, E>(
        &self,
        deadline: Option<Instant>,
        queue: impl FnMut(&mut Core) -> Result<T, OpenError>,
    ) -> Result<T, SdkError<E>> {
        let sending = self.handle.shared.send(SendTurn::default(), queue);
        let Some(result) = self.handle.until(deadline, sending).await else {
            return Err(SdkError::Timeout { request_written: false });
        };
        result.map_err(not_sent)
    }

    pub(super) async fn send_event<O: StreamingOperation>(
        handle: &Arc<Handle>,
        key: Key,
        event: &O::RequestEvent,
    ) -> Result<(), SdkError<O::Error>> {
        let connection = Self { handle: Arc::clone(handle) };
        let deadline = handle.deadline(None);
        let queue = |core: &mut Core| {
            core.send_event(key, O::RequestEvent::ID, |dst| json::append(dst, event))
        };
        cooperative(connection.send(deadline, queue)).await
    }

    /// Asks the other side to answer, and waits until it has.
    ///
    /// The ping has a header of its own and a payload, without which the Java nucleus does not survive it or does
    /// not answer. With them the Java nucleus and the servers of this crate answer; nucleus lite ends the
    /// connection. No official SDK sends pings by itself, and neither does this client.
    ///
    /// # Errors
    ///
    /// The connection has ended, or no answer came within `timeout`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops waiting, for room in the write queue at first; the answer to what has been
    /// sent is passed over when it comes.
    pub async fn ping(&self, timeout: Duration) -> Result<(), PingError> {
        let shared = &self.handle.shared;
        let ping = async {
            let number = shared.send(SendTurn::default(), |core| core.ping()).await?;
            shared.poll(|core, cx| core.poll_pong(number, cx)).await
        };
        match self.handle.until(self.handle.deadline(Some(timeout)), cooperative(ping)).await {
            Some(result) => Ok(result?),
            None => Err(PingError::Timeout),
        }
    }

    /// Waits until everything that has been queued so far has been written to the socket.
    ///
    /// That takes as long as the server does not read, and nothing here ends it. To limit the time, put a
    /// [timeout](tokio::time::timeout) around it, or close the connection, which waits for 3 s at most.
    ///
    /// # Errors
    ///
    /// The connection ended before, or what had been queued since the last flush was discarded in part when a
    /// connection was lost that a [`ReconnectPolicy`](crate::client::ReconnectPolicy) brought back. That is told once.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops waiting, and changes nothing about what is written.
    pub async fn flush(&self) -> Result<(), ConnectionError> {
        let shared = &self.handle.shared;
        let queued = shared.with(|core| core.queued());
        cooperative(shared.poll(|core, cx| core.poll_flushed(queued, cx))).await
    }

    /// Waits until the connection has ended: `Ok` if this side closed it. With a
    /// [`ReconnectPolicy`](crate::client::ReconnectPolicy) an outage is not the end.
    ///
    /// # Errors
    ///
    /// Why it ended, if this side did not close it. For a nucleus that stops or restarts
    /// [`is_peer_gone`](ConnectionError::is_peer_gone) is true, and a component that it has started should exit.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops waiting.
    pub async fn closed(&self) -> Result<(), ConnectionError> {
        match cooperative(self.handle.shared.poll(|core, cx| core.poll_closed(cx))).await {
            ConnectionError::Closed => Ok(()),
            error => Err(error),
        }
    }

    /// Ends every stream and closes the connection, for all its clones. Waits until what was queued before has
    /// been written or the connection is lost, for at most 3 s. What the server sends in that time is discarded.
    ///
    /// Calls that wait for their response fail with [`ConnectionError::Closed`].
    ///
    /// # Errors
    ///
    /// The connection is closed in any case. What had been queued has not all been written: the connection was lost
    /// before, as [`flush`](Self::flush) would say, or, with [`ConnectionError::Closed`], the server did not take
    /// it in time.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops waiting; the connection closes all the same.
    pub async fn close(&self) -> Result<(), ConnectionError> {
        let shared = &self.handle.shared;
        let queued = shared.with(|core| {
            core.close();
            core.queued()
        });
        let flushed = cooperative(shared.poll(|core, cx| core.poll_flushed(queued, cx)));
        // The driver keeps the time as well, but may run on a runtime that is blocked.
        let flushed = self.handle.until(self.handle.deadline(Some(LINGER)), flushed).await;
        flushed.unwrap_or(Err(ConnectionError::Closed))
    }
}

const _: fn() = || {
    fn is_send_sync<T: Send + Sync + 'static>() {}
    is_send_sync::<Connection>();
};
