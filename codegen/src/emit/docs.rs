//! Doc comments.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::{LINE_BREAK, LINK};
use crate::ir::Docs;

/// A `#[doc]` attribute with all lines. Formatting splits it into one comment per line.
pub(super) fn outer(text: &str) -> TokenStream {
    let lines = literal(text);
    quote!(#[doc = #lines])
}

/// A `#![doc]` attribute with all lines.
pub(super) fn inner(text: &str) -> TokenStream {
    let lines = literal(text);
    quote!(#![doc = #lines])
}

fn literal(text: &str) -> Literal {
    // Lines begin with the space that follows the slashes of a comment.
    let space = |line: &str| if line.trim().is_empty() { "" } else { " " };
    let lines = text.lines().map(|line| format!("{}{}", space(line), line.trim_end()));
    let text = lines.collect::<Vec<_>>().join(LINE_BREAK.encode_utf8(&mut [0]));
    // rustc and syn read literals without escapes much faster.
    let raw = || format!("r#\"{text}\"#").parse().ok();
    if text.contains("\"#") { None } else { raw() }.unwrap_or_else(|| Literal::string(&text))
}

/// The documentation of a shape, with `#[deprecated]`.
pub(super) fn of(docs: &Docs) -> TokenStream {
    let text = outer(&text(docs));
    let deprecated = deprecated(docs);
    quote!(#text #deprecated)
}

pub(super) fn deprecated(docs: &Docs) -> TokenStream {
    let Some(deprecated) = &docs.deprecated else { return TokenStream::new() };
    match (&deprecated.since, &deprecated.note) {
        (None, None) => quote!(#[deprecated]),
        (Some(since), None) => quote!(#[deprecated(since = #since)]),
        (None, Some(note)) => quote!(#[deprecated(note = #note)]),
        (Some(since), Some(note)) => quote!(#[deprecated(since = #since, note = #note)]),
    }
}

pub(super) fn text(docs: &Docs) -> String {
    linked(&docs.text, docs)
}

/// The first paragraph of a documentation.
pub(super) fn summary(docs: &Docs) -> String {
    linked(docs.text.split("\n\n").next().unwrap_or_default(), docs)
}

/// A text with the definitions of its links.
fn linked(text: &str, docs: &Docs) -> String {
    let links = docs.links.iter().map(|(name, path)| (format!("[`{name}`]"), path));
    let links = links.filter(|(label, _)| text.contains(label));
    let links = links.map(|(label, path)| format!("{LINK}{label}: {path}"));
    format!("{text}{}", links.collect::<String>())
}

/// A link to a type, preceded by "a" or by "an" if the name begins with a vowel sound.
pub(super) fn a_link(name: &str) -> String {
    let begins = |words: &str| words.split(' ').any(|it| name.starts_with(it));
    let is_vowel = begins("A E I O U Http Mqtt Xml") && !begins("Eu One Uni Us Ut");
    format!("{} [`{name}`]", if is_vowel { "an" } else { "a" })
}
