//! The parts of a text that is known to be JSON.

use std::{
    borrow::Cow,
    collections::{HashMap, hash_map::Entry},
};

use serde_json::Error;

use super::lenient::MAX_DEPTH;

/// A place in a text that is JSON. Other text makes no sense, but does no harm.
#[derive(Debug)]
pub(super) struct Tokens<'p> {
    payload: &'p [u8],
    at: usize,
}

impl<'p> Tokens<'p> {
    pub(super) fn new(payload: &'p [u8]) -> Self {
        Self { payload, at: 0 }
    }

    /// Where the next token begins, once it has been looked at.
    pub(super) fn place(&self) -> usize {
        self.at
    }

    /// The first byte of the next token, which is never a comma or colon; 0 at the end.
    pub(super) fn peek(&mut self) -> u8 {
        let rest = self.rest();
        let skipped = rest.iter().take_while(|it| b" \t\r\n,:".contains(it)).count();
        let next = rest.get(skipped).copied().unwrap_or_default();
        self.at += skipped;
        next
    }

    /// Passes over a bracket.
    pub(super) fn bracket(&mut self) {
        self.at += 1;
    }

    /// A number, `null`, `true` or `false`.
    pub(super) fn scalar(&mut self) -> &'p [u8] {
        let rest = self.rest();
        let len = rest.iter().take_while(|it| !b",:]} \t\r\n".contains(it)).count();
        self.at += len;
        &rest[..len]
    }

    /// A string, with its escapes resolved.
    ///
    /// # Errors
    ///
    /// Text that is not UTF-8, or half of a surrogate pair.
    pub(super) fn string(&mut self) -> Result<Cow<'p, str>, Error> {
        let quoted = self.quoted();
        // Nearly all of them have no escape. Those that do go the long way.
        match unescaped(quoted).map(std::str::from_utf8) {
            Some(Ok(text)) => Ok(text.into()),
            _ => serde_json::from_slice::<String>(quoted).map(Cow::Owned),
        }
    }

    /// Passes over a value, however deep it is nested.
    pub(super) fn skip(&mut self) {
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                b'{' | b'[' => {
                    depth += 1;
                    self.bracket();
                }
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    self.bracket();
                }
                b'"' => drop(self.quoted()),
                0 => return,
                _ => drop(self.scalar()),
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// A string with its quotation marks.
    fn quoted(&mut self) -> &'p [u8] {
        let rest = self.rest();
        let mut len = 1;
        while let Some(byte) = rest.get(len).filter(|it| **it != b'"') {
            len += if *byte == b'\\' { 2 } else { 1 };
        }
        let len = (len + 1).min(rest.len());
        self.at += len;
        &rest[..len]
    }

    fn rest(&self) -> &'p [u8] {
        self.payload.get(self.at..).unwrap_or_default()
    }
}

/// What is in a string that has no escapes.
fn unescaped(quoted: &[u8]) -> Option<&[u8]> {
    let inner = quoted.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    (!inner.contains(&b'\\')).then_some(inner)
}

/// The places of the values that do not count, in their order: those of members that come again in the same
/// object.
pub(super) fn superseded(payload: &[u8]) -> Vec<usize> {
    let mut places = Vec::new();
    // The members of the objects that are open, and none for an array.
    let mut open: Vec<Option<HashMap<Cow<'_, [u8]>, usize>>> = Vec::new();
    let mut tokens = Tokens::new(payload);
    loop {
        // Nothing reads what is nested deeper.
        let is_deep = open.len() >= MAX_DEPTH;
        match (tokens.peek(), open.last_mut()) {
            (0, _) => break,
            (b'}' | b']', _) => {
                open.pop();
                tokens.bracket();
            }
            (b'"', Some(Some(members))) => {
                let name = comparable(tokens.quoted());
                let is_nested = matches!(tokens.peek(), b'{' | b'[');
                match members.entry(name) {
                    Entry::Occupied(mut it) => places.push(it.insert(tokens.place())),
                    Entry::Vacant(it) => drop(it.insert(tokens.place())),
                }
                if !is_nested {
                    tokens.skip();
                }
            }
            (bracket @ (b'{' | b'['), _) if !is_deep => {
                open.push((bracket == b'{').then(HashMap::new));
                tokens.bracket();
            }
            _ => tokens.skip(),
        }
    }
    places.sort_unstable();
    places
}

/// A member's name in the form in which equal names are equal.
fn comparable(quoted: &[u8]) -> Cow<'_, [u8]> {
    match unescaped(quoted) {
        Some(name) => name.into(),
        // One that is no text has only itself as an equal.
        None => serde_json::from_slice::<String>(quoted)
            .map_or(quoted.into(), |it| it.into_bytes().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_equal_members_counts_in_each_object() {
        #[track_caller]
        fn check(json: &str, expected: &[&str]) {
            let places = superseded(json.as_bytes());
            let values: Vec<_> = places
                .into_iter()
                .map(|at| {
                    let mut tokens = Tokens { payload: json.as_bytes(), at };
                    tokens.skip();
                    &json[at..tokens.at]
                })
                .collect();
            assert_eq!(values, expected, "{json}");
        }
        check(r#"{"a": 1, "b": [1, {"a": 2}], "c": "a"}"#, &[]);
        check(r#"{"a": 1, "a": [{"a": "x"}], "b": 3, "a": 4}"#, &["1", r#"[{"a": "x"}]"#]);
        check(
            r#"[{"a": null , "\u0061":{}}, {"a": {"b": 1, "b": 2}, "a": {"b": 3}}]"#,
            &["null", r#"{"b": 1, "b": 2}"#, "1"],
        );
        check(r#" "a" "#, &[]);
        check(r#"{"\ud800": 1, "\ud800": 2}"#, &["1"]);
    }

    #[test]
    fn nesting_costs_no_more_than_its_text() {
        let nested = "[".repeat(1 << 20) + &"]".repeat(1 << 20);
        assert_eq!(superseded(format!(r#"{{"a": 1, "b": {nested}, "a": 2}}"#).as_bytes()), [6]);
    }

    #[test]
    fn text_that_is_not_json_does_no_harm() {
        for text in ["\"", "\"\\", "{\"a", "{\"a\"", "]]", "{:,", "\"a\\\"", "[1", "{\"a\":"] {
            superseded(text.as_bytes());
            Tokens::new(text.as_bytes()).skip();
        }
    }
}
