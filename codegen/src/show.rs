//! The command `show`: descriptions of operations and shapes with their Rust names.

use crate::{
    Diagnostics, Source, Words,
    diagnostic::closest,
    facts::{self, Fact, Facts, Item, table},
    lower::wrap,
};

/// The lines of a description: the label, and the kinds of facts.
const LINES: [(&str, &[&str]); 9] = [
    ("kind", &["direction"]),
    ("client", &["method"]),
    ("server", &["server"]),
    ("module", &["module"]),
    ("errors", &["errors"]),
    ("in Rust", &["path", "holds"]),
    ("builder", &["builder", "call builder"]),
    ("error", &["fault", "retryable"]),
    (
        "values",
        &["length", "range", "pattern", "unique items", "sparse", "sensitive", "deprecated"],
    ),
];

/// The kinds of facts of operations that refer to a shape.
const REFERENCES: [&str; 5] =
    ["request", "response", "events from the client", "events from the server", "error"];

/// Describes an operation or shape of a service. Without a name, lists all of them.
///
/// `words` are those of the [`Config`](crate::Config) with which the crate is generated. A name is a shape ID, also of a
/// member; the part after the `#`; or a Rust name: a type with or without its module, or a method of the client.
///
/// # Errors
///
/// The outer error contains the errors of the model; the inner error is a hint for an unknown name.
pub fn show(
    sources: &[Source<'_>],
    service: Option<&str>,
    words: &Words,
    name: Option<&str>,
) -> Result<Result<String, String>, Diagnostics> {
    let facts = facts::read(sources, service, words)?;
    let Some(name) = name.map(|it| it.trim_start_matches("crate::")) else {
        return Ok(Ok(list(&facts)));
    };
    let (name, member) = name.split_once('$').map_or((name, None), |it| (it.0, Some(it.1)));
    let is_meant = |item: &&Item| item.id == name || names(item).any(|it| it == name);
    let items: Vec<_> = facts.items.iter().filter(is_meant).collect();
    let texts = items.iter().filter_map(|item| match member {
        None => Some(describe(&facts, item)),
        Some(member) => {
            let member = item.members.iter().find(|it| it.name == member)?;
            Some(format!("member {}\n{}", member.id, describe_member(member, 2)))
        }
    });
    let texts: Vec<_> = texts.collect();
    Ok(match (closest(last_part(name), facts.items.iter().flat_map(names)), member) {
        _ if !texts.is_empty() => Ok(texts.join("\n")),
        (_, Some(member)) if !items.is_empty() => Err(format!("{name} has no member {member}")),
        (Some(closest), _) => Err(format!("did you mean {closest}?")),
        (None, _) => Err("without a name, show lists all names".to_owned()),
    })
}

/// The names of an operation or shape other than its ID.
fn names(item: &Item) -> impl Iterator<Item = &str> {
    let paths = ["path", "alias", "method"].into_iter().flat_map(|kind| item.values(kind));
    paths.flat_map(|path| [path, last_part(path)]).chain([last_part(&item.id)])
}

fn last_part(id: &str) -> &str {
    id.rsplit(['#', ':']).next().unwrap_or(id)
}

fn list(facts: &Facts) -> String {
    let service = &facts.service;
    let mut text = format!("service {}, in Rust {}\n", service.id, service.text("path"));
    for title in
        ["operations", "structures", "errors", "unions", "enums", "lists", "maps", "simple shapes"]
    {
        let items = facts.items.iter().filter(|item| title_of(item) == title);
        let rows = items.map(|item| {
            let rust = ["path", "holds"].map(|kind| item.text(kind)).concat();
            let rust = item.values("method").next().map_or(rust, str::to_owned);
            [format!("  {}", item.name), rust, item.text("direction").to_owned()]
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
        _ if item.has("fault") => "errors".to_owned(),
        "intEnum" => "enums".to_owned(),
        "operation" | "structure" | "union" | "enum" | "list" | "map" => format!("{}s", item.kind),
        _ => "simple shapes".to_owned(),
    }
}

fn describe(facts: &Facts, item: &Item) -> String {
    let mut text = format!("{} {}\n", item.kind, item.id);
    let mut add_line = |label: &str, texts: &[&str]| {
        if !texts.is_empty() {
            let lines = indented(&texts.join(", "), 12);
            text.push_str(&format!("  {label:9} {}", lines.trim_start()));
        }
    };
    for (label, kinds) in LINES {
        let facts = item.facts.iter().filter(|it| kinds.contains(&it.kind) && !it.text.is_empty());
        add_line(label, &facts.map(|fact| &*fact.text).collect::<Vec<_>>());
    }
    let users = users(facts, &item.id);
    add_line("used by", &users.iter().map(|it| &**it).collect::<Vec<_>>());
    if !item.docs.is_empty() {
        text.push_str(&format!("\n{}", indented(&item.docs, 2)));
    }
    text.push_str(&describe_members(item, 2));
    for reference in references(item).filter(|reference| reference.kind != "error") {
        text.push_str(&format!("\n  {}: {}\n", reference.kind, reference.text));
        let shape = facts.items.iter().find(|shape| shape.id == reference.value);
        text.push_str(&shape.map_or(String::new(), |shape| describe_members(shape, 4)));
    }
    text
}

fn references(item: &Item) -> impl Iterator<Item = &Fact> {
    item.facts.iter().filter(|fact| REFERENCES.contains(&fact.kind))
}

/// The operations and members that refer to a shape.
fn users(facts: &Facts, id: &str) -> Vec<String> {
    let mut users = Vec::new();
    for item in &facts.items {
        let references = references(item).filter(|fact| fact.value == id);
        users.extend(references.map(|reference| format!("{} ({})", item.name, reference.kind)));
        let members = item.members.iter().filter(|it| it.values("target").any(|it| it == id));
        users.extend(members.map(|member| format!("{}${}", item.name, member.name)));
    }
    users
}

fn describe_members(item: &Item, indent: usize) -> String {
    if item.members.is_empty() && matches!(item.kind, "structure" | "union") {
        return format!("{:indent$}no members\n", "");
    }
    item.members.iter().map(|member| describe_member(member, indent)).collect()
}

fn describe_member(member: &Item, indent: usize) -> String {
    let facts = member.facts.iter().filter(|fact| !fact.text.is_empty());
    let (rust, notes): (Vec<_>, Vec<_>) = facts
        .map(|fact| (fact.kind, &*fact.text))
        .partition(|(kind, _)| matches!(*kind, "field name" | "variant name"));
    let notes: Vec<_> = notes.into_iter().map(|it| it.1).collect();
    let mut text = format!("\n{:indent$}{}: {}\n", "", member.name, notes.join(", "));
    for (_, name) in rust {
        text.push_str(&format!("{:indent$}  in Rust {name}\n", ""));
    }
    text + &indented(&member.docs, indent + 2)
}

fn indented(text: &str, indent: usize) -> String {
    let lines = wrap(text, indent);
    lines.lines().map(|line| format!("{:indent$}{line}", "").trim_end().to_owned() + "\n").collect()
}
