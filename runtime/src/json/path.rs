//! Where a value is in a payload.

use std::{
    borrow::Cow,
    collections::HashMap,
    fmt::{self, Write},
};

/// One step from a structure, list or map to a value in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Segment<'v> {
    /// The name of a member or the key of a map.
    Name(Cow<'v, str>),
    /// The index of an element.
    Index(usize),
}

impl Segment<'_> {
    /// The size in bytes of what it is made of, which bounds the time it takes to work with it.
    fn len(&self) -> usize {
        match self {
            Self::Name(name) => name.len(),
            Self::Index(_) => size_of::<usize>(),
        }
    }
}

/// The steps from a payload's root to a value.
///
/// As text, keys that are not identifiers are quoted and escaped, and a long key is cut.
pub(super) struct Path<'a, 'v>(pub(super) &'a [Segment<'v>]);

impl Path<'_, '_> {
    /// The size in bytes of what it is made of, keys in full.
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(Segment::len).sum()
    }
}

/// How many characters of a key are written.
const MAX_KEY: usize = 64;

impl fmt::Display for Path<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            let name = match segment {
                Segment::Index(index) => {
                    write!(f, "[{index}]")?;
                    continue;
                }
                Segment::Name(name) => name,
            };
            let end = name.char_indices().nth(MAX_KEY).map_or(name.len(), |(end, _)| end);
            let (shown, is_cut) = (&name[..end], end < name.len());
            let is_identifier = shown.chars().all(|it| it.is_ascii_alphanumeric() || it == '_');
            match (is_identifier && !is_cut, at) {
                (true, 0) => f.write_str(shown)?,
                (true, _) => write!(f, ".{shown}")?,
                (false, _) if is_cut => write!(f, "[\"{}…\"]", shown.escape_debug())?,
                (false, _) => write!(f, "[{shown:?}]")?,
            }
        }
        Ok(())
    }
}

impl From<Path<'_, '_>> for String {
    fn from(path: Path<'_, '_>) -> Self {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = write!(text, "{path}");
        text
    }
}

/// A set of paths that finds in one walk along a path whether the set has a beginning of it.
#[derive(Debug, Default)]
pub(super) struct PathSet<'v> {
    is_end: bool,
    below: HashMap<Segment<'v>, Self>,
}

impl<'v> PathSet<'v> {
    pub(super) fn insert(&mut self, path: &[Segment<'v>]) {
        let mut node = self;
        for segment in path {
            node = node.below.entry(segment.clone()).or_default();
        }
        node.is_end = true;
    }

    /// Whether a path, or a beginning of it, is in the set.
    pub(super) fn covers(&self, path: &[Segment<'v>]) -> bool {
        let mut node = self;
        for segment in path {
            if node.is_end {
                return true;
            }
            match node.below.get(segment) {
                Some(next) => node = next,
                None => return false,
            }
        }
        node.is_end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Segment<'_> {
        Segment::Name(text.into())
    }

    #[test]
    fn paths_read_like_code_and_long_keys_are_cut() {
        let long = "ü".repeat(65);
        let path = [name("a_1"), Segment::Index(2), name("b"), name("c.\n\"d"), name(&long)];
        let text = String::from(Path(&path));
        assert_eq!(text, format!("a_1[2].b[\"c.\\n\\\"d\"][\"{}…\"]", "ü".repeat(64)));
        assert_eq!(String::from(Path(&[name("a.b"), name(&long[..128])])).len(), 7 + 4 + 128);
    }

    #[test]
    fn a_set_covers_its_paths_and_what_is_below() {
        let mut set = PathSet::default();
        set.insert(&[name("a"), Segment::Index(1)]);
        assert!(set.covers(&[name("a"), Segment::Index(1)]));
        assert!(set.covers(&[name("a"), Segment::Index(1), name("b")]));
        for path in [&[name("a")][..], &[name("a"), Segment::Index(2)], &[name("a"), name("1")]] {
            assert!(!set.covers(path), "{path:?}");
        }
        assert!(!PathSet::default().covers(&[name("a")]));
    }
}
