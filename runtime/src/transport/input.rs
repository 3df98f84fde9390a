//! What has been read from a socket and not been taken yet.

use bytes::BytesMut;

/// How much is read at a time, in bytes: at first little, because most connections have little to say, and
/// twice as much whenever there was more.
const READ_LEN: usize = 4 * 1024;
const MAX_READ_LEN: usize = 64 * 1024;

/// The same for messages that lack more than the first number of bytes: several are read at a time, as many as
/// the sockets of Linux hold.
const LARGE_LEN: usize = 16 * 1024;
const MAX_LARGE_READ_LEN: usize = 256 * 1024;

/// A message that is longer than what is read at a time gets a buffer that ends where it ends: what comes after
/// it would share its memory. How much is made room for at first for one that claims to be long: its claim costs
/// the other side twelve bytes. It doubles as the message arrives.
const MAX_CLAIMED_LEN: usize = 1024 * 1024;

/// How large a buffer may be that is kept when it has become empty, in bytes, what has been taken off its front
/// included: one large message must not cost its memory for as long as the connection is open.
const MAX_KEPT: usize = 1024 * 1024;

/// What belongs to whoever reads.
pub(super) struct Input {
    /// What has been read and not been taken.
    pub(super) filled: BytesMut,
    /// How long the buffer is that it is in, in bytes: its capacity is what is left.
    pub(super) buffer_len: usize,
    read_len: usize,
}

impl Default for Input {
    fn default() -> Self {
        Self { filled: BytesMut::new(), buffer_len: 0, read_len: READ_LEN }
    }
}

impl Input {
    /// Makes room for what is read next; gives how much there is, in bytes.
    pub(super) fn make_room(&mut self, missing: usize) -> usize {
        let len = self.filled.len();
        // What is left of a buffer will do, unless it is little.
        let (enough, wanted) = if len + missing > MAX_LARGE_READ_LEN {
            (missing.min(self.read_len / 2), missing.min(MAX_CLAIMED_LEN.max(len)))
        } else {
            (missing.max(self.read_len / 2), missing.max(self.read_len))
        };
        if self.filled.capacity() - len < enough && !self.filled.try_reclaim(wanted) {
            let mut buffer = BytesMut::with_capacity(len + wanted);
            buffer.extend_from_slice(&self.filled);
            self.buffer_len = buffer.capacity();
            self.filled = buffer;
        }
        self.filled.capacity() - len
    }

    /// A read has taken all the room that there was: more is read next time.
    pub(super) fn was_full(&mut self, room: usize, missing: usize) {
        if room >= self.read_len {
            let most = if missing > LARGE_LEN { MAX_LARGE_READ_LEN } else { MAX_READ_LEN };
            self.read_len = (2 * self.read_len).min(most).max(self.read_len);
        }
    }

    /// Lets go of the buffer of a long message that has been taken.
    pub(super) fn let_go(&mut self) {
        if self.filled.is_empty() && self.buffer_len > MAX_KEPT {
            self.filled = BytesMut::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Decoder, Message};

    /// What a socket gives at a time.
    const SOCKET_LEN: usize = 200_000;

    fn messages(lens: &[usize]) -> BytesMut {
        let mut bytes = BytesMut::new();
        for len in lens {
            let message = Message { payload: vec![0; *len].into(), ..Message::default() };
            message.encode(&mut bytes).unwrap();
        }
        bytes
    }

    #[test]
    fn what_waits_keeps_little_more_than_itself() {
        for gap in [1_000, 15_000, 40_000, 100_000, 250_000, 300_000, 1_200_000] {
            let mut sent = messages(&[gap, 5_000, 100].repeat(12));
            let (mut input, mut decoder) = (Input::default(), Decoder::default());
            let (mut buffer, mut waiting) = (0..0, Vec::new());
            while !sent.is_empty() {
                let missing = decoder.missing(&input.filled);
                let room = input.make_room(missing);
                let start = input.filled.as_ptr() as usize;
                let end = start + input.filled.capacity();
                if end != buffer.end {
                    buffer = start..end;
                }
                assert_eq!(buffer.len(), input.buffer_len);
                let len = room.min(SOCKET_LEN).min(sent.len());
                input.filled.extend_from_slice(&sent.split_to(len));
                assert_eq!(input.filled.as_ptr() as usize, start, "there was room");
                if len == room {
                    input.was_full(room, missing);
                }
                while let Some(frame) =
                    decoder.decode_frame_in(&mut input.filled, input.buffer_len).unwrap()
                {
                    let (at, len) = (frame.as_bytes().as_ptr() as usize, frame.as_bytes().len());
                    let kept = if buffer.contains(&at) { buffer.len() } else { len };
                    assert!(kept <= 4 * len, "{gap}: {len} bytes keep {kept}");
                    if len > MAX_LARGE_READ_LEN {
                        assert_eq!(kept, len, "the buffer of a long message ends where it does");
                    }
                    waiting.push(frame);
                }
                input.let_go();
            }
            assert_eq!(waiting.len(), 36);
        }
    }

    #[test]
    fn the_buffer_of_a_long_message_is_not_kept() {
        for len in [2_000, 900_000, 1_100_000, 8_200_000] {
            let mut sent = messages(&[len]);
            let (mut input, mut decoder) = (Input::default(), Decoder::default());
            while !sent.is_empty() {
                let room = input.make_room(decoder.missing(&input.filled));
                input
                    .filled
                    .extend_from_slice(&sent.split_to(room.min(SOCKET_LEN).min(sent.len())));
                drop(decoder.decode_frame_in(&mut input.filled, input.buffer_len).unwrap());
                input.let_go();
            }
            assert!(!input.filled.try_reclaim(MAX_KEPT + 1), "{len}");
        }
    }
}
