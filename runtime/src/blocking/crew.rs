//! The threads that use one connection: which of them reads, and who is next.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    task::Waker,
    time::{Duration, Instant},
};

use super::sleeper::Sleeper;

/// How long the background thread leaves the lead alone: whoever has just been answered usually asks again,
/// and then reads the answer itself.
const GRACE: Duration = Duration::from_millis(1);

/// The threads that use one connection.
#[derive(Debug, Default)]
pub(super) struct Crew(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// There is a socket to read.
    is_live: bool,
    /// One of the threads reads.
    is_led: bool,
    /// How often that has begun.
    led: u64,
    /// Those that sleep, or are about to, in the order in which they came.
    waiting: Vec<(Ticket, Waker)>,
    tickets: u64,
    /// Something is left to be written, and whoever was at it has gone.
    has_rest: bool,
    /// For how many reasons there is to be a background thread.
    reasons: usize,
    background: Option<Background>,
}

#[derive(Debug)]
struct Background {
    waker: Waker,
    /// It sleeps until nobody leads.
    is_asleep: bool,
}

/// A place among those that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// What the background thread is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duty {
    /// Read, or write what is left.
    Work,
    /// There is no socket any more.
    Down,
    /// Nobody needs it any more; it has been struck off already.
    Over,
}

impl Crew {
    /// Takes the lead if nobody has it and there is something to read from.
    pub(super) fn try_lead(&self) -> bool {
        let mut state = self.lock();
        if state.is_led || !state.is_live {
            return false;
        }
        state.is_led = true;
        state.led += 1;
        true
    }

    pub(super) fn join(&self, waker: Waker) -> Ticket {
        let mut state = self.lock();
        state.tickets += 1;
        let ticket = Ticket(state.tickets);
        state.waiting.push((ticket, waker));
        ticket
    }

    /// A thread has what it waited for, or gives up. If nobody leads then, another one is told.
    pub(super) fn leave(&self, has_lead: bool, ticket: Option<Ticket>) {
        let mut state = self.lock();
        if has_lead {
            state.is_led = false;
        }
        if let Some(ticket) = ticket {
            state.waiting.retain(|(it, _)| *it != ticket);
        }
        if !state.is_led {
            state.wake_next();
        }
    }

    /// Whether anyone waits besides whoever asks, who waits too.
    pub(super) fn has_others(&self) -> bool {
        self.lock().waiting.len() > 1
    }

    /// Tells everyone that something is left to be written, or that nothing is as it was.
    pub(super) fn wake_all(&self, has_rest: bool) {
        let mut state = self.lock();
        state.has_rest |= has_rest;
        state.waiting.iter().for_each(|(_, waker)| waker.wake_by_ref());
        if let Some(background) = &state.background {
            background.waker.wake_by_ref();
        }
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
    pub(super) fn add_reason<E>(&self, start: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        let mut state = self.lock();
        if state.background.is_none() {
            start()?;
            state.background = Some(Background { waker: Waker::noop().clone(), is_asleep: false });
        }
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

    /// Whether there is a background thread, and it is needed.
    pub(super) fn has_background(&self) -> bool {
        self.lock().background.is_some()
    }

    pub(super) fn has_reasons(&self) -> bool {
        self.lock().reasons > 0
    }

    /// The background thread is gone, whyever.
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
        // What has been led when it was looked at last.
        let mut seen = None;
        loop {
            // Not under the lock.
            let (has_ended, due) = look();
            let mut state = self.lock();
            let background =
                state.background.insert(Background { waker: waker.clone(), is_asleep: false });
            background.is_asleep = false;
            if state.reasons == 0 {
                state.background = None;
                return Duty::Over;
            }
            if !state.is_live {
                if !state.is_led {
                    return Duty::Down;
                }
            } else if has_ended
                || std::mem::take(&mut state.has_rest)
                || (!state.is_led && seen == Some(state.led))
            {
                return Duty::Work;
            }
            let until = if state.is_led {
                if let Some(background) = &mut state.background {
                    background.is_asleep = true;
                }
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Tells whoever has waited longest that nobody leads.
    fn wake_next(&mut self) {
        if let Some((_, waker)) = self.waiting.first().filter(|_| self.is_live) {
            waker.wake_by_ref();
        } else if let Some(background) = self.background.as_mut().filter(|it| it.is_asleep) {
            background.is_asleep = false;
            background.waker.wake_by_ref();
        }
    }
}
