//! Formatting of names and values, and comparison of numbers.

use std::cmp::Ordering;

/// A name or value of the model as a code span in one line, with escapes for control characters.
pub fn code(text: &str) -> String {
    let is_empty = text.trim().is_empty();
    code_span(&if is_empty { format!("{text:?}") } else { visible(text) })
}

/// A text in one line, with escapes for the characters that rustc rejects in comments.
pub fn visible(text: &str) -> String {
    let is_visible = |it: char| it != '\n' && is_kept(it);
    let shown =
        |it: char| if is_visible(it) { it.to_string() } else { it.escape_default().to_string() };
    text.chars().map(shown).collect()
}

/// Whether a character may be in documentation: rustc rejects some control characters.
pub fn is_kept(it: char) -> bool {
    let is_bidi = matches!(it, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (it == '\n' || !it.is_control()) && !is_bidi
}

/// A code span, with more backticks than the text contains in a row.
pub fn code_span(text: &str) -> String {
    let ticks = "`".repeat(longest_ticks(text) + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{space}{text}{space}{ticks}")
}

pub fn longest_ticks(text: &str) -> usize {
    text.split(|it| it != '`').map(str::len).max().unwrap_or_default()
}

pub fn between(min: Option<String>, max: Option<String>) -> String {
    match (min, max) {
        (Some(min), Some(max)) if min == max => min,
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, max) => format!("at most {}", max.unwrap_or_default()),
    }
}

/// Compares numbers given as text: integers exactly, others as doubles. NaN is not comparable.
pub fn compare_numbers(one: &str, other: &str) -> Option<Ordering> {
    match (one.parse::<i128>(), other.parse::<i128>()) {
        (Ok(one), Ok(other)) => Some(one.cmp(&other)),
        _ => one.parse::<f64>().ok()?.partial_cmp(&other.parse().ok()?),
    }
}
