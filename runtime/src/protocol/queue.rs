//! A queue that knows how much memory it takes.

use std::{collections::VecDeque, ops::Deref};

/// How many slots an empty queue keeps: a queue that is filled and emptied all the time does not allocate each time.
const KEPT_SLOTS: usize = 64;

/// An element of a [`Queue`].
pub(crate) trait Element {
    /// How much memory it keeps alive besides its slot, in bytes.
    fn held(&self) -> usize;

    /// Whether that is the same memory as that of the next element.
    fn shares(&self, _next: &Self) -> bool {
        false
    }
}

/// A queue that knows how much memory it takes, and gives it back when it is emptied.
///
/// Allocated memory counts: the slots of the queue, used or not, and the memory of the elements. Memory that neighbours
/// share counts once. The overhead of the allocator does not count, nor do the few slots that an empty queue keeps.
///
/// The elements can be read as those of a [`VecDeque`].
#[derive(Debug)]
pub(crate) struct Queue<T> {
    items: VecDeque<T>,
    /// The sum of what the elements hold, in bytes.
    held: usize,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { items: VecDeque::new(), held: 0 }
    }
}

impl<T> Deref for Queue<T> {
    type Target = VecDeque<T>;

    fn deref(&self) -> &VecDeque<T> {
        &self.items
    }
}

impl<T: Element> Queue<T> {
    /// How much memory is allocated, in bytes.
    pub(crate) fn allocated(&self) -> usize {
        if self.is_empty() { 0 } else { self.capacity() * size_of::<T>() + self.held }
    }

    /// How much memory will be allocated once `item` has been added, in bytes.
    #[inline]
    pub(crate) fn allocated_with(&self, item: &T) -> usize {
        let (len, capacity) = (self.len(), self.capacity());
        // A full queue doubles.
        let slots = if len < capacity { capacity } else { (2 * capacity).max(4) };
        slots * size_of::<T>() + self.held + self.adds(item)
    }

    #[inline]
    pub(crate) fn push(&mut self, item: T) {
        self.held += self.adds(&item);
        self.items.push_back(item);
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        let item = self.items.pop_front()?;
        if !self.front().is_some_and(|next| item.shares(next)) {
            self.held -= item.held();
        }
        self.shrink();
        Some(item)
    }

    /// Removes the element at an index.
    #[inline]
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

    /// How much more memory an element at the end keeps alive, in bytes.
    #[inline]
    fn adds(&self, item: &T) -> usize {
        if self.back().is_some_and(|it| it.shares(item)) { 0 } else { item.held() }
    }

    /// Gives back half of the slots if no more than half of the rest is used.
    #[inline]
    fn shrink(&mut self) {
        let (len, capacity) = (self.len(), self.capacity());
        if capacity > KEPT_SLOTS && len <= capacity / 4 {
            self.items.shrink_to((capacity / 2).max(KEPT_SLOTS));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A part of a buffer: the number of the buffer, and its length in bytes.
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
        for buffer in 0..100 {
            let piece = Piece(buffer, 1_000);
            let expected = queue.allocated_with(&piece);
            queue.push(piece);
            assert_eq!(queue.allocated(), expected);
            assert_eq!(expected, queue.capacity() * SLOT + (buffer as usize + 1) * 1_000);
        }
        while queue.pop().is_some() {}
        assert_eq!((queue.allocated(), queue.held), (0, 0));
    }

    #[test]
    fn memory_that_neighbours_share_counts_once() {
        let mut queue = Queue::default();
        for buffer in [1, 1, 1, 2, 3, 3] {
            queue.push(Piece(buffer, 1_000));
        }
        assert_eq!(queue.held, 3_000);
        // From the middle, the end and the front of those that share.
        for (index, expected) in
            [(1, 3_000), (4, 3_000), (3, 2_000), (0, 2_000), (0, 1_000), (0, 0)]
        {
            queue.remove(index).unwrap();
            assert_eq!(queue.held, expected, "{index}");
        }
        assert!(queue.remove(0).is_none());
    }

    #[test]
    fn a_queue_that_is_emptied_gives_its_memory_back() {
        let mut queue = Queue::default();
        for _ in 0..2 {
            (0..10_000).for_each(|buffer| queue.push(Piece(buffer, 0)));
            while queue.pop().is_some() {
                let len = queue.len();
                assert!(queue.capacity() <= (4 * len + 4).max(KEPT_SLOTS), "{len}");
            }
        }
        queue.push(Piece(0, 1));
        queue = Queue::default();
        assert_eq!((queue.capacity(), queue.held), (0, 0));
    }
}
