//! Prints a service, an operation or a shape, and what it is in Rust.

use crate::{
    Diagnostics, Source, Words,
    diagnostic::closest,
    facts::{self, Fact, Facts, Item, Kind},
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
    let (shape, member) = match name.split_once('$') {
        Some((shape, member)) => (shape, Some(member)),
        None => (name, None),
    };
    let shape = shape.trim_start_matches("crate::");
    let is_meant = |item: &&Item| item.id == shape || names(item).any(|name| name == shape);
    let mut items: Vec<_> = facts.items().filter(is_meant).collect();
    if items.is_empty() {
        return Ok(Err(hint(&facts, shape)));
    }
    if let Some(member) = member {
        items.retain(|item| item.members.iter().any(|it| it.name == member));
        if items.is_empty() {
            return Ok(Err(format!("{shape} has no member {member}")));
        }
    }
    let texts: Vec<_> = items.into_iter().map(|item| describe(&facts, item, member)).collect();
    Ok(Ok(texts.join("\n")))
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
    if let Some(closest) = closest(last_part(name), facts.items().flat_map(names)) {
        return format!("did you mean {closest}?");
    }
    match facts.all.iter().find(|id| *id == name || last_part(id) == name) {
        Some(id) => format!("the model has {id}, but no operation of the service needs it"),
        None => "without a name, all that there is is listed".to_owned(),
    }
}

/// All operations and shapes of the service, by kind.
fn list(facts: &Facts) -> String {
    let mut text =
        format!("service {}, in Rust {}\n", facts.service.id, facts.service.text(Kind::Path));
    for title in
        ["operations", "structures", "errors", "unions", "enums", "lists", "maps", "simple shapes"]
    {
        let items = facts.items().filter(|item| title_of(item) == title);
        let rows: Vec<_> = items
            .map(|item| {
                let rust = [Kind::Path, Kind::Holds].map(|kind| item.text(kind)).concat();
                let rust = item.values(Kind::Method).next().map_or(rust, str::to_owned);
                (&*item.name, rust, item.text(Kind::Direction))
            })
            .collect();
        let width = |of: fn(&(&str, String, &str)) -> usize| rows.iter().map(of).max();
        let (first, second) = (width(|row| row.0.len()), width(|row| row.1.len()));
        if let (Some(first), Some(second)) = (first, second) {
            text.push_str(&format!("\n{title}: {}\n", rows.len()));
            for (a, b, c) in rows {
                text.push_str(&format!(
                    "{}\n",
                    format!("  {a:first$}  {b:second$}  {c}").trim_end()
                ));
            }
        }
    }
    text
}

fn title_of(item: &Item) -> &'static str {
    match item.kind {
        _ if item.has(Kind::Fault) => "errors",
        "operation" => "operations",
        "structure" => "structures",
        "union" => "unions",
        "enum" | "intEnum" => "enums",
        "list" => "lists",
        "map" => "maps",
        _ => "simple shapes",
    }
}

/// An operation, a shape, or one of its members.
fn describe(facts: &Facts, item: &Item, member: Option<&str>) -> String {
    if let Some(member) = member {
        return format!("member {}${member}\n{}", item.id, members(item, Some(member), 1));
    }
    let (ends, lines): (Vec<_>, Vec<_>) = item.facts.iter().partition(|fact| is_end(fact));
    let shown =
        lines.into_iter().filter(|fact| !fact.text.is_empty() && !fact.kind.label().is_empty());
    let mut text = format!("{} {}\n", item.kind, item.id);
    for facts in shown.collect::<Vec<_>>().chunk_by(|a, b| a.kind.label() == b.kind.label()) {
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
    text.push_str(&members(item, None, 1));
    for end in ends.into_iter().filter(|end| end.kind != Kind::Error) {
        text.push_str(&format!("\n  {}: {}\n", end.kind.label(), end.text));
        let shape = facts.shapes.iter().find(|shape| shape.id == end.value);
        text.push_str(&shape.map(|shape| members(shape, None, 2)).unwrap_or_default());
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
    let ends = |item: &Item| {
        let ends = item.facts.iter().filter(|fact| is_end(fact) && fact.value == id);
        ends.map(|end| format!("{} ({})", item.name, end.kind.label())).collect::<Vec<_>>()
    };
    let members = |item: &Item| {
        let members = item
            .members
            .iter()
            .filter(|member| member.values(Kind::Target).any(|target| target == id));
        members.map(|member| format!("{}${}", item.name, member.name)).collect::<Vec<_>>()
    };
    let operations = facts.operations.iter().flat_map(ends);
    operations.chain(facts.shapes.iter().flat_map(members)).collect()
}

fn line(label: &str, text: &str) -> String {
    let indent = " ".repeat(12);
    format!("  {label:9} {}\n", wrap(text, WIDTH - indent.len()).join(&format!("\n{indent}")))
}

/// The members of a shape, or one of them.
fn members(item: &Item, only: Option<&str>, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    if item.members.is_empty() && matches!(item.kind, "structure" | "union") {
        return format!("{indent}no members\n");
    }
    let mut text = String::new();
    for member in item.members.iter().filter(|it| only.is_none_or(|only| it.name == only)) {
        let is_rust = |fact: &&Fact| matches!(fact.kind, Kind::FieldName | Kind::VariantName);
        let is_note = |fact: &&Fact| !is_rust(fact) && !fact.text.is_empty();
        let notes: Vec<_> = member.facts.iter().filter(is_note).map(|fact| &*fact.text).collect();
        text.push_str(&format!("\n{indent}{}: {}\n", member.name, notes.join(", ")));
        for fact in member.facts.iter().filter(is_rust) {
            text.push_str(&format!("{indent}  in Rust {}\n", fact.text));
        }
        text.push_str(&documentation(member, depth + 1));
    }
    text
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
