//! The model read back: a service, an operation or a shape, with what it is in Rust.

mod find;
mod text;

use std::fmt;

use crate::{Diagnostics, Source, Words, view::View};

/// Describes an operation or a shape of a service; without a name, lists all of them.
///
/// `words` are those of the [`Config`](crate::Config) with which the crate is generated. A name is an absolute shape ID, that of a member too, or what stands after the `#`, or what it is called
/// in Rust: a type with or without its module, a method of the client.
///
/// # Errors
///
/// What is wrong with the model, or that there is nothing of that name.
pub fn show(
    sources: &[Source<'_>],
    service: Option<&str>,
    words: &Words,
    name: Option<&str>,
) -> Result<String, Error> {
    let model = View::parse(sources).map_err(Error::Model)?;
    let view = View::new(&model, sources, service, words).map_err(Error::Model)?;
    let Some(name) = name else {
        return Ok(text::service(&view));
    };
    match find::find(&view, name) {
        Ok(found) => {
            Ok(found.into_iter().map(|it| text::of(&view, it)).collect::<Vec<_>>().join("\n"))
        }
        Err(hint) => Err(Error::Unknown { name: name.to_owned(), hint }),
    }
}

/// Why nothing is shown.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The model is refused.
    Model(Diagnostics),
    /// There is nothing of that name.
    Unknown {
        /// The name.
        name: String,
        /// What to try instead.
        hint: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model(diagnostics) => diagnostics.fmt(f),
            Self::Unknown { name, hint } => write!(f, "there is no {name} in the service: {hint}"),
        }
    }
}

impl std::error::Error for Error {}
