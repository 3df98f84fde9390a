//! Writes and reads JSON payloads, for generated code and the runtime.
//!
//! Writing is strict: a value that has no JSON form is an error. Reading is lenient: a required member that is missing
//! or null gets a zero value, nulls in lists and maps that are not sparse are left out, unknown members are ignored
//! with any value, and unknown enum values and union members are kept as unknown (Smithy 2.0 spec, section "Client
//! error correction"). A server gets a list of what was missing or left out.

mod check;
mod error;
mod format;
mod lenient;
mod missing;
mod path;
#[cfg(feature = "pattern")]
mod pattern;
mod shape;
#[cfg(test)]
mod tests;
mod typed;
mod union;
#[cfg(feature = "server")]
mod violations;
mod write;

use bytes::{BufMut, BytesMut};
use serde::{Serialize, de::DeserializeOwned};

use check::Report;
pub use check::{Violation, ViolationKind, Violations};
pub use error::Error;
pub use shape::Shape;
pub use typed::{typed_from_document, typed_from_slice};
#[cfg(feature = "server")]
pub(crate) use violations::request_from_slice;

// For generated code only; versioned like the public interface.
#[doc(hidden)]
pub use check::Checker;
#[doc(hidden)]
pub use missing::{document, or_default, or_else, required};
#[cfg(feature = "pattern")]
#[doc(hidden)]
pub use pattern::Pattern;
#[doc(hidden)]
pub use union::{Empty, Union, deserialize_union, serialize_union_member};
#[doc(hidden)]
pub use write::{As, DateTime, Finite, HttpDate, WriteAs, date_time, finite, http_date};

/// Writes `value` as JSON, with blobs in base64.
///
/// # Errors
///
/// A value that has no JSON form.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    let mut json = Vec::with_capacity(128);
    value.serialize(&mut format::serializer(&mut json))?;
    Ok(json)
}

/// Writes `value` as JSON text, with blobs in base64.
///
/// # Errors
///
/// A value that has no JSON form.
pub fn to_string<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    // The serializer writes nothing but UTF-8.
    Ok(String::from_utf8(to_vec(value)?).expect("JSON is UTF-8"))
}

/// Appends `value` as JSON to `dst`, with blobs in base64.
///
/// # Errors
///
/// A value that has no JSON form. `dst` may then contain a part of it.
pub fn append<T: Serialize + ?Sized>(dst: &mut BytesMut, value: &T) -> Result<(), Error> {
    Ok(value.serialize(&mut format::serializer(dst.writer()))?)
}

/// Reads a payload.
///
/// The last of duplicate members counts. An integer may be written with a fraction or an exponent, and is
/// read exactly. Nulls in lists and maps that are not sparse are left out.
///
/// # Errors
///
/// Text that is not JSON, or a value of another type than the model's; the error names the member.
pub fn from_slice<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Error> {
    Ok(read(payload)?.0)
}

/// Reads a payload with serde_json, and with the lenient reader if serde_json refuses a value in it.
fn read<T: DeserializeOwned>(payload: &[u8]) -> Result<(T, Report), Error> {
    match serde_json::from_slice(payload) {
        Ok(value) => Ok((value, Report::default())),
        Err(error) if error.is_data() => lenient::from_slice(payload),
        Err(error) => Err(error.into()),
    }
}

/// Reads the payload of a message: the JSON object of a structure or union.
///
/// # Errors
///
/// As [`from_slice`], and a payload that is not an object.
pub fn payload_from_slice<T: Shape>(payload: &[u8]) -> Result<T, Error> {
    check_object(payload)?;
    from_slice(payload)
}

/// Checks that a payload is an object. Derived code also accepts an array for a structure.
fn check_object(payload: &[u8]) -> Result<(), Error> {
    match payload.trim_ascii_start().first() {
        Some(b'{') => Ok(()),
        None => Err(Error::other("expected an object, found nothing")),
        Some(_) => Err(Error::other("expected an object")),
    }
}
