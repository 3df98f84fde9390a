//! One side of a connection over a socket: its state behind a lock, and what drives it with tokio.

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
#[cfg(feature = "tokio")]
pub(crate) use future::has_timers;
pub(crate) use future::{caught, unless};
pub(crate) use input::Input;
#[cfg(feature = "server")]
pub(crate) use listener::Listener;
#[cfg(feature = "server")]
pub use listener::PeerCredentials;
#[cfg(feature = "server")]
pub(crate) use stream::Io;
#[cfg(feature = "tokio")]
pub(crate) use stream::Stream;

/// How long the other side has to take what is still to be written when the connection ends, and to close it if this
/// side waits for that, and how long this side reads when nothing can be written any more.
pub(crate) const LINGER: Duration = Duration::from_secs(3);

/// One side's state, shared by its handles and its driver, behind a lock. It is held while a request is serialized or
/// bytes are written directly, and never while anything waits.
pub(crate) struct Shared<E> {
    state: Mutex<State<E>>,
    /// Tells connections apart in logs.
    pub(crate) number: u64,
}

struct State<E> {
    core: E,
    direct: Option<Direct>,
}

/// Writes to a socket as much as it takes without waiting.
pub(crate) type Direct = Box<dyn Fn(&[u8]) -> io::Result<usize> + Send>;

impl<R: Role> Shared<Endpoint<R>> {
    pub(crate) fn new(core: Endpoint<R>, number: u64) -> Self {
        Self { state: Mutex::new(State { core, direct: None }), number }
    }

    /// Sets or removes the way to write a message without the driver, where it is queued.
    #[cfg(any(feature = "tokio", feature = "server"))]
    pub(crate) fn set_direct(&self, direct: Option<Direct>) {
        self.lock().direct = direct;
    }

    /// As `new`, with the next number.
    pub(crate) fn numbered(core: Endpoint<R>) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        Self::new(core, NUMBER.fetch_add(1, Ordering::Relaxed))
    }

    /// Does something with the state, and wakes the tasks that waited for it after the lock is released.
    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut Endpoint<R>) -> T) -> T {
        let mut state = self.lock();
        let State { core, direct } = &mut *state;
        let result = f(core);
        if let Some(direct) = direct {
            let output = core.direct_output();
            if !output.is_empty() {
                // The driver meets an error again, and ends the connection.
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

    /// Waits for something, by asking for it whenever something has happened.
    pub(crate) async fn poll<T>(
        &self,
        mut f: impl FnMut(&mut Endpoint<R>, &Context<'_>) -> Poll<T>,
    ) -> T {
        let mut waiting = Waiting { shared: self, waker: None, turn: SendTurn::default() };
        std::future::poll_fn(|cx| {
            let poll = self.with(|core| f(core, cx));
            match &mut waiting.waker {
                waker if poll.is_ready() => *waker = None,
                Some(waker) => waker.clone_from(cx.waker()),
                waker => *waker = Some(cx.waker().clone()),
            }
            poll
        })
        .await
    }

    /// Waits for a turn to send, and then sends: `f` is called when there is room.
    pub(crate) async fn send<T>(
        &self,
        turn: SendTurn,
        mut f: impl FnMut(&mut Endpoint<R>) -> T,
    ) -> T {
        let mut waiting = Waiting { shared: self, waker: None, turn };
        std::future::poll_fn(|cx| {
            self.with(|core| {
                ready!(core.poll_room(&mut waiting.turn, cx));
                let result = f(core);
                if waiting.turn.is_taken() {
                    core.leave(&mut waiting.turn);
                }
                Poll::Ready(result)
            })
        })
        .await
    }

    /// The span of everything that happens to the connection.
    pub(crate) fn span(&self) -> tracing::Span {
        tracing::debug_span!(target: LOG_TARGET, "connection", connection = self.number)
    }

    /// The span of one call.
    pub(crate) fn call_span(&self, operation: &str) -> tracing::Span {
        tracing::debug_span!(
            target: LOG_TARGET, "call", connection = self.number, operation
        )
    }

    fn lock(&self) -> MutexGuard<'_, State<Endpoint<R>>> {
        // Nothing in the state can panic half-way in a way that would matter to anyone else.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logs the end of a connection; not while its lock is held, as a subscriber may use the connection.
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

/// Takes back what a future has left behind that is dropped while it waits.
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
