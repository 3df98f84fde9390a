//! Room for what is to be sent.

use std::task::{Context, Poll};

use super::Core;
use crate::protocol::{Endpoint, Place};

impl Core {
    /// How many bytes of events more may be queued, if there is room at all: one that is larger than the
    /// limit by itself goes out alone.
    pub(super) fn room(&self) -> Option<u64> {
        (self.config.write_queue_limit as u64).checked_sub(self.output.waiting_bytes())
    }

    /// The same for replies.
    pub(super) fn reply_room(&self) -> Option<u64> {
        let limit = self.config.reply_queue_limit.max(self.config.write_queue_limit);
        (limit as u64).checked_sub(self.output.waiting_bytes())
    }

    /// Waits until there is room for an event, and those who came before have sent theirs. Whatever comes
    /// of it, [`leave`](Self::leave) has to follow.
    pub fn poll_room(&mut self, place: &mut Place, cx: &Context<'_>) -> Poll<()> {
        if self.is_closed() {
            return Poll::Ready(());
        }
        let has_room = self.room().is_some();
        self.output.poll_line(place, has_room, cx)
    }

    /// Gives up a place among those who wait for room for an event.
    pub fn leave(&mut self, place: &mut Place) {
        let has_room = self.room().is_some();
        self.output.leave_line(place, has_room);
    }

    /// As [`poll_room`](Self::poll_room), for a reply, and for [`leave_replies`](Self::leave_replies).
    pub fn poll_reply_room(&mut self, place: &mut Place, cx: &Context<'_>) -> Poll<()> {
        if self.is_closed() {
            return Poll::Ready(());
        }
        let has_room = self.reply_room().is_some();
        self.replies.poll(place, has_room, cx)
    }

    /// Gives up a place among those who wait for room for a reply.
    pub fn leave_replies(&mut self, place: &mut Place) {
        let has_room = self.reply_room().is_some();
        let mut woken = Vec::new();
        self.replies.leave(place, has_room, &mut woken);
        self.output.wake(woken);
    }

    pub(super) fn wake_replies(&mut self, room: u64) {
        let mut woken = Vec::new();
        self.replies.wake(room, &mut woken);
        self.output.wake(woken);
    }
}
