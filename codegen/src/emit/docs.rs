//! CommonMark to doc comments.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::Docs;

/// How long a line of documentation may be, without indentation and `///`.
const WIDTH: usize = 96;

/// `#[doc]` attributes, one for each line.
pub(super) fn outer(text: &str) -> TokenStream {
    let lines = lines(text).into_iter().map(|line| quote!(#[doc = #line]));
    quote!(#(#lines)*)
}

/// `#![doc]` attributes, one for each line.
pub(super) fn inner(text: &str) -> TokenStream {
    let lines = lines(text).into_iter().map(|line| quote!(#![doc = #line]));
    quote!(#(#lines)*)
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

/// All of a documentation, or `otherwise` if there is none.
pub(super) fn text(docs: &Docs, otherwise: &str) -> String {
    linked(if docs.text.is_empty() { otherwise } else { &docs.text }, docs)
}

/// Its first paragraph.
pub(super) fn summary(docs: &Docs, otherwise: &str) -> String {
    let text = if docs.text.is_empty() { otherwise } else { &docs.text };
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
    let mut is_code = false;
    for line in text.lines() {
        is_code ^= line.trim_start().starts_with("```");
        match line.trim_end() {
            "" => lines.push(String::new()),
            line if is_code || line.chars().count() <= WIDTH || line.starts_with('|') => {
                lines.push(format!(" {line}"));
            }
            line => wrap(line, &mut lines),
        }
    }
    lines
}

/// Breaks a long line at spaces; what follows stands under the text of a list item.
fn wrap(line: &str, lines: &mut Vec<String>) {
    let text = line.trim_start_matches([' ', '-', '*']);
    let marker = &line[..line.len() - text.len()];
    let mut current = format!(" {marker}");
    let indent = " ".repeat(current.len());
    let mut is_empty = true;
    for word in text.split(' ') {
        if !is_empty && current.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut current, indent.clone()));
            is_empty = true;
        }
        if !is_empty {
            current.push(' ');
        }
        current.push_str(word);
        is_empty = false;
    }
    lines.push(current);
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
    }
}
