//! How long a message may be on its way.

use std::time::{Duration, Instant};

/// In how many parts the time of a message is counted.
const PARTS: u32 = 16;

/// How much longer the message may take that has begun to arrive.
///
/// The time runs from when its first byte was seen, however many follow: who sends a byte now and then gets no
/// more of it, so that half a message is held for so long at most. It is counted in parts, each of them over
/// when it has passed and there is nothing more to read. So a time in which nobody reads, as the program is
/// busy with something else, counts as one part, however long it is: then the other side may have waited for
/// this one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    part: Duration,
    left: u32,
    due: Instant,
}

impl Patience {
    /// What it is after something has arrived; `None` if no message has begun. `whole` says whether a message
    /// has become whole with what arrived, `begun` whether there is part of another.
    pub(super) fn after(
        current: Option<Self>,
        whole: bool,
        begun: bool,
        now: Instant,
        timeout: Duration,
    ) -> Option<Self> {
        match (begun, current) {
            (false, _) => None,
            (true, Some(_)) if !whole => current,
            (true, _) => {
                // A time that the clock cannot say never comes.
                now.checked_add(timeout)?;
                let part = timeout / PARTS;
                Some(Self { part, left: PARTS, due: now + part })
            }
        }
    }

    /// When [`is_over`](Self::is_over) has something to count.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Whether the time is over; for whoever has just found that there is nothing more to read.
    pub(super) fn is_over(&mut self, now: Instant) -> bool {
        if self.due <= now {
            self.left = self.left.saturating_sub(1);
            // Not from when it was due: the other side gets a whole part from whoever has been away.
            self.due = now + self.part;
        }
        self.left == 0
    }
}
