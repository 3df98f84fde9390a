//! The format in which JSON is written.

use std::{
    io::{self, Write},
    mem::MaybeUninit,
};

use base64_simd::{Out, STANDARD};
use serde_json::{Serializer, ser::Formatter};

/// A serializer that writes compact JSON, with byte arrays in base64.
pub(super) fn serializer<W: Write>(writer: W) -> Serializer<W, Base64Formatter> {
    Serializer::with_formatter(writer, Base64Formatter)
}

/// Writes compact JSON, with byte arrays as base64 strings.
pub(super) struct Base64Formatter;

/// The number of bytes that are encoded in one step: a multiple of three, so that only the last step adds padding.
const PIECE: usize = 3 * 1024;

impl Formatter for Base64Formatter {
    fn write_byte_array<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        bytes: &[u8],
    ) -> io::Result<()> {
        // Uninitialized, because zeroing it would cost more than encoding a short blob.
        let mut text = [MaybeUninit::uninit(); PIECE / 3 * 4];
        writer.write_all(b"\"")?;
        for piece in bytes.chunks(PIECE) {
            let text = STANDARD.encode(piece, Out::from_uninit_slice(&mut text));
            writer.write_all(text)?;
        }
        writer.write_all(b"\"")
    }
}
