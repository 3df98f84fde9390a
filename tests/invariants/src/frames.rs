//! Frames made of arbitrary bytes.

use arbitrary::Unstructured;
use bytes::{BufMut, Bytes, BytesMut};
use eventstream_rpc::{
    frame::{Decoder, FrameEncoder, Header, HeaderValue, HeaderValueRef, Message},
    protocol::{MessageType, RpcMessage},
};

/// Bytes of which an input is made, taken from the front. What is missing at the end is zero.
#[derive(Debug)]
pub struct Input<'a>(Unstructured<'a>);

impl<'a> Input<'a> {
    /// An input of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(Unstructured::new(bytes))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.0.arbitrary().unwrap_or_default()
    }

    pub(crate) fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// An index below `len`, which is not 0.
    pub(crate) fn index(&mut self, len: usize) -> usize {
        usize::from(self.byte()) % len
    }

    /// As many bytes, or as many as are left.
    pub(crate) fn bytes(&mut self, len: usize) -> &'a [u8] {
        self.0.bytes(len.min(self.0.len())).unwrap_or_default()
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        self.bytes(usize::MAX)
    }
}

/// Makes a frame of any bytes: the lengths and checksums are set right, the rest stays as it is.
///
/// Without it hardly any input would get past the checksums.
pub fn seal(bytes: &[u8]) -> Vec<u8> {
    let mut frame = bytes.to_vec();
    frame.resize(frame.len().max(16), 0);
    let (len, body) = (frame.len(), frame.len() - 16);
    let claimed = u32::from_be_bytes([frame[4], frame[5], frame[6], frame[7]]) as usize;
    let headers_len = if claimed <= body { claimed } else { claimed % (body + 1) };
    frame[..4].copy_from_slice(&(len as u32).to_be_bytes());
    frame[4..8].copy_from_slice(&(headers_len as u32).to_be_bytes());
    let checksum = crc32fast::hash(&frame[..8]);
    frame[8..12].copy_from_slice(&checksum.to_be_bytes());
    let checksum = crc32fast::hash(&frame[..len - 4]);
    frame[len - 4..].copy_from_slice(&checksum.to_be_bytes());
    frame
}

/// The shapes that a message may say it has.
pub(crate) const RESPONSE: &str = "test#Response";
pub(crate) const EVENT: &str = "test#Event";

/// The number in front of the payload of a message that [`message`] made.
pub(crate) fn number(payload: &[u8]) -> Option<u32> {
    let digits = payload.strip_prefix(b"#")?.split(|it| *it == b' ').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// What the other side may say, some of it wrong: type, flags, stream, shape, operation, payload.
///
/// The payload begins with `number`, so that messages can be told apart.
pub(crate) fn message(input: &mut Input<'_>, number: u32, streams: i32) -> BytesMut {
    let how = input.byte();
    let message_type = match how & 15 {
        // Mostly what happens mostly.
        0..=5 => 0,
        6 => 1,
        7..=14 => i32::from(how & 15) - 7,
        _ => i32::from(input.byte() as i8),
    };
    let flags = match how >> 4 & 3 {
        0 | 1 => 0,
        2 => 2,
        _ => i32::from(input.byte() as i8),
    };
    let stream_id = match input.byte() {
        0 => 0,
        255 => i32::MAX,
        254 => i32::MIN,
        // The next one, and one of those there are.
        253 => streams.saturating_add(1),
        it if streams > 0 => i32::from(it) % (streams + 2),
        it => i32::from(it),
    };
    let shape = match how >> 6 {
        0 => None,
        1 => Some(RESPONSE),
        2 => Some(EVENT),
        _ => Some("test#Error"),
    };
    let what = input.byte();
    let len = if what & 128 != 0 { input.short().into() } else { usize::from(what & 15) };
    let text = input.bytes(len);

    let mut bytes = BytesMut::new();
    let mut frame = FrameEncoder::new(&mut bytes);
    let fits = (|| {
        frame.header(":message-type", HeaderValueRef::Int32(message_type))?;
        frame.header(":message-flags", HeaderValueRef::Int32(flags))?;
        frame.header(":stream-id", HeaderValueRef::Int32(stream_id))?;
        if let Some(shape) = shape {
            frame.header("service-model-type", HeaderValueRef::String(shape))?;
        }
        if what & 64 != 0 {
            frame.header("operation", HeaderValueRef::String("test#Operation"))?;
        }
        if what & 32 != 0 {
            frame.header(":version", HeaderValueRef::String("0.1.0"))?;
        }
        // An empty payload means something of its own.
        if what & 16 == 0 {
            frame.payload_mut().put_slice(format!("#{number} ").as_bytes());
            frame.payload(text);
        }
        frame.finish()
    })();
    drop(frame);
    assert!(fits.is_ok(), "a message of less than 64 KiB is within the limits");
    bytes
}

/// A message of the connection itself.
pub(crate) fn control(message_type: MessageType, flags: i32) -> BytesMut {
    let mut bytes = BytesMut::new();
    let header = |name: &str, value| Header::new(name, HeaderValue::Int32(value));
    let headers = vec![
        Header::new(":version", "0.1.0".into()),
        header(":message-type", message_type as i32),
        header(":message-flags", flags),
        header(":stream-id", 0),
    ];
    Message { headers, ..Message::default() }.encode(&mut bytes).expect("it is short");
    bytes
}

/// Bytes that are on their way, handed over frame by frame so that it is known which of them was read.
#[derive(Debug, Default)]
pub(crate) struct Arriving {
    bytes: BytesMut,
}

impl Arriving {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Takes some bytes to go behind those that have arrived in `before`, but not beyond the end of a frame.
    pub(crate) fn take(&mut self, before: &[u8], most: usize) -> Bytes {
        let mut prelude = before.to_vec();
        prelude.extend_from_slice(&self.bytes[..self.bytes.len().min(4)]);
        let mut len = most.min(self.bytes.len());
        match prelude.first_chunk::<4>().map(|it| u32::from_be_bytes(*it) as usize) {
            Some(frame) if frame > before.len() => len = len.min(frame - before.len()),
            Some(_) => {}
            // Not even the length: it may be a very short frame.
            None => len = len.min(4 - before.len()),
        }
        self.bytes.split_to(len).freeze()
    }
}

/// The message at the front of `input`, if it is whole and says what it has to.
pub(crate) fn peek(input: &[u8]) -> Option<RpcMessage> {
    let frame = Decoder::default().decode_frame(&mut BytesMut::from(input)).ok()??;
    RpcMessage::read(frame).ok()
}
