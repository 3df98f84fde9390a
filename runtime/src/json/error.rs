//! Errors of payloads, without their values.

use std::fmt;

/// A payload that cannot be read or written.
///
/// The text names the path and the types, never a value, because a payload may contain secrets. The path contains keys
/// of maps, escaped and cut if they are long.
#[derive(Debug)]
pub struct Error {
    message: String,
    /// The path of the member, or an empty text. It may contain keys of maps.
    path: String,
}

impl Error {
    /// An error with this message.
    pub(super) fn other(message: &str) -> Self {
        Self { message: message.to_owned(), path: String::new() }
    }

    /// An error at the path of a member.
    pub(super) fn new(error: serde_json::Error, path: String) -> Self {
        Self { path, ..error.into() }
    }

    /// The message without the path: a log must not contain the keys of a peer's maps.
    #[cfg(feature = "server")]
    pub(crate) fn kind(&self) -> &str {
        &self.message
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self { message: without_values(&error.to_string()), path: String::new() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &*self.path {
            "" => Ok(()),
            path => write!(f, " at {path}"),
        }
    }
}

impl std::error::Error for Error {}

/// Removes the value from serde's `invalid type: string "…", expected …`.
fn without_values(message: &str) -> String {
    for kind in ["invalid type: ", "invalid value: "] {
        let Some(rest) = message.strip_prefix(kind) else {
            continue;
        };
        // The last separator: the value may contain it too.
        let Some((actual, expected)) = rest.rsplit_once(", expected ") else {
            continue;
        };
        let actual = actual.split(['"', '`']).next().unwrap_or_default().trim_end();
        return format!("{kind}{actual}, expected {expected}");
    }
    message.to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_the_place_and_not_the_value() {
        let error = crate::json::from_slice::<i64>(br#""a secret, expected \"x\"""#).unwrap_err();
        assert_eq!(error.to_string(), "invalid type: string, expected i64");
        let error = crate::json::from_slice::<Vec<i64>>(br#"[1, 2.5]"#).unwrap_err();
        assert_eq!(error.to_string(), "invalid type: floating point, expected i64 at [1]");
        let error = crate::json::from_slice::<u8>(b"12345").unwrap_err();
        assert_eq!(error.to_string(), "invalid value: integer, expected u8");
        assert!(!format!("{error:?}").contains("12345"));
    }
}
