//! Documentation: what the model says in prose and in traits, in a form that is safe for rustdoc.

mod html;
mod markdown;

use std::collections::BTreeSet;

use super::Lowering;
use crate::{
    ast::Member,
    ir,
    text::{between, code_span, is_kept},
    traits::{DefaultValue, Deprecated, Traits},
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
        let prose = [&own.documentation, &target.documentation, &own.title];
        let mut prose = prose.into_iter().flatten().map(|it| normal(it));
        let prose = prose.find(|it| !it.trim().is_empty()).unwrap_or_default();
        let text = match html::is_html(&prose) {
            true => html::blocks(&prose),
            false => cleaner.blocks(&prose, 0),
        };
        let notes = cleaner.blocks(&notes(own, target).join("\n\n"), 0);
        let links = cleaner.links.into_iter().collect();
        ir::Docs { text, notes, links, deprecated: own.deprecated.as_ref().map(deprecated) }
    }
}

/// What traits say that people should know, each a paragraph. Those of the target hold where a member has none.
fn notes(own: &Traits, target: &Traits) -> Vec<String> {
    let text = |it: Option<u64>| it.map(|it| it.to_string());
    let code = |it: &String| code_span(&plain(it));
    let range = own.range.clone().or_else(|| target.range.clone());
    let length = own.length.or(target.length);
    let pattern = own.pattern.as_ref().or(target.pattern.as_ref());
    let media_type = own.media_type.as_ref().or(target.media_type.as_ref());
    let tags: Vec<_> = own.tags.iter().map(code).collect();
    let links: String = own.external_documentation.iter().map(link).collect();
    let notes = [
        own.default.as_ref().or(target.default.as_ref()).and_then(|it| default(&it.value)),
        range.map(|it| format!("Range: {}.", between(it.min, it.max))),
        length.map(|it| format!("Length: {}.", between(text(it.min), text(it.max)))),
        pattern.map(|it| format!("Checked pattern: {}", code(it))),
        (own.unique_items || target.unique_items).then(|| "No two elements are equal.".to_owned()),
        media_type.map(|it| format!("Media type: {}", code(it))),
        own.recommended.then(|| "Setting this member is recommended.".to_owned()),
        own.since.as_ref().map(|it| format!("Since {}.", plain(it))),
        own.unstable.then(|| "Unstable: it may change without notice.".to_owned()),
        own.internal.then(|| "Internal: it is not meant for everybody.".to_owned()),
        (!tags.is_empty()).then(|| format!("Tags: {}", tags.join(", "))),
        (!links.is_empty()).then(|| format!("See also:\n{links}")),
    ];
    notes.into_iter().flatten().chain(own.examples.iter().map(|it| normal(it))).collect()
}

fn default(value: &DefaultValue) -> Option<String> {
    let value = match value {
        DefaultValue::Null => return None,
        DefaultValue::Bool(value) => code_span(&value.to_string()),
        DefaultValue::Number(text) => code_span(text),
        DefaultValue::String(text) if text.trim().is_empty() => "an empty text".to_owned(),
        DefaultValue::String(text) => code_span(&plain(text)),
        DefaultValue::EmptyList => "an empty list".to_owned(),
        DefaultValue::EmptyObject => "empty".to_owned(),
    };
    Some(format!("Default: {value}."))
}

fn link((name, address): &(String, String)) -> String {
    let name = plain(name).replace(['[', ']', '`', '<', '\\'], "");
    let address = plain(address).replace('(', "%28").replace(')', "%29");
    format!("\n- [{name}]({address})")
}

/// `since` is a version, as Clippy asks, and otherwise part of the note.
fn deprecated(it: &Deprecated) -> ir::Deprecated {
    let (since, other) = match it.since.clone() {
        Some(since) if is_version(&since) => (Some(since), None),
        other => (None, other.map(|it| format!("since {it}"))),
    };
    let note: Vec<_> = [&other, &it.message].into_iter().flatten().map(|it| plain(it)).collect();
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
