//! Wakers to be called once a lock is released.

use std::{iter::Chain, option, task::Waker, vec};

/// Wakers to be called once a lock is released. Mostly there is one, which takes no memory of its own.
#[derive(Debug, Default)]
pub struct Wakers {
    first: Option<Waker>,
    others: Vec<Waker>,
}

impl Wakers {
    /// Calls each of them.
    pub fn wake(self) {
        self.into_iter().for_each(Waker::wake);
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
