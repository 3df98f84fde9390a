//! Reads the payload of an error reply.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::ErrorShape;
use crate::json;

/// Reads the payload of a modelled error.
///
/// Its message is the first of `message` and `_message` that is not empty: nucleus lite sends only the
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
    // The last of duplicate members counts. A model may also spell it `Message`.
    let text = json::to_vec(&text)?;
    json::from_slice(&[members, b",\"Message\":", &text, b",\"message\":", &text, b"}"].concat())
}

/// The members that an error reply of any shape may have.
#[derive(Debug)]
pub(crate) struct ErrorMembers {
    /// `_errorCode`: the shape's name without its namespace.
    pub(crate) code: Option<String>,
    /// `error`, which the Java server sends for an operation that is not in its model.
    pub(crate) error: Option<String>,
    /// The first of `message` and `_message` that is not empty.
    pub(crate) message: Option<String>,
}

impl ErrorMembers {
    /// Reads the members. Values of another type than text, and payloads that are not JSON, count as missing.
    pub(crate) fn read(payload: &[u8]) -> Self {
        // Other members are not parsed.
        let members: BTreeMap<String, &RawValue> =
            serde_json::from_slice(payload).unwrap_or_default();
        let text = |name| {
            let text: String = serde_json::from_str(members.get(name)?.get()).ok()?;
            Some(text).filter(|it| !it.is_empty())
        };
        Self {
            code: text("_errorCode"),
            error: text("error"),
            message: text("message").or_else(|| text("_message")),
        }
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
