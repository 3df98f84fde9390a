//! Reading of objects: member names in any case, unknown members, and types.

use super::{
    Position,
    diagnostic::{Report, closest},
    document::{Entry, Kind, Node},
};

/// The members of an object.
#[derive(Clone, Copy, Default)]
pub(super) struct Members<'n>(&'n [Entry]);

impl<'n> Members<'n> {
    /// Reads an object. Warns about unknown keys; `what` says what the object is, such as "a manifest".
    pub(super) fn read(node: &'n Node, what: &str, known: &[&str], report: &mut Report) -> Self {
        let members = Self::of(node, what, report);
        let mut seen: Vec<&str> = Vec::new();
        for Entry { key, position, .. } in members.0 {
            let is_same = |it: &&str| it.eq_ignore_ascii_case(key);
            let Some(name) = known.iter().copied().find(is_same) else {
                let advice = match closest(key, known.iter().copied()) {
                    Some(closest) => format!("did you mean {closest}?"),
                    None => format!("these are {}", known.join(", ")),
                };
                let text = format!("{key} is not a member of {what} and is ignored; {advice}");
                report.warning(*position, text);
                continue;
            };
            if seen.contains(&name) {
                let text = format!("{key} is there in two spellings, and only the last one counts");
                report.warning(*position, text);
            }
            seen.push(name);
        }
        members
    }

    /// Reads an object with keys of any name.
    pub(super) fn of(node: &'n Node, what: &str, report: &mut Report) -> Self {
        match &node.kind {
            Kind::Object(entries) => Self(entries),
            _ if node.is_null() => Self::default(),
            _ => {
                report.error(node.position, format!("{what} must be an object, {}", not(node)));
                Self::default()
            }
        }
    }

    pub(super) fn iter(self) -> impl Iterator<Item = &'n Entry> {
        self.0.iter()
    }

    /// The member with a name in any case, unless it is null.
    pub(super) fn get(self, name: &str) -> Option<&'n Entry> {
        let found = self.0.iter().rev().find(|it| it.key.eq_ignore_ascii_case(name));
        found.filter(|it| !it.value.is_null())
    }

    /// A text. Numbers and Booleans are converted.
    pub(super) fn text(self, name: &str, report: &mut Report) -> Option<Text> {
        text(self.get(name)?, report)
    }

    /// A text that is required.
    pub(super) fn required(
        self,
        name: &str,
        example: &str,
        holder: Position,
        report: &mut Report,
    ) -> Option<Text> {
        if self.get(name).is_none() {
            report.error(holder, format!("{name} is missing; write, for example, {example}"));
        }
        self.text(name, report)
    }

    /// The items of a list; empty if it is absent.
    pub(super) fn list(self, name: &str, report: &mut Report) -> &'n [Node] {
        let Some(entry) = self.get(name) else { return &[] };
        match &entry.value.kind {
            Kind::List(items) => items,
            _ => {
                let found = not(&entry.value);
                report.error(entry.value.position, format!("{name} must be a list, {found}"));
                &[]
            }
        }
    }
}

/// A text with its position.
pub(super) struct Text {
    pub(super) text: String,
    pub(super) position: Position,
}

/// The text of a member. Numbers and Booleans are converted.
pub(super) fn text(entry: &Entry, report: &mut Report) -> Option<Text> {
    let position = entry.value.position;
    let text = entry.value.text();
    if text.is_none() {
        let advice = quoting_advice(&entry.value);
        let message = format!("{} must be a string, {}{advice}", entry.key, not(&entry.value));
        report.error(position, message);
    }
    Some(Text { text: text?, position })
}

/// One of some words in any case. Any other is an error.
pub(super) fn one_of<'w>(
    text: Option<Text>,
    name: &str,
    words: &[&'w str],
    report: &mut Report,
) -> Option<&'w str> {
    let Text { text, position } = text?;
    let word = words.iter().copied().find(|it| it.eq_ignore_ascii_case(&text));
    if word.is_none() {
        let known = words.join(", ");
        report.error(position, format!("{name} must be one of {known}, not {text:?}"));
    }
    word
}

/// The found type, for a message that says what it must be.
pub(super) fn not(node: &Node) -> String {
    format!("not {}", node.type_name())
}

/// In YAML, a recipe variable without quotes is an object: `Run: {artifacts:path}`. Empty for other values.
pub(super) fn quoting_advice(node: &Node) -> String {
    let Kind::Object(entries) = &node.kind else { return String::new() };
    match &entries[..] {
        [Entry { key, value, .. }] if value.is_null() => format!("; quote it: \"{{{key}}}\""),
        _ => String::new(),
    }
}
