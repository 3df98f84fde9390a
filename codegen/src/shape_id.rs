//! Shape IDs (Smithy 2.0 specification, section "Shape ID").

use std::{fmt, rc::Rc};

/// The namespace of the prelude.
pub const PRELUDE: &str = "smithy.api";

/// An absolute shape ID: `namespace#Name`.
///
/// Cloning is cheap. The order is that of the text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShapeId(Rc<str>);

impl ShapeId {
    /// Parses an absolute shape ID. The error describes the problem.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let Some((namespace, name)) = text.split_once('#') else {
            return Err("a shape ID must be absolute: namespace#Name");
        };
        if !namespace.split('.').all(is_identifier) {
            return Err("the namespace must consist of identifiers separated by dots");
        }
        if !is_identifier(name) {
            return Err("the name must be an identifier: ASCII letters, digits and underscores");
        }
        Ok(Self(text.into()))
    }

    /// Parses the ID of a shape, or of a member: `namespace#Name$member`.
    pub fn parse_with_member(text: &str) -> Result<(Self, Option<&str>), &'static str> {
        match text.split_once('$') {
            None => Ok((Self::parse(text)?, None)),
            Some((shape, member)) if is_identifier(member) => {
                Ok((Self::parse(shape)?, Some(member)))
            }
            Some(_) => Err("the name of the member must be an identifier"),
        }
    }

    pub fn prelude(name: &str) -> Self {
        Self(format!("{PRELUDE}#{name}").into())
    }

    /// The name of a shape or trait of the prelude.
    pub fn prelude_name(&self) -> Option<&str> {
        self.0.strip_prefix(PRELUDE)?.strip_prefix('#')
    }

    pub fn is_prelude(&self, name: &str) -> bool {
        self.prelude_name() == Some(name)
    }

    pub fn namespace(&self) -> &str {
        self.0.split_once('#').map_or("", |(namespace, _)| namespace)
    }

    pub fn name(&self) -> &str {
        self.0.split_once('#').map_or("", |(_, name)| name)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `smithy.api#Unit`, the structure without values.
    pub fn is_unit(&self) -> bool {
        self.is_prelude("Unit")
    }
}

impl fmt::Display for ShapeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether `text` is an identifier: underscores, then a letter (or, after an underscore, a digit),
/// then letters, digits and underscores; ASCII only.
pub fn is_identifier(text: &str) -> bool {
    let rest = text.trim_start_matches('_');
    let may_start_with_digit = rest.len() < text.len();
    let starts_well = rest.starts_with(|first: char| {
        first.is_ascii_alphabetic() || (may_start_with_digit && first.is_ascii_digit())
    });
    starts_well && rest.chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
}
