//! The threads that use one connection: which of them leads, and which is next.

use std::{
    io,
    task::Waker,
    time::{Duration, Instant},
};

use super::{parker::Parker, socket::Socket};
use crate::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// How long the background thread lets others lead: a thread that has just been answered usually asks again, and
/// then reads the answer itself.
const GRACE: Duration = Duration::from_millis(if cfg!(shuttle) { 0 } else { 1 });

/// The threads that use one connection, and its socket.
#[derive(Debug, Default)]
pub(super) struct Threads {
    state: Mutex<State>,
    /// There was no room for something that is to be written. The leader writes it when there is.
    has_rest: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// None once the connection has ended, and while it is down.
    socket: Option<Arc<Socket>>,
    /// The thread that leads: it waits for the socket.
    leader: Option<Waker>,
    /// How often a thread has begun to lead.
    led: u64,
    /// The threads that wait for another to lead, oldest first, by number.
    waiting: Vec<(u64, Waker)>,
    last_number: u64,
    /// How many users there are of the background thread, besides unwritten output.
    background_uses: usize,
    background: Option<Background>,
}

#[derive(Debug)]
struct Background {
    waker: Waker,
    /// It sleeps until no thread leads.
    is_asleep: bool,
}

/// What a waiting thread does for the connection.
#[derive(Debug, Default)]
pub(super) enum Role {
    #[default]
    None,
    /// It waits for another to lead, under this number.
    Waiting(u64),
    Leading,
}

/// What the background thread is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Lead,
    /// There is no socket any more: bring the connection back.
    Reconnect,
    /// It has no users any more, and is not listed any more.
    End,
}

impl Threads {
    pub(super) fn new(socket: Socket) -> Self {
        let state = State { socket: Some(Arc::new(socket)), ..State::default() };
        Self { state: Mutex::new(state), ..Self::default() }
    }

    /// Whether there was no room for something that is to be written.
    pub(super) fn has_rest(&self) -> bool {
        self.has_rest.load(Ordering::SeqCst)
    }

    /// Changed by the thread that writes. If something is left, it then [leads](Self::lead), [leaves](Self::leave)
    /// or [wakes a writer](Self::wake_writer).
    pub(super) fn set_rest(&self, has_rest: bool) {
        self.has_rest.store(has_rest, Ordering::SeqCst);
    }

    /// The socket, if the connection has one.
    pub(super) fn socket(&self) -> Option<Arc<Socket>> {
        self.lock().socket.clone()
    }

    /// Sets the socket of a connection that has come back, if `start` says so; the use of the old one cannot end
    /// meanwhile.
    pub(super) fn set_socket<E>(
        &self,
        socket: Socket,
        start: impl FnOnce() -> Result<bool, E>,
    ) -> Result<bool, E> {
        let mut state = self.lock();
        let is_started = start()?;
        if is_started {
            state.socket = Some(Arc::new(socket));
        }
        Ok(is_started)
    }

    /// Ends the use of the socket, if `end` gives something; the connection cannot come back meanwhile. Every thread
    /// looks again.
    pub(super) fn take_socket<T>(&self, end: impl FnOnce() -> Option<T>) -> Option<T> {
        let mut state = self.lock();
        state.socket.as_ref()?;
        let result = end()?;
        let socket = state.socket.take();
        drop(state);
        if let Some(socket) = socket {
            socket.stop();
        }
        self.wake_all();
        Some(result)
    }

    /// Makes a thread the leader if there is a socket and no leader, and gives the socket; otherwise the thread is
    /// one of those that are woken when the next has to lead.
    pub(super) fn lead(&self, role: &mut Role, waker: &Waker) -> Option<Arc<Socket>> {
        let mut state = self.lock();
        if let Role::Leading = role {
            return state.socket.clone();
        }
        if state.leader.is_none() {
            if let Some(socket) = state.socket.clone() {
                state.remove(role);
                state.leader = Some(waker.clone());
                state.led += 1;
                *role = Role::Leading;
                return Some(socket);
            }
        }
        if let Role::None = role {
            state.last_number += 1;
            let number = state.last_number;
            state.waiting.push((number, waker.clone()));
            *role = Role::Waiting(number);
        }
        if let Some(leader) = state.leader.as_ref().filter(|_| self.has_rest()) {
            leader.wake_by_ref();
        }
        None
    }

    /// A thread has what it waited for, or gives up. If there is no leader then, another thread is woken; if
    /// there is none and something is left to be written, `start` starts a background thread.
    pub(super) fn leave(&self, role: &mut Role, start: impl FnOnce() -> io::Result<()>) {
        if matches!(role, Role::None) && !self.has_rest() {
            return;
        }
        let mut state = self.lock();
        state.remove(role);
        self.wake_next(state, start);
    }

    /// Has a thread write what is left to be written; `start` starts a background thread if there is no other.
    /// Whether there is a thread.
    pub(super) fn wake_writer(&self, start: impl FnOnce() -> io::Result<()>) -> bool {
        self.wake_next(self.lock(), start)
    }

    fn wake_next(
        &self,
        mut state: MutexGuard<'_, State>,
        start: impl FnOnce() -> io::Result<()>,
    ) -> bool {
        let has_rest = self.has_rest();
        let is_live = state.socket.is_some();
        let waker = if let Some(leader) = &state.leader {
            has_rest.then(|| leader.clone())
        } else if let Some((_, waker)) = state.waiting.first().filter(|_| is_live) {
            Some(waker.clone())
        } else if let Some(background) = &mut state.background {
            let is_asleep = std::mem::take(&mut background.is_asleep);
            (is_asleep || has_rest).then(|| background.waker.clone())
        } else {
            // If the system has no thread for it, what is left is written at the next call.
            return has_rest && is_live && state.start_background(start).is_ok();
        };
        // A thread that wakes up wants the lock.
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Has every thread look again.
    pub(super) fn wake_all(&self) {
        let state = self.lock();
        state.waiting.iter().for_each(|(_, waker)| waker.wake_by_ref());
        let background = state.background.as_ref().map(|it| &it.waker);
        state.leader.iter().chain(background).for_each(Waker::wake_by_ref);
    }

    /// Adds a user of the background thread; `start` starts the thread if it does not run.
    pub(super) fn add_background_use(
        &self,
        start: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let mut state = self.lock();
        state.start_background(start)?;
        state.background_uses += 1;
        Ok(())
    }

    pub(super) fn remove_background_use(&self) {
        let mut state = self.lock();
        state.background_uses -= 1;
        if let Some(background) = state.background.as_ref().filter(|_| state.background_uses == 0) {
            background.waker.wake_by_ref();
        }
    }

    /// Whether the background thread keeps leading. After it `has_read`, another thread that waits can lead.
    pub(super) fn needs_background(&self, has_read: bool) -> bool {
        let state = self.lock();
        (state.background_uses > 0 || self.has_rest()) && (!has_read || state.waiting.is_empty())
    }

    /// The background thread ends.
    pub(super) fn remove_background(&self) {
        self.lock().background = None;
    }

    /// Waits, as the background thread, until there is something for it to do. `look` says whether the
    /// connection has ended, and when to look again at the latest.
    pub(super) fn wait_in_background(
        &self,
        parker: &Parker,
        waker: &Waker,
        mut look: impl FnMut() -> (bool, Option<Instant>),
    ) -> Task {
        // How often a thread had begun to lead when there was no leader.
        let mut seen = None;
        loop {
            parker.reset();
            // Not under the lock.
            let (has_ended, due) = look();
            let mut state = self.lock();
            let is_live = state.socket.is_some();
            let has_rest = self.has_rest() && is_live;
            if state.background_uses == 0 && !has_rest {
                state.background = None;
                return Task::End;
            }
            let (is_led, led) = (state.leader.is_some(), state.led);
            // From now on it can be woken, also while it leads.
            let background =
                state.background.insert(Background { waker: waker.clone(), is_asleep: false });
            if !is_live {
                if !is_led {
                    return Task::Reconnect;
                }
            } else if has_ended || (!is_led && (has_rest || seen == Some(led))) {
                return Task::Lead;
            }
            background.is_asleep = is_led;
            let until = if is_led {
                due
            } else {
                seen = Some(led);
                Instant::now().checked_add(GRACE)
            };
            drop(state);
            parker.park(until);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remove(&mut self, role: &mut Role) {
        match std::mem::take(role) {
            Role::None => {}
            Role::Waiting(number) => self.waiting.retain(|(it, _)| *it != number),
            Role::Leading => self.leader = None,
        }
    }

    fn start_background(&mut self, start: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        if self.background.is_none() {
            start()?;
            self.background = Some(Background { waker: Waker::noop().clone(), is_asleep: false });
        }
        Ok(())
    }
}
