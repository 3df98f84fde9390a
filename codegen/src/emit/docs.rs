//! CommonMark to doc comments.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::{LINE_BREAK, LINK};
use crate::ir::Docs;

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
    // Each line is as in a comment, with the space that follows the slashes.
    let space = |line: &str| if line.trim().is_empty() { "" } else { " " };
    let lines = text.lines().map(|line| format!("{}{}", space(line), line.trim_end()));
    let text = lines.collect::<Vec<_>>().join(LINE_BREAK.encode_utf8(&mut [0]));
    // Text without escapes is read much faster, several times.
    let raw = || format!("r#\"{text}\"#").parse().ok();
    if text.contains("\"#") { None } else { raw() }.unwrap_or_else(|| Literal::string(&text))
}

/// The documentation of a shape, with `#[deprecated]`.
pub(super) fn of(docs: &Docs) -> TokenStream {
    let text = outer(&text(docs));
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

/// All of a documentation.
pub(super) fn text(docs: &Docs) -> String {
    linked(&docs.text, docs)
}

/// Its first paragraph.
pub(super) fn summary(docs: &Docs) -> String {
    linked(docs.text.split("\n\n").next().unwrap_or_default(), docs)
}

/// The text, and where its links lead to names that are not in scope.
fn linked(text: &str, docs: &Docs) -> String {
    let links = docs.links.iter().map(|(name, path)| (format!("[`{name}`]"), path));
    let links = links.filter(|(label, _)| text.contains(label));
    let links = links.map(|(label, path)| format!("{LINK}{label}: {path}"));
    format!("{text}{}", links.collect::<String>())
}
