//! What has been read from the socket and not been taken yet.

use std::time::Instant;

use bytes::BytesMut;

/// How much is read at a time, in bytes: at first little, because most connections have little to say, and
/// twice as much whenever there was more.
const READ_LEN: usize = 4 * 1024;
const MAX_READ_LEN: usize = 64 * 1024;

/// A message that lacks more than this, in bytes, is one of a kind of which several are read at a time: as
/// many as the sockets of Linux hold.
const LARGE_LEN: usize = 16 * 1024;
const LARGE_READ_LEN: usize = 256 * 1024;

/// A message that is longer than what is read at a time gets a buffer that ends where it ends: what comes after
/// it would share its memory. How much is made room for at first for a message that claims to be long: its claim
/// costs the other side twelve bytes. It doubles as the message arrives.
const MAX_CLAIMED_LEN: usize = 1024 * 1024;

/// What belongs to the thread that reads. It has no buffer until there is something to read.
pub(super) struct Input {
    /// What has been read and not been taken.
    pub(super) filled: BytesMut,
    /// The room behind it, in the same piece of memory. It has been written to once, so that it can be lent
    /// as bytes.
    spare: BytesMut,
    /// How long that piece of memory is, in bytes, what has been taken off its front included.
    pub(super) buffer_len: usize,
    /// How many more bytes the message at the front needs, as far as that is known.
    pub(super) missing: usize,
    /// When the message at the front has to be whole, if it has begun.
    pub(super) due: Option<Instant>,
    read_len: usize,
}

impl Default for Input {
    fn default() -> Self {
        Self {
            filled: BytesMut::new(),
            spare: BytesMut::new(),
            buffer_len: 0,
            missing: 0,
            due: None,
            read_len: READ_LEN,
        }
    }
}

impl Input {
    /// Whether the message at the front should have been whole by now.
    pub(super) fn is_late(&self) -> bool {
        self.due.is_some_and(|it| it <= Instant::now())
    }

    /// Up to when the leader may wait: for what it waits for itself, or for the rest of a message.
    pub(super) fn until(&self, until: Option<Instant>) -> Option<Instant> {
        [until, self.due].into_iter().flatten().min()
    }

    /// Room for what is read next.
    pub(super) fn space(&mut self) -> &mut [u8] {
        let (filled, missing) = (self.filled.len(), self.missing);
        let is_long = filled + missing > LARGE_READ_LEN;
        // What is left of a buffer will do, unless it is little.
        let half = self.read_len / 2;
        let enough = if is_long { missing.min(half) } else { half };
        if self.spare.len() < enough {
            let len = match missing {
                _ if is_long => missing.min(MAX_CLAIMED_LEN.max(filled)),
                _ if missing > LARGE_LEN => LARGE_READ_LEN,
                _ => self.read_len,
            };
            let mut buffer = BytesMut::zeroed(filled + len);
            buffer[..filled].copy_from_slice(&self.filled);
            self.buffer_len = buffer.len();
            self.spare = buffer.split_off(filled);
            self.filled = buffer;
        }
        &mut self.spare
    }

    /// Lets go of the buffer of large messages when they have been taken: it may be long until there is more to
    /// read.
    pub(super) fn let_go(&mut self) {
        if self.filled.is_empty() && self.buffer_len > LARGE_READ_LEN {
            (self.filled, self.spare) = Default::default();
        }
    }

    /// That much has been read into it.
    pub(super) fn add(&mut self, len: usize) {
        if len == self.spare.len() && len >= self.read_len {
            self.read_len = (2 * self.read_len).min(MAX_READ_LEN);
        }
        let read = self.spare.split_to(len);
        // Without a copy: the one ends where the other begins.
        self.filled.unsplit(read);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Decoder, Message};

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
    fn a_buffer_is_short_until_much_is_read_at_a_time() {
        let mut input = Input::default();
        assert_eq!(input.space().len(), READ_LEN);
        input.add(100);
        input.filled.clear();
        assert_eq!((input.space().len(), input.buffer_len), (READ_LEN - 100, READ_LEN));
        for _ in 0..20 {
            let len = input.space().len();
            input.add(len);
            input.filled.clear();
        }
        assert_eq!(input.space().len(), MAX_READ_LEN);
    }

    #[test]
    fn the_buffer_of_a_large_message_is_not_kept() {
        for len in [300_000, 20_000_000] {
            let mut input = Input { missing: len, ..Input::default() };
            while input.missing > 0 {
                let len = input.space().len().min(input.missing).min(200_000);
                input.add(len);
                input.missing -= len;
            }
            assert_eq!(input.filled.split().len(), len);
            input.let_go();
            assert_eq!(input.filled.capacity() + input.spare.capacity(), 0);
        }
    }

    #[test]
    fn what_waits_keeps_little_more_than_itself() {
        for gap in [1_000, 15_000, 40_000, 100_000, 250_000, 300_000, 1_200_000] {
            let mut sent = BytesMut::new();
            for len in [gap, 5_000, 100].repeat(12) {
                let message = Message { payload: vec![0; len].into(), ..Message::default() };
                message.encode(&mut sent).unwrap();
            }
            let (mut input, mut decoder) = (Input::default(), Decoder::default());
            let (mut buffer, mut waiting) = (0..0, Vec::new());
            while !sent.is_empty() {
                let filled_len = input.filled.len();
                let space = input.space();
                let len = space.len().min(200_000).min(sent.len());
                space[..len].copy_from_slice(&sent.split_to(len));
                let space = space.as_ptr_range();
                if space.end as usize != buffer.end {
                    buffer = space.start as usize - filled_len..space.end as usize;
                }
                assert_eq!(buffer.len(), input.buffer_len);
                input.add(len);
                while let Some(frame) =
                    decoder.decode_frame_in(&mut input.filled, input.buffer_len).unwrap()
                {
                    let (at, len) = (frame.as_bytes().as_ptr() as usize, frame.as_bytes().len());
                    let kept = if buffer.contains(&at) { buffer.len() } else { len };
                    assert!(kept <= 4 * len, "{gap}: {len} bytes keep {kept}");
                    if len > LARGE_READ_LEN {
                        assert_eq!(kept, len, "the buffer of a long message ends where it does");
                    }
                    waiting.push(frame);
                }
                input.missing = decoder.missing(&input.filled);
                input.let_go();
            }
            assert_eq!(waiting.len(), 36);
        }
    }
}
