//! Splits the output of a process into lines.

/// The maximum length of a line, in bytes. A longer line is split.
pub(super) const MAX_LINE_LEN: usize = 16 * 1024;

/// The beginning of a line whose end has not been read.
#[derive(Debug, Default)]
pub(super) struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    /// Adds bytes and returns the lines that they complete, without their ends.
    pub(super) fn split(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for part in bytes.split_inclusive(|it| *it == b'\n') {
            self.begun.extend_from_slice(part);
            let is_whole = self.begun.last() == Some(&b'\n');
            if is_whole {
                self.begun.pop();
                if self.begun.last() == Some(&b'\r') {
                    self.begun.pop();
                }
            }
            while self.begun.len() > MAX_LINE_LEN {
                let rest = self.begun.split_off(boundary(&self.begun, MAX_LINE_LEN));
                lines.push(text(&std::mem::replace(&mut self.begun, rest)));
            }
            if is_whole {
                lines.push(text(&std::mem::take(&mut self.begun)));
            }
        }
        lines
    }

    /// The last line, if it has no end.
    pub(super) fn last(self) -> Option<String> {
        (!self.begun.is_empty()).then(|| text(&self.begun))
    }
}

/// The last position up to `at` that is not within a character.
fn boundary(bytes: &[u8], at: usize) -> usize {
    let is_within = |it: &usize| bytes[*it] & 0b1100_0000 == 0b1000_0000;
    // No character has more than four bytes.
    (at - 3..=at).rev().find(|it| !is_within(it)).unwrap_or(at)
}

/// The text of a line. What is not UTF-8 is replaced.
fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Lines, MAX_LINE_LEN};

    #[track_caller]
    fn check(parts: &[&[u8]], expected: &[&str]) {
        let mut lines = Lines::default();
        let mut found: Vec<_> = parts.iter().flat_map(|it| lines.split(it)).collect();
        found.extend(lines.last());
        assert_eq!(found, expected);
    }

    #[test]
    fn lines_end_at_newlines_and_at_the_end() {
        check(&[b"a\nb", b"c\n\n", b"d"], &["a", "bc", "", "d"]);
        check(&[b"a\r\n", b"b\r", b"\nc\rd\n"], &["a", "b", "c\rd"]);
        check(&[b""], &[]);
    }

    #[test]
    fn bytes_that_are_not_text_are_replaced() {
        check(&[b"a\xff\xc3", b"\xa9\n"], &["a\u{fffd}\u{e9}"]);
    }

    #[test]
    fn a_long_line_is_split_between_characters() {
        let text = "\u{e9}".repeat(MAX_LINE_LEN);
        let line = &text[..MAX_LINE_LEN];
        check(&[text.as_bytes()], &[line, line]);
        let text = format!("aa{}", "\u{20ac}".repeat(MAX_LINE_LEN / 3));
        let (first, rest) = text.split_at(MAX_LINE_LEN - 2);
        check(&[text.as_bytes(), b"\n"], &[first, rest]);
        let bytes = vec![0x80; MAX_LINE_LEN + 1];
        let replaced = "\u{fffd}".repeat(MAX_LINE_LEN);
        check(&[&bytes], &[&replaced, "\u{fffd}"]);
    }
}
