//! The handle to a connection.

use std::{sync::Arc, time::Duration};

use tokio::task::coop::{consume_budget, cooperative};
use tracing::Instrument;

use super::{ConnectionBuilder, Subscription, runtime::Tokio};
use crate::{
    error::{ConnectionError, SdkError},
    operation::{Operation, StreamingOperation},
    options::{CallOptions, Sealed, SubscribeOptions},
    session::{self, PingError, Reply, Session},
};

/// A handle to one open connection.
///
/// Clones share the connection. It closes when the last clone, the last subscription and the last
/// [`SubscriptionHandle`](super::SubscriptionHandle) have been dropped.
///
/// A process needs one connection: clone it, or keep it in a [`std::sync::OnceLock`].
#[derive(Clone, Debug)]
pub struct Connection {
    session: Arc<Session<Tokio>>,
}

impl Sealed for Connection {}

impl Connection {
    /// Starts building a connection.
    pub fn builder() -> ConnectionBuilder {
        ConnectionBuilder::default()
    }

    pub(super) fn new(session: Arc<Session<Tokio>>) -> Self {
        Self { session }
    }

    /// Sends `request` and waits for the response.
    ///
    /// # Errors
    ///
    /// See [`SdkError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the call: before the request is queued nothing is sent, afterwards the client ends the
    /// stream on the wire. The connection stays open.
    pub async fn call<O: Operation>(
        &self,
        operation: O,
        request: O::Request,
        options: CallOptions,
    ) -> Result<O::Response, SdkError<O::Error>> {
        let _ = operation;
        self.start::<O>(&request, &options, None).await?.response::<O>(&request)
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
        let reply = self.start::<O>(&request, &options.call, Some(&options)).await?;
        Ok(Subscription::new(reply.events(&request)?))
    }

    async fn start<O: Operation>(
        &self,
        request: &O::Request,
        options: &CallOptions,
        subscribe: Option<&SubscribeOptions>,
    ) -> Result<Reply<Tokio>, SdkError<O::Error>> {
        let span = self.session.runtime.shared.call_span(O::ID);
        let reply = self.session.start::<O>(request, options, subscribe).instrument(span).await;
        if reply.is_err() {
            // A task that repeats a call that fails immediately lets other tasks run.
            consume_budget().await;
        }
        reply
    }

    /// Sends a ping and waits for the answer.
    ///
    /// The Java nucleus and the servers of this crate answer; nucleus lite ends the connection. The ping has a header
    /// of its own and a payload, because the Java nucleus fails or does not answer without them. Like the official
    /// SDKs, this client sends no pings by itself.
    ///
    /// # Errors
    ///
    /// The connection has ended, or no answer arrived within `timeout`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops waiting. If the ping has been sent, its answer is ignored.
    pub async fn ping(&self, timeout: Duration) -> Result<(), PingError> {
        cooperative(self.session.ping(timeout)).await
    }

    /// Waits until everything that has been queued so far has been written to the socket.
    ///
    /// There is no time limit: it waits as long as the server does not read. Use a [timeout](tokio::time::timeout), or
    /// close the connection, which waits for at most 3 s.
    ///
    /// # Errors
    ///
    /// The connection has ended, or it was lost and opened again by a
    /// [`ReconnectPolicy`](crate::client::ReconnectPolicy), and a part of what had been queued since the last flush was
    /// discarded. Such a loss is reported once.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops waiting; what is queued is written nevertheless.
    pub async fn flush(&self) -> Result<(), ConnectionError> {
        cooperative(self.session.runtime.shared.flushed()).await
    }

    /// Waits until the connection has ended, and returns `Ok` if this side closed it. With a
    /// [`ReconnectPolicy`](crate::client::ReconnectPolicy), an outage does not end the connection.
    ///
    /// # Errors
    ///
    /// Why the connection ended, if this side did not close it. If the nucleus stops or restarts,
    /// [`is_peer_gone`](ConnectionError::is_peer_gone) is true, and a component that the nucleus started should exit.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops waiting.
    pub async fn closed(&self) -> Result<(), ConnectionError> {
        cooperative(self.session.runtime.shared.closed()).await
    }

    /// Ends every stream and closes the connection for all its clones. Waits for at most 3 s until everything queued
    /// has been written or the connection is lost. What the server sends meanwhile is discarded.
    ///
    /// Calls that wait for their response fail with [`ConnectionError::Closed`].
    ///
    /// # Errors
    ///
    /// Not everything queued has been written, because the connection was lost before, as for [`flush`](Self::flush),
    /// or, with [`ConnectionError::Closed`], because the server did not read it in time. The connection is closed
    /// nevertheless.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops waiting; the connection closes nevertheless.
    pub async fn close(&self) -> Result<(), ConnectionError> {
        // The driver limits the time as well, but its runtime may be blocked.
        cooperative(session::close(&self.session.runtime)).await
    }
}

const _: fn() = || {
    fn is_send_sync<T: Send + Sync + 'static>() {}
    is_send_sync::<Connection>();
};
