//! How JSON is written.

use std::{
    io::{self, Write},
    mem::MaybeUninit,
};

use base64_simd::{Out, STANDARD};
use bytes::{BufMut, BytesMut};
use serde_json::{Serializer, ser::Formatter};

/// A serializer that writes compact JSON, with byte arrays in base64.
pub(super) fn serializer<W: Write>(writer: W) -> Serializer<W, Base64Formatter> {
    Serializer::with_formatter(writer, Base64Formatter)
}

/// Compact JSON, with byte arrays as base64 strings straight into the output.
pub(super) struct Base64Formatter;

/// How many bytes are encoded at a time: a multiple of three, so that only the last piece is padded.
const PIECE: usize = 3 * 1024;

impl Formatter for Base64Formatter {
    fn write_byte_array<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        bytes: &[u8],
    ) -> io::Result<()> {
        // It is written before it is read; zeroing it would cost more than encoding a short blob.
        let mut text = [MaybeUninit::uninit(); PIECE / 3 * 4];
        writer.write_all(b"\"")?;
        for piece in bytes.chunks(PIECE) {
            let text = STANDARD.encode(piece, Out::from_uninit_slice(&mut text));
            writer.write_all(text)?;
        }
        writer.write_all(b"\"")
    }
}

/// Appends to a buffer that grows as it must.
pub(super) struct Appender<'a>(pub(super) &'a mut BytesMut);

impl Write for Appender<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.put_slice(bytes);
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.put_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
