//! Handlers on threads of their own.

use std::{
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use super::{BlockingStreamHandler, Subscription, background, connection::Handle};
use crate::{operation::StreamingOperation, protocol::client::Key, session};

/// The handle to a subscription whose events go to a handler. Dropping it unsubscribes.
#[must_use = "dropping the handle unsubscribes"]
pub struct SubscriptionHandle {
    connection: Arc<Handle>,
    key: Key,
    done: Arc<Done>,
}

impl SubscriptionHandle {
    /// Waits until the stream has ended and the handler has been told.
    pub fn closed(&self) {
        let mut is_done = self.done.lock();
        while !*is_done {
            is_done = self.done.set.wait(is_done).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Unsubscribes, and waits until the handler is done with the event it is at. So it waits for ever if
    /// that handler calls it.
    pub fn close(self) {
        self.end();
        self.closed();
    }

    fn end(&self) {
        let link = &self.connection.link;
        link.shared.with(|core| core.end(self.key));
        link.push();
    }
}

impl Drop for SubscriptionHandle {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for SubscriptionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionHandle").finish_non_exhaustive()
    }
}

/// Whether a handler is done.
#[derive(Debug, Default)]
struct Done {
    is_done: Mutex<bool>,
    set: Condvar,
}

impl Done {
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.is_done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that a handler is done when it goes away, whatever the reason.
struct SetDone(Arc<Done>);

impl Drop for SetDone {
    fn drop(&mut self) {
        *self.0.lock() = true;
        self.0.set.notify_all();
    }
}

pub(super) fn spawn<O: StreamingOperation>(
    subscription: Subscription<O>,
    handler: impl BlockingStreamHandler<O>,
) -> SubscriptionHandle {
    let (connection, key) = subscription.owner();
    let done = Arc::new(Done::default());
    let handle = SubscriptionHandle { connection, key, done: Arc::clone(&done) };
    let done = SetDone(done);
    let mut stream = subscription.with_notices();
    background::spawn("subscription handler", move || {
        session::handler::run::<O>(move || stream.next(), handler);
        drop(done);
    })
    .expect("the operating system gives a thread");
    handle
}
