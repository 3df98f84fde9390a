//! Telling someone what happens to a connection.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    error::{ConnectError, ConnectionError},
    frame::Header,
    protocol::client::ConnectionEvent,
};

/// Told of what happens to a connection, in order.
///
/// The methods run on a task of their own, so they may take their time; they should not block for long on
/// a runtime with one thread. With the blocking client they run on a thread. A panic in one of them is caught
/// and logged, and means what its default does.
pub trait LifecycleHandler: Send + 'static {
    /// The server has accepted the connection.
    fn on_connect(&mut self) {}

    /// The connection has ended; without an error if this side closed it. Called once for each time that
    /// [`on_connect`](Self::on_connect) was.
    fn on_disconnect(&mut self, error: Option<&ConnectionError>) {
        let _ = error;
    }

    /// Something is wrong with the connection: connecting failed, or the other side reported an error.
    /// `true` ends the connection, and is the default; where there is none it means nothing.
    fn on_error(&mut self, error: &(dyn std::error::Error + 'static)) -> bool {
        let _ = error;
        true
    }

    /// A ping came. It has been answered already.
    ///
    /// While the handler is busy, pings that take up to 1 MiB of memory wait for it. It is not told of those beyond.
    fn on_ping(&mut self, headers: &[Header], payload: &[u8]) {
        let _ = (headers, payload);
    }
}

/// The place of a handler. Whoever opens a connection takes it; clones of the builder share it.
#[derive(Clone)]
pub(crate) struct Slot(Arc<Mutex<Box<dyn LifecycleHandler>>>);

impl Slot {
    pub(crate) fn new(handler: impl LifecycleHandler) -> Self {
        Self(Arc::new(Mutex::new(Box::new(handler))))
    }

    /// What the handler says, or `default` if it panics.
    fn with<T>(&self, default: T, f: impl FnOnce(&mut dyn LifecycleHandler) -> T) -> T {
        let mut handler = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        catch_unwind(AssertUnwindSafe(|| f(handler.as_mut()))).unwrap_or_else(|_| {
            tracing::error!(target: crate::LOG_TARGET, "lifecycle handler panicked");
            default
        })
    }

    pub(crate) fn connect_failed(&self, error: &ConnectError) {
        self.with(true, |handler| handler.on_error(error));
    }

    /// Tells the handler what has happened; the error with which the connection has to end, if it says so.
    pub(crate) fn tell(&self, event: ConnectionEvent) -> Option<ConnectionError> {
        if let ConnectionEvent::Error(error) = event {
            return self.with(true, |handler| handler.on_error(&error)).then_some(error);
        }
        self.with((), |handler| match event {
            ConnectionEvent::Connected => handler.on_connect(),
            ConnectionEvent::Ping { headers, payload } => handler.on_ping(&headers, &payload),
            ConnectionEvent::ReconnectFailed(error) => _ = handler.on_error(&*error),
            ConnectionEvent::Disconnected(error) => handler.on_disconnect(error.as_ref()),
            ConnectionEvent::Error(_) => {}
        });
        None
    }

    /// Tells the handler of everything until the connection has ended.
    #[cfg(feature = "tokio")]
    pub(super) async fn run(self, shared: Arc<super::shared::Shared>) {
        use tokio::task::coop::cooperative;

        let next = || cooperative(shared.poll(|core, cx| core.poll_connection_event(cx)));
        while let Some(event) = next().await {
            if let Some(error) = self.tell(event) {
                shared.with(|core| core.judge(error));
            }
        }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot")
    }
}
