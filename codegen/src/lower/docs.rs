//! Documentation: what the model says in prose and in traits, in a form that is safe for rustdoc.

mod html;
mod markdown;

use std::collections::BTreeSet;

use super::Lowering;
use crate::{
    ast::Member,
    ir,
    json::Kind,
    text::{between, code_span, is_kept},
    traits::{Trait, Traits},
};

use markdown::Cleaner;
pub(crate) use markdown::wrap;

impl Lowering<'_, '_> {
    /// The documentation of a member: its own, completed with that of its target.
    pub(super) fn member_docs(&self, member: &Member) -> ir::Docs {
        // Shapes of the prelude say nothing but their type.
        let target = self.resolved.model.get(&member.target).filter(|it| !it.is_prelude());
        self.documented(&member.traits, target.map_or(&Traits::default(), |it| &it.traits))
    }

    /// The documentation of a shape or of the value of an enum.
    pub(super) fn docs(&self, traits: &Traits) -> ir::Docs {
        self.documented(traits, &Traits::default())
    }

    fn documented(&self, own: &Traits, target: &Traits) -> ir::Docs {
        let mut cleaner = Cleaner { paths: &self.paths, links: BTreeSet::new() };
        let prose = [own.text("documentation"), target.text("documentation"), own.text("title")];
        let mut prose = prose.into_iter().flatten().map(normal);
        let prose = prose.find(|it| !it.trim().is_empty()).unwrap_or_default();
        let text = match html::is_html(&prose) {
            true => html::blocks(&prose),
            false => cleaner.blocks(&prose, 0),
        };
        let notes = cleaner.blocks(&notes(own, target).join("\n\n"), 0);
        let links = cleaner.links.into_iter().collect();
        ir::Docs { text, notes, links, deprecated: own.find("deprecated").map(deprecated) }
    }
}

/// What traits say that people should know, each a paragraph. Those of the target hold where a member has none.
fn notes(own: &Traits, target: &Traits) -> Vec<String> {
    let code = |it: &str| code_span(&plain(it));
    let bounds = |name| own.bounds(name).or_else(|| target.bounds(name));
    let text = |name| own.text(name).or(target.text(name));
    let tags: Vec<_> = own.tags().map(code).collect();
    let links: String = own.links().map(link).collect();
    let notes = [
        own.find("default").or(target.find("default")).and_then(|it| default(&it.value.kind)),
        bounds("range").map(|it| format!("Range: {}.", between(it.min, it.max))),
        bounds("length").map(|it| format!("Length: {}.", between(it.min, it.max))),
        text("pattern").map(|it| format!("Checked pattern: {}", code(it))),
        (own.has("uniqueItems") || target.has("uniqueItems"))
            .then(|| "No two elements are equal.".to_owned()),
        text("mediaType").map(|it| format!("Media type: {}", code(it))),
        own.has("recommended").then(|| "Setting this member is recommended.".to_owned()),
        own.text("since").map(|it| format!("Since {}.", plain(it))),
        own.has("unstable").then(|| "Unstable: it may change without notice.".to_owned()),
        own.has("internal").then(|| "Internal: it is not meant for everybody.".to_owned()),
        (!tags.is_empty()).then(|| format!("Tags: {}", tags.join(", "))),
        (!links.is_empty()).then(|| format!("See also:\n{links}")),
    ];
    notes.into_iter().flatten().chain(own.examples().map(|it| normal(&it))).collect()
}

fn default(value: &Kind) -> Option<String> {
    let value = match value {
        Kind::Null => return None,
        Kind::Bool(value) => code_span(&value.to_string()),
        Kind::Number(text) => code_span(text),
        Kind::String(text) if text.trim().is_empty() => "an empty text".to_owned(),
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

/// `since` is a version, as Clippy asks, and otherwise part of the note.
fn deprecated(it: &Trait) -> ir::Deprecated {
    let (since, other) = match it.text("since") {
        Some(since) if is_version(since) => (Some(since.to_owned()), None),
        other => (None, other.map(|it| format!("since {it}"))),
    };
    let note: Vec<_> =
        [other.as_deref(), it.text("message")].into_iter().flatten().map(plain).collect();
    ir::Deprecated { since, note: (!note.is_empty()).then(|| note.join(": ")) }
}

fn is_version(text: &str) -> bool {
    let is_number = |it: &str| it.parse::<u32>().is_ok_and(|number| number.to_string() == it);
    text.split('.').count() == 3 && text.split('.').all(is_number)
}

/// A text in one line, as attributes have it.
fn plain(text: &str) -> String {
    normal(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text with one kind of line break, one kind of space, and no character that rustc refuses.
fn normal(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\t', "    ");
    let space = |it: char| if it != '\n' && it.is_whitespace() { ' ' } else { it };
    text.chars().filter(|it| is_kept(*it)).map(space).collect()
}
