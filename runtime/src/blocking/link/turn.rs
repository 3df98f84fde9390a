//! A thread while it waits.

use std::{
    sync::Arc,
    task::{Context, Waker},
    time::Instant,
};

use super::{Input, Link, Room, lock};
use crate::blocking::{crew::Part, sleeper::Sleeper, socket::Interest};

/// A thread while it waits.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    link: &'a Arc<Link>,
    part: Part,
    sleeper: Arc<Sleeper>,
    waker: Waker,
    /// Whether it has read something.
    pub(super) has_read: bool,
}

impl<'a> Turn<'a> {
    pub(super) fn new(link: &'a Arc<Link>) -> Self {
        let sleeper = Sleeper::current();
        let waker = Arc::clone(&sleeper).into();
        Self { link, part: Part::None, sleeper, waker, has_read: false }
    }

    /// To be called before the thread looks at what it waits for.
    pub(super) fn begin(&self) {
        self.sleeper.reset();
    }

    pub(super) fn cx(&self) -> Context<'_> {
        Context::from_waker(&self.waker)
    }

    /// Waits until something happens: for the socket as the leader, otherwise to be woken.
    pub(super) fn wait(&mut self, until: Option<Instant>, room: Room) {
        if self.link.crew.take_part(&mut self.part, &self.waker) {
            self.lead(until, room);
        } else {
            self.sleeper.park(until);
        }
    }

    /// As [`wait`](Self::wait), if the thread can lead. Whether it can.
    pub(super) fn wait_leading(&mut self, until: Option<Instant>, room: Room) -> bool {
        let is_leading = self.link.crew.try_lead(&mut self.part, &self.waker);
        if is_leading {
            self.lead(until, room);
        }
        is_leading
    }

    fn lead(&mut self, until: Option<Instant>, room: Room) {
        let link = self.link;
        let mut input = lock(&link.input);
        let Some(socket) = link.socket() else {
            drop(input);
            return self.leave();
        };
        // It waits for what it waits for itself, or for the rest of a message.
        let until = [until, input.due].into_iter().flatten().min();
        // Of what another thread finds no room for, that thread tells.
        let interest = match room {
            Room::Enough => Interest::Input,
            Room::None => Interest::InputAndRoom,
        };
        let is_readable = self.sleeper.poll(&socket, interest, until);
        // What has come since is looked for before the other side is called late.
        if is_readable || input.is_late() {
            let read = {
                let Input { buffer, missing, .. } = &mut *input;
                socket.receive(buffer.space(*missing))
            };
            self.has_read |= read.is_ok();
            link.receive(&mut input, read);
        }
    }

    fn leave(&mut self) {
        let link = self.link;
        link.crew.leave(&mut self.part, || link.start_background());
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}
