//! Prints a service, an operation or a shape, and what it is in Rust.

use crate::{
    Diagnostics, Source, Words,
    diagnostic::closest,
    facts::{self, Fact, Facts, Item, Kind, table},
};

/// How wide text is.
const WIDTH: usize = 100;

/// Describes an operation or a shape of a service; without a name, lists all of them.
///
/// `words` are those of the [`Config`](crate::Config) with which the crate is generated. A name is an
/// absolute shape ID, also of a member; the part after the `#`; or the name in Rust: a type with or without
/// its module, or a method of the client.
///
/// The inner error is what to try instead of a name that nothing has.
///
/// # Errors
///
/// What is wrong with the model.
pub fn show(
    sources: &[Source<'_>],
    service: Option<&str>,
    words: &Words,
    name: Option<&str>,
) -> Result<Result<String, String>, Diagnostics> {
    let facts = facts::read(sources, service, words)?;
    let Some(name) = name else { return Ok(Ok(list(&facts))) };
    let (name, member) = match name.trim_start_matches("crate::").split_once('$') {
        Some((shape, member)) => (shape, Some(member)),
        None => (name.trim_start_matches("crate::"), None),
    };
    let is_meant = |item: &&Item| item.id == name || names(item).any(|it| it == name);
    let items: Vec<_> = facts.items().filter(is_meant).collect();
    let texts = items.iter().filter_map(|item| match member {
        None => Some(describe(&facts, item)),
        Some(member) => {
            let member = item.members.iter().find(|it| it.name == member)?;
            Some(format!("member {}\n{}", member.id, describe_member(member, 1)))
        }
    });
    let texts: Vec<_> = texts.collect();
    Ok(match (&items[..], &texts[..], member) {
        ([], ..) => Err(hint(&facts, name)),
        (_, [], Some(member)) => Err(format!("{name} has no member {member}")),
        _ => Ok(texts.join("\n")),
    })
}

/// The names of an operation or a shape besides its ID.
fn names(item: &Item) -> impl Iterator<Item = &str> {
    let kinds = [Kind::Path, Kind::Alias, Kind::Method];
    let paths = kinds.into_iter().flat_map(|kind| item.values(kind));
    paths.flat_map(|path| [path, last_part(path)]).chain([last_part(&item.id)])
}

/// The last part of a shape ID or a path.
fn last_part(id: &str) -> &str {
    id.rsplit(['#', ':']).next().unwrap_or(id)
}

/// What to try instead of a name that nothing has.
fn hint(facts: &Facts, name: &str) -> String {
    match closest(last_part(name), facts.items().flat_map(names)) {
        Some(closest) => format!("did you mean {closest}?"),
        None => "without a name, all that there is is listed".to_owned(),
    }
}

/// All operations and shapes of the service, by kind.
fn list(facts: &Facts) -> String {
    let service = &facts.service;
    let mut text = format!("service {}, in Rust {}\n", service.id, service.text(Kind::Path));
    for title in
        ["operations", "structures", "errors", "unions", "enums", "lists", "maps", "simple shapes"]
    {
        let items = facts.items().filter(|item| title_of(item) == title);
        let rows = items.map(|item| {
            let rust = [Kind::Path, Kind::Holds].map(|kind| item.text(kind)).concat();
            let rust = item.values(Kind::Method).next().map_or(rust, str::to_owned);
            [format!("  {}", item.name), rust, item.text(Kind::Direction).to_owned()]
        });
        let rows: Vec<_> = rows.collect();
        if !rows.is_empty() {
            text.push_str(&format!("\n{title}: {}\n{}", rows.len(), table(&rows)));
        }
    }
    text
}

fn title_of(item: &Item) -> String {
    match item.kind {
        _ if item.has(Kind::Fault) => "errors".to_owned(),
        "intEnum" => "enums".to_owned(),
        "operation" | "structure" | "union" | "enum" | "list" | "map" => format!("{}s", item.kind),
        _ => "simple shapes".to_owned(),
    }
}

/// An operation or a shape with its members.
fn describe(facts: &Facts, item: &Item) -> String {
    let mut text = format!("{} {}\n", item.kind, item.id);
    let is_line =
        |fact: &&Fact| !fact.kind.label().is_empty() && !is_end(fact) && !fact.text.is_empty();
    let lines: Vec<_> = item.facts.iter().filter(is_line).collect();
    for facts in lines.chunk_by(|a, b| a.kind.label() == b.kind.label()) {
        let texts: Vec<_> = facts.iter().map(|fact| &*fact.text).collect();
        text.push_str(&line(facts[0].kind.label(), &texts.join(", ")));
    }
    let users = users(facts, &item.id);
    if !users.is_empty() {
        text.push_str(&line("used by", &users.join(", ")));
    }
    if !item.docs.is_empty() {
        text.push_str(&format!("\n{}", documentation(item, 1)));
    }
    text.push_str(&describe_members(item, 1));
    for end in item.facts.iter().filter(|fact| is_end(fact) && fact.kind != Kind::Error) {
        text.push_str(&format!("\n  {}: {}\n", end.kind.label(), end.text));
        let shape = facts.shapes.iter().find(|shape| shape.id == end.value);
        text.push_str(&shape.map_or(String::new(), |shape| describe_members(shape, 2)));
    }
    text
}

/// Whether a fact names a shape that goes over the wire.
fn is_end(fact: &Fact) -> bool {
    use Kind::{ClientEvents, Error, Request, Response, ServerEvents};
    matches!(fact.kind, Request | Response | ClientEvents | ServerEvents | Error)
}

/// The operations and members that have a shape.
fn users(facts: &Facts, id: &str) -> Vec<String> {
    let mut users = Vec::new();
    for item in facts.items() {
        let ends = item.facts.iter().filter(|fact| is_end(fact) && fact.value == id);
        users.extend(ends.map(|end| format!("{} ({})", item.name, end.kind.label())));
        let members = item.members.iter().filter(|it| it.values(Kind::Target).any(|it| it == id));
        users.extend(members.map(|member| format!("{}${}", item.name, member.name)));
    }
    users
}

fn line(label: &str, text: &str) -> String {
    let indent = " ".repeat(12);
    format!("  {label:9} {}\n", wrap(text, WIDTH - indent.len()).join(&format!("\n{indent}")))
}

fn describe_members(item: &Item, depth: usize) -> String {
    if item.members.is_empty() && matches!(item.kind, "structure" | "union") {
        return format!("{}no members\n", "  ".repeat(depth));
    }
    item.members.iter().map(|member| describe_member(member, depth)).collect()
}

fn describe_member(member: &Item, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    let (rust, notes): (Vec<_>, Vec<_>) = member
        .facts
        .iter()
        .filter(|fact| !fact.text.is_empty())
        .partition(|fact| matches!(fact.kind, Kind::FieldName | Kind::VariantName));
    let notes: Vec<_> = notes.into_iter().map(|fact| &*fact.text).collect();
    let rust = rust.into_iter().map(|fact| format!("{indent}  in Rust {}\n", fact.text));
    let (rust, docs) = (rust.collect::<String>(), documentation(member, depth + 1));
    format!("\n{indent}{}: {}\n{rust}{docs}", member.name, notes.join(", "))
}

/// The documentation as the model has it.
fn documentation(item: &Item, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    let lines = item.docs.lines();
    let wrapped = lines.flat_map(|line| wrap(line, WIDTH - indent.len()));
    wrapped.map(|line| format!("{}\n", format!("{indent}{line}").trim_end())).collect()
}

/// Breaks a line between words.
fn wrap(line: &str, width: usize) -> Vec<String> {
    let margin = line.len() - line.trim_start().len();
    // The lines of an item in a list are aligned with its first word.
    let hanging = if line.trim_start().starts_with("- ") { margin + 2 } else { margin };
    let mut lines = Vec::new();
    let mut last = " ".repeat(margin);
    for word in line.split_whitespace() {
        let is_first = last.trim().is_empty();
        if !is_first && last.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::replace(&mut last, format!("{}{word}", " ".repeat(hanging))));
        } else {
            last.push_str(if is_first { "" } else { " " });
            last.push_str(word);
        }
    }
    lines.push(last);
    lines
}
