//! A message that owns its headers and payload, to be compared and encoded.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "included by several tests, which use a part of it each"
)]

use bytes::{Bytes, BytesMut};
use eventstream_rpc::frame::{
    DecodeError, Decoder, EncodeError, Frame, FrameEncoder, Header, HeaderValue,
};

/// A message with any headers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// In the order of the encoding.
    pub headers: Vec<Header>,
    /// The payload.
    pub payload: Bytes,
}

impl Message {
    /// The value of a header. ASCII case is ignored in its name, and the last header of a name counts.
    pub fn header(&self, name: &str) -> Option<&HeaderValue> {
        let header = self.headers.iter().rfind(|it| it.name.eq_ignore_ascii_case(name))?;
        Some(&header.value)
    }

    /// Appends the encoded message to `dst`.
    ///
    /// # Errors
    ///
    /// The message is over the default limits.
    pub fn encode(&self, dst: &mut BytesMut) -> Result<(), EncodeError> {
        let mut frame = FrameEncoder::new(dst);
        for header in &self.headers {
            frame.header(&header.name, &header.value)?;
        }
        frame.payload(&self.payload);
        frame.finish()?;
        Ok(())
    }
}

impl From<Frame> for Message {
    fn from(frame: Frame) -> Self {
        let headers = frame.headers().map(|(name, value)| Header::new(name, value.to_owned()));
        Self { headers: headers.collect(), payload: frame.to_payload() }
    }
}

/// The next message of a stream of bytes.
///
/// # Errors
///
/// The bytes are not a message.
pub fn decode(decoder: &mut Decoder, src: &mut BytesMut) -> Result<Option<Message>, DecodeError> {
    Ok(decoder.decode(src)?.map(Message::from))
}

/// Decodes bytes that are exactly one message.
///
/// # Errors
///
/// The bytes are not a message; `None` if they are more or less than one.
pub fn parse(bytes: &[u8]) -> Result<Frame, Option<DecodeError>> {
    let mut src = BytesMut::from(bytes);
    match Decoder::default().decode(&mut src) {
        Ok(Some(frame)) if src.is_empty() => Ok(frame),
        Ok(_) => Err(None),
        Err(error) => Err(Some(error)),
    }
}
