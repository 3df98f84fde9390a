//! Code in CommonMark: spans within a line, and blocks in a fence.

use std::collections::HashMap;

/// The code spans of a line: from which byte to which.
pub(super) struct Spans(HashMap<usize, usize>);

impl Spans {
    pub(super) fn of(line: &str) -> Self {
        // Runs of ticks; two of one length are the ends of a span.
        let mut runs: Vec<(usize, usize)> = Vec::new();
        let bytes = line.as_bytes();
        let mut at = 0;
        while let Some(found) = bytes[at..].iter().position(|it| *it == b'`') {
            let start = at + found;
            let len = bytes[start..].iter().take_while(|it| **it == b'`').count();
            runs.push((start, len));
            at = start + len;
        }
        let mut by_len: HashMap<usize, Vec<usize>> = HashMap::new();
        for (start, len) in runs.iter().rev() {
            by_len.entry(*len).or_default().push(*start);
        }
        let mut spans = HashMap::new();
        let mut free = 0;
        for (start, len) in runs {
            let starts = by_len.get_mut(&len).expect("it was counted");
            starts.pop();
            if start < free {
                continue;
            }
            if let Some(end) = starts.last() {
                spans.insert(start, end + len);
                free = end + len;
            }
        }
        Self(spans)
    }

    pub(super) fn end(&self, start: usize) -> Option<usize> {
        self.0.get(&start).copied()
    }
}

/// The line that begins a block of code.
pub(super) struct Fence<'l> {
    character: char,
    len: usize,
    info: &'l str,
}

impl<'l> Fence<'l> {
    pub(super) fn open(line: &'l str) -> Option<Self> {
        let character = line.chars().next().filter(|it| matches!(it, '`' | '~'))?;
        let info = line.trim_start_matches(character);
        let len = line.len() - info.len();
        (len >= 3 && !info.contains('`')).then_some(Self { character, len, info: info.trim() })
    }

    pub(super) fn is_closed_by(&self, line: &str) -> bool {
        let line = line.trim();
        line.len() >= self.len && line.chars().all(|it| it == self.character)
    }

    /// The language, unless rustdoc would take the code for a test.
    pub(super) fn language(&self) -> &'l str {
        const RUST: [&str; 7] = ["rust", "ignore", "should", "compile", "no", "test", "standalone"];
        let name =
            self.info.split(|it: char| !it.is_ascii_alphanumeric()).next().unwrap_or_default();
        let is_rust = RUST.contains(&name) || name.starts_with("edition") || name.starts_with('E');
        if name.is_empty() || is_rust || name.len() > 20 { "text" } else { name }
    }
}

/// Appends a block of code, in a fence that nothing in it closes.
pub(super) fn push_code(language: &str, code: &[&str], margin: &str, clean: &mut String) {
    let ticks = |line: &&str| {
        let line = line.trim_start();
        line.len() - line.trim_start_matches('`').len()
    };
    let fence = "`".repeat(code.iter().map(ticks).max().unwrap_or_default().max(2) + 1);
    clean.push_str(&format!("{margin}{fence}{language}\n"));
    for line in code {
        clean.push_str(margin);
        clean.push_str(line);
        clean.push('\n');
    }
    clean.push_str(&format!("{margin}{fence}\n"));
}
