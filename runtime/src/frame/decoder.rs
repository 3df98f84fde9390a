//! Reading frames off a stream of bytes.

use bytes::{Buf, Bytes, BytesMut};

use super::{
    DecodeError, Frame, Limits, Message, MessageRef,
    message::{Memory, Prelude},
};

/// Splits a stream of bytes into frames. It holds no socket; the caller owns the buffer.
///
/// ```
/// use bytes::BytesMut;
/// use eventstream_rpc::frame::{Decoder, Message};
///
/// let message = Message { payload: "hello".into(), ..Message::default() };
/// let mut bytes = BytesMut::new();
/// message.encode(&mut bytes)?;
/// let rest = bytes.split_off(7);
///
/// let mut decoder = Decoder::default();
/// assert_eq!(decoder.decode(&mut bytes)?, None); // not all of it yet
/// bytes.extend_from_slice(&rest);
/// assert_eq!(decoder.decode(&mut bytes)?, Some(message));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    limits: Limits,
    /// The prelude of the message at the front of the buffer, once it has been checked.
    prelude: Option<Prelude>,
    /// The length of the buffer that the bytes are in, as far as it has been seen, and what was left of it.
    buffer_len: usize,
    left: usize,
}

/// Messages up to this length, in bytes, and up to this share of the buffer that they arrived in are copied out
/// of it: a small one that waits to be read must not keep the whole of a large buffer alive, wherever in it it
/// lay.
const COPIED_LEN: usize = 4096;
const COPIED_SHARE: usize = 4;

/// Takes bytes off the front of what is in a buffer of that length; gives them and the memory that they keep.
fn take(src: &mut BytesMut, len: usize, buffer_len: usize) -> (Bytes, Memory) {
    if len > COPIED_LEN.max(buffer_len / COPIED_SHARE) {
        let memory = Memory { end: src.as_ptr().addr() + src.capacity(), len: buffer_len.max(len) };
        return (src.split_to(len).freeze(), memory);
    }
    let bytes = Bytes::copy_from_slice(&src[..len]);
    src.advance(len);
    let memory = Memory { end: bytes.as_ptr().addr() + len, len };
    (bytes, memory)
}

impl Decoder {
    /// A decoder that refuses what is over `limits`.
    pub fn with_limits(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes the next frame off the front of `src`, or `None` if `src` does not hold all of it yet.
    ///
    /// Nothing is allocated for what a prelude merely claims; see [`missing`](Self::missing). A frame that is
    /// small, by itself or against the buffer that `src` is in, is copied; others share its memory.
    ///
    /// # Errors
    ///
    /// Bytes that are not a message. After [`DecodeError::Headers`] the frame has been taken off and
    /// decoding can go on; after any other error it cannot.
    pub fn decode_frame(&mut self, src: &mut BytesMut) -> Result<Option<Frame>, DecodeError> {
        // Capacity is what follows in the buffer, and taking something makes it less. If it is more, the buffer
        // is another one.
        if src.capacity() > self.left {
            self.buffer_len = src.capacity();
        }
        let frame = self.decode_frame_in(src, self.buffer_len);
        self.left = src.capacity();
        frame
    }

    /// As [`decode_frame`](Self::decode_frame); `src` is a part of a buffer of `buffer_len` bytes.
    pub(crate) fn decode_frame_in(
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
        let (bytes, memory) = take(src, message_len, buffer_len);
        MessageRef::parse_headers(&bytes, headers_len, &self.limits)?;
        Ok(Some(Frame::new(bytes, headers_len, memory)))
    }

    /// Takes the next message off the front of `src`, or `None` if `src` does not hold all of it yet.
    ///
    /// # Errors
    ///
    /// As [`decode_frame`](Self::decode_frame).
    pub fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Message>, DecodeError> {
        Ok(self.decode_frame(src)?.map(|frame| frame.to_message()))
    }

    /// How many more bytes than `src` holds the message at its front needs, as far as that is known.
    ///
    /// A reader may reserve that much, within reason: a peer can claim a message of 24 MiB with twelve
    /// bytes.
    pub fn missing(&self, src: &BytesMut) -> usize {
        self.prelude.as_ref().map_or(0, |it| it.message_len.saturating_sub(src.len()))
    }
}
