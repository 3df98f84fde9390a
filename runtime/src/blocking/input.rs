//! What has been read from the socket and not been taken yet.

use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::sleeper::Bell;

/// How much is read at a time at most, in bytes, unless a message is known to be longer.
const READ_LEN: usize = 64 * 1024;

/// A message that lacks more than this, in bytes, is one of a kind of which several are read at a time: as
/// many as the sockets of Linux hold.
const LARGE_LEN: usize = READ_LEN / 4;
const LARGE_READ_LEN: usize = 4 * READ_LEN;

/// The part of a buffer that is left before a new one takes its place, in bytes.
const SPARE_LEN: usize = READ_LEN / 2;

/// How much is made room for at first for a message that claims to be long: its claim costs the other side
/// twelve bytes. It doubles as the message arrives.
const MAX_CLAIMED_LEN: usize = 1024 * 1024;

/// What belongs to whoever reads.
#[derive(Default)]
pub(super) struct Input {
    /// What has been read and not been taken.
    pub(super) filled: BytesMut,
    /// The room behind it, in the same piece of memory. It has been written to once, so that it can be lent
    /// as bytes.
    spare: BytesMut,
    /// How many more bytes the message at the front needs, as far as that is known.
    pub(super) missing: usize,
    /// When the message at the front has to be whole, if it has begun.
    pub(super) due: Option<Instant>,
    /// A subscription holds the connection up.
    pub(super) is_paused: bool,
    /// How long a read waits.
    patience: Option<Duration>,
    bell: Option<Bell>,
}

impl Input {
    /// Starts over with a new socket.
    pub(super) fn restart(&mut self) {
        *self = Self { bell: self.bell.take(), ..Self::default() };
    }

    /// Whether the message at the front should have been whole by now.
    pub(super) fn is_late(&self) -> bool {
        self.due.is_some_and(|it| it <= Instant::now())
    }

    /// Up to when whoever leads may wait: for what it waits for itself, or for the rest of a message.
    pub(super) fn until(&self, until: Option<Instant>) -> Option<Instant> {
        [until, self.due].into_iter().flatten().min()
    }

    /// Room for what is read next.
    pub(super) fn space(&mut self) -> &mut [u8] {
        if self.spare.len() < SPARE_LEN {
            let most = MAX_CLAIMED_LEN.max(self.filled.len());
            let least = if self.missing > LARGE_LEN { LARGE_READ_LEN } else { READ_LEN };
            let len = self.missing.clamp(least, most);
            let mut buffer = BytesMut::zeroed(self.filled.len() + len);
            buffer[..self.filled.len()].copy_from_slice(&self.filled);
            self.spare = buffer.split_off(self.filled.len());
            self.filled = buffer;
        }
        &mut self.spare
    }

    /// That much has been read into it.
    pub(super) fn add(&mut self, len: usize) {
        let read = self.spare.split_to(len);
        // Without a copy: the one ends where the other begins.
        self.filled.unsplit(read);
    }

    /// How long the next read has to be told to wait, if it is not what the last was told: at most the time
    /// that is left, and not much less. So a series of calls need not set it each time.
    pub(super) fn patience(&mut self, left: Option<Duration>) -> Option<Option<Duration>> {
        let fits = match (self.patience, left) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(patience), Some(left)) => {
                patience <= left && (patience >= left / 8 || patience >= Duration::from_secs(1))
            }
        };
        if fits {
            return None;
        }
        let patience = left.map(|it| match it > Duration::from_millis(20) {
            true => it * 3 / 4,
            false => it.max(Duration::from_millis(1)),
        });
        self.patience = patience;
        Some(patience)
    }

    pub(super) fn bell(&mut self) -> Option<&Bell> {
        if self.bell.is_none() {
            self.bell = Bell::new().ok();
        }
        self.bell.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_in_pieces_is_one_piece() {
        let mut input = Input::default();
        let mut expected = Vec::new();
        for (number, len) in [1, 40_000, 30_000, 65_000, 200_000, 5].into_iter().enumerate() {
            input.missing = len;
            let mut left = len;
            while left > 0 {
                let space = input.space();
                let len = space.len().min(left);
                space[..len].fill(number as u8);
                input.add(len);
                left -= len;
            }
            expected.resize(expected.len() + len, number as u8);
            assert_eq!(input.filled, expected);
            // Whole messages are taken off the front.
            let taken = expected.len() / 3;
            assert_eq!(input.filled.split_to(taken), expected.drain(..taken).as_slice());
        }
    }

    #[test]
    fn a_series_of_equal_timeouts_is_set_once() {
        let mut input = Input::default();
        let ten = Duration::from_secs(10);
        let first = input.patience(Some(ten)).unwrap().unwrap();
        assert!(first <= ten && first > ten / 2);
        assert_eq!(input.patience(Some(ten - Duration::from_millis(1))), None);
        assert_eq!(input.patience(None), None);
        // Less time than the read would wait for.
        let left = Duration::from_millis(500);
        assert!(input.patience(Some(left)).unwrap().unwrap() <= left);
        // The rest of it is waited for exactly.
        let left = Duration::from_millis(7);
        assert_eq!(input.patience(Some(left)), Some(Some(left)));
        // Short waits would be many.
        assert!(input.patience(Some(ten)).unwrap().unwrap() > Duration::from_secs(1));
    }
}
