//! What a thread does while it waits.

use std::{
    sync::Arc,
    task::{Context, Waker},
    time::Instant,
};

use super::{Link, Wait, Written, lock};
use crate::blocking::{crew::Ticket, sleeper::Sleeper, socket::Interest};

/// A thread while it waits.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    link: &'a Link,
    is_leading: bool,
    /// It has read something, otherwise than for a reply.
    pub(super) has_read: bool,
    ticket: Option<Ticket>,
    sleeper: Option<Arc<Sleeper>>,
    waker: Waker,
}

impl<'a> Turn<'a> {
    pub(super) fn new(link: &'a Link) -> Self {
        Self {
            link,
            is_leading: false,
            has_read: false,
            ticket: None,
            sleeper: None,
            // Whoever leads in a read is not asleep for anyone to wake.
            waker: Waker::noop().clone(),
        }
    }

    pub(super) fn cx(&self) -> Context<'_> {
        Context::from_waker(&self.waker)
    }

    /// Does what there is to do, or sleeps until something happens.
    pub(super) fn step(&mut self, until: Option<Instant>, wait: Wait, written: Written<'_>) {
        self.is_leading = self.is_leading || self.link.crew.try_lead();
        let may_read = wait == Wait::Reply && matches!(written, Written::All);
        if may_read && self.is_leading && self.read(until) {
            return;
        }
        let Some(sleeper) = self.sleeper.clone() else {
            // From now on others know of it. What they did before has to be looked at again.
            let sleeper = Sleeper::current();
            self.waker = Arc::clone(&sleeper).into();
            self.ticket = Some(self.link.crew.join(self.waker.clone()));
            self.sleeper = Some(sleeper);
            return;
        };
        self.sleep(&sleeper, until, written);
    }

    /// Reads, and waits until there is something to read; whether it may.
    fn read(&mut self, until: Option<Instant>) -> bool {
        let link = self.link;
        let mut input = lock(&link.input);
        let Some(socket) = link.socket() else { return false };
        let left = input.until(until).map(|it| it.saturating_duration_since(Instant::now()));
        if let Some(patience) = input.patience(left) {
            // It cannot fail for a socket that is open.
            let _ = socket.set_patience(patience);
        }
        let read = socket.wait_and_receive(input.space());
        link.receive(&mut input, read);
        true
    }

    /// Sleeps until there is something to read or room to write, whichever is this thread's to wait for, or
    /// until it is woken.
    fn sleep(&mut self, sleeper: &Sleeper, until: Option<Instant>, mut written: Written<'_>) {
        let link = self.link;
        let mut input = self.is_leading.then(|| lock(&link.input));
        let interest =
            Interest { input: input.is_some(), room: matches!(written, Written::Full(_)) };
        let socket = link.socket();
        let (Some(socket), true) = (&socket, interest.input || interest.room) else {
            drop(input);
            if socket.is_none() {
                self.resign();
            }
            return sleeper.park(until);
        };
        let until = input.as_ref().map_or(until, |it| it.until(until));
        let bell = match (&mut input, &mut written) {
            (Some(input), _) => input.bell(),
            (None, Written::Full(output)) => output.bell(),
            (None, _) => None,
        };
        let is_ready = sleeper.poll(bell, || socket.poll(interest, bell, until));
        // What has come since is looked for before the other side is called late.
        if let Some(mut input) = input.filter(|it| is_ready || it.is_late()) {
            let read = socket.receive(input.space());
            self.has_read |= read.is_ok();
            link.receive(&mut input, read);
        }
    }

    /// Gives the lead back: there is nothing to read from.
    fn resign(&mut self) {
        if std::mem::take(&mut self.is_leading) {
            self.link.crew.leave(true, None);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.is_leading || self.ticket.is_some() {
            self.link.crew.leave(self.is_leading, self.ticket);
        }
    }
}
