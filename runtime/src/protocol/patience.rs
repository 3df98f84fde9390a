//! How long a message may be on its way.

use std::time::{Duration, Instant};

/// By when the message that has begun has to be whole, after something has arrived; `None` if none has begun.
///
/// The time runs from when its first byte was seen, however many follow: who sends a byte now and then gets no
/// more of it, so that half a message is held for so long at most. `whole` says whether a message has become
/// whole with what arrived, `begun` whether there is part of another.
pub(super) fn frame_deadline(
    current: Option<Instant>,
    whole: bool,
    begun: bool,
    now: Instant,
    timeout: Duration,
) -> Option<Instant> {
    match (begun, current) {
        (false, _) => None,
        (true, Some(_)) if !whole => current,
        (true, _) => now.checked_add(timeout),
    }
}
