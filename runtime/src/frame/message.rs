//! Messages: what a frame holds.

use std::{fmt, ops::Range};

use bytes::{Bytes, BytesMut};

use super::{
    DecodeError, EncodeError, FrameEncoder, Header, HeaderRef, HeaderValue, HeaderValueRef,
    Headers, Limits, OVERHEAD, PRELUDE_LEN, be_u32,
};

/// One message that owns its headers and payload.
#[derive(Clone, Default, PartialEq)]
pub struct Message {
    /// In the order in which they travel. A name may occur more than once.
    pub headers: Vec<Header>,
    /// Opaque to this layer.
    pub payload: Bytes,
}

// Payloads and the values of headers may be secret, in all three forms.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|it| &it.name).collect();
        f.debug_struct("Message")
            .field("headers", &names)
            .field("payload_len", &self.payload.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for MessageRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers().map(|it| it.name).collect();
        f.debug_struct("MessageRef")
            .field("headers", &names)
            .field("payload_len", &self.payload().len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame").field("len", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl Message {
    /// The value of a header, by its name without regard to ASCII case; of several the last.
    pub fn header(&self, name: &str) -> Option<&HeaderValue> {
        let header = self.headers.iter().rfind(|it| it.name.eq_ignore_ascii_case(name))?;
        Some(&header.value)
    }

    /// Appends the encoded message to `dst`.
    ///
    /// # Errors
    ///
    /// A message over the default [`Limits`]; `dst` is then as it was.
    pub fn encode(&self, dst: &mut BytesMut) -> Result<(), EncodeError> {
        let mut frame = FrameEncoder::new(dst);
        for header in &self.headers {
            frame.header(&header.name, header.value.as_value_ref())?;
        }
        frame.payload(&self.payload);
        frame.finish()?;
        Ok(())
    }
}

/// One message that borrows from its frame. Making one allocates nothing.
#[derive(Clone, Copy)]
pub struct MessageRef<'a> {
    frame: &'a [u8],
    headers_len: usize,
}

impl<'a> MessageRef<'a> {
    /// Reads a whole frame: lengths, both checksums, every header, in this order.
    ///
    /// # Errors
    ///
    /// Bytes that are not exactly one message within the default [`Limits`].
    pub fn parse(frame: &'a [u8]) -> Result<Self, DecodeError> {
        let limits = Limits::DEFAULT;
        let prelude = Prelude::parse(frame, &limits)?;
        let claimed = prelude.as_ref().map_or(OVERHEAD, |it| it.message_len);
        let Some(prelude) = prelude.filter(|_| claimed == frame.len()) else {
            return Err(DecodeError::Length { claimed, actual: frame.len() });
        };
        let headers_len = prelude.headers_len;
        prelude.check_message(frame)?;
        Self::parse_headers(frame, headers_len, &limits)
    }

    /// Reads the headers of a frame whose lengths and checksums have been checked.
    pub(super) fn parse_headers(
        frame: &'a [u8],
        headers_len: usize,
        limits: &Limits,
    ) -> Result<Self, DecodeError> {
        Headers::parse(&frame[PRELUDE_LEN..PRELUDE_LEN + headers_len], limits)?;
        Ok(Self { frame, headers_len })
    }

    /// The headers, in the order in which they travelled.
    pub fn headers(&self) -> Headers<'a> {
        Headers::checked(&self.frame[PRELUDE_LEN..PRELUDE_LEN + self.headers_len])
    }

    /// The value of a header, by its name without regard to ASCII case; of several the last.
    pub fn header(&self, name: &str) -> Option<HeaderValueRef<'a>> {
        self.headers().filter(|it| it.name.eq_ignore_ascii_case(name)).last().map(|it| it.value)
    }

    /// The payload.
    pub fn payload(&self) -> &'a [u8] {
        &self.frame[self.payload_range()]
    }

    /// Where in the frame the payload is.
    pub fn payload_range(&self) -> Range<usize> {
        PRELUDE_LEN + self.headers_len..self.frame.len() - 4
    }

    /// A copy that owns its bytes.
    pub fn to_owned(&self) -> Message {
        let headers = self.headers().map(HeaderRef::to_owned).collect();
        Message { headers, payload: Bytes::copy_from_slice(self.payload()) }
    }
}

/// One message as bytes, checked, that owns them.
#[derive(Clone)]
pub struct Frame {
    bytes: Bytes,
    headers_len: usize,
    memory: Memory,
}

/// The piece of memory that a frame lies in, which may hold more than the frame.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// The address of its end, which no other piece has as long as the frame lives.
    pub(crate) end: usize,
    /// Its length in bytes.
    pub(crate) len: usize,
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        (self.headers_len, &self.bytes) == (other.headers_len, &other.bytes)
    }
}

impl Eq for Frame {}

impl Frame {
    /// Takes over bytes in which `message` was found.
    pub(super) fn new(bytes: Bytes, headers_len: usize, memory: Memory) -> Self {
        Self { bytes, headers_len, memory }
    }

    /// The memory that it keeps alive.
    pub(crate) fn memory(&self) -> Memory {
        self.memory
    }

    /// A copy that lies in memory of its own.
    pub(crate) fn copied(&self) -> Self {
        let bytes = Bytes::copy_from_slice(&self.bytes);
        let memory = Memory { end: bytes.as_ptr().addr() + bytes.len(), len: bytes.len() };
        Self { bytes, memory, ..*self }
    }

    /// A look into the frame.
    pub fn message(&self) -> MessageRef<'_> {
        MessageRef { frame: &self.bytes, headers_len: self.headers_len }
    }

    /// The payload, which shares the frame's memory.
    pub fn payload(&self) -> Bytes {
        self.bytes.slice(self.message().payload_range())
    }

    /// The whole frame.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A copy of the message that owns its headers; the payload shares the frame's memory.
    pub fn to_message(&self) -> Message {
        Message { payload: self.payload(), ..self.message().to_owned() }
    }
}

/// The lengths at the front of a message, checked against the limits and each other.
#[derive(Clone, Debug)]
pub(super) struct Prelude {
    pub(super) message_len: usize,
    pub(super) headers_len: usize,
    /// Has taken in the lengths: the message's checksum covers them too.
    hasher: crc32fast::Hasher,
}

impl Prelude {
    /// Reads the prelude; `None` if `bytes` does not hold all of it yet.
    ///
    /// The order of the checks is that of the library under the official SDKs.
    pub(super) fn parse(bytes: &[u8], limits: &Limits) -> Result<Option<Self>, DecodeError> {
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

    /// Checks the checksum of the whole frame that begins with this prelude.
    pub(super) fn check_message(mut self, frame: &[u8]) -> Result<(), DecodeError> {
        let end = self.message_len - 4;
        self.hasher.update(&frame[8..end]);
        let (expected, actual) = (be_u32(frame, end), self.hasher.finalize());
        if expected != actual {
            return Err(DecodeError::MessageChecksum { expected, actual });
        }
        Ok(())
    }
}
