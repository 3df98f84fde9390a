//! The threads that use one connection: which of them leads, and which is next.

use std::{
    io,
    task::Waker,
    time::{Duration, Instant},
};

use super::sleeper::Sleeper;
use crate::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// How long the background thread leaves the lead alone: a thread that has just been answered usually asks
/// again, and then reads the answer itself.
const GRACE: Duration = Duration::from_millis(if cfg!(shuttle) { 0 } else { 1 });

/// The threads that use one connection.
#[derive(Debug, Default)]
pub(super) struct Crew {
    state: Mutex<State>,
    /// There was no room for something that is to be written. The leader writes it when there is.
    has_rest: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// There is a socket.
    is_live: bool,
    /// The thread that leads: it waits for the socket.
    leader: Option<Waker>,
    /// How often a thread has begun to lead.
    led: u64,
    /// The threads that wait for another to lead, oldest first.
    waiting: Vec<(Ticket, Waker)>,
    tickets: u64,
    /// For how many reasons there is to be a background thread, besides unwritten output.
    reasons: usize,
    background: Option<Background>,
}

#[derive(Debug)]
struct Background {
    waker: Waker,
    /// It sleeps until no thread leads.
    is_asleep: bool,
}

/// The part that a waiting thread has in the work of the connection.
#[derive(Debug, Default)]
pub(super) enum Part {
    #[default]
    None,
    Waiting(Ticket),
    Leading,
}

/// A place among the threads that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// What the background thread is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duty {
    /// Lead.
    Work,
    /// There is no socket any more.
    Down,
    /// There is no reason for it any more; it has been struck off already.
    Over,
}

impl Crew {
    /// Whether there was no room for something that is to be written.
    pub(super) fn has_rest(&self) -> bool {
        self.has_rest.load(Ordering::SeqCst)
    }

    /// Changed by the thread that writes. If something is left, it then [takes part](Self::take_part),
    /// [leaves](Self::leave) or [wakes a writer](Self::wake_writer).
    pub(super) fn set_rest(&self, has_rest: bool) {
        self.has_rest.store(has_rest, Ordering::SeqCst);
    }

    /// Makes a thread the leader if there is a socket and no leader; otherwise it is one of those that are woken
    /// when the lead is free. Whether it leads.
    pub(super) fn take_part(&self, part: &mut Part, waker: &Waker) -> bool {
        if let Part::Leading = part {
            return true;
        }
        let mut state = self.lock();
        if state.is_live && state.leader.is_none() {
            state.remove(part);
            state.lead(waker);
            *part = Part::Leading;
            return true;
        }
        if let Part::None = part {
            state.tickets += 1;
            let ticket = Ticket(state.tickets);
            state.waiting.push((ticket, waker.clone()));
            *part = Part::Waiting(ticket);
        }
        if let Some(leader) = state.leader.as_ref().filter(|_| self.has_rest()) {
            leader.wake_by_ref();
        }
        false
    }

    /// As [`take_part`](Self::take_part), for a thread that has nothing to wait for unless it leads.
    pub(super) fn try_lead(&self, part: &mut Part, waker: &Waker) -> bool {
        if let Part::Leading = part {
            return true;
        }
        let mut state = self.lock();
        if !state.is_live || state.leader.is_some() {
            return false;
        }
        state.lead(waker);
        *part = Part::Leading;
        true
    }

    /// A thread has what it waited for, or gives up. If there is no leader then, another thread is woken; if
    /// there is none and something is left to be written, `start` starts a background thread.
    pub(super) fn leave(&self, part: &mut Part, start: impl FnOnce() -> io::Result<()>) {
        if matches!(part, Part::None) && !self.has_rest() {
            return;
        }
        let mut state = self.lock();
        state.remove(part);
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
        let waker = if let Some(leader) = &state.leader {
            has_rest.then(|| leader.clone())
        } else if let Some((_, waker)) = state.waiting.first().filter(|_| state.is_live) {
            Some(waker.clone())
        } else if let Some(background) = &mut state.background {
            let is_asleep = std::mem::take(&mut background.is_asleep);
            (is_asleep || has_rest).then(|| background.waker.clone())
        } else {
            // If the system has no thread for it, what is left is written at the next call.
            return has_rest && state.is_live && state.start_background(start).is_ok();
        };
        // A thread that wakes up wants the lock.
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Whether other threads wait than the one that leads.
    pub(super) fn has_others(&self) -> bool {
        !self.lock().waiting.is_empty()
    }

    /// Has every thread look again.
    pub(super) fn wake_all(&self) {
        let state = self.lock();
        state.waiting.iter().for_each(|(_, waker)| waker.wake_by_ref());
        let background = state.background.as_ref().map(|it| &it.waker);
        state.leader.iter().chain(background).for_each(Waker::wake_by_ref);
    }

    pub(super) fn is_live(&self) -> bool {
        self.lock().is_live
    }

    /// There is a socket from now on.
    pub(super) fn start(&self) {
        self.lock().is_live = true;
    }

    /// There is no socket any more; whether there was one.
    pub(super) fn end(&self) -> bool {
        std::mem::take(&mut self.lock().is_live)
    }

    /// One more reason for a background thread; `start` starts one, if there is none.
    pub(super) fn add_reason(&self, start: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut state = self.lock();
        state.start_background(start)?;
        state.reasons += 1;
        Ok(())
    }

    pub(super) fn remove_reason(&self) {
        let mut state = self.lock();
        state.reasons -= 1;
        if let Some(background) = state.background.as_ref().filter(|_| state.reasons == 0) {
            background.waker.wake_by_ref();
        }
    }

    /// Whether there has to be a background thread.
    pub(super) fn needs_background(&self) -> bool {
        self.has_rest() || self.lock().reasons > 0
    }

    /// The background thread has ended.
    pub(super) fn strike_off(&self) {
        self.lock().background = None;
    }

    /// Waits, as the background thread, until there is something for it to do. `look` says whether the
    /// connection has ended, and when to look again at the latest.
    pub(super) fn stand_by(
        &self,
        sleeper: &Sleeper,
        waker: &Waker,
        mut look: impl FnMut() -> (bool, Option<Instant>),
    ) -> Duty {
        // How often a thread had begun to lead when there was no leader.
        let mut seen = None;
        loop {
            sleeper.reset();
            // Not under the lock.
            let (has_ended, due) = look();
            let mut state = self.lock();
            let has_rest = self.has_rest() && state.is_live;
            if state.reasons == 0 && !has_rest {
                state.background = None;
                return Duty::Over;
            }
            let is_led = state.leader.is_some();
            // From now on it can be woken, also while it works.
            state.background = Some(Background { waker: waker.clone(), is_asleep: false });
            if !state.is_live {
                if !is_led {
                    return Duty::Down;
                }
            } else if has_ended || (!is_led && (has_rest || seen == Some(state.led))) {
                return Duty::Work;
            }
            if let Some(background) = &mut state.background {
                background.is_asleep = is_led;
            }
            let until = if is_led {
                due
            } else {
                seen = Some(state.led);
                Instant::now().checked_add(GRACE)
            };
            drop(state);
            sleeper.park(until);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn lead(&mut self, waker: &Waker) {
        self.leader = Some(waker.clone());
        self.led += 1;
    }

    fn remove(&mut self, part: &mut Part) {
        match std::mem::take(part) {
            Part::None => {}
            Part::Waiting(ticket) => self.waiting.retain(|(it, _)| *it != ticket),
            Part::Leading => self.leader = None,
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
