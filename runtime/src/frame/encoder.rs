//! Writing frames.

use bytes::{BufMut, BytesMut};

use super::{EncodeError, HeaderValueRef, Limits, PRELUDE_LEN};

/// Writes one frame straight into a buffer: headers, then the payload, then lengths and checksums.
///
/// The payload can be produced in place. A frame that is not finished, because of an error or because
/// the encoder was dropped, leaves the buffer as it was.
#[derive(Debug)]
pub struct FrameEncoder<'a> {
    dst: &'a mut BytesMut,
    start: usize,
    limits: Limits,
    headers: usize,
    /// Where the payload begins, once it has begun.
    payload: Option<usize>,
    is_finished: bool,
}

impl<'a> FrameEncoder<'a> {
    /// Starts a frame at the end of `dst`.
    pub fn new(dst: &'a mut BytesMut) -> Self {
        Self::with_limits(dst, Limits::DEFAULT)
    }

    /// Starts a frame at the end of `dst` that must keep within `limits`.
    pub fn with_limits(dst: &'a mut BytesMut, limits: Limits) -> Self {
        let start = dst.len();
        dst.put_bytes(0, PRELUDE_LEN);
        Self { dst, start, limits, headers: 0, payload: None, is_finished: false }
    }

    /// Adds a header. All headers come before the payload.
    ///
    /// # Errors
    ///
    /// A name over 255 bytes, a value over its limit, or one header too many. The frame is then as it was.
    ///
    /// # Panics
    ///
    /// If the payload has begun.
    pub fn header(
        &mut self,
        name: &str,
        value: HeaderValueRef<'_>,
    ) -> Result<&mut Self, EncodeError> {
        assert!(self.payload.is_none(), "headers come before the payload");
        if self.headers == self.limits.max_headers {
            return Err(EncodeError::TooManyHeaders { limit: self.limits.max_headers });
        }
        let Ok(name_len) = u8::try_from(name.len()) else {
            return Err(EncodeError::NameTooLong { len: name.len() });
        };
        let len = match value {
            HeaderValueRef::ByteArray(value) => value.len(),
            HeaderValueRef::String(value) => value.len(),
            _ => 0,
        };
        let limit = self.limits.max_value_len.min(u16::MAX.into());
        if len > limit {
            return Err(EncodeError::ValueTooLong { len, limit });
        }
        self.headers += 1;
        self.dst.put_u8(name_len);
        self.dst.put_slice(name.as_bytes());
        match value {
            HeaderValueRef::Bool(true) => self.dst.put_u8(0),
            HeaderValueRef::Bool(false) => self.dst.put_u8(1),
            HeaderValueRef::Byte(value) => self.fixed(2, value.to_be_bytes()),
            HeaderValueRef::Int16(value) => self.fixed(3, value.to_be_bytes()),
            HeaderValueRef::Int32(value) => self.fixed(4, value.to_be_bytes()),
            HeaderValueRef::Int64(value) => self.fixed(5, value.to_be_bytes()),
            HeaderValueRef::ByteArray(value) => self.variable(6, value),
            HeaderValueRef::String(value) => self.variable(7, value.as_bytes()),
            HeaderValueRef::Timestamp(value) => self.fixed(8, value.to_be_bytes()),
            HeaderValueRef::Uuid(value) => self.fixed(9, value),
        }
        Ok(self)
    }

    /// Adds headers that are encoded already, so many of them. All headers come before the payload.
    pub(crate) fn encoded_headers(&mut self, count: usize, bytes: &[u8]) -> &mut Self {
        debug_assert!(self.payload.is_none(), "headers come before the payload");
        self.headers += count;
        self.dst.put_slice(bytes);
        self
    }

    fn fixed<const N: usize>(&mut self, value_type: u8, value: [u8; N]) {
        self.dst.put_u8(value_type);
        self.dst.put_slice(&value);
    }

    fn variable(&mut self, value_type: u8, value: &[u8]) {
        let [high, low] = (value.len() as u16).to_be_bytes();
        self.dst.put_slice(&[value_type, high, low]);
        self.dst.put_slice(value);
    }

    /// Appends to the payload.
    pub fn payload(&mut self, bytes: &[u8]) -> &mut Self {
        self.payload_mut().put_slice(bytes);
        self
    }

    /// The buffer, to append the payload to. What is in it already must stay as it is.
    pub fn payload_mut(&mut self) -> &mut BytesMut {
        self.payload.get_or_insert(self.dst.len());
        self.dst
    }

    /// How long the frame is if it is finished now, in bytes.
    pub fn frame_len(&self) -> usize {
        self.dst.len() - self.start + 4
    }

    /// Fills in lengths and checksums; gives the frame's length in bytes.
    ///
    /// There is nothing to add to a frame that is finished:
    ///
    /// ```compile_fail,E0382
    /// # use bytes::BytesMut;
    /// # use eventstream_rpc::frame::FrameEncoder;
    /// let mut buffer = BytesMut::new();
    /// let mut frame = FrameEncoder::new(&mut buffer);
    /// frame.payload(b"payload");
    /// frame.finish()?;
    /// frame.finish()?;
    /// # Ok::<(), eventstream_rpc::frame::EncodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A frame over its limit.
    pub fn finish(mut self) -> Result<usize, EncodeError> {
        let headers_end = self.payload.unwrap_or(self.dst.len());
        let len = self.frame_len();
        let limit = self.limits.max_message_len.min(u32::MAX as usize);
        if len > limit {
            return Err(EncodeError::TooLong { len, limit });
        }
        let headers_len = headers_end - self.start - PRELUDE_LEN;
        let frame = &mut self.dst[self.start..];
        frame[..4].copy_from_slice(&(len as u32).to_be_bytes());
        frame[4..8].copy_from_slice(&(headers_len as u32).to_be_bytes());
        // The checksum of the message continues that of the prelude.
        let mut hasher = super::hasher();
        hasher.update(&frame[..8]);
        let checksum = hasher.clone().finalize();
        frame[8..PRELUDE_LEN].copy_from_slice(&checksum.to_be_bytes());
        hasher.update(&frame[8..]);
        self.dst.put_u32(hasher.finalize());
        self.is_finished = true;
        Ok(len)
    }
}

impl Drop for FrameEncoder<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            self.dst.truncate(self.start);
        }
    }
}
