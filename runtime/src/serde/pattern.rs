//! Regular expressions of a model.

use std::sync::OnceLock;

use regex::Regex;

/// A regular expression that some part of a text has to match (`smithy.api#pattern`).
///
/// Generated code holds it in a `static`; it is compiled when it is first needed.
#[derive(Debug)]
pub struct Pattern {
    source: &'static str,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// An expression in the syntax of the crate `regex`. The generator has seen to it that it is one.
    pub const fn new(source: &'static str) -> Self {
        Self { source, regex: OnceLock::new() }
    }

    /// Whether some part of a text matches. Takes time in proportion to the text.
    pub fn matches(&self, text: &str) -> bool {
        let regex = self.regex.get_or_init(|| Regex::new(self.source).ok());
        // An expression that this version of the crate refuses asks for nothing.
        regex.as_ref().is_none_or(|it| it.is_match(text))
    }
}
