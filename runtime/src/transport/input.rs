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
/// it would share its memory. This is the room that one gets at first that claims to be long: its claim costs the
/// other side twelve bytes. The room doubles as the message arrives.
const MAX_CLAIMED_LEN: usize = 1024 * 1024;

/// How large a buffer may be that is kept when it has become empty, in bytes, what has been taken off its front
/// included: one large message must not cost its memory for as long as the connection is open.
const MAX_KEPT: usize = MAX_LARGE_READ_LEN;

/// The read buffer of a connection. It takes no memory until there is something to read.
pub(crate) struct Input {
    /// What has been read and not been taken.
    pub(crate) filled: BytesMut,
    /// How long the buffer is that it is in, in bytes: its capacity is what is left.
    pub(crate) buffer_len: usize,
    read_len: usize,
    /// The room behind what has been read, for readers that need it as bytes. It is zeroed once.
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
    /// Makes room behind what has been read, in the same buffer, for a message that lacks `missing` bytes; gives
    /// how much there is, in bytes.
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

    /// As `make_room`, for readers that need the room as bytes; [`add`](Self::add) takes what they have read.
    #[cfg(feature = "blocking")]
    pub(crate) fn space(&mut self, missing: usize) -> &mut [u8] {
        let (enough, wanted) = self.wanted(missing);
        // A new buffer costs more here, because it is zeroed.
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

    /// That many bytes have been read into the [space](Self::space).
    #[cfg(feature = "blocking")]
    pub(crate) fn add(&mut self, len: usize, missing: usize) {
        if len == self.spare.len() {
            self.was_full(len, missing);
        }
        let read = self.spare.split_to(len);
        // Without a copy: the one ends where the other begins.
        self.filled.unsplit(read);
    }

    /// How much room is enough, if it is there already, and how much there should be otherwise.
    fn wanted(&self, missing: usize) -> (usize, usize) {
        let len = self.filled.len();
        if len + missing > MAX_LARGE_READ_LEN {
            (missing.min(self.read_len / 2), missing.min(MAX_CLAIMED_LEN.max(len)))
        } else {
            (missing.max(self.read_len / 2), missing.max(self.read_len))
        }
    }

    /// A read has taken all the room that there was: more is read next time.
    pub(crate) fn was_full(&mut self, room: usize, missing: usize) {
        if room >= self.read_len {
            let most = if missing > LARGE_LEN { MAX_LARGE_READ_LEN } else { MAX_READ_LEN };
            self.read_len = (2 * self.read_len).min(most).max(self.read_len);
        }
    }

    /// Lets go of the buffer of large messages that have been taken: it may be long until there is more to read.
    pub(crate) fn let_go(&mut self) {
        if self.filled.is_empty() && self.buffer_len > MAX_KEPT {
            *self = Self { read_len: self.read_len, ..Self::default() };
        }
    }
}

#[cfg(test)]
mod tests;
