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

/// A place in the queue of those who wait for room to send. The default is to have none.
///
/// Whoever has one gives it up when it has sent or goes away: with `leave`, on a client's and on a server's
/// side.
#[derive(Debug, Default)]
pub struct Place(Option<u64>);

impl Place {
    /// Whether it is one, and has to be given up.
    pub fn is_taken(&self) -> bool {
        self.0.is_some()
    }
}

/// The queue of those who wait for room to send.
///
/// Who came first is woken first, and nobody new goes before those who still wait. Only as many are woken
/// as there may be room for, so that a long queue costs little; somewhat more, so that one that does not
/// come when it is woken does not hold up the others: a future may wait, and not be asked again for long.
#[derive(Debug, Default)]
pub(super) struct Line {
    next: u64,
    waiting: BTreeMap<u64, Waker>,
}

/// How many are woken at once, whatever the room.
const WOKEN: usize = 16;

/// How much room there is for one more to be woken, in bytes.
const WOKEN_BYTES: u64 = 1024;

impl Line {
    pub(super) fn poll(&mut self, place: &mut Place, has_room: bool, cx: &Context<'_>) -> Poll<()> {
        let is_turn = match place.0 {
            None => self.waiting.is_empty(),
            // Whoever has been woken is not in the queue any more, but has kept its number.
            Some(number) => self.waiting.range(..number).next().is_none(),
        };
        if has_room && is_turn {
            return Poll::Ready(());
        }
        let number = *place.0.get_or_insert_with(|| {
            self.next += 1;
            self.next
        });
        self.waiting.insert(number, cx.waker().clone());
        Poll::Pending
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Gives up a place; who comes next is moved to `woken` if there is room.
    pub(super) fn leave(
        &mut self,
        place: &mut Place,
        has_room: bool,
        woken: &mut impl Extend<Waker>,
    ) {
        let Some(number) = place.0.take() else { return };
        self.waiting.remove(&number);
        if has_room {
            woken.extend(self.waiting.pop_first().map(|it| it.1));
        }
    }

    /// Moves those for whom there may be room to `woken`.
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
    fn whoever_came_first_goes_first() {
        let mut line = Line::default();
        let mut woken = Vec::new();
        let mut places: Vec<Place> = (0..3).map(|_| Place::default()).collect();
        for place in &mut places {
            assert!(line.poll(place, false, &cx()).is_pending());
        }
        let mut new = Place::default();
        assert!(line.poll(&mut new, true, &cx()).is_pending(), "nobody goes before the others");
        assert!(line.poll(&mut places[1], true, &cx()).is_pending(), "it has not been woken");
        for place in &mut places {
            assert!(line.poll(place, true, &cx()).is_ready());
            line.leave(place, true, &mut woken);
        }
        assert!(line.poll(&mut new, true, &cx()).is_ready());
        line.leave(&mut new, true, &mut woken);
        assert!(line.waiting.is_empty());
    }

    #[test]
    fn one_that_does_not_come_holds_nobody_up() {
        let mut line = Line::default();
        let mut woken = Vec::new();
        let mut absent = Place::default();
        let mut present = Place::default();
        assert!(line.poll(&mut absent, false, &cx()).is_pending());
        assert!(line.poll(&mut present, false, &cx()).is_pending());
        line.wake(0, &mut woken);
        assert_eq!(woken.len(), 2);
        assert!(line.poll(&mut present, true, &cx()).is_ready());
        // Who comes too late keeps its place.
        assert!(line.poll(&mut absent, false, &cx()).is_pending());
        line.leave(&mut present, false, &mut woken);
        assert!(line.poll(&mut Place::default(), true, &cx()).is_pending());
        assert!(line.poll(&mut absent, true, &cx()).is_ready());
    }

    #[test]
    fn as_many_are_woken_as_there_is_room_for() {
        let mut line = Line::default();
        let mut places: Vec<Place> = (0..100).map(|_| Place::default()).collect();
        for place in &mut places {
            assert!(line.poll(place, false, &cx()).is_pending());
        }
        let mut woken = Vec::new();
        line.wake(0, &mut woken);
        assert_eq!(woken.len(), WOKEN);
        line.wake(4 * WOKEN_BYTES, &mut woken);
        assert_eq!(woken.len(), 2 * WOKEN + 4);
        // Each that goes away is missed by nobody.
        for place in &mut places {
            line.leave(place, false, &mut woken);
        }
        assert!(line.waiting.is_empty());
    }
}
