//! Where words begin and end that the case conversion would split in the middle.

use std::borrow::Cow;

/// Words in which capitals and digits do not begin a new one, with a spelling that says so. Longer words
/// come before those that they contain.
const WORDS: [(&str, &str); 11] = [
    ("SigV4", "Sigv4"),
    ("SIGv4", "Sigv4"),
    ("IpV4", "Ipv4"),
    ("IPv4", "Ipv4"),
    ("IpV6", "Ipv6"),
    ("IPv6", "Ipv6"),
    ("IoT", "Iot"),
    ("KiB", "Kib"),
    ("MiB", "Mib"),
    ("GiB", "Gib"),
    ("TiB", "Tib"),
];

/// The name as it is to be split for snake case.
pub(super) fn mark(name: &str) -> Cow<'_, str> {
    let mut marked = mark_plurals(name);
    for (word, plain) in WORDS {
        // A word ends where the next one begins, and that does not begin with a small letter.
        while let Some(start) = find(&marked, word) {
            marked.to_mut().replace_range(start..start + word.len(), plain);
        }
    }
    if !name.contains(|it: char| it.is_ascii_uppercase()) {
        return Cow::Owned(split_after_digits(&marked));
    }
    marked
}

fn find(text: &str, word: &str) -> Option<usize> {
    let starts = text.match_indices(word).map(|(start, _)| start);
    let mut whole = starts.filter(|start| {
        !text[start + word.len()..].starts_with(|it: char| it.is_ascii_lowercase())
    });
    whole.next()
}

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
