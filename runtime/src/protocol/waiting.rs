//! Who waits for what.

use std::{
    collections::BTreeMap,
    task::{Context, Poll, Waker},
};

/// Tasks that wait for the same thing.
#[derive(Debug, Default)]
pub(super) struct Waiting(Vec<Waker>);

impl Waiting {
    pub(super) fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        if !self.0.iter().any(|it| it.will_wake(cx.waker())) {
            self.0.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Moves everyone to `woken`.
    pub(super) fn wake(&mut self, woken: &mut impl Extend<Waker>) {
        woken.extend(self.0.drain(..));
    }

    /// Moves the one with this waker to `woken`, if it is here.
    pub(super) fn release(&mut self, waker: &Waker, woken: &mut impl Extend<Waker>) {
        if let Some(index) = self.0.iter().position(|it| it.will_wake(waker)) {
            woken.extend([self.0.swap_remove(index)]);
        }
    }
}

/// Tasks that wait until that many bytes have been written.
#[derive(Debug, Default)]
pub(super) struct WaitingForBytes(Vec<(u64, Waker)>);

impl WaitingForBytes {
    pub(super) fn wait<T>(&mut self, bytes: u64, cx: &Context<'_>) -> Poll<T> {
        let is_here = |it: &(u64, Waker)| it.0 == bytes && it.1.will_wake(cx.waker());
        if !self.0.iter().any(is_here) {
            self.0.push((bytes, cx.waker().clone()));
        }
        Poll::Pending
    }

    /// Moves those whose bytes have been written to `woken`.
    #[inline]
    pub(super) fn wake(&mut self, written: u64, woken: &mut impl Extend<Waker>) {
        // Most of the time none waits.
        if self.0.is_empty() {
            return;
        }
        self.take_if(woken, |it| it.0 <= written);
    }

    /// Moves those with this waker to `woken`.
    pub(super) fn release(&mut self, waker: &Waker, woken: &mut impl Extend<Waker>) {
        self.take_if(woken, |it| it.1.will_wake(waker));
    }

    fn take_if(
        &mut self,
        woken: &mut impl Extend<Waker>,
        is_taken: impl Fn(&(u64, Waker)) -> bool,
    ) {
        self.0.retain(|it| {
            let is_taken = is_taken(it);
            woken.extend(is_taken.then(|| it.1.clone()));
            !is_taken
        });
    }
}

/// Which limit the bytes that wait to be written must be under before a message is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum QueueLimit {
    /// `write_queue_limit`, for requests and events.
    #[default]
    Write,
    /// `reply_queue_limit`, for the replies of a server.
    Reply,
}

/// A place in a queue of senders that wait for room. The default is to have none yet, for a request or an event.
///
/// A sender gives it up with [`Endpoint::leave`](super::Endpoint::leave) when it has sent or is dropped.
#[derive(Debug, Default)]
pub struct SendTurn {
    limit: QueueLimit,
    number: Option<u64>,
}

impl SendTurn {
    /// For the reply of a server.
    pub fn of_reply() -> Self {
        Self { limit: QueueLimit::Reply, number: None }
    }

    pub(super) fn limit(&self) -> QueueLimit {
        self.limit
    }

    /// Whether it has a place, which has to be given up.
    pub fn is_taken(&self) -> bool {
        self.number.is_some()
    }
}

/// A queue of senders that wait for room.
///
/// The first to come is woken first, and a new one does not go before those that still wait. Only as many are
/// woken as there may be room for, so that a long queue costs little; somewhat more, so that one that does not
/// come when it is woken does not hold up the others: a future may wait, and not be polled again for long.
#[derive(Debug, Default)]
pub(super) struct SendQueue {
    next: u64,
    waiting: BTreeMap<u64, Waker>,
}

/// How many are woken at once, whatever the room.
const WOKEN: usize = 16;

/// How much room there is for one more to be woken, in bytes.
const WOKEN_BYTES: u64 = 1024;

impl SendQueue {
    pub(super) fn poll(
        &mut self,
        turn: &mut SendTurn,
        has_room: bool,
        cx: &Context<'_>,
    ) -> Poll<()> {
        let is_turn = match turn.number {
            None => self.waiting.is_empty(),
            // A sender that has been woken is not in the queue any more, but has kept its number.
            Some(number) => self.waiting.range(..number).next().is_none(),
        };
        if has_room && is_turn {
            return Poll::Ready(());
        }
        let number = *turn.number.get_or_insert_with(|| {
            self.next += 1;
            self.next
        });
        self.waiting.insert(number, cx.waker().clone());
        Poll::Pending
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Gives up a place; the next sender is moved to `woken` if there is room.
    pub(super) fn leave(
        &mut self,
        turn: &mut SendTurn,
        has_room: bool,
        woken: &mut impl Extend<Waker>,
    ) {
        let Some(number) = turn.number.take() else { return };
        self.waiting.remove(&number);
        if has_room {
            woken.extend(self.waiting.pop_first().map(|it| it.1));
        }
    }

    /// Moves those for which there may be room to `woken`.
    pub(super) fn wake(&mut self, room: u64, woken: &mut impl Extend<Waker>) {
        let count = WOKEN.saturating_add(usize::try_from(room / WOKEN_BYTES).unwrap_or(usize::MAX));
        let first = std::iter::from_fn(|| self.waiting.pop_first());
        woken.extend(first.take(count).map(|it| it.1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cx() -> Context<'static> {
        Context::from_waker(Waker::noop())
    }

    #[test]
    fn the_first_to_come_goes_first() {
        let mut queue = SendQueue::default();
        let mut woken = Vec::new();
        let mut turns: Vec<SendTurn> = (0..3).map(|_| SendTurn::default()).collect();
        for turn in &mut turns {
            assert!(queue.poll(turn, false, &cx()).is_pending());
        }
        let mut new = SendTurn::default();
        assert!(queue.poll(&mut new, true, &cx()).is_pending(), "it waits behind the others");
        assert!(queue.poll(&mut turns[1], true, &cx()).is_pending(), "it has not been woken");
        for turn in &mut turns {
            assert!(queue.poll(turn, true, &cx()).is_ready());
            queue.leave(turn, true, &mut woken);
        }
        assert!(queue.poll(&mut new, true, &cx()).is_ready());
        queue.leave(&mut new, true, &mut woken);
        assert!(queue.waiting.is_empty());
    }

    #[test]
    fn one_that_does_not_come_holds_up_no_other() {
        let mut queue = SendQueue::default();
        let mut woken = Vec::new();
        let mut absent = SendTurn::default();
        let mut present = SendTurn::default();
        assert!(queue.poll(&mut absent, false, &cx()).is_pending());
        assert!(queue.poll(&mut present, false, &cx()).is_pending());
        queue.wake(0, &mut woken);
        assert_eq!(woken.len(), 2);
        assert!(queue.poll(&mut present, true, &cx()).is_ready());
        // One that comes too late keeps its place.
        assert!(queue.poll(&mut absent, false, &cx()).is_pending());
        queue.leave(&mut present, false, &mut woken);
        assert!(queue.poll(&mut SendTurn::default(), true, &cx()).is_pending());
        assert!(queue.poll(&mut absent, true, &cx()).is_ready());
    }

    #[test]
    fn as_many_are_woken_as_there_is_room_for() {
        let mut queue = SendQueue::default();
        let mut turns: Vec<SendTurn> = (0..100).map(|_| SendTurn::default()).collect();
        for turn in &mut turns {
            assert!(queue.poll(turn, false, &cx()).is_pending());
        }
        let mut woken = Vec::new();
        queue.wake(0, &mut woken);
        assert_eq!(woken.len(), WOKEN);
        queue.wake(4 * WOKEN_BYTES, &mut woken);
        assert_eq!(woken.len(), 2 * WOKEN + 4);
        // All of them go away.
        for turn in &mut turns {
            queue.leave(turn, false, &mut woken);
        }
        assert!(queue.waiting.is_empty());
    }
}
