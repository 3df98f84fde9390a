//! Documentation: what the model says in prose and in traits, in a form that is safe for rustdoc.

mod html;
mod markdown;

use std::collections::BTreeSet;

use super::Lowering;
use crate::{
    ast::Member,
    ir,
    traits::{DefaultValue, Deprecated, Traits},
};

use markdown::{Cleaner, code_span};

impl Lowering<'_, '_, '_> {
    /// The documentation of a member: its own, completed with that of its target.
    pub(super) fn member_docs(&self, member: &Member) -> ir::Docs {
        let target = self.resolved.model.get(&member.target);
        // Shapes of the prelude say nothing but their type.
        let Some(target) = target.filter(|it| !it.is_prelude()) else {
            return self.docs(&member.traits);
        };
        let (mut own, target) = (member.traits.clone(), &target.traits);
        own.documentation = own.documentation.filter(|it| !it.trim().is_empty());
        own.documentation = own.documentation.or_else(|| target.documentation.clone());
        own.default = own.default.or_else(|| target.default.clone());
        own.range = own.range.or_else(|| target.range.clone());
        own.length = own.length.or(target.length);
        own.pattern = own.pattern.or_else(|| target.pattern.clone());
        own.media_type = own.media_type.or_else(|| target.media_type.clone());
        own.unique_items |= target.unique_items;
        self.docs(&own)
    }

    /// The documentation of a shape or member.
    pub(super) fn docs(&self, traits: &Traits) -> ir::Docs {
        let mut cleaner = Cleaner { paths: &self.paths, links: BTreeSet::new() };
        let prose = [&traits.documentation, &traits.title].into_iter().flatten();
        let mut prose = prose.map(|it| normal(it)).filter(|it| !it.trim().is_empty());
        let text = prose.next().map(|text| match html::is_html(&text) {
            true => html::blocks(&text),
            false => cleaner.blocks(&text, 0),
        });
        let notes = cleaner.blocks(&notes(traits).join("\n\n"), 0);
        ir::Docs {
            text: text.unwrap_or_default(),
            notes,
            links: cleaner.links.into_iter().collect(),
            deprecated: traits.deprecated.as_ref().map(deprecated),
        }
    }
}

/// What traits say that people should know, each a paragraph.
fn notes(traits: &Traits) -> Vec<String> {
    let text = |it: Option<u64>| it.map(|it| it.to_string());
    let code = |it: &String| code_span(&plain(it));
    let tags: Vec<_> = traits.tags.iter().map(code).collect();
    let links: String = traits.external_documentation.iter().map(link).collect();
    let notes = [
        traits.default.as_ref().and_then(|it| Some(format!("Default: {}.", default(&it.value)?))),
        traits.range.clone().map(|it| format!("Range: {}.", between(it.min, it.max))),
        traits.length.map(|it| format!("Length: {}.", between(text(it.min), text(it.max)))),
        traits.pattern.as_ref().map(|it| format!("Pattern: {}", code(it))),
        traits.unique_items.then(|| "No two elements are equal.".to_owned()),
        traits.media_type.as_ref().map(|it| format!("Media type: {}", code(it))),
        traits.recommended.then(|| "Setting this member is recommended.".to_owned()),
        traits.since.as_ref().map(|it| format!("Since {}.", plain(it))),
        traits.unstable.then(|| "Unstable: it may change without notice.".to_owned()),
        traits.internal.then(|| "Internal: it is not meant for everybody.".to_owned()),
        (!tags.is_empty()).then(|| format!("Tags: {}", tags.join(", "))),
        (!links.is_empty()).then(|| format!("See also:\n{links}")),
    ];
    notes.into_iter().flatten().chain(traits.examples.iter().map(|it| normal(it))).collect()
}

fn between(min: Option<String>, max: Option<String>) -> String {
    match (min, max) {
        (Some(min), Some(max)) if min == max => min,
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, max) => format!("at most {}", max.unwrap_or_default()),
    }
}

/// A default as people write it.
fn default(value: &DefaultValue) -> Option<String> {
    Some(match value {
        DefaultValue::Null => return None,
        DefaultValue::Bool(value) => code_span(&value.to_string()),
        DefaultValue::Number(text) => code_span(text),
        DefaultValue::String(text) if text.trim().is_empty() => "an empty text".to_owned(),
        DefaultValue::String(text) => code_span(&plain(text)),
        DefaultValue::EmptyList => "an empty list".to_owned(),
        DefaultValue::EmptyObject => "empty".to_owned(),
    })
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

/// A name or value of the model as code: whatever is in it, it stays on its line and is seen.
pub(crate) fn code(text: &str) -> String {
    match text.trim().is_empty() {
        true => code_span(&format!("{text:?}")),
        false => code_span(&visible(text)),
    }
}

/// A text in one line, with escapes for the characters that rustc refuses in comments.
pub(crate) fn visible(text: &str) -> String {
    let visible = |it: char| match it == '\n' || !is_kept(it) {
        true => it.escape_default().collect(),
        false => it.to_string(),
    };
    text.chars().map(visible).collect()
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

/// Whether a character may be in documentation: rustc refuses some control characters.
fn is_kept(it: char) -> bool {
    let is_bidi = matches!(it, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (it == '\n' || !it.is_control()) && !is_bidi
}
