//! JSON payloads: what generated code and the runtime share for writing and reading them.
//!
//! Writing is strict: a value that has no JSON form is an error. Reading is lenient: a member that is
//! required and missing or null reads as a zero value, nulls in lists and maps that have none are left out,
//! unknown members are ignored whatever they hold, and an unknown enum value or union member is kept as unknown
//! (Smithy 2.0 spec, section "Client error correction"). A server is told of what was missing or left out.

mod check;
mod error;
mod finite;
mod format;
mod lenient;
mod missing;
mod path;
#[cfg(feature = "pattern")]
mod pattern;
#[cfg(test)]
mod tests;
mod times;
mod tokens;
mod union;
#[cfg(feature = "server")]
mod violations;
mod zero;

use bytes::BytesMut;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::operation::ErrorShape;

pub use check::{Checker, Violation, ViolationKind, Violations};
pub use error::Error;
pub use finite::{AsFinite, Finite, finite};
pub use missing::{document, missing, or_default, or_else, required};
#[cfg(feature = "pattern")]
pub use pattern::Pattern;
pub use times::{AsDateTime, AsHttpDate, Times, date_time, http_date};
pub use union::{Empty, MemberValue, Union, deserialize_union, serialize_union_member};

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
/// A value that has no JSON form. `dst` may then hold a part of it.
pub fn append<T: Serialize + ?Sized>(dst: &mut BytesMut, value: &T) -> Result<(), Error> {
    Ok(value.serialize(&mut format::serializer(format::Appender(dst)))?)
}

/// Reads a payload.
///
/// Of duplicate members the last counts. A whole number may be written with a fraction or an exponent, and is
/// read exactly. Nulls in lists and maps that have none are left out.
///
/// # Errors
///
/// Text that is not JSON, or a value of another type than the model's; the error names the member.
pub fn from_slice<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Error> {
    match serde_json::from_slice(payload) {
        // What is unusual is read a second time, so that what is usual costs nothing more.
        Err(error) if error.is_data() => Ok(lenient::from_slice(payload)?.0),
        result => Ok(result?),
    }
}

/// Reads the payload of a message: the JSON object of a structure or union.
///
/// # Errors
///
/// As [`from_slice`], and anything but an object.
pub fn payload_from_slice<T: crate::operation::Shape>(payload: &[u8]) -> Result<T, Error> {
    check_object(payload)?;
    from_slice(payload)
}

/// Reads the payload of a request or of an event from a client: the JSON object of a structure or union, and
/// what it lacks or has that the model does not allow.
///
/// # Errors
///
/// As [`from_slice`], and anything but an object.
#[cfg(feature = "server")]
pub(crate) fn request_from_slice<T: crate::operation::Shape>(
    payload: &[u8],
) -> Result<(T, Vec<Violation>), Error> {
    check_object(payload)?;
    violations::from_slice_with_violations(payload)
}

/// Derived code would take an array for a structure whose members come in order.
fn check_object(payload: &[u8]) -> Result<(), Error> {
    match payload.trim_ascii_start().first() {
        Some(b'{') => Ok(()),
        None => Err(Error::other("expected an object, found nothing")),
        Some(_) => Err(Error::other("expected an object")),
    }
}

/// Reads the payload of a modelled error.
///
/// Its text is the first that is not empty of `message` and `_message`: nucleus lite sends only the
/// second, and the Java nucleus may leave either empty.
///
/// # Errors
///
/// Text that is not a JSON object, or a member of another type than the model's.
pub fn error_from_slice<T: ErrorShape>(payload: &[u8]) -> Result<T, Error> {
    let error: T = from_slice(payload)?;
    if error.message().is_some_and(|it| !it.is_empty()) {
        return Ok(error);
    }
    let Some(text) = ErrorMembers::read(payload).message else {
        return Ok(error);
    };
    let Some(members) = payload.trim_ascii_end().strip_suffix(b"}") else {
        return Ok(error);
    };
    // The last of duplicates counts. The model may well spell it `Message`.
    let text = to_vec(&text)?;
    from_slice(&[members, b",\"Message\":", &text, b",\"message\":", &text, b"}"].concat())
}

/// The members that any error reply may have, whatever its shape.
#[derive(Debug, Default)]
pub(crate) struct ErrorMembers {
    /// `_errorCode`: the shape's name without its namespace.
    pub(crate) code: Option<String>,
    /// `error`, which the Java server sends for an operation that it does not have.
    pub(crate) error: Option<String>,
    /// The first that is not empty of `message` and `_message`.
    pub(crate) message: Option<String>,
}

impl ErrorMembers {
    /// Reads what can be read: another type than text, or no JSON at all, counts as absent.
    pub(crate) fn read(payload: &[u8]) -> Self {
        serde_json::from_slice(payload).unwrap_or_default()
    }
}

// Values that are not looked at stay text: to read them would take more code than all of this.
impl<'de> Deserialize<'de> for ErrorMembers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ErrorMembersVisitor)
    }
}

struct ErrorMembersVisitor;

impl<'de> Visitor<'de> for ErrorMembersVisitor {
    type Value = ErrorMembers;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the members of an error")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ErrorMembers, A::Error> {
        let mut members = ErrorMembers::default();
        let mut other_message = None;
        while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
            let member = match name.as_str() {
                "_errorCode" => &mut members.code,
                "error" => &mut members.error,
                "message" => &mut members.message,
                "_message" => &mut other_message,
                _ => continue,
            };
            let text = serde_json::from_str(value.get()).ok();
            *member = text.filter(|it: &String| !it.is_empty());
        }
        members.message = members.message.or(other_message);
        Ok(members)
    }
}
