//! Encoding frames.

use bytes::{BufMut, BytesMut};

use super::{EncodeError, Limits, PRELUDE_LEN, Value};

/// Encodes one frame at the end of a buffer: headers, then the payload, then lengths and checksums.
///
/// The payload can be written in place. If the frame is not [finished](Self::finish), because of an error or because the
/// encoder was dropped, the buffer is restored.
///
/// ```
/// use bytes::BytesMut;
/// use eventstream_rpc::frame::{FrameEncoder, HeaderValueRef};
///
/// let mut buffer = BytesMut::new();
/// let mut frame = FrameEncoder::new(&mut buffer);
/// frame.header("name", &HeaderValueRef::String("value"))?;
/// frame.payload(b"payload");
/// frame.finish()?;
/// # Ok::<(), eventstream_rpc::frame::EncodeError>(())
/// ```
#[derive(Debug)]
pub struct FrameEncoder<'a> {
    dst: &'a mut BytesMut,
    start: usize,
    limits: Limits,
    headers: usize,
    /// The start of the payload, once it has begun.
    payload: Option<usize>,
}

impl<'a> FrameEncoder<'a> {
    /// Starts a frame at the end of `dst`.
    pub fn new(dst: &'a mut BytesMut) -> Self {
        Self::with_limits(dst, Limits::DEFAULT)
    }

    /// Starts a frame at the end of `dst`, with `limits`.
    pub fn with_limits(dst: &'a mut BytesMut, limits: Limits) -> Self {
        let start = dst.len();
        dst.put_bytes(0, PRELUDE_LEN);
        Self { dst, start, limits, headers: 0, payload: None }
    }

    /// Adds a header. All headers come before the payload.
    ///
    /// # Errors
    ///
    /// The name has more than 255 bytes, the value is over its limit, or there are too many headers. The frame is
    /// unchanged then.
    ///
    /// # Panics
    ///
    /// The payload has begun.
    pub fn header<T: AsRef<str>, B: AsRef<[u8]>>(
        &mut self,
        name: &str,
        value: &Value<T, B>,
    ) -> Result<&mut Self, EncodeError> {
        assert!(self.payload.is_none(), "headers come before the payload");
        if self.headers == self.limits.max_headers {
            return Err(EncodeError::TooManyHeaders { limit: self.limits.max_headers });
        }
        let Ok(name_len) = u8::try_from(name.len()) else {
            return Err(EncodeError::NameTooLong { len: name.len() });
        };
        let len = match value {
            Value::ByteArray(value) => value.as_ref().len(),
            Value::String(value) => value.as_ref().len(),
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
            Value::Bool(true) => self.dst.put_u8(0),
            Value::Bool(false) => self.dst.put_u8(1),
            Value::Byte(value) => self.fixed(2, value.to_be_bytes()),
            Value::Int16(value) => self.fixed(3, value.to_be_bytes()),
            Value::Int32(value) => self.fixed(4, value.to_be_bytes()),
            Value::Int64(value) => self.fixed(5, value.to_be_bytes()),
            Value::ByteArray(value) => self.variable(6, value.as_ref()),
            Value::String(value) => self.variable(7, value.as_ref().as_bytes()),
            Value::Timestamp(value) => self.fixed(8, value.to_be_bytes()),
            Value::Uuid(value) => self.fixed(9, *value),
        }
        Ok(self)
    }

    /// Adds `count` headers that are already encoded.
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

    /// The buffer, to append the payload to. Its present content must not be changed.
    pub fn payload_mut(&mut self) -> &mut BytesMut {
        self.payload.get_or_insert(self.dst.len());
        self.dst
    }

    /// Fills in lengths and checksums; returns the length of the frame in bytes.
    ///
    /// Nothing can be added to a finished frame:
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
    /// The frame is longer than the limit.
    pub fn finish(self) -> Result<usize, EncodeError> {
        let headers_end = self.payload.unwrap_or(self.dst.len());
        let len = self.dst.len() - self.start + 4;
        let limit = self.limits.max_message_len.min(u32::MAX as usize);
        if len > limit {
            return Err(EncodeError::TooLong { len, limit });
        }
        let headers_len = headers_end - self.start - PRELUDE_LEN;
        let frame = &mut self.dst[self.start..];
        frame[..4].copy_from_slice(&(len as u32).to_be_bytes());
        frame[4..8].copy_from_slice(&(headers_len as u32).to_be_bytes());
        // The checksum of the message covers the prelude as well.
        let mut hasher = super::hasher();
        hasher.update(&frame[..8]);
        let checksum = hasher.clone().finalize();
        frame[8..PRELUDE_LEN].copy_from_slice(&checksum.to_be_bytes());
        hasher.update(&frame[8..]);
        self.dst.put_u32(hasher.finalize());
        std::mem::forget(self);
        Ok(len)
    }
}

/// A frame that is finished is not dropped.
impl Drop for FrameEncoder<'_> {
    fn drop(&mut self) {
        self.dst.truncate(self.start);
    }
}
