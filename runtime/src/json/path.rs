//! The path of a value in a payload.

use std::{borrow::Cow, fmt};

/// One step from a structure, list or map to a value in it.
#[derive(Debug)]
pub(super) enum Segment<'v> {
    /// The name of a member or the key of a map.
    Name(Cow<'v, str>),
    /// The index of an element.
    Index(usize),
}

/// The steps from the root of a payload to a value.
///
/// `Display` quotes and escapes keys that are not identifiers, and cuts long keys.
pub(super) struct Path<'a, 'v>(pub(super) &'a [Segment<'v>]);

/// The number of characters of a key that are written.
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
        path.to_string()
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
}
