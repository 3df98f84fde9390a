//! The result of testing a promise.

use std::{fmt, io};

/// Whether a promise is kept.
pub type Verdict = Result<(), Problem>;

/// Why a promise is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The promise is broken. Contains a description.
    Fails(String),
    /// The promise does not apply to the subject. Contains the reason.
    NotApplicable(String),
}

/// The result for a broken promise.
pub fn fails<T>(how: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::Fails(how.into()))
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fails(how) => write!(f, "fails: {how}"),
            Self::NotApplicable(why) => write!(f, "not applicable: {why}"),
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::Other => {
                Self::Fails("sends bytes that are not a message".to_owned())
            }
            _ => Self::Fails("the connection is lost".to_owned()),
        }
    }
}
