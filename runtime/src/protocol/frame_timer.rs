//! How long a message may be on its way.

use std::time::{Duration, Instant};

/// In how many parts the time of a message is counted.
const PARTS: u32 = 16;

/// How much longer the message may take that has begun to arrive.
///
/// The time runs from the first byte, however many follow: a peer that sends a byte now and then gets no more of
/// it, so that half a message is held for a limited time. It is counted in parts, each of them over when it has
/// passed and there is nothing more to read. So a time in which nothing is read, as the program is busy with
/// something else, counts as one part, however long it is: the peer may have waited for this side then.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameTimer {
    part: Duration,
    left: u32,
    due: Instant,
}

impl FrameTimer {
    /// The timer after something has arrived; `None` if no message has begun. `is_whole` says whether a message
    /// has become whole with what arrived, `is_partial` whether there is part of another.
    pub(super) fn after(
        current: Option<Self>,
        is_whole: bool,
        is_partial: bool,
        now: Instant,
        timeout: Duration,
    ) -> Option<Self> {
        if !is_partial || (current.is_some() && !is_whole) {
            return current.filter(|_| is_partial);
        }
        // A time that the clock cannot say never comes.
        now.checked_add(timeout)?;
        let part = timeout / PARTS;
        Some(Self { part, left: PARTS, due: now + part })
    }

    /// When [`is_over`](Self::is_over) has something to count.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Whether the time is over. It is asked when there is nothing more to read.
    pub(super) fn is_over(&mut self, now: Instant) -> bool {
        if self.due <= now {
            self.left = self.left.saturating_sub(1);
            // Not from when it was due: after a pause the other side gets a whole part.
            self.due = now + self.part;
        }
        self.left == 0
    }
}
