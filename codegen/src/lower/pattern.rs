//! Regular expressions of ECMA-262, as models have them, in the syntax of the crate `regex`.

/// Translates a pattern.
///
/// # Errors
///
/// Why it cannot be: it uses look-around or back-references, or it would be too large.
pub(crate) fn translate(pattern: &str) -> Result<String, String> {
    let mut translated = String::with_capacity(pattern.len());
    let mut characters = pattern.chars().peekable();
    let mut is_class = false;
    while let Some(it) = characters.next() {
        match it {
            '\\' => match characters.next() {
                // ASCII, as in ECMA-262; here they would be those of all Unicode.
                Some('d') => translated.push_str("[0-9]"),
                Some('D') => translated.push_str("[^0-9]"),
                Some('w') => translated.push_str("[0-9A-Za-z_]"),
                Some('W') => translated.push_str("[^0-9A-Za-z_]"),
                Some('b') if is_class => translated.push_str("\\x08"),
                Some('b') => translated.push_str("(?-u:\\b)"),
                Some('0') if !characters.peek().is_some_and(char::is_ascii_digit) => {
                    translated.push_str("\\x00");
                }
                Some('u') => match surrogates(characters.clone()) {
                    Some(character) => {
                        translated.push_str(&format!("\\u{{{:X}}}", u32::from(character)));
                        characters.nth(SURROGATES - 1);
                    }
                    None => translated.push_str("\\u"),
                },
                Some(other) => {
                    // Letters mean something, of all else it is the character itself.
                    if other.is_ascii() {
                        translated.push('\\');
                    }
                    translated.push(other);
                }
                None => return Err("it ends in a backslash".to_owned()),
            },
            // Within brackets these mean something only here.
            '[' if is_class => translated.push_str("\\["),
            '&' | '~' if is_class && characters.peek() == Some(&it) => {
                translated.push('\\');
                translated.push(it);
            }
            '[' => {
                is_class = true;
                translated.push('[');
                if characters.peek() == Some(&'^') {
                    characters.next();
                    translated.push('^');
                }
                if characters.peek() == Some(&']') {
                    return Err("an empty class in brackets".to_owned());
                }
            }
            ']' => {
                is_class = false;
                translated.push(']');
            }
            '.' if !is_class => translated.push_str("[^\\n\\r\\u{2028}\\u{2029}]"),
            other => translated.push(other),
        }
    }
    match regex::Regex::new(&translated) {
        Ok(_) => Ok(translated),
        Err(regex::Error::CompiledTooBig(_)) => Err("it is too large".to_owned()),
        Err(error) => {
            // The last line says what it is; those before show the place.
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default().trim();
            Err(last.trim_start_matches("error: ").to_owned())
        }
    }
}

/// How long two UTF-16 code units are that make one character, as in `\uD83D\uDE00`, without the first `\u`.
const SURROGATES: usize = "D83D\\uDE00".len();

/// The character of a pair of escapes, the first of which has been read as far as its `\u`.
fn surrogates(rest: impl Iterator<Item = char>) -> Option<char> {
    let text: String = rest.take(SURROGATES).collect();
    let (high, low) = text.split_once("\\u")?;
    let unit = |it: &str| u16::from_str_radix(it, 16).ok().filter(|_| it.len() == 4);
    char::decode_utf16([unit(high)?, unit(low)?]).next()?.ok().filter(|it| *it > '\u{FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, matches: &[&str], others: &[&str]) {
        let regex = regex::Regex::new(&translate(pattern).unwrap()).unwrap();
        for text in matches {
            assert!(regex.is_match(text), "{pattern} {text:?}");
        }
        for text in others {
            assert!(!regex.is_match(text), "{pattern} {text:?}");
        }
    }

    #[test]
    fn patterns_mean_what_they_do_elsewhere() {
        check("^[a-z]+$", &["abc"], &["", "aBc", "abc\n"]);
        check("b", &["abc"], &["ac"]);
        check(r"^\d\w$", &["1_"], &["٣_", "1ä"]);
        check(r"^[\w\-.]+$", &["a-b.c"], &["ä"]);
        check(r"^[[a]+$", &["[a"], &["b"]);
        check(r"^[a&&b]$", &["&", "b"], &["c"]);
        check(r"^[^\]]\/\u00e4$", &["x/ä"], &["]/ä"]);
        check(r"^[ -\uD7FF\uD800\uDC00-\uDBFF\uDFFF]+$", &["ä\u{1F600}"], &["\t", "\u{E000}"]);
        check("^.$", &["x", "ä"], &["\r", "\n", "\u{2028}"]);
        check(r"^\p{L}+\0$", &["äb\0"], &["1\0"]);
        check(r"\bfoo\b", &["a foo"], &["afoo"]);
        check(r"^(?<year>\d{4})\-(\d\d)$", &["2024-01"], &["24-01"]);
    }

    #[test]
    fn says_why_a_pattern_cannot_be_checked() {
        for (pattern, reason) in [
            ("^(?!aws:).*$", "look-around"),
            (r"(a)\1", "backreferences"),
            ("[", "unclosed"),
            ("a\\", "backslash"),
            ("[]", "empty"),
            ("(((.{1,500}){1,500}){1,500})", "too large"),
        ] {
            let error = translate(pattern).unwrap_err();
            assert!(error.contains(reason), "{pattern}: {error}");
        }
    }
}
