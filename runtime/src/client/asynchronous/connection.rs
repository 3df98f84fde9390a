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
/// Clones share it. It closes when the last clone has been dropped, and with it the last subscription and the
/// last [`SubscriptionHandle`](super::SubscriptionHandle).
///
/// A process needs one connection: keep a clone wherever calls are made, or one in a
/// [`std::sync::OnceLock`].
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
    /// Dropping the future ends the call: before the request was queued nothing is sent, afterwards the
    /// stream is ended on the wire. The connection stays open.
    pub async fn call<O: Operation>(
        &self,
        operation: O,
        request: O::Request,
        options: CallOptions,
    ) -> Result<O::Response, SdkError<O::Error>> {
        let _ = operation;
        self.start::<O>(&request, &options, None).await?.response::<O>()
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
        Ok(Subscription::new(reply.events()?))
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
            // A call that fails at once, and is made again and again, lets other tasks run.
            consume_budget().await;
        }
        reply
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
        cooperative(self.session.ping(timeout)).await
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
        cooperative(self.session.runtime.shared.flushed()).await
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
        cooperative(self.session.runtime.shared.closed()).await
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
        // The driver keeps the time as well, but may run on a runtime that is blocked.
        cooperative(session::close(&self.session.runtime)).await
    }
}

const _: fn() = || {
    fn is_send_sync<T: Send + Sync + 'static>() {}
    is_send_sync::<Connection>();
};
