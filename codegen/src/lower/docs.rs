//! Documentation: the prose and the notes on traits, in CommonMark that is safe for rustdoc.

mod html;
mod markdown;

use std::collections::{BTreeSet, HashMap};

use super::Lowering;
use crate::{
    ir,
    json::{Kind, Value},
    model::Shape,
    text::{between, code_span, is_kept},
    traits::{Trait, Traits},
};

use markdown::Sanitizer;
pub(crate) use markdown::wrap;

impl Lowering<'_, '_> {
    /// The documentation of a shape or member, completed with that of the member's target. `about` is used if the
    /// model has no prose.
    pub(super) fn docs(
        &self,
        own: &Traits,
        target: Option<&Shape>,
        is_checked: bool,
        about: &str,
    ) -> ir::Docs {
        let none = Traits::default();
        // The prelude has no documentation.
        let target = target.filter(|it| !it.is_prelude()).map_or(&none, |it| &it.traits);
        let sanitizer = Sanitizer(&self.paths);
        let prose = [own.text("documentation"), target.text("documentation"), own.text("title")];
        let mut prose = prose.into_iter().flatten().map(normal);
        let prose = prose.find(|it| !it.trim().is_empty()).unwrap_or_default();
        let prose =
            if html::is_html(&prose) { html::blocks(&prose) } else { sanitizer.blocks(&prose, 0) };
        let notes = sanitizer.blocks(&notes(own, target, is_checked).join("\n\n"), 0);
        let is_enough = !prose.is_empty() && !prose.starts_with("```");
        let about = if is_enough { "" } else { about };
        let parts = [about, &prose, &notes].into_iter().filter(|it| !it.is_empty());
        let text = parts.collect::<Vec<_>>().join("\n\n");
        let names: BTreeSet<_> =
            text.split("[`").filter_map(|it| Some(it.split_once("`]")?.0)).collect();
        let link = |name: &str| Some((name.to_owned(), self.paths.get(name)?.clone()));
        ir::Docs {
            links: names.into_iter().filter_map(link).collect(),
            text,
            deprecated: own.find("deprecated").map(deprecated),
        }
    }
}

/// The sentences about an example.
pub(super) fn about_example(example: &Value) -> String {
    let text = |key: &str| Some(example.get(key)?.as_str()?.trim().trim_end_matches('.'));
    let texts = [text("title"), text("documentation")].into_iter().flatten();
    let text: Vec<_> = texts.map(|it| format!("{}.", normal(it))).collect();
    Sanitizer(&HashMap::new()).blocks(&text.join(" "), 0)
}

/// Notes on traits, one paragraph each. A member without a trait gets the note of its target.
fn notes(own: &Traits, target: &Traits, is_checked: bool) -> Vec<String> {
    let code = |it: &str| code_span(&plain(it));
    let bounds = |name| own.bounds(name).or_else(|| target.bounds(name));
    let text = |name| own.text(name).or(target.text(name));
    let tags: Vec<_> = own.tags().map(code).collect();
    let links: String = own.links().map(link).collect();
    let when = |is_so: bool, note: &str| is_so.then(|| note.to_owned());
    let has_pattern = is_checked && text("pattern").is_some();
    let notes = [
        own.find("default").or(target.find("default")).and_then(|it| default(&it.value.kind)),
        bounds("range").map(|it| format!("Range: {}.", between(it.min, it.max))),
        bounds("length").map(|it| format!("Length: {}.", between(it.min, it.max))),
        text("pattern").map(|it| format!("Pattern: {}", code(it))),
        when(own.has("uniqueItems") || target.has("uniqueItems"), "No two elements are equal."),
        text("mediaType").map(|it| format!("Media type: {}", code(it))),
        when(own.has("recommended"), "Setting this member is recommended."),
        own.text("since").map(|it| format!("Since {}.", plain(it))),
        when(own.has("unstable"), "Unstable: it may change without notice."),
        when(own.has("internal"), "Internal: it is not for general use."),
        (!tags.is_empty()).then(|| format!("Tags: {}", tags.join(", "))),
        (!links.is_empty()).then(|| format!("See also:\n{links}")),
        when(has_pattern, "Servers check that the value matches the pattern."),
    ];
    notes.into_iter().flatten().collect()
}

fn default(value: &Kind) -> Option<String> {
    let value = match value {
        Kind::Null => return None,
        Kind::Bool(value) => code_span(&value.to_string()),
        Kind::Number(text) => code_span(text),
        Kind::String(text) if text.trim().is_empty() => "an empty string".to_owned(),
        Kind::String(text) => code_span(&plain(text)),
        Kind::Array(_) => "an empty list".to_owned(),
        Kind::Object(_) => "empty".to_owned(),
    };
    Some(format!("Default: {value}."))
}

fn link((name, address): (&str, &str)) -> String {
    let name = plain(name).replace(['[', ']', '`', '<', '\\'], "");
    let address = plain(address).replace('(', "%28").replace(')', "%29");
    format!("\n- [{name}]({address})")
}

/// The attribute `deprecated`. Clippy requires `since` to be a version, so other texts become part of the note.
fn deprecated(applied: &Trait) -> ir::Deprecated {
    let (since, other) = match applied.text("since") {
        Some(since) if is_version(since) => (Some(since.to_owned()), None),
        other => (None, other.map(|it| format!("since {it}"))),
    };
    let note: Vec<_> =
        [other.as_deref(), applied.text("message")].into_iter().flatten().map(plain).collect();
    ir::Deprecated { since, note: (!note.is_empty()).then(|| note.join(": ")) }
}

fn is_version(text: &str) -> bool {
    let is_number = |it: &str| it.parse::<u32>().is_ok_and(|number| number.to_string() == it);
    text.split('.').count() == 3 && text.split('.').all(is_number)
}

/// A text in one line, for attributes.
fn plain(text: &str) -> String {
    normal(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text with uniform line breaks and spaces, and without characters that rustc rejects.
fn normal(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\t', "    ");
    let space = |it: char| if it != '\n' && it.is_whitespace() { ' ' } else { it };
    text.chars().filter(|it| is_kept(*it)).map(space).collect()
}
