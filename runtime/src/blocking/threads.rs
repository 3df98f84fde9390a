//! The threads that use one connection: the leader, the followers, and the background thread.

use std::{
    collections::BTreeMap,
    io,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use super::link::OpenSocket;
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How long the background thread leaves the lead to others: a thread that has just been answered usually calls again,
/// and then reads the response itself.
const GRACE: Duration = Duration::from_millis(if cfg!(shuttle) { 0 } else { 1 });

/// The threads that use one connection, and its socket.
#[derive(Debug, Default)]
pub(super) struct Threads(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// None before the connection is open, while it is lost, and after its end.
    socket: Option<Arc<OpenSocket>>,
    leader: Option<Waker>,
    /// How many times a thread has begun to lead.
    leads: u64,
    /// The threads that wait for another to lead, by number: the oldest first and the background thread last, which is
    /// removed when it is woken.
    followers: BTreeMap<u64, Waker>,
    last_number: u64,
    /// Wakes the background thread, if it runs.
    background: Option<Waker>,
    /// How many users need the background thread. It also runs while there is output and no other thread.
    background_uses: usize,
}

/// The number of the background thread among the followers.
const BACKGROUND: u64 = u64::MAX;

/// The role of a thread that waits.
#[derive(Debug, Default)]
pub(super) enum Role {
    #[default]
    None,
    /// It waits for another thread to lead, under this number.
    Follower(u64),
    /// It waits for the socket, and reads for all threads.
    Leader,
}

impl Threads {
    /// The socket, if there is one.
    pub(super) fn socket(&self) -> Option<Arc<OpenSocket>> {
        self.lock().socket.clone()
    }

    /// Sets the socket, unless `start` fails or returns false; the use of an earlier one cannot end meanwhile.
    pub(super) fn set_socket<E>(
        &self,
        socket: Arc<OpenSocket>,
        start: impl FnOnce() -> Result<bool, E>,
    ) -> Result<bool, E> {
        let mut state = self.lock();
        let is_started = start()?;
        if is_started {
            state.socket = Some(socket);
        }
        Ok(is_started)
    }

    /// Ends the use of the socket, if `end` returns something; another one cannot be set meanwhile.
    pub(super) fn take_socket<T>(&self, end: impl FnOnce() -> Option<T>) -> Option<T> {
        let mut state = self.lock();
        state.socket.as_ref()?;
        let result = end()?;
        // This also wakes the leader.
        state.socket.take()?.stop();
        Some(result)
    }

    /// Makes a thread the leader, if there is a socket and no other leader; returns the socket. Otherwise the thread
    /// becomes a follower, which is woken when it can lead.
    pub(super) fn lead(&self, role: &mut Role, waker: &Waker) -> Option<Arc<OpenSocket>> {
        let mut state = self.lock();
        match (&*role, state.socket.clone()) {
            (Role::Leader, Some(socket)) => return Some(socket),
            (Role::Leader, None) => state.remove(role),
            (_, Some(socket)) if state.leader.is_none() => {
                state.start_leading(role, waker);
                return Some(socket);
            }
            _ => {}
        }
        if let Role::None = role {
            state.last_number += 1;
            let number = state.last_number;
            state.followers.insert(number, waker.clone());
            *role = Role::Follower(number);
        }
        None
    }

    /// As [`lead`](Self::lead) for the background thread, which leads only while no other thread does. After a read
    /// it leaves the lead to a follower. `idle_since` holds the number of leads at the time when it last found no leader.
    ///
    /// # Errors
    ///
    /// If the thread does not lead. It calls this again when it is woken, or at the time that is returned.
    pub(super) fn lead_in_background(
        &self,
        role: &mut Role,
        waker: &Waker,
        idle_since: &mut Option<u64>,
        is_congested: bool,
    ) -> Result<Arc<OpenSocket>, Option<Instant>> {
        let mut state = self.lock();
        let was_leader = matches!(role, Role::Leader);
        state.remove(role);
        let has_followers = !state.followers.is_empty();
        let socket = state.socket.clone().filter(|_| state.leader.is_none());
        let idle_before = idle_since.take();
        let Some(socket) = socket else {
            state.followers.insert(BACKGROUND, waker.clone());
            *role = Role::Follower(BACKGROUND);
            return Err(None);
        };
        let is_idle = idle_before == Some(state.leads);
        if is_idle || ((was_leader || is_congested) && !has_followers) {
            state.start_leading(role, waker);
            return Ok(socket);
        }
        if was_leader {
            state.wake_next();
        }
        *idle_since = Some(state.leads);
        Err(Instant::now().checked_add(GRACE))
    }

    /// Ends the role of a thread that no longer waits. If it was the leader, the next thread is woken.
    pub(super) fn leave(&self, role: &mut Role) {
        let mut state = self.lock();
        state.remove(role);
        state.wake_next();
    }

    /// Ensures that a thread writes the remaining output; `start` starts a background thread if there is no
    /// other. Returns whether there is a thread.
    pub(super) fn ensure_writer(&self, start: impl FnOnce() -> io::Result<()>) -> bool {
        let mut state = self.lock();
        if let Some(leader) = &state.leader {
            leader.wake_by_ref();
            return true;
        }
        state.wake_next();
        let is_open = state.socket.is_some();
        // If the system has no thread for it, the rest is written at the next call.
        is_open && (!state.followers.is_empty() || state.start_background(start).is_ok())
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
        if let Some(waker) = state.background.as_ref().filter(|_| state.background_uses == 0) {
            waker.wake_by_ref();
        }
    }

    /// Waits, as the background thread, until it has no users and, as `is_congested` says, nothing to write. The thread
    /// then ends.
    pub(super) fn poll_unused(
        &self,
        is_congested: impl FnOnce() -> bool,
        cx: &Context<'_>,
    ) -> Poll<()> {
        let mut state = self.lock();
        let is_used = state.background_uses > 0 || is_congested();
        state.background = is_used.then(|| cx.waker().clone());
        if is_used { Poll::Pending } else { Poll::Ready(()) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn start_leading(&mut self, role: &mut Role, waker: &Waker) {
        self.remove(role);
        *role = Role::Leader;
        self.leader = Some(waker.clone());
        self.leads += 1;
    }

    fn remove(&mut self, role: &mut Role) {
        match std::mem::take(role) {
            Role::None => {}
            Role::Follower(number) => drop(self.followers.remove(&number)),
            Role::Leader => self.leader = None,
        }
    }

    /// Wakes the thread that can lead next, if there is no leader.
    fn wake_next(&mut self) {
        if self.leader.is_some() || self.socket.is_none() {
            return;
        }
        if let Some(next) = self.followers.first_entry() {
            next.get().wake_by_ref();
            if *next.key() == BACKGROUND {
                next.remove();
            }
        }
    }

    fn start_background(&mut self, start: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        if self.background.is_none() {
            start()?;
            self.background = Some(Waker::noop().clone());
        }
        Ok(())
    }
}
