//! The error of `try_parse` of enums.

use thiserror::Error;

/// A text that is no value of an enum of the model.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not a value of {name}; expected one of {}", values.join(", "))]
pub struct UnknownValueError {
    name: &'static str,
    values: &'static [&'static str],
}

impl UnknownValueError {
    /// For generated code only.
    #[doc(hidden)]
    pub const fn new(name: &'static str, values: &'static [&'static str]) -> Self {
        Self { name, values }
    }

    /// The texts that the model has, in the order of the model.
    pub const fn values(&self) -> &'static [&'static str] {
        self.values
    }
}
