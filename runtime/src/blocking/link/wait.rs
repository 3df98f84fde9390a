//! How a thread waits on a connection, and leads meanwhile.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use super::{Link, OpenSocket, lock};
use crate::blocking::{
    parker::{Parker, take_deadline},
    threads::Role,
};

impl Link {
    /// Waits for a future on this thread.
    pub(in crate::blocking) fn wait<F: Future>(self: &Arc<Self>, future: F) -> F::Output {
        Waiter::new(self, false).wait(future)
    }

    /// Waits for a future on the background thread, which leads only while no other thread does.
    pub(in crate::blocking) fn wait_in_background<F: Future>(
        self: &Arc<Self>,
        future: F,
    ) -> F::Output {
        Waiter::new(self, true).wait(future)
    }
}

/// A thread while it waits.
#[derive(Debug)]
struct Waiter<'a> {
    link: &'a Arc<Link>,
    role: Role,
    parker: Arc<Parker>,
    waker: Waker,
    is_background: bool,
    /// See [`Threads::lead_in_background`](super::Threads::lead_in_background).
    idle_since: Option<u64>,
}

impl<'a> Waiter<'a> {
    fn new(link: &'a Arc<Link>, is_background: bool) -> Self {
        let parker = Parker::current();
        let waker = Arc::clone(&parker).into();
        Self { link, role: Role::None, parker, waker, is_background, idle_since: None }
    }

    fn wait<F: Future>(mut self, future: F) -> F::Output {
        let mut future = pin!(future);
        loop {
            self.parker.reset();
            let poll = future.as_mut().poll(&mut Context::from_waker(&self.waker));
            let deadline = take_deadline();
            if let Poll::Ready(output) = poll {
                // The future may have queued a message, and the last read may have queued an answer to a ping.
                self.link.flush();
                return output;
            }
            match self.socket() {
                Ok(socket) => self.lead(&socket, deadline),
                Err(until) => {
                    self.link.flush();
                    self.link.ensure_writer();
                    self.parker.park(earliest(deadline, until));
                }
            }
        }
    }

    /// The socket if the thread leads, and otherwise when it looks again at the latest.
    fn socket(&mut self) -> Result<Arc<OpenSocket>, Option<Instant>> {
        let Self { link, role, waker, idle_since, .. } = self;
        if self.is_background {
            return link.threads.lead_in_background(role, waker, idle_since, link.is_congested());
        }
        link.threads.lead(role, waker).ok_or(None)
    }

    /// Waits for the socket until something happens.
    fn lead(&self, socket: &OpenSocket, deadline: Option<Instant>) {
        let link = self.link;
        // Not before this thread leads: a thread that finds no room from now on wakes the leader.
        let interest = link.flush();
        let mut input = lock(&link.input);
        let (missing, due) =
            link.shared.with(|core| (core.missing(&input.filled), core.frame_deadline()));
        let is_readable = self.parker.poll(&socket.socket, interest, earliest(deadline, due));
        // A message is late only if the rest of it is not there to be read.
        if is_readable || due.is_some_and(|it| it <= Instant::now()) {
            let read = socket.socket.receive(input.space(missing));
            link.receive(socket, &mut input, missing, read);
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if !matches!(self.role, Role::None) {
            self.link.threads.leave(&mut self.role);
        }
        // The thread may have queued more than there was room for.
        self.link.ensure_writer();
        // An outer wait of the same thread shares the parker. It may have been woken during this wait, so it looks again.
        self.parker.set_woken();
    }
}

fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}
