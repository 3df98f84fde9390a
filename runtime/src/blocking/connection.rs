//! The handle to a connection.

use std::{
    cell::Cell,
    future::poll_fn,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    ConnectionBuilder, Subscription,
    background::{self, Keeper, Reason},
    link::Link,
    socket::{OwnedFd, Socket},
};
use crate::{
    error::{ConnectError, ConnectionError, SdkError},
    json,
    operation::{Operation, StreamingOperation},
    options::{CallOptions, SubscribeOptions},
    protocol::{
        RpcMessage, SendTurn,
        client::{Connect, Core, Key, OpenError},
    },
    session::{
        Builder, Credentials, PingError,
        reply::{decode, failed, not_sent, request},
        settings::Settings,
    },
};

impl<I: Credentials> Builder<Connection, I> {
    /// Opens the socket, introduces this side and waits until the server has accepted it.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    pub fn connect(self) -> Result<Connection, ConnectError> {
        let settings = self.into_settings();
        let result = connect(&settings);
        settings.report(result)
    }

    /// The same over a socket that is connected already, such as one half of
    /// [`UnixStream::pair`](std::os::unix::net::UnixStream::pair). A
    /// [`ReconnectPolicy`](super::ReconnectPolicy) has nothing to open again then: the end of the socket is
    /// the end.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    pub fn connect_over(self, socket: impl Into<OwnedFd>) -> Result<Connection, ConnectError> {
        let socket = Socket::new(socket.into());
        let settings = self.into_settings();
        let result = settings
            .connect_message()
            .and_then(|connect| start(&settings, socket, &connect, false));
        settings.report(result)
    }
}

fn connect(settings: &Settings) -> Result<Connection, ConnectError> {
    let (address, connect) = settings.target()?;
    let socket = Socket::new(address.connect_blocking(settings.connect_timeout)?);
    start(settings, socket, &connect, true)
}

fn start(
    settings: &Settings,
    socket: Socket,
    connect: &Connect,
    can_reconnect: bool,
) -> Result<Connection, ConnectError> {
    let policy = settings.reconnect.filter(|_| can_reconnect);
    let keeper = policy.map(|it| Keeper::new(settings, it));
    let link = Arc::new(Link::new(settings.core(connect, keeper.is_some())?, socket, keeper));
    background::shake_hands(settings, &link)?;
    // From now on it closes the connection when it is dropped.
    let (call_timeout, validates) = (settings.call_timeout, settings.validates);
    let mut handle = Handle { link, call_timeout, validates, _reconnects: None };
    let no_thread = |error| ConnectError::Handshake(ConnectionError::from(error));
    if policy.is_some() {
        handle._reconnects = Some(Reason::new(&handle.link).map_err(no_thread)?);
    }
    if let Some(slot) = &settings.lifecycle {
        background::tell(&handle.link, slot.clone()).map_err(no_thread)?;
    }
    Ok(Connection { handle: Arc::new(handle) })
}

/// A handle to one open connection.
///
/// Clones share it, and threads may share one. It closes when the last clone is gone, and with it the last
/// subscription and the last [`SubscriptionHandle`](super::SubscriptionHandle).
///
/// A process needs one connection: keep a clone wherever calls are made, or one in a
/// [`std::sync::OnceLock`].
#[derive(Clone, Debug)]
pub struct Connection {
    handle: Arc<Handle>,
}

/// Keeps the connection open: it closes when the last one is dropped.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) link: Arc<Link>,
    call_timeout: Duration,
    /// Whether requests are checked before they are sent.
    validates: bool,
    _reconnects: Option<Reason>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        background::close(&self.link);
    }
}

/// Forgets a stream when its owner goes away: it is ended on the wire if it is still open there, once.
#[derive(Debug)]
pub(super) struct StreamGuard {
    pub(super) handle: Arc<Handle>,
    pub(super) key: Key,
}

impl Drop for StreamGuard {
    fn drop(&mut self) {
        let link = &self.handle.link;
        link.shared.with(|core| core.forget(self.key));
        link.push();
    }
}

impl crate::options::Sealed for Connection {}

impl Connection {
    /// Starts building a connection.
    pub fn builder() -> ConnectionBuilder {
        ConnectionBuilder::default()
    }

    /// Sends `request` and waits for the response.
    ///
    /// # Errors
    ///
    /// See [`SdkError`].
    pub fn call<O: Operation>(
        &self,
        operation: O,
        request: O::Request,
        options: CallOptions,
    ) -> Result<O::Response, SdkError<O::Error>> {
        let _ = operation;
        let _span = self.handle.link.shared.call_span(O::ID).entered();
        let (_stream, message) = self.start::<O>(&request, &options, None)?;
        decode::<O, O::Response>(&message)
    }

    /// Sends `request`, waits for the response, and keeps the stream open for events.
    ///
    /// # Errors
    ///
    /// See [`SdkError`].
    pub fn subscribe<O: StreamingOperation>(
        &self,
        operation: O,
        request: O::Request,
        options: SubscribeOptions,
    ) -> Result<Subscription<O>, SdkError<O::Error>> {
        let _ = operation;
        let link = &self.handle.link;
        let _span = link.shared.call_span(O::ID).entered();
        let reason = Reason::new(link).map_err(|error| SdkError::DispatchFailure {
            source: error.into(),
            request_written: false,
        })?;
        let (stream, message) = self.start::<O>(&request, &options.call, Some(&options))?;
        let response = decode::<O, O::Response>(&message)?;
        Ok(Subscription::new(stream, response, reason))
    }

    fn start<O: Operation>(
        &self,
        payload: &O::Request,
        options: &CallOptions,
        subscribe: Option<&SubscribeOptions>,
    ) -> Result<(StreamGuard, RpcMessage), SdkError<O::Error>> {
        options.check(payload, self.handle.validates)?;
        let deadline = self.handle.deadline(options.timeout);
        let head = request::<O>(deadline, subscribe);
        let open = |core: &mut Core| core.open(&head, |dst| json::append(dst, payload));
        let link = &self.handle.link;
        // One wait for both: between two of them a request that there is no room for would need another thread.
        let is_queued = Cell::new(false);
        let answered = async {
            let key = link.shared.send(SendTurn::default(), open).await.map_err(not_sent)?;
            is_queued.set(true);
            let stream = StreamGuard { handle: Arc::clone(&self.handle), key };
            let reply = poll_fn(|cx| link.shared.with(|core| core.poll_reply(key, cx)));
            Ok((stream, reply.await.map_err(failed)?))
        };
        let late = || Err(SdkError::Timeout { request_written: is_queued.get() });
        link.wait(deadline, answered).unwrap_or_else(late)
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
    pub fn ping(&self, timeout: Duration) -> Result<(), PingError> {
        let link = &self.handle.link;
        let pong = async {
            let number = link.shared.send(SendTurn::default(), |core| core.ping()).await?;
            link.shared.poll(|core, cx| core.poll_pong(number, cx)).await
        };
        match link.wait(self.handle.deadline(Some(timeout)), pong) {
            Some(result) => Ok(result?),
            None => Err(PingError::Timeout),
        }
    }

    /// Waits until everything that has been queued so far has been written to the socket.
    ///
    /// That takes as long as the server does not read. It has no timeout: to end it, another thread closes the
    /// connection, which waits for 3 s.
    ///
    /// # Errors
    ///
    /// The connection ended before, or what had been queued since the last flush was discarded in part when a
    /// connection was lost that a [`ReconnectPolicy`](super::ReconnectPolicy) brought back. That is told once.
    pub fn flush(&self) -> Result<(), ConnectionError> {
        let link = &self.handle.link;
        let queued = link.shared.with(|core| core.queued());
        let flushed = link.shared.poll(|core, cx| core.poll_flushed(queued, cx));
        link.wait(None, flushed).unwrap_or(Ok(()))
    }

    /// Waits until the connection has ended: `Ok` if this side closed it. With a
    /// [`ReconnectPolicy`](super::ReconnectPolicy) an outage is not the end.
    ///
    /// # Errors
    ///
    /// Why it ended, if this side did not close it.
    pub fn closed(&self) -> Result<(), ConnectionError> {
        let link = &self.handle.link;
        let closed = link.shared.poll(|core, cx| core.poll_closed(cx));
        match link.wait(None, closed) {
            None | Some(ConnectionError::Closed) => Ok(()),
            Some(error) => Err(error),
        }
    }

    /// Ends every stream and closes the connection, for all its clones; waits until what was queued
    /// before has been written, for at most 3 s and as long as the server does not close it from its side. What
    /// arrives in that time is passed over.
    ///
    /// Calls that wait for their response in other threads fail with [`ConnectionError::Closed`].
    ///
    /// # Errors
    ///
    /// The connection is closed in any case. What had been queued has not all been written: the connection was lost
    /// before, as [`flush`](Self::flush) would say, or, with [`ConnectionError::Closed`], the server did not take
    /// it in time.
    pub fn close(&self) -> Result<(), ConnectionError> {
        self.handle.link.close()
    }
}

impl Handle {
    /// When to give up what begins now. A timeout beyond what the clock can say never comes.
    pub(super) fn deadline(&self, timeout: Option<Duration>) -> Option<Instant> {
        Instant::now().checked_add(timeout.unwrap_or(self.call_timeout))
    }

    /// Queues a message, and waits for room first if there is none.
    pub(super) fn queue<T, E>(
        &self,
        deadline: Option<Instant>,
        queue: impl FnMut(&mut Core) -> Result<T, OpenError>,
    ) -> Result<T, SdkError<E>> {
        let sent = self.link.wait(deadline, self.link.shared.send(SendTurn::default(), queue));
        sent.unwrap_or(Err(OpenError::Full)).map_err(not_sent)
    }

    /// Waits until everything that has been queued so far on this connection has been written.
    pub(super) fn written(&self) -> Result<(), ConnectionError> {
        let queued = self.link.shared.with(|core| core.queued());
        let written = self.link.shared.poll(|core, cx| core.poll_written(queued, cx));
        self.link.wait(None, written).unwrap_or(Ok(()))
    }
}

const _: fn() = || {
    fn is_send_sync<T: Send + Sync + 'static>() {}
    is_send_sync::<Connection>();
};
