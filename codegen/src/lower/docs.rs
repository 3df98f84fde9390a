//! Documentation: what the model says in prose and in traits, as CommonMark that is safe for rustdoc.

mod html;
pub(crate) mod markdown;

use super::Lowering;
use crate::{
    ast::Member,
    ir,
    shape_id::PRELUDE,
    traits::{DefaultValue, Traits},
};

use markdown::Cleaner;

impl Lowering<'_, '_, '_> {
    /// The documentation of a member: its own, or that of its target, and what its target says besides.
    pub(super) fn member_docs(&self, member: &Member) -> ir::Docs {
        let target = self.resolved.model.get(&member.target);
        // Shapes of the prelude say nothing but their type.
        let Some(target) = target.filter(|it| it.id.namespace() != PRELUDE) else {
            return self.docs(&member.traits);
        };
        let mut traits = member.traits.clone();
        let (own, of_target) = (&mut traits, &target.traits);
        if own.documentation.as_ref().is_none_or(|it| it.trim().is_empty()) {
            own.documentation.clone_from(&of_target.documentation);
        }
        own.default = own.default.take().or_else(|| of_target.default.clone());
        own.range = own.range.take().or_else(|| of_target.range.clone());
        own.length = own.length.or(of_target.length);
        own.pattern = own.pattern.take().or_else(|| of_target.pattern.clone());
        own.media_type = own.media_type.take().or_else(|| of_target.media_type.clone());
        own.unique_items |= of_target.unique_items;
        self.docs(&traits)
    }

    /// The documentation of a shape or member.
    pub(super) fn docs(&self, traits: &Traits) -> ir::Docs {
        let mut cleaner = Cleaner { paths: &self.paths, links: Vec::new() };
        let prose = traits.documentation.as_deref().unwrap_or_default();
        let mut text = clean(prose, &mut cleaner);
        if text.is_empty() {
            text = clean(traits.title.as_deref().unwrap_or_default(), &mut cleaner);
        }
        let notes = cleaner.clean(&notes(traits).join("\n\n"));
        cleaner.links.sort();
        cleaner.links.dedup();
        let deprecated = traits.deprecated.as_ref().map(|it| {
            // Others are an error to clippy.
            let since = it.since.clone().filter(|it| is_version(it));
            let note = match (&it.message, &it.since) {
                (Some(message), Some(text)) if since.is_none() => {
                    Some(format!("since {text}: {message}"))
                }
                (Some(message), _) => Some(message.clone()),
                (None, Some(text)) if since.is_none() => Some(format!("since {text}")),
                (None, _) => None,
            };
            ir::Deprecated { since, note: note.map(|it| plain(&it)) }
        });
        ir::Docs { text, notes, links: cleaner.links, deprecated }
    }
}

/// CommonMark or HTML to CommonMark that is safe.
fn clean(text: &str, cleaner: &mut Cleaner<'_>) -> String {
    let text = normal(text);
    if html::is_html(&text) {
        return cleaner.clean(&html::to_markdown(&text));
    }
    cleaner.clean(&text)
}

/// Whether a character may be in documentation: rustc refuses some control characters.
fn is_kept(it: char) -> bool {
    let is_bidi = matches!(it, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (it == '\n' || !it.is_control()) && !is_bidi
}

/// The text with one kind of line break, without tabs, and with no character that rustc refuses.
fn normal(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\t', "    ");
    text.chars().filter(|it| is_kept(*it)).collect()
}

/// A name or value of the model as code: whatever is in it, it stays on its line and is seen.
pub(crate) fn code(text: &str) -> String {
    if text.trim().is_empty() {
        return html::code_span(&format!("{text:?}"));
    }
    html::code_span(&visible(text))
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

/// What traits say that people should know, each a paragraph.
fn notes(traits: &Traits) -> Vec<String> {
    let mut notes = Vec::new();
    let between = |min: Option<String>, max: Option<String>| match (min, max) {
        (Some(min), Some(max)) if min == max => min,
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, max) => format!("at most {}", max.unwrap_or_default()),
    };
    if let Some(default) = traits.default.as_ref().and_then(|it| default(&it.value)) {
        notes.push(format!("Default: {default}."));
    }
    if let Some(range) = &traits.range {
        notes.push(format!("Range: {}.", between(range.min.clone(), range.max.clone())));
    }
    if let Some(length) = &traits.length {
        let text = |it: Option<u64>| it.map(|it| it.to_string());
        notes.push(format!("Length: {}.", between(text(length.min), text(length.max))));
    }
    if let Some(pattern) = &traits.pattern {
        notes.push(format!("Pattern: {}", html::code_span(&plain(pattern))));
    }
    if traits.unique_items {
        notes.push("No two elements are equal.".to_owned());
    }
    if let Some(media_type) = &traits.media_type {
        notes.push(format!("Media type: {}", html::code_span(&plain(media_type))));
    }
    if traits.recommended {
        notes.push("Setting this member is recommended.".to_owned());
    }
    if let Some(since) = &traits.since {
        notes.push(format!("Since {}.", plain(since)));
    }
    if traits.unstable {
        notes.push("Unstable: it may change without notice.".to_owned());
    }
    if traits.internal {
        notes.push("Internal: it is not meant for everybody.".to_owned());
    }
    if !traits.tags.is_empty() {
        let tags: Vec<_> = traits.tags.iter().map(|it| html::code_span(&plain(it))).collect();
        notes.push(format!("Tags: {}", tags.join(", ")));
    }
    let links = traits.external_documentation.iter().map(|(name, address)| {
        let name = plain(name).replace(['[', ']', '`', '<', '\\'], "");
        let address = plain(address).replace('(', "%28").replace(')', "%29");
        format!("- [{name}]({address})")
    });
    let links: Vec<_> = links.collect();
    if !links.is_empty() {
        notes.push(format!("See also:\n\n{}", links.join("\n")));
    }
    notes.extend(traits.examples.iter().map(example));
    notes
}

/// A default as people write it.
fn default(value: &DefaultValue) -> Option<String> {
    Some(match value {
        DefaultValue::Null => return None,
        DefaultValue::Bool(value) => html::code_span(&value.to_string()),
        DefaultValue::Number(text) => html::code_span(text),
        DefaultValue::String(text) if text.trim().is_empty() => "an empty text".to_owned(),
        DefaultValue::String(text) => html::code_span(&plain(text)),
        DefaultValue::EmptyList => "an empty list".to_owned(),
        DefaultValue::EmptyObject => "empty".to_owned(),
    })
}

/// An example of the model: it is JSON, and nothing that could be compiled.
fn example(example: &crate::traits::Example) -> String {
    let mut text = format!("Example: {}.", plain(&example.title).trim_end_matches('.'));
    if let Some(documentation) = &example.documentation {
        text.push_str(&format!(" {}", plain(documentation)));
    }
    for (name, json) in &example.parts {
        text.push_str(&format!("\n\n{name}:\n\n```json\n{json}\n```"));
    }
    text
}

/// Whether a text is three numbers with points in between.
fn is_version(text: &str) -> bool {
    let is_number = |it: &str| {
        let is_padded = it.len() > 1 && it.starts_with('0');
        (1..=9).contains(&it.len()) && !is_padded && it.bytes().all(|it| it.is_ascii_digit())
    };
    text.split('.').count() == 3 && text.split('.').all(is_number)
}
