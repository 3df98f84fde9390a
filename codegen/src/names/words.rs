//! Words that the case conversion must not split.

use std::cmp::Reverse;

use heck::ToSnakeCase;

/// The words for every model. Longer ones come first.
const WORDS: [&str; 11] =
    ["SigV4", "SIGv4", "IpV4", "IPv4", "IpV6", "IPv6", "IoT", "KiB", "MiB", "GiB", "TiB"];

/// Words that are not split in the names of fields, methods and modules: with `GitHub`, `GitHubToken` becomes
/// `github_token` instead of `git_hub_token`.
///
/// The longest word that matches is used. A match ends at the end of a word (`MiB` does not match in `MiBand`), and a
/// match of a word that starts with a lower-case letter begins at the start of one. Types and variants keep the
/// capitals of the model.
#[derive(Clone, Debug)]
pub struct Words(Vec<String>);

impl Default for Words {
    /// The words that are common in services: `IoT`, `IPv4`, `IPv6`, `SigV4`, `KiB`, `MiB`, `GiB` and `TiB`.
    fn default() -> Self {
        Self(WORDS.map(str::to_owned).to_vec())
    }
}

impl Words {
    /// The default words and these words, spelled as in the model.
    ///
    /// # Errors
    ///
    /// Fails if a word has other characters than ASCII letters and digits, or does not begin with a letter.
    pub fn with<W: AsRef<str>>(words: impl IntoIterator<Item = W>) -> Result<Self, String> {
        let mut all = Self::default();
        for word in words {
            let word = word.as_ref();
            let is_word = word.starts_with(|it: char| it.is_ascii_alphabetic())
                && word.chars().all(|it| it.is_ascii_alphanumeric());
            if !is_word {
                return Err(format!(
                    "{word:?} is not a word: use ASCII letters and digits, the first a letter"
                ));
            }
            all.0.push(word.to_owned());
        }
        all.0.sort_by_key(|it| Reverse(it.len()));
        Ok(all)
    }

    /// The name of a field, method or module.
    pub fn snake(&self, name: &str) -> String {
        let mut marked = name.to_owned();
        let mut start = 0;
        while start < name.len() {
            let word = self.0.iter().find(|word| is_word_at(name, start, word));
            if let Some(end) = word.map(|it| start + it.len()) {
                marked[start..end].make_ascii_lowercase();
                marked[start..=start].make_ascii_uppercase();
                start = end;
            } else {
                start += 1;
            }
        }
        let has_capitals = name.contains(|it: char| it.is_ascii_uppercase());
        let marked = mark_acronyms(if has_capitals { marked } else { split_after_digits(&marked) });
        match marked.to_snake_case() {
            snake if snake.starts_with(|it: char| it.is_ascii_digit()) => format!("_{snake}"),
            snake => snake,
        }
    }
}

/// Whether a name has this word at an index, not as part of another word.
fn is_word_at(name: &str, start: usize, word: &str) -> bool {
    let (before, rest) = name.as_bytes().split_at(start);
    let Some(after) = rest.strip_prefix(word.as_bytes()) else { return false };
    let next = after.first().copied().unwrap_or(b' ');
    let is_inside = word.starts_with(|it: char| it.is_ascii_lowercase())
        && before.last().is_some_and(u8::is_ascii_alphanumeric);
    let is_number = word.ends_with(|it: char| it.is_ascii_digit()) && next.is_ascii_digit();
    !is_inside && !is_number && !next.is_ascii_lowercase()
}

/// Spells acronyms in the plural (`ACLs`) or with a version (`DBv2`) with one capital.
pub(super) fn mark_acronyms(mut name: String) -> String {
    let bytes = name.clone().into_bytes();
    let at = |index: usize| bytes.get(index).copied().unwrap_or(b' ');
    let mut start = 0;
    while start < bytes.len() {
        let end = start + bytes[start..].iter().take_while(|it| it.is_ascii_uppercase()).count();
        let is_plural = at(end) == b's' && !at(end + 1).is_ascii_lowercase();
        let is_version = at(end) == b'v' && at(end + 1).is_ascii_digit();
        if end > start && (is_plural || is_version) {
            name[start + 1..end].make_ascii_lowercase();
        }
        start = end + 1;
    }
    name
}

/// Splits names without capitals after digits: `s3key` has two words.
fn split_after_digits(name: &str) -> String {
    let mut split = String::new();
    for (at, letter) in name.char_indices() {
        let word = name[..at].trim_end_matches(|it: char| it.is_ascii_digit());
        let is_lower = |it: char| it.is_ascii_lowercase();
        if is_lower(letter) && word.len() < at && word.ends_with(is_lower) {
            split.push('_');
        }
        split.push(letter);
    }
    split
}
