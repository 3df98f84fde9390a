//! Escapes text from a peer for display.

use std::fmt::{self, Write};

/// Writes text from a peer on one line: control characters are escaped, and a long text is cut.
pub(super) struct Escaped<'a>(pub(super) &'a str);

/// The number of characters of a text that are written.
const MAX_CHARS: usize = 256;

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chars = self.0.chars();
        for it in chars.by_ref().take(MAX_CHARS) {
            match it {
                '"' | '\'' => f.write_char(it)?,
                _ => write!(f, "{}", it.escape_debug())?,
            }
        }
        match chars.as_str().len() {
            0 => Ok(()),
            more => write!(f, "… ({more} more bytes)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ConnectionError;

    #[test]
    fn text_from_a_peer_is_one_line_of_bounded_length() {
        let text = |text: String| {
            ConnectionError::PeerError { internal: false, message: Some(text) }.to_string()
        };
        assert_eq!(
            text("it's \"a\"\nforged".to_owned()),
            "the other side reported a protocol error: it's \"a\"\\nforged"
        );
        let text = text("\u{1b}[31m".repeat(1_000_000));
        assert!(text.contains("\\u{1b}[31m") && text.ends_with("… (4999744 more bytes)"), "{text}");
        assert!(text.len() < 1024, "{}", text.len());
    }
}
