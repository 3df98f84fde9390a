//! The payload of an error reply.

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::ErrorShape;
use crate::json;

/// Reads the payload of a modelled error.
///
/// Its text is the first that is not empty of `message` and `_message`: nucleus lite sends only the
/// second, and the Java nucleus may leave either empty.
///
/// # Errors
///
/// Text that is not a JSON object, or a member of another type than the model's.
pub fn error_from_slice<T: ErrorShape>(payload: &[u8]) -> Result<T, json::Error> {
    let error: T = json::from_slice(payload)?;
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
    let text = json::to_vec(&text)?;
    json::from_slice(&[members, b",\"Message\":", &text, b",\"message\":", &text, b"}"].concat())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_text_comes_from_either_member() {
        let text = |json: &str| ErrorMembers::read(json.as_bytes()).message;
        assert_eq!(text(r#"{"message": "a", "_message": "b"}"#).as_deref(), Some("a"));
        assert_eq!(text(r#"{"message": "", "_message": "b"}"#).as_deref(), Some("b"));
        assert_eq!(text(r#"{"message": 1, "_message": ""}"#), None);
        assert_eq!(text("InternalServerError"), None);
        assert_eq!(text(r#"{"message": "a", "x": [{"message": "b"}], "message": 1}"#), None);
        assert_eq!(text(r#"{"message": "a"} b"#), None);
    }
}
