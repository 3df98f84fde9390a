//! The time limit for a message that has arrived in part.

use std::time::{Duration, Instant};

/// How many parts the time limit has.
const PARTS: u32 = 16;

/// The time limit for a message that has arrived in part.
///
/// It starts with the first byte and is not extended by later ones, so that a slow peer cannot keep a part of a message
/// in memory for long. The time is counted in parts: one part is over when its time has passed and there is nothing to
/// read. A time in which the program does not read therefore counts as one part, no matter how long it is, because the
/// peer may have been waiting for this side.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameTimer {
    part: Duration,
    left: u32,
    due: Instant,
}

impl FrameTimer {
    /// The timer after bytes have arrived; `None` if no message is incomplete. `is_whole` is whether they completed a
    /// message, `is_partial` whether there is an incomplete one after it.
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
        // There is no limit if the clock cannot represent its end.
        now.checked_add(timeout)?;
        let part = timeout / PARTS;
        Some(Self { part, left: PARTS, due: now + part })
    }

    /// The end of the current part.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Whether the time is over. It is called when there is nothing to read.
    pub(super) fn is_over(&mut self, now: Instant) -> bool {
        if self.due <= now {
            self.left = self.left.saturating_sub(1);
            // The next part begins now and not when the last one ended, so that the peer has a whole part even after a
            // pause of this process.
            self.due = now + self.part;
        }
        self.left == 0
    }
}
