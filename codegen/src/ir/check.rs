//! What a model asks of a value beyond its type.

use crate::traits::{Length, Range};

/// What a model asks of a value.
#[derive(Clone, Debug, Default)]
pub struct Check {
    /// How many characters, bytes or elements it has.
    pub length: Option<Length>,
    /// How large it is.
    pub range: Option<Range>,
    /// A regular expression, in the syntax of ECMA-262.
    pub pattern: Option<String>,
    /// Whether its elements differ.
    pub is_unique: bool,
    /// What is asked of the keys of a map.
    pub key: Option<Box<Check>>,
    /// What is asked of the elements of a list or the values of a map.
    pub item: Option<Box<Check>>,
    /// Whether the value is a structure or union that is asked something itself.
    pub is_nested: bool,
}

impl Check {
    /// The check, if it asks for anything.
    pub fn some(self) -> Option<Self> {
        let is_empty = self.length.is_none()
            && self.range.is_none()
            && self.pattern.is_none()
            && !self.is_unique
            && self.key.is_none()
            && self.item.is_none()
            && !self.is_nested;
        (!is_empty).then_some(self)
    }

    /// The check, and those of what the value holds.
    pub fn parts(&self) -> Vec<&Self> {
        let inner = [&self.key, &self.item].into_iter().flatten();
        std::iter::once(self).chain(inner.flat_map(|it| it.parts())).collect()
    }
}
