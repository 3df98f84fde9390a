//! Decoding frames from a stream of bytes.

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

use super::{DecodeError, HeaderValueRef, Headers, Limits, OVERHEAD, PRELUDE_LEN, be_u32};

/// Splits a stream of bytes into frames. The caller owns the buffer and fills it.
///
/// ```
/// use bytes::BytesMut;
/// use eventstream_rpc::frame::{Decoder, FrameEncoder};
///
/// let mut bytes = BytesMut::new();
/// let mut frame = FrameEncoder::new(&mut bytes);
/// frame.payload(b"hello");
/// frame.finish()?;
/// let rest = bytes.split_off(7);
///
/// let mut decoder = Decoder::default();
/// assert_eq!(decoder.decode(&mut bytes)?, None); // It is not complete yet.
/// bytes.extend_from_slice(&rest);
/// let frame = decoder.decode(&mut bytes)?.unwrap();
/// assert_eq!(frame.payload(), b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    limits: Limits,
    /// The prelude of the frame at the front of the buffer, once it has been checked.
    prelude: Option<Prelude>,
}

impl Decoder {
    /// A decoder that refuses messages over `limits`.
    pub fn with_limits(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Removes the next frame from the front of `src`; `None` if `src` does not hold all of it yet.
    ///
    /// Nothing is allocated for the length that a prelude claims; see [`missing`](Self::missing). The frame is copied, so
    /// that it does not keep the buffer alive.
    ///
    /// # Errors
    ///
    /// The bytes are not a message. After [`DecodeError::Headers`] the frame has been removed and decoding can continue;
    /// after any other error it cannot.
    pub fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Frame>, DecodeError> {
        self.decode_in(src, usize::MAX)
    }

    /// As [`decode`](Self::decode); `src` is a part of a buffer of `buffer_len` bytes. A frame that is large, by itself and
    /// compared with the buffer, shares its memory.
    pub(crate) fn decode_in(
        &mut self,
        src: &mut BytesMut,
        buffer_len: usize,
    ) -> Result<Option<Frame>, DecodeError> {
        if self.prelude.is_none() {
            self.prelude = Prelude::parse(src, &self.limits)?;
        }
        let Some(prelude) = self.prelude.take_if(|it| it.message_len <= src.len()) else {
            return Ok(None);
        };
        let Prelude { message_len, headers_len, .. } = prelude;
        prelude.check_message(src)?;
        let frame = Frame::take(src, message_len, headers_len, buffer_len);
        Headers::check(frame.headers_bytes(), &self.limits)?;
        Ok(Some(frame))
    }

    /// How many bytes of the frame at the front of `src` are missing, if its length is known; otherwise 0.
    ///
    /// A reader may reserve so much, within reason: a peer can claim a message of 24 MiB with twelve bytes.
    pub fn missing(&self, src: &BytesMut) -> usize {
        self.prelude.as_ref().map_or(0, |it| it.message_len.saturating_sub(src.len()))
    }
}

/// A decoded message, which owns its bytes.
#[derive(Clone)]
pub struct Frame {
    bytes: Bytes,
    headers_len: usize,
    /// The address of the end of the memory that the frame keeps alive. No other memory has it as long as the frame
    /// lives.
    memory_end: usize,
    /// The length of that memory in bytes.
    pub(crate) memory_len: usize,
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Frame {}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Payloads and the values of headers may be secret.
        f.debug_struct("Frame").field("len", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// Frames up to this length, in bytes, and up to this share of their buffer are copied: a small frame that waits to be
/// read must not keep a large buffer alive.
const COPIED_LEN: usize = 4096;
const COPIED_SHARE: usize = 4;

impl Frame {
    /// Removes a frame from the front of a buffer that has `buffer_len` bytes in all.
    fn take(src: &mut BytesMut, len: usize, headers_len: usize, buffer_len: usize) -> Self {
        if len > COPIED_LEN.max(buffer_len / COPIED_SHARE) {
            let memory_end = src.as_ptr().addr() + src.capacity();
            let memory_len = buffer_len.max(len);
            return Self { bytes: src.split_to(len).freeze(), headers_len, memory_end, memory_len };
        }
        let bytes = Bytes::copy_from_slice(&src[..len]);
        src.advance(len);
        let memory_end = bytes.as_ptr().addr() + len;
        Self { bytes, headers_len, memory_end, memory_len: len }
    }

    /// A copy with memory of its own.
    pub(crate) fn copied(&self) -> Self {
        let len = self.bytes.len();
        Self::take(&mut BytesMut::from(self.as_bytes()), len, self.headers_len, usize::MAX)
    }

    /// Whether two frames share their memory.
    pub(crate) fn shares(&self, other: &Self) -> bool {
        self.memory_end == other.memory_end
    }

    /// The headers, in the order of the encoding. A name may occur more than once.
    pub fn headers(&self) -> Headers<'_> {
        Headers::new(self.headers_bytes())
    }

    /// The value of a header. ASCII case is ignored in its name, and the last header of a name counts.
    pub fn header(&self, name: &str) -> Option<HeaderValueRef<'_>> {
        let named = self.headers().filter(|(it, _)| it.eq_ignore_ascii_case(name));
        named.last().map(|(_, value)| value)
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        &self.bytes[PRELUDE_LEN + self.headers_len..self.bytes.len() - 4]
    }

    /// The payload, which shares the memory of the frame.
    pub fn to_payload(&self) -> Bytes {
        self.bytes.slice_ref(self.payload())
    }

    /// The encoded message.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn headers_bytes(&self) -> &[u8] {
        &self.bytes[PRELUDE_LEN..PRELUDE_LEN + self.headers_len]
    }
}

/// The lengths at the front of a message, checked against the limits and each other.
#[derive(Debug)]
struct Prelude {
    message_len: usize,
    headers_len: usize,
    /// Has hashed the lengths, which the checksum of the message covers as well.
    hasher: crc32fast::Hasher,
}

impl Prelude {
    /// Reads the prelude; `None` if `bytes` does not hold all of it yet.
    ///
    /// The order of the checks is that of the library under the official SDKs.
    fn parse(bytes: &[u8], limits: &Limits) -> Result<Option<Self>, DecodeError> {
        let Some(prelude) = bytes.get(..PRELUDE_LEN) else {
            return Ok(None);
        };
        let message_len = be_u32(prelude, 0) as usize;
        let headers_len = be_u32(prelude, 4) as usize;
        if message_len > limits.max_message_len {
            return Err(DecodeError::TooLong { len: message_len, limit: limits.max_message_len });
        }
        if message_len < OVERHEAD {
            return Err(DecodeError::TooShort { len: message_len });
        }
        let mut hasher = super::hasher();
        hasher.update(&prelude[..8]);
        let (expected, actual) = (be_u32(prelude, 8), hasher.clone().finalize());
        if expected != actual {
            return Err(DecodeError::PreludeChecksum { expected, actual });
        }
        if headers_len > message_len - OVERHEAD {
            return Err(DecodeError::HeadersTooLong { headers_len, message_len });
        }
        Ok(Some(Self { message_len, headers_len, hasher }))
    }

    /// Checks the checksum of the message that begins with this prelude.
    fn check_message(mut self, frame: &[u8]) -> Result<(), DecodeError> {
        let end = self.message_len - 4;
        self.hasher.update(&frame[8..end]);
        let (expected, actual) = (be_u32(frame, end), self.hasher.finalize());
        if expected != actual {
            return Err(DecodeError::MessageChecksum { expected, actual });
        }
        Ok(())
    }
}
