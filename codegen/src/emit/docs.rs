//! CommonMark to doc comments.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::LINE_BREAK;
use crate::{ir::Docs, lower::list_mark};

/// How long a line of documentation may be, without indentation and `///`.
const WIDTH: usize = 96;

/// A `#[doc]` attribute with all lines, which become comments of their own when the file is formatted.
pub(super) fn outer(text: &str) -> TokenStream {
    let lines = literal(text);
    quote!(#[doc = #lines])
}

/// The same, as `#![doc]`.
pub(super) fn inner(text: &str) -> TokenStream {
    let lines = literal(text);
    quote!(#![doc = #lines])
}

fn literal(text: &str) -> Literal {
    let text = lines(text).join(LINE_BREAK.encode_utf8(&mut [0]));
    // Text without escapes is read much faster, several times.
    let raw = || format!("r#\"{text}\"#").parse().ok();
    if text.contains("\"#") { None } else { raw() }.unwrap_or_else(|| Literal::string(&text))
}

/// The documentation of a shape, or `otherwise` if it has none, with `#[deprecated]`.
pub(super) fn of(docs: &Docs, otherwise: &str) -> TokenStream {
    let text = outer(&text(docs, otherwise));
    let deprecated = deprecated(docs);
    quote!(#text #deprecated)
}

/// `#[deprecated]`, if something is.
pub(super) fn deprecated(docs: &Docs) -> TokenStream {
    let Some(deprecated) = &docs.deprecated else { return TokenStream::new() };
    match (&deprecated.since, &deprecated.note) {
        (None, None) => quote!(#[deprecated]),
        (Some(since), None) => quote!(#[deprecated(since = #since)]),
        (None, Some(note)) => quote!(#[deprecated(note = #note)]),
        (Some(since), Some(note)) => quote!(#[deprecated(since = #since, note = #note)]),
    }
}

/// All of a documentation, with `otherwise` for the prose if there is none.
pub(super) fn text(docs: &Docs, otherwise: &str) -> String {
    let prose = if docs.text.is_empty() { otherwise } else { &docs.text };
    match docs.notes.is_empty() {
        true => linked(prose, docs),
        false => linked(&format!("{prose}\n\n{}", docs.notes), docs),
    }
}

/// Its first paragraph.
pub(super) fn summary(docs: &Docs, otherwise: &str) -> String {
    // Code alone tells nobody what it is.
    let is_prose = !docs.text.is_empty() && !docs.text.starts_with("```");
    let text = if is_prose { &docs.text } else { otherwise };
    linked(text.split("\n\n").next().unwrap_or_default(), docs)
}

/// The text, and where the links in it lead.
fn linked(text: &str, docs: &Docs) -> String {
    let mut text = text.to_owned();
    let links = docs.links.iter().map(|(name, path)| (format!("[`{name}`]"), path));
    let links: Vec<_> = links.filter(|(label, _)| text.contains(label)).collect();
    if !links.is_empty() {
        text.push('\n');
    }
    for (label, path) in links {
        text.push_str(&format!("\n{label}: {path}"));
    }
    text
}

/// The lines of a doc comment, each with the space that follows the slashes.
fn lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    // How many ticks end the code that is open.
    let mut fence = None;
    for line in text.lines() {
        let body = line.trim_start_matches([' ', '>']);
        let ticks = body.len() - body.trim_start_matches('`').len();
        let is_code = fence.is_some();
        match fence {
            None if ticks >= 3 => fence = Some(ticks),
            Some(opened) if ticks == opened && body.len() == ticks => fence = None,
            _ => {}
        }
        match line.trim_end() {
            "" => lines.push(String::new()),
            line if is_code || ticks >= 3 || line.chars().count() <= WIDTH => {
                lines.push(format!(" {line}"));
            }
            line if body.starts_with(['|', '#']) => lines.push(format!(" {line}")),
            line => wrap(line, &mut lines),
        }
    }
    lines
}

/// Breaks a long line at spaces; what follows stands under the text of a list item, and after the marks of
/// quotes.
fn wrap(line: &str, lines: &mut Vec<String>) {
    let mut text = line.trim_start();
    let mut indent = format!(" {}", &line[..line.len() - text.len()]);
    loop {
        let mark = list_mark(text).map(|it| " ".repeat(it + 1));
        let Some(mark) = mark.or_else(|| text.starts_with("> ").then(|| "> ".to_owned())) else {
            break;
        };
        text = &text[mark.len()..];
        indent.push_str(&mark);
    }
    let mut current = format!(" {}", &line[..line.len() - text.len()]);
    let mut is_empty = true;
    let mut len = current.len();
    for word in text.split(' ') {
        let word_len = word.chars().count();
        if !is_empty && len + 1 + word_len > WIDTH && !begins_block(word) {
            lines.push(std::mem::replace(&mut current, indent.clone()));
            len = indent.len();
            is_empty = true;
        }
        if !is_empty {
            current.push(' ');
            len += 1;
        }
        current.push_str(word);
        len += word_len;
        is_empty = false;
    }
    lines.push(current);
}

/// Whether a word at the beginning of a line would make that line something else.
fn begins_block(word: &str) -> bool {
    let is_mark = word.starts_with(['-', '+', '*', '=', '_'])
        && word.bytes().all(|it| it == word.as_bytes()[0]);
    let is_number =
        word.ends_with(['.', ')']) && word[..word.len() - 1].bytes().all(|it| it.is_ascii_digit());
    is_mark || is_number || word.starts_with(['#', '>', '|', '~']) || word.starts_with("```")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_long_lines_under_list_items() {
        let text = format!("- {}", "word ".repeat(40).trim_end());
        let lines = lines(&text);
        assert!(lines.len() > 1 && lines.iter().all(|it| it.len() <= WIDTH));
        assert!(lines[0].starts_with(" - word") && lines[1].starts_with("   word"));
        let text = format!("> > 1. {}", "word ".repeat(40).trim_end());
        let lines = super::lines(&text);
        assert!(lines[0].starts_with(" > > 1. word") && lines[1].starts_with(" > >    word"));
    }
}
