//! Where words begin and end that the case conversion would split in the middle.

use std::{borrow::Cow, fmt};

use heck::ToSnakeCase;

/// Words in which capitals and digits do not begin a new one, whatever the model.
const WORDS: [&str; 11] =
    ["SigV4", "SIGv4", "IpV4", "IPv4", "IpV6", "IPv6", "IoT", "KiB", "MiB", "GiB", "TiB"];

/// Words that stay in one piece in the names of fields, methods and modules: with `GitHub` among them,
/// `GitHubToken` is `github_token`, not `git_hub_token`.
///
/// Of words that begin at the same place the longest counts. A word does not end in the middle of another
/// (`MiB` is none in `MiBand`), and one that begins with a small letter does not begin in the middle. Types
/// and variants keep the capitals that the model gives them, whatever the words.
#[derive(Clone, Debug)]
pub struct Words {
    /// As in names of the model, and as the case conversion takes it for one word. Longer ones come first.
    list: Vec<(String, String)>,
}

impl Default for Words {
    /// The words that the names of many services have: `IoT`, `IPv4`, `IPv6`, `SigV4`, `KiB`, `MiB`, `GiB` and
    /// `TiB`.
    fn default() -> Self {
        Self::new(WORDS.map(str::to_owned).to_vec())
    }
}

impl Words {
    /// These words besides those that there always are, spelled as in names of the model.
    ///
    /// # Errors
    ///
    /// A word is not made of ASCII letters and digits, the first a letter.
    pub fn with<W: AsRef<str>>(words: impl IntoIterator<Item = W>) -> Result<Self, InvalidWord> {
        let mut all = WORDS.map(str::to_owned).to_vec();
        for word in words {
            let word = word.as_ref();
            let is_word = word.starts_with(|it: char| it.is_ascii_alphabetic())
                && word.chars().all(|it| it.is_ascii_alphanumeric());
            if !is_word {
                return Err(InvalidWord(word.to_owned()));
            }
            all.push(word.to_owned());
        }
        Ok(Self::new(all))
    }

    fn new(mut words: Vec<String>) -> Self {
        words.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        words.dedup();
        let plain = |word: &str| word[..1].to_ascii_uppercase() + &word[1..].to_ascii_lowercase();
        Self { list: words.iter().map(|it| (it.clone(), plain(it))).collect() }
    }

    /// A name for a field, method or module.
    pub fn snake(&self, name: &str) -> String {
        let marked = mark_plurals(&self.mark(name)).into_owned();
        let has_capitals = name.contains(|it: char| it.is_ascii_uppercase());
        let marked = if has_capitals { marked } else { split_after_digits(&marked) };
        match marked.to_snake_case() {
            snake if snake.starts_with(|it: char| it.is_ascii_digit()) => format!("_{snake}"),
            snake => snake,
        }
    }

    /// The name with each word spelled so that it is not split.
    fn mark<'n>(&self, name: &'n str) -> Cow<'n, str> {
        let mut marked = Cow::Borrowed(name);
        let mut start = 0;
        while start < name.len() {
            let found = self.list.iter().find(|(word, _)| is_word_at(name, start, word));
            let Some((word, plain)) = found else {
                start += 1;
                continue;
            };
            // The spelling is as long as the word.
            marked.to_mut().replace_range(start..start + word.len(), plain);
            start += word.len();
        }
        marked
    }
}

/// Whether a word is in a name of ASCII from there on, and is not part of another word.
fn is_word_at(name: &str, start: usize, word: &str) -> bool {
    let (before, rest) = name.as_bytes().split_at(start);
    let Some(after) = rest.strip_prefix(word.as_bytes()) else { return false };
    let goes_on = match after.first() {
        Some(next) if word.ends_with(|it: char| it.is_ascii_digit()) => next.is_ascii_digit(),
        _ => false,
    };
    let is_inside = word.starts_with(|it: char| it.is_ascii_lowercase())
        && before.last().is_some_and(u8::is_ascii_alphanumeric);
    !goes_on && !is_inside && !after.first().is_some_and(u8::is_ascii_lowercase)
}

/// What cannot be a word of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidWord(String);

impl fmt::Display for InvalidWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no word: it has ASCII letters and digits, the first a letter", self.0)
    }
}

impl std::error::Error for InvalidWord {}

/// The name with acronyms in the plural (`ACLs`) and with a version (`DBv2`) as words of one capital.
pub(super) fn mark_plurals(name: &str) -> Cow<'_, str> {
    let mut marked = Cow::Borrowed(name);
    let bytes = name.as_bytes();
    let at = |index: usize| bytes.get(index).copied().unwrap_or(b' ');
    let mut start = 0;
    while start < bytes.len() {
        let run = bytes[start..].iter().take_while(|it| it.is_ascii_uppercase()).count();
        let end = start + run;
        let is_plural = at(end) == b's' && !at(end + 1).is_ascii_lowercase();
        let is_version = at(end) == b'v' && at(end + 1).is_ascii_digit();
        if run > 1 && (is_plural || is_version) {
            marked.to_mut()[start + 1..end].make_ascii_lowercase();
        }
        start = end + 1;
    }
    marked
}

/// In a name without capitals, digits end a word: `s3key` is two.
fn split_after_digits(name: &str) -> String {
    let mut split = String::with_capacity(name.len() + 2);
    let mut has_letter = false;
    let mut before = ' ';
    for it in name.chars() {
        if has_letter && before.is_ascii_digit() && it.is_ascii_lowercase() {
            split.push('_');
        }
        has_letter = it.is_ascii_lowercase() || (has_letter && it.is_ascii_digit());
        split.push(it);
        before = it;
    }
    split
}
