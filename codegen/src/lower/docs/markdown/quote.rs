//! Block quotes in CommonMark.

use std::{iter::Peekable, str::Lines};

use super::{code::Fence, list_mark};

/// How deep quotes may be in each other; what is deeper is text.
pub(super) const MAX_DEPTH: usize = 8;

/// What is quoted, without the marks: from a line that begins with one on, as far as the quote goes.
///
/// A line without a mark goes on with the paragraph before it, as long as it begins nothing else.
pub(super) fn take(first: &str, lines: &mut Peekable<Lines<'_>>) -> String {
    let mut quoted = Quoted::default();
    quoted.push(unmarked(first).unwrap_or(first));
    while let Some(line) = lines.peek() {
        match unmarked(line.trim()) {
            Some(text) => quoted.push(text),
            None if quoted.is_paragraph && is_text(line.trim()) => quoted.push(line.trim()),
            None => break,
        }
        lines.next();
    }
    quoted.text
}

/// A line of a quote without its mark.
fn unmarked(line: &str) -> Option<&str> {
    let text = line.strip_prefix('>')?;
    Some(text.strip_prefix(' ').unwrap_or(text))
}

/// What is quoted so far.
#[derive(Default)]
struct Quoted<'l> {
    text: String,
    fence: Option<Fence<'l>>,
    /// Whether the last line is one of a paragraph.
    is_paragraph: bool,
}

impl<'l> Quoted<'l> {
    fn push(&mut self, line: &'l str) {
        self.text.push_str(line);
        self.text.push('\n');
        let body = line.trim();
        let is_code = self.fence.is_some();
        match &self.fence {
            Some(fence) if fence.is_closed_by(line) => self.fence = None,
            Some(_) => {}
            None => self.fence = Fence::open(body),
        }
        let is_fence = is_code || self.fence.is_some();
        self.is_paragraph = !is_fence && (is_text(body) || list_mark(body).is_some());
    }
}

/// Whether a line is one of a paragraph, and begins nothing else.
fn is_text(body: &str) -> bool {
    let is_rule = body.starts_with(['-', '*', '_', '='])
        && body.chars().all(|it| it == ' ' || body.starts_with(it));
    let begins_other = is_rule || list_mark(body).is_some() || Fence::open(body).is_some();
    !body.is_empty() && !body.starts_with('#') && !begins_other
}
