//! The read buffer of a connection.

use bytes::BytesMut;

/// How many bytes are read at a time. The size begins small, because most connections carry little data, and doubles
/// after each read that fills the buffer.
const READ_LEN: usize = 4 * 1024;
const MAX_READ_LEN: usize = 64 * 1024;

/// If a message lacks more than `LARGE_LEN` bytes, up to `MAX_LARGE_READ_LEN` bytes are read at a time: as many as a
/// socket of Linux holds.
const LARGE_LEN: usize = 16 * 1024;
const MAX_LARGE_READ_LEN: usize = 256 * 1024;

/// The largest buffer that is allocated for a message before its content arrives, because a peer can announce a long
/// message with twelve bytes. The buffer doubles as the message arrives. The buffer of a message that is longer than a
/// read ends where the message ends, so that later messages do not share its memory.
const MAX_CLAIMED_LEN: usize = 1024 * 1024;

/// The largest buffer that is kept when it is empty, in bytes, including the part before the read position. So a large
/// message does not occupy memory until the connection ends.
const MAX_KEPT: usize = MAX_LARGE_READ_LEN;

/// The read buffer of a connection. It is not allocated before the first read.
pub(crate) struct Input {
    /// Bytes that have been read and not been processed.
    pub(crate) filled: BytesMut,
    /// The length of the whole buffer, in bytes; the capacity of `filled` does not include what was split off.
    pub(crate) buffer_len: usize,
    read_len: usize,
    /// The rest of the buffer, for readers that need initialized bytes. It is zeroed when it is allocated.
    #[cfg(feature = "blocking")]
    spare: BytesMut,
}

impl Default for Input {
    fn default() -> Self {
        Self {
            filled: BytesMut::new(),
            buffer_len: 0,
            read_len: READ_LEN,
            #[cfg(feature = "blocking")]
            spare: BytesMut::new(),
        }
    }
}

impl Input {
    /// Makes room behind `filled`, in the same buffer, for a message that lacks `missing` bytes. Returns the size of the
    /// room, in bytes.
    #[cfg(any(feature = "tokio", feature = "server"))]
    pub(crate) fn make_room(&mut self, missing: usize) -> usize {
        let (enough, wanted) = self.wanted(missing);
        let len = self.filled.len();
        if self.filled.capacity() - len < enough && !self.filled.try_reclaim(wanted) {
            let mut buffer = BytesMut::with_capacity(len + wanted);
            buffer.extend_from_slice(&self.filled);
            self.buffer_len = buffer.capacity();
            self.filled = buffer;
        }
        self.filled.capacity() - len
    }

    /// As `make_room`, for readers that need initialized bytes. [`add`](Self::add) takes what they have read.
    #[cfg(feature = "blocking")]
    pub(crate) fn space(&mut self, missing: usize) -> &mut [u8] {
        let (enough, wanted) = self.wanted(missing);
        // A smaller rest is enough here than for `make_room`, because a new buffer has to be zeroed.
        if self.spare.len() < enough.min(MAX_READ_LEN / 2) {
            let len = self.filled.len();
            let mut buffer = BytesMut::zeroed(len + wanted);
            buffer[..len].copy_from_slice(&self.filled);
            self.buffer_len = buffer.len();
            self.spare = buffer.split_off(len);
            self.filled = buffer;
        }
        &mut self.spare
    }

    /// Adds the first bytes of the [space](Self::space), which have been read.
    #[cfg(feature = "blocking")]
    pub(crate) fn add(&mut self, len: usize, missing: usize) {
        if len == self.spare.len() {
            self.was_full(len, missing);
        }
        let read = self.spare.split_to(len);
        // This copies nothing, because both are adjacent parts of one buffer.
        self.filled.unsplit(read);
    }

    /// How much existing room is enough, and how much room a new buffer gets, in bytes.
    fn wanted(&self, missing: usize) -> (usize, usize) {
        let len = self.filled.len();
        if len + missing > MAX_LARGE_READ_LEN {
            (missing.min(self.read_len / 2), missing.min(MAX_CLAIMED_LEN.max(len)))
        } else {
            (missing.max(self.read_len / 2), missing.max(self.read_len))
        }
    }

    /// Increases the size of the next read after one that filled the room.
    pub(crate) fn was_full(&mut self, room: usize, missing: usize) {
        if room >= self.read_len {
            let most = if missing > LARGE_LEN { MAX_LARGE_READ_LEN } else { MAX_READ_LEN };
            self.read_len = (2 * self.read_len).min(most).max(self.read_len);
        }
    }

    /// Frees an empty buffer if it is large.
    pub(crate) fn shrink(&mut self) {
        if self.filled.is_empty() && self.buffer_len > MAX_KEPT {
            *self = Self { read_len: self.read_len, ..Self::default() };
        }
    }
}

#[cfg(test)]
mod tests;
