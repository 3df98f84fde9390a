//! A queue that knows how much memory it takes.

use std::collections::VecDeque;

/// An empty queue keeps room for so many elements, so that one that is filled and emptied all the time does not
/// allocate each time.
const KEPT_SLOTS: usize = 64;

/// What waits in a [`Queue`].
pub(crate) trait Element {
    /// How much memory it keeps alive besides itself, in bytes.
    fn held(&self) -> usize;

    /// Whether that is the same memory as what `next` keeps alive, the element behind it.
    fn shares(&self, next: &Self) -> bool {
        let _ = next;
        false
    }
}

/// A queue that knows how much memory it takes, and gives it back when it is emptied.
///
/// What counts is what is allocated: the slots of the queue, used or not, and what the elements keep alive.
/// Memory that neighbours share counts once. The overhead of the allocator does not count, nor do the few slots
/// that an empty queue keeps.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    items: VecDeque<T>,
    /// What the elements keep alive, in bytes.
    held: usize,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { items: VecDeque::new(), held: 0 }
    }
}

impl<T: Element> Queue<T> {
    #[cfg(any(test, feature = "server"))]
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.items.iter()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        self.items.get(index)
    }

    pub(crate) fn back(&self) -> Option<&T> {
        self.items.back()
    }

    /// How much memory is allocated for what waits, in bytes.
    pub(crate) fn allocated(&self) -> usize {
        if self.items.is_empty() { 0 } else { self.slots_len(self.items.capacity()) + self.held }
    }

    /// The same with one more element.
    #[cfg(any(test, feature = "server"))]
    pub(crate) fn allocated_with(&self, item: &T) -> usize {
        self.slots_len(self.slots_with_one_more()) + self.held + self.adds(item)
    }

    pub(crate) fn push(&mut self, item: T) {
        self.held += self.adds(&item);
        self.items.push_back(item);
    }

    /// Queues an element if no more than so many bytes are allocated then, or gives it back.
    #[inline]
    pub(crate) fn try_push(&mut self, item: T, limit: usize) -> Result<(), T> {
        let held = self.held + self.adds(&item);
        if self.slots_len(self.slots_with_one_more()) + held > limit {
            return Err(item);
        }
        self.held = held;
        self.items.push_back(item);
        Ok(())
    }

    #[inline]
    fn slots_with_one_more(&self) -> usize {
        let (len, capacity) = (self.items.len(), self.items.capacity());
        // A full queue doubles.
        if len < capacity { capacity } else { (2 * capacity).max(4) }
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        let item = self.items.pop_front()?;
        if !self.items.front().is_some_and(|it| item.shares(it)) {
            self.held -= item.held();
        }
        self.shrink();
        Some(item)
    }

    pub(crate) fn pop_back(&mut self) -> Option<T> {
        self.remove(self.items.len().checked_sub(1)?)
    }

    /// Takes out the element at an index.
    pub(crate) fn remove(&mut self, index: usize) -> Option<T> {
        let item = self.items.remove(index)?;
        let before = index.checked_sub(1).and_then(|it| self.items.get(it));
        let is_kept = before.is_some_and(|it| it.shares(&item))
            || self.items.get(index).is_some_and(|it| item.shares(it));
        if !is_kept {
            self.held -= item.held();
        }
        self.shrink();
        Some(item)
    }

    /// Gives back half of the slots if no more than half of the rest is used.
    #[inline]
    fn shrink(&mut self) {
        let (len, capacity) = (self.items.len(), self.items.capacity());
        if capacity > KEPT_SLOTS && len <= capacity / 4 {
            self.items.shrink_to((capacity / 2).max(KEPT_SLOTS));
        }
    }

    /// How much more an element keeps alive behind those that wait, in bytes.
    #[inline]
    fn adds(&self, item: &T) -> usize {
        if self.back().is_some_and(|it| it.shares(item)) { 0 } else { item.held() }
    }

    fn slots_len(&self, slots: usize) -> usize {
        slots * size_of::<T>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps a piece of memory alive: which, and how long it is.
    struct Piece(u32, usize);

    impl Element for Piece {
        fn held(&self) -> usize {
            self.1
        }

        fn shares(&self, next: &Self) -> bool {
            self.0 == next.0
        }
    }

    const SLOT: usize = size_of::<Piece>();

    #[test]
    fn what_is_allocated_counts() {
        let mut queue = Queue::default();
        assert_eq!(queue.allocated(), 0);
        for number in 0..100 {
            let piece = Piece(number, 1_000);
            let expected = queue.allocated_with(&piece);
            queue.push(piece);
            assert_eq!(queue.allocated(), expected);
            let slots = queue.items.capacity();
            assert_eq!(expected, slots * SLOT + (number as usize + 1) * 1_000);
        }
        while queue.pop().is_some() {}
        assert_eq!((queue.allocated(), queue.held), (0, 0));
    }

    #[test]
    fn memory_that_neighbours_share_counts_once() {
        let mut queue = Queue::default();
        let held = |queue: &Queue<Piece>| queue.held;
        for piece in [1, 1, 1, 2, 3, 3] {
            queue.push(Piece(piece, 1_000));
        }
        assert_eq!(held(&queue), 3_000);
        // From the middle, the end and the front of those that share.
        for (index, expected) in [(1, 3_000), (4, 3_000), (3, 2_000), (0, 2_000), (0, 1_000)] {
            queue.remove(index).unwrap();
            assert_eq!(held(&queue), expected, "{index}");
        }
        queue.pop_back().unwrap();
        assert_eq!(held(&queue), 0);
        assert!(queue.pop_back().is_none());
    }

    #[test]
    fn a_queue_that_is_emptied_gives_its_memory_back() {
        let mut queue = Queue::default();
        for _ in 0..2 {
            for number in 0..10_000 {
                queue.push(Piece(number, 0));
            }
            while queue.pop().is_some() {
                let len = queue.len();
                assert!(queue.items.capacity() <= (4 * len + 4).max(KEPT_SLOTS), "{len}");
            }
        }
        queue.push(Piece(0, 1));
        queue = Queue::default();
        assert_eq!((queue.items.capacity(), queue.held), (0, 0));
    }
}
