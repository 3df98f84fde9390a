//! Regular expressions of a model: the values of the trait `smithy.api#pattern`.

use std::sync::OnceLock;

use regex::Regex;

/// A regular expression that a part of a text has to match (`smithy.api#pattern`).
///
/// Generated code stores it in a `static`; it is compiled at its first use. An expression that the crate `regex` does
/// not support, such as one with look-around, is logged once and matches every text.
#[derive(Debug)]
pub struct Pattern {
    source: &'static str,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// Takes an expression in the syntax of ECMA-262, as in the model.
    pub const fn new(source: &'static str) -> Self {
        Self { source, regex: OnceLock::new() }
    }

    /// Whether a part of the text matches, in time proportional to the length of the text.
    pub fn matches(&self, text: &str) -> bool {
        let mut unsupported = None;
        let regex = self
            .regex
            .get_or_init(|| compile(self.source).map_err(|reason| unsupported = Some(reason)).ok());
        // Logged after the initialization, in which a `tracing` subscriber that uses the same pattern would deadlock.
        if let Some(reason) = unsupported {
            tracing::warn!(
                target: crate::LOG_TARGET,
                pattern = self.source,
                reason,
                "pattern of the model is not checked"
            );
        }
        regex.as_ref().is_none_or(|it| it.is_match(text))
    }
}

/// Compiles an expression. The error says why it is not supported.
fn compile(source: &str) -> Result<Regex, String> {
    Regex::new(&translate(source)?).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        error => {
            // Only the last line has the reason; the others show the position.
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default().trim();
            last.trim_start_matches("error: ").to_owned()
        }
    })
}

/// Translates ECMA-262 to the syntax of the crate `regex`.
fn translate(source: &str) -> Result<String, String> {
    let mut translated = String::with_capacity(source.len());
    let mut characters = source.chars().peekable();
    let mut class = Class::Outside;
    while let Some(character) = characters.next() {
        let is_class = class != Class::Outside;
        class = class.after(character, characters.peek());
        match character {
            '\\' => match characters.next() {
                // These classes are ASCII in ECMA-262 and Unicode in the crate `regex`.
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
                    // In ECMA-262 these escapes mean the character itself. The crate `regex` refuses escapes beyond
                    // ASCII, and `\<` and `\>` are the ends of words.
                    if other.is_ascii() && !matches!(other, '<' | '>') {
                        translated.push('\\');
                    }
                    translated.push(other);
                }
                None => return Err("it ends in a backslash".to_owned()),
            },
            // In the crate `regex`, these characters begin a nested class or an operator on classes.
            '[' if is_class => translated.push_str("\\["),
            '&' | '~' if is_class && characters.peek() == Some(&character) => {
                translated.push('\\');
                translated.push(character);
            }
            // `--` is an operator in the crate `regex`, not in ECMA-262.
            '-' if is_class && class != Class::Range => translated.push_str("\\-"),
            '[' => {
                translated.push('[');
                if characters.peek() == Some(&'^') {
                    characters.next();
                    translated.push('^');
                }
                if characters.peek() == Some(&']') {
                    return Err("an empty class in brackets".to_owned());
                }
            }
            '.' if !is_class => translated.push_str("[^\\n\\r\\u{2028}\\u{2029}]"),
            other => translated.push(other),
        }
    }
    Ok(translated)
}

/// A position inside or outside a character class, such as `[a-z]`.
#[derive(Clone, Copy, PartialEq)]
enum Class {
    Outside,
    /// At the beginning or after a range; a dash here is a character.
    Inside,
    /// After a character that may begin a range.
    Character,
    /// After the dash of a range.
    Range,
}

impl Class {
    fn after(self, character: char, next: Option<&char>) -> Self {
        match (self, character) {
            (Self::Outside, '[') => Self::Inside,
            (Self::Outside, _) | (_, ']') => Self::Outside,
            (Self::Character, '-') if next != Some(&']') => Self::Range,
            (Self::Range, _) => Self::Inside,
            _ => Self::Character,
        }
    }
}

/// The length of an escaped surrogate pair, such as `\uD83D\uDE00`, without its first `\u`.
const SURROGATES: usize = "D83D\\uDE00".len();

/// Decodes the character of an escaped surrogate pair; `rest` begins after its first `\u`.
fn surrogates(rest: impl Iterator<Item = char>) -> Option<char> {
    let text: String = rest.take(SURROGATES).collect();
    let (high, low) = text.split_once("\\u")?;
    let unit = |it: &str| u16::from_str_radix(it, 16).ok().filter(|_| it.len() == 4);
    char::decode_utf16([unit(high)?, unit(low)?]).next()?.ok().filter(|it| *it > '\u{FFFF}')
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, Mutex},
        time::Duration,
    };

    use tracing::{Event, Metadata, Subscriber, field, span};

    use super::*;

    #[track_caller]
    fn check(pattern: &'static str, matches: &[&str], others: &[&str]) {
        compile(pattern).unwrap();
        let compiled = Pattern::new(pattern);
        for text in matches {
            assert!(compiled.matches(text), "{pattern} {text:?}");
        }
        for text in others {
            assert!(!compiled.matches(text), "{pattern} {text:?}");
        }
    }

    #[test]
    fn patterns_mean_what_they_do_in_ecma_262() {
        check("^[a-z]+$", &["abc"], &["", "aBc", "abc\n"]);
        check("b", &["abc"], &["ac"]);
        check(r"^\d\w$", &["1_"], &["٣_", "1ä"]);
        check(r"^[\w\-.]+$", &["a-b.c"], &["ä"]);
        check(r"^[[a]+$", &["[a"], &["b"]);
        check(r"^[a&&b]$", &["&", "b"], &["c"]);
        check(r"^[^\]]\/\u00e4$", &["x/ä"], &["]/ä"]);
        check(r"^[ -\uD7FF\uD800\uDC00-\uDBFF\uDFFF]+$", &["ä\u{1F600}"], &["\t", "\u{E000}"]);
        check(r"^[+--]+$", &["+,-"], &["."]);
        check(r"^[--/]+$", &["-./"], &[","]);
        check(r"^[\w--]+$", &["a-"], &["."]);
        check(r"^[a-c-e-]+$", &["abc-e"], &["d"]);
        check(r"^[^-a]\<b\>[\<-]$", &["x<b><", "x<b>-"], &["xb<", "-<b><"]);
        check("^.$", &["x", "ä"], &["\r", "\n", "\u{2028}"]);
        check(r"^\p{L}+\0$", &["äb\0"], &["1\0"]);
        check(r"\bfoo\b", &["a foo"], &["afoo"]);
        check(r"^(?<year>\d{4})\-(\d\d)$", &["2024-01"], &["24-01"]);
    }

    #[test]
    fn an_unsupported_pattern_matches_everything_and_is_logged_once() {
        for (pattern, reason) in [
            ("^(?!aws:).*$", "look-around"),
            (r"(a)\1", "backreferences"),
            ("[", "unclosed"),
            ("a\\", "backslash"),
            ("[]", "empty"),
            ("(((.{1,500}){1,500}){1,500})", "too large"),
        ] {
            let events = Events::default();
            let compiled = Pattern::new(pattern);
            tracing::subscriber::with_default(events.clone(), || {
                assert!(compiled.matches("secret") && compiled.matches(""), "{pattern}");
            });
            let events = events.texts.lock().unwrap();
            let [event] = &events[..] else { panic!("{pattern}: {events:?}") };
            assert!(event.starts_with("WARN ") && event.contains(reason), "{pattern}: {event}");
            assert!(event.contains(&format!("pattern={pattern:?}")), "{pattern}: {event}");
            assert!(!event.contains("secret"), "{event}");
        }
    }

    #[test]
    fn a_subscriber_of_the_log_may_check_the_same_pattern() {
        let (sender, checked) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            static PATTERN: Pattern = Pattern::new("^(?!b)");
            let events = Events { checks: Some(&PATTERN), ..Events::default() };
            tracing::subscriber::with_default(events, || {
                sender.send(PATTERN.matches("a")).unwrap()
            });
        });
        assert_eq!(checked.recv_timeout(Duration::from_secs(60)), Ok(true));
    }

    #[test]
    fn a_supported_pattern_is_not_logged() {
        let events = Events::default();
        tracing::subscriber::with_default(events.clone(), || {
            assert!(Pattern::new("^a$").matches("a"));
        });
        assert!(events.texts.lock().unwrap().is_empty());
    }

    /// A subscriber that records the level and the fields of each event.
    #[derive(Clone, Default)]
    struct Events {
        texts: Arc<Mutex<Vec<String>>>,
        /// The pattern that it checks when it receives an event.
        checks: Option<&'static Pattern>,
    }

    impl Subscriber for Events {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn event(&self, event: &Event<'_>) {
            let mut text = Text(event.metadata().level().to_string());
            event.record(&mut text);
            self.texts.lock().unwrap().push(text.0);
            assert!(self.checks.is_none_or(|it| it.matches("b")));
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn enter(&self, _: &span::Id) {}

        fn exit(&self, _: &span::Id) {}
    }

    struct Text(String);

    impl field::Visit for Text {
        fn record_debug(&mut self, field: &field::Field, value: &dyn std::fmt::Debug) {
            self.0.push_str(&format!(" {field}={value:?}"));
        }
    }
}
