//! Whether something is done.

use std::{
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
};

/// Whether something is done, for any number of tasks that wait for it.
#[derive(Debug, Default)]
pub(crate) struct Done(Mutex<(bool, Vec<Waker>)>);

impl Done {
    fn set(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = true;
        let waiting = std::mem::take(&mut state.1);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 {
            return Poll::Ready(());
        }
        if !state.1.iter().any(|it| it.will_wake(cx.waker())) {
            state.1.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

/// Says that something is done when it is dropped, whatever the reason.
pub(crate) struct SetDone(pub(crate) Arc<Done>);

impl Drop for SetDone {
    fn drop(&mut self) {
        self.0.set();
    }
}
