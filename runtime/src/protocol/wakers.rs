//! Wakers to be called once a lock is released.

use std::{iter::Chain, option, task::Waker, vec};

/// Wakers to be called once a lock is released. Mostly there is one, which takes no memory of its own.
#[derive(Debug, Default)]
pub struct Wakers {
    first: Option<Waker>,
    /// Empty unless there is a first one.
    others: Vec<Waker>,
}

impl Wakers {
    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Calls each of them.
    #[inline]
    pub fn wake(self) {
        let Some(first) = self.first else {
            // There is nothing to drop, and to find that out takes longer.
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

impl IntoIterator for Wakers {
    type Item = Waker;
    type IntoIter = Chain<option::IntoIter<Waker>, vec::IntoIter<Waker>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.others)
    }
}
