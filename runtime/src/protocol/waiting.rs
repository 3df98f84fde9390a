//! Tasks that wait, and their wakers.

use std::{
    collections::BTreeMap,
    task::{Context, Poll, Waker},
};

/// Wakers to call after a lock has been released. A single waker, the usual case, is stored without an allocation.
#[derive(Debug, Default)]
pub struct Wakers {
    first: Option<Waker>,
    /// Empty unless there is a first one.
    others: Vec<Waker>,
}

impl Wakers {
    /// Whether it is empty.
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Calls all wakers.
    #[inline]
    pub fn wake(self) {
        let Some(first) = self.first else {
            // Without a first waker there are no others. To forget the empty list is faster than to drop it.
            return std::mem::forget(self.others);
        };
        first.wake();
        self.others.into_iter().for_each(Waker::wake);
    }
}

impl Extend<Waker> for Wakers {
    fn extend<I: IntoIterator<Item = Waker>>(&mut self, wakers: I) {
        for waker in wakers {
            match self.first {
                None => self.first = Some(waker),
                Some(_) => self.others.push(waker),
            }
        }
    }
}

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// Any change of the connection.
    Change,
    /// The end of the connection.
    End,
    /// The output has been written up to a position.
    Written(u64),
}

/// The tasks that wait for something that concerns the whole connection.
#[derive(Debug, Default)]
pub(super) struct WaitList(Vec<(Until, Waker)>);

impl WaitList {
    pub(super) fn wait<T>(&mut self, until: Until, cx: &Context<'_>) -> Poll<T> {
        if !self.0.iter().any(|it| it.0 == until && it.1.will_wake(cx.waker())) {
            self.0.push((until, cx.waker().clone()));
        }
        Poll::Pending
    }

    /// Moves the wakers that meet a condition to `woken`.
    pub(super) fn take_if(&mut self, is_taken: impl Fn(Until, &Waker) -> bool, woken: &mut Wakers) {
        let mut index = 0;
        while let Some((until, waker)) = self.0.get(index) {
            if is_taken(*until, waker) {
                woken.extend([self.0.swap_remove(index).1]);
            } else {
                index += 1;
            }
        }
    }
}

/// The limit of the output queue that a sender waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum QueueLimit {
    /// `write_queue_limit`, for requests and events.
    #[default]
    Write,
    /// `reply_queue_limit`, for the replies of a server.
    Reply,
}

/// A position in a queue of senders that wait for room. By default it is for a request or an event.
///
/// It is assigned when the sender waits for the first time. The sender leaves the queue with
/// [`Endpoint::leave`](super::Endpoint::leave) when it has sent or is dropped.
#[derive(Debug, Default)]
pub struct SendTurn {
    pub(super) limit: QueueLimit,
    number: Option<u64>,
}

impl SendTurn {
    /// A position for the reply of a server.
    pub fn of_reply() -> Self {
        Self { limit: QueueLimit::Reply, number: None }
    }

    /// Whether a position has been assigned.
    pub fn is_taken(&self) -> bool {
        self.number.is_some()
    }
}

/// A queue of senders that wait for room.
///
/// Senders are woken in the order in which they arrived, and a new one does not overtake those that wait. To keep a long
/// queue cheap, only as many are woken as there may be room for, and a few more: a woken future may not be polled for
/// a long time, and must not block the others.
#[derive(Debug, Default)]
pub(super) struct SendQueue {
    next: u64,
    pub(super) waiting: BTreeMap<u64, Waker>,
}

/// How many senders are woken at a time, even if there is little room.
const WOKEN: usize = 16;

/// One more sender is woken for each so many bytes of room.
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
            // A sender that has been woken is not in the queue any more and has kept its number.
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

    /// Removes a sender; the next one is moved to `woken` if there is room.
    pub(super) fn leave(&mut self, turn: &mut SendTurn, has_room: bool, woken: &mut Wakers) {
        let Some(number) = turn.number.take() else { return };
        self.waiting.remove(&number);
        if has_room {
            woken.extend(self.waiting.pop_first().map(|it| it.1));
        }
    }

    /// Moves the senders for which there may be room to `woken`.
    pub(super) fn wake(&mut self, room: u64, woken: &mut Wakers) {
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

    fn count(woken: &Wakers) -> usize {
        usize::from(!woken.is_empty()) + woken.others.len()
    }

    #[test]
    fn the_first_to_come_goes_first() {
        let mut queue = SendQueue::default();
        let mut woken = Wakers::default();
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
        let mut woken = Wakers::default();
        let mut absent = SendTurn::default();
        let mut present = SendTurn::default();
        assert!(queue.poll(&mut absent, false, &cx()).is_pending());
        assert!(queue.poll(&mut present, false, &cx()).is_pending());
        queue.wake(0, &mut woken);
        assert_eq!(count(&woken), 2);
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
        let mut woken = Wakers::default();
        queue.wake(0, &mut woken);
        assert_eq!(count(&woken), WOKEN);
        queue.wake(4 * WOKEN_BYTES, &mut woken);
        assert_eq!(count(&woken), 2 * WOKEN + 4);
        // All of them go away.
        for turn in &mut turns {
            queue.leave(turn, false, &mut woken);
        }
        assert!(queue.waiting.is_empty());
    }
}
