//! Sockets, and one side of a connection over a socket: its state behind a lock, and the tokio task that drives it.

#[cfg(any(feature = "tokio", feature = "blocking"))]
mod address;
#[cfg(any(feature = "tokio", feature = "server"))]
mod driver;
mod future;
mod input;
#[cfg(feature = "server")]
mod listener;
#[cfg(feature = "blocking")]
#[cfg_attr(shuttle, path = "../../tests/interleavings/blocking/socket.rs")]
pub(crate) mod socket;
#[cfg(any(feature = "tokio", feature = "server"))]
mod stream;
pub(crate) mod tcp;
#[cfg(unix)]
pub(crate) mod unix;

use std::{
    fmt, io,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use crate::{
    LOG_TARGET,
    error::{ConnectionError, Logged},
    protocol::{Endpoint, Role, SendTurn},
    sync::{Mutex, MutexGuard, PoisonError},
};

#[cfg(any(feature = "tokio", feature = "blocking"))]
pub use address::Address;
#[cfg(any(feature = "tokio", feature = "server"))]
pub(crate) use driver::drive;
pub(crate) use future::{caught, unless};
pub(crate) use input::Input;
#[cfg(feature = "server")]
pub use listener::PeerCredentials;
#[cfg(feature = "tokio")]
pub(crate) use {future::has_timers, stream::Stream};
#[cfg(feature = "server")]
pub(crate) use {future::race, listener::Listener, stream::Io};

/// How long the end of a connection may take: until the remaining output is written and, if this side waits for that,
/// the peer has closed the connection. Also how long this side continues to read after a write has failed.
pub(crate) const LINGER: Duration = Duration::from_secs(3);

/// The state of one side, shared by its handles and its driver, behind a lock. The lock is held while a request is
/// serialized or bytes are written directly, and never while a task or thread waits.
pub(crate) struct Shared<E> {
    state: Mutex<State<E>>,
    /// The number of the connection in logs, unique in this process.
    pub(crate) number: u64,
}

struct State<E> {
    core: E,
    direct: Option<Direct>,
}

/// Writes to a socket without waiting, and returns how many bytes the socket took.
pub(crate) type Direct = Box<dyn Fn(&[u8]) -> io::Result<usize> + Send>;

impl<R: Role> Shared<Endpoint<R>> {
    /// A connection with the next number.
    pub(crate) fn numbered(core: Endpoint<R>) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self { state: Mutex::new(State { core, direct: None }), number }
    }

    /// Sets or removes the writer that sends a message where it is queued, without the driver.
    #[cfg(any(feature = "tokio", feature = "server"))]
    pub(crate) fn set_direct(&self, direct: Option<Direct>) {
        self.lock().direct = direct;
    }

    /// Calls a function with the state, and wakes the tasks that waited for a change of it after the lock is released.
    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut Endpoint<R>) -> T) -> T {
        let mut state = self.lock();
        let State { core, direct } = &mut *state;
        let result = f(core);
        if let Some(direct) = direct {
            let output = core.direct_output();
            if !output.is_empty() {
                // After an error, the driver gets the error as well, and ends the connection.
                if let Ok(len) = direct(output) {
                    core.wrote_directly(len);
                }
            }
        }
        let woken = core.take_woken();
        drop(state);
        woken.wake();
        result
    }

    /// Waits until a function of the state is ready. It is called again after each change.
    pub(crate) async fn poll<T>(
        &self,
        mut f: impl FnMut(&mut Endpoint<R>, &Context<'_>) -> Poll<T>,
    ) -> T {
        self.wait(SendTurn::default(), |core, _, cx| f(core, cx)).await
    }

    /// Waits until there is room to send and earlier senders have sent, and then calls a function that sends.
    pub(crate) async fn send<T>(
        &self,
        turn: SendTurn,
        mut f: impl FnMut(&mut Endpoint<R>) -> T,
    ) -> T {
        let send = |core: &mut Endpoint<R>, turn: &mut SendTurn, cx: &Context<'_>| {
            ready!(core.poll_room(turn, cx));
            let result = f(core);
            core.leave(turn);
            Poll::Ready(result)
        };
        self.wait(turn, send).await
    }

    async fn wait<T>(
        &self,
        turn: SendTurn,
        mut f: impl FnMut(&mut Endpoint<R>, &mut SendTurn, &Context<'_>) -> Poll<T>,
    ) -> T {
        let mut waiting = Waiting { shared: self, waker: None, turn };
        std::future::poll_fn(|cx| {
            let poll = self.with(|core| f(core, &mut waiting.turn, cx));
            waiting.waker = poll.is_pending().then(|| cx.waker().clone());
            poll
        })
        .await
    }

    /// The log span of the connection.
    pub(crate) fn span(&self) -> tracing::Span {
        tracing::debug_span!(target: LOG_TARGET, "connection", connection = self.number)
    }

    /// The log span of one call.
    pub(crate) fn call_span(&self, operation: &str) -> tracing::Span {
        tracing::debug_span!(
            target: LOG_TARGET, "call", connection = self.number, operation
        )
    }

    fn lock(&self) -> MutexGuard<'_, State<Endpoint<R>>> {
        // A panic leaves the state usable for the other holders.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logs the end of a connection. Call it without the lock: a `tracing` subscriber may use the connection.
pub(crate) fn log_end(ended: Option<ConnectionError>) {
    let error = ended.filter(|it| !matches!(it, ConnectionError::Closed));
    let error = error.as_ref().map(|it| tracing::field::display(Logged(it)));
    tracing::debug!(target: LOG_TARGET, error, "connection ended");
}

impl<E> fmt::Debug for Shared<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("number", &self.number).finish_non_exhaustive()
    }
}

/// Removes the waker and the turn of a future that is dropped while it waits.
struct Waiting<'a, R: Role> {
    shared: &'a Shared<Endpoint<R>>,
    waker: Option<Waker>,
    turn: SendTurn,
}

impl<R: Role> Drop for Waiting<'_, R> {
    fn drop(&mut self) {
        if let Some(waker) = &self.waker {
            self.shared.with(|core| core.release(waker));
        }
        if self.turn.is_taken() {
            self.shared.with(|core| core.leave(&mut self.turn));
        }
    }
}
