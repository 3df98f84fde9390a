//! Formats an error with its causes.

use std::{error::Error as StdError, fmt};

use super::{ConnectError, ConnectionError, SdkError};

/// Writes an error, then each of its sources, with colons between them.
struct WithSources<'a>(&'a (dyn StdError + 'static));

impl fmt::Display for WithSources<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

/// An error with its causes, as text for people. Some errors have a method of this name; this function is for the
/// others, such as the argument of `LifecycleHandler::on_error`.
pub fn with_sources<'a>(error: &'a (dyn StdError + 'static)) -> impl fmt::Display + 'a {
    WithSources(error)
}

impl<E: StdError + 'static> SdkError<E> {
    /// The error with its causes, as text for people.
    ///
    /// ```
    /// use eventstream_rpc::error::{ResponseError, SdkError};
    ///
    /// let error: SdkError<std::fmt::Error> = ResponseError::NoResponse.into();
    /// assert!(error.with_sources().to_string().starts_with(&format!("{error}: ")));
    /// ```
    pub fn with_sources(&self) -> impl fmt::Display + '_ {
        WithSources(self)
    }
}

impl ConnectionError {
    /// The error with its causes, as text for people.
    pub fn with_sources(&self) -> impl fmt::Display + '_ {
        WithSources(self)
    }
}

impl ConnectError {
    /// The error with its causes, as text for people.
    pub fn with_sources(&self) -> impl fmt::Display + '_ {
        WithSources(self)
    }
}
