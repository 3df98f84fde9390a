//! How a thread waits on a connection, and leads meanwhile.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use super::{Input, Link, lock};
use crate::blocking::{
    parker::{Parker, take_deadline},
    socket::Interest,
    threads::Role,
};

impl Link {
    /// Waits for a future on this thread. Everything that is queued is written on the way.
    pub(in crate::blocking) fn wait<F: Future>(self: &Arc<Self>, future: F) -> F::Output {
        let mut future = pin!(future);
        let mut waiter = Waiter::new(self);
        loop {
            waiter.parker.reset();
            let poll = future.as_mut().poll(&mut Context::from_waker(&waiter.waker));
            let deadline = take_deadline();
            // The future may have queued something, and the last read an answer.
            let interest = self.flush();
            if let Poll::Ready(output) = poll {
                return output;
            }
            if !waiter.lead(deadline, interest) {
                waiter.parker.park(deadline);
            }
        }
    }

    /// Leads as the background thread: until it has no users, or it has read something while another thread waits,
    /// or the connection has ended.
    pub(in crate::blocking) fn lead(self: &Arc<Self>) {
        let mut waiter = Waiter::new(self);
        loop {
            waiter.parker.reset();
            // No other thread may be awake. What ends so is to be written.
            let (deadline, is_closed) = self.shared.with(|core| {
                core.expire_deadlines(Instant::now());
                (core.next_call_deadline(), core.is_closed())
            });
            let interest = self.flush();
            if is_closed
                || !self.threads.needs_background(waiter.has_read)
                || !waiter.lead(deadline, interest)
            {
                return;
            }
        }
    }
}

/// A thread while it waits.
#[derive(Debug)]
struct Waiter<'a> {
    link: &'a Arc<Link>,
    role: Role,
    parker: Arc<Parker>,
    waker: Waker,
    /// Whether it has read something.
    has_read: bool,
}

impl<'a> Waiter<'a> {
    fn new(link: &'a Arc<Link>) -> Self {
        let parker = Parker::current();
        let waker = Arc::clone(&parker).into();
        Self { link, role: Role::None, parker, waker, has_read: false }
    }

    /// Waits for the socket until something happens, if the thread can lead. Whether it can.
    fn lead(&mut self, deadline: Option<Instant>, interest: Interest) -> bool {
        let link = self.link;
        let Some(socket) = link.threads.lead(&mut self.role, &self.waker) else {
            let was_leading = matches!(self.role, Role::Leading);
            if was_leading {
                // The socket has been taken.
                self.leave();
            }
            return was_leading;
        };
        let mut input = lock(&link.input);
        // It waits for something of its own, or for the rest of a message.
        let until = [deadline, input.due].into_iter().flatten().min();
        let is_readable = self.parker.poll(&socket, interest, until);
        // What has come since is looked for before the other side is called late.
        if is_readable || input.is_late() {
            let Input { buffer, missing, .. } = &mut *input;
            let read = socket.receive(buffer.space(*missing));
            self.has_read |= read.is_ok();
            link.receive(&mut input, read);
        }
        true
    }

    fn leave(&mut self) {
        let link = self.link;
        link.threads.leave(&mut self.role, || link.start_background());
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.leave();
        // If this thread waits for something else as well, it has missed what woke it here.
        self.parker.set_woken();
    }
}
