//! Descriptions for people.

use super::find::Found;
use crate::{
    ast::{Member, Shape, ShapeKind},
    ir::{self, Events, Presence},
    traits::Traits,
    view::{View, rust_type, wire_name},
};

/// How wide text is.
const WIDTH: usize = 100;

/// All operations and shapes of the service, by kind.
pub(super) fn service(view: &View<'_>) -> String {
    let service = &view.service;
    let operations: Vec<_> = view
        .resolved
        .operations
        .iter()
        .map(|operation| {
            let shape = operation.shape;
            let rust = view.operation(&shape.id);
            let method = rust.map_or("", |it| &*it.method).to_owned();
            (name(view, shape), method, rust.map_or("", |it| kind_of(&it.events)).to_owned())
        })
        .collect();
    let mut text = format!("service {}, in Rust {}\n", service.id, service.name);
    list(&mut text, "operations", &operations);
    for (title, is_listed) in KINDS {
        let shapes = view.resolved.closure.iter().filter(|it| is_listed(it));
        let shapes: Vec<_> = shapes
            .map(|shape| {
                let rust = match view.rust(&shape.id) {
                    Some(it) => path(it.type_ref()),
                    None => values(view, shape),
                };
                (name(view, shape), rust, String::new())
            })
            .collect();
        list(&mut text, title, &shapes);
    }
    text
}

/// A title, and which shapes stand below it.
type Kind = (&'static str, fn(&Shape) -> bool);

const KINDS: [Kind; 7] = [
    ("structures", |it| matches!(it.kind, ShapeKind::Structure) && it.traits.error.is_none()),
    ("errors", |it| it.traits.error.is_some()),
    ("unions", |it| matches!(it.kind, ShapeKind::Union)),
    ("enums", |it| matches!(it.kind, ShapeKind::Enum | ShapeKind::IntEnum)),
    ("lists", |it| matches!(it.kind, ShapeKind::List)),
    ("maps", |it| matches!(it.kind, ShapeKind::Map)),
    ("simple shapes", |it| matches!(it.kind, ShapeKind::Simple(_))),
];

fn list(text: &mut String, title: &str, rows: &[(String, String, String)]) {
    if rows.is_empty() {
        return;
    }
    let width = |of: fn(&(String, String, String)) -> &str| {
        rows.iter().map(|it| of(it).chars().count()).max().unwrap_or_default()
    };
    let (first, second) = (width(|it| &it.0), width(|it| &it.1));
    text.push_str(&format!("\n{title}: {}\n", rows.len()));
    for (a, b, c) in rows {
        text.push_str(format!("  {a:first$}  {b:second$}  {c}").trim_end());
        text.push('\n');
    }
}

/// The name of a shape, with its namespace if that is not the service's own.
fn name(view: &View<'_>, shape: &Shape) -> String {
    match shape.id.namespace() == view.resolved.service.id.namespace() {
        true => shape.id.name().to_owned(),
        false => shape.id.to_string(),
    }
}

fn path(type_ref: &ir::TypeRef) -> String {
    type_ref.path().replacen("crate::", "", 1)
}

fn kind_of(events: &Events) -> &'static str {
    match events {
        Events::None => "call",
        Events::Stream { request: None, .. } => "events from the server",
        Events::Stream { response: None, .. } => "events from the client",
        Events::Stream { .. } => "events in both directions",
    }
}

/// An operation or shape.
pub(super) fn of(view: &View<'_>, found: Found<'_>) -> String {
    let Found { shape, member } = found;
    let mut text = match member {
        None => format!("{} {}\n", shape.kind.name(), shape.id),
        Some(member) => format!("member {}${member}\n", shape.id),
    };
    match (shape.kind, view.operation(&shape.id)) {
        (ShapeKind::Operation, Some(operation)) => {
            facts(&mut text, view, operation);
            paragraphs(&mut text, &shape.traits, &operation.docs, 1);
            ends(&mut text, view, operation);
        }
        _ => {
            if member.is_none() {
                about(&mut text, view, shape);
                paragraphs(&mut text, &shape.traits, docs(view, shape), 1);
            }
            members(&mut text, view, shape, member, 1);
        }
    }
    text
}

/// What an operation is in Rust.
fn facts(text: &mut String, view: &View<'_>, operation: &ir::Operation) {
    let ir::Operation { name, method, events, .. } = operation;
    let mut line = |what: &str, value: &str| line(text, what, value);
    line("kind", kind_of(events));
    line("client", &format!("client.{method}()"));
    line("server", &format!("{}::{method}", view.service.name));
    line("module", &format!("operation::{method}, where {name} is the operation"));
    let errors: Vec<_> = operation.errors.iter().map(path).collect();
    line(
        "errors",
        &format!(
            "{}: {}",
            operation.error,
            match errors.is_empty() {
                true => "none is declared".to_owned(),
                false => errors.join(", "),
            }
        ),
    );
}

/// What goes over the wire: request, response, and events.
fn ends(text: &mut String, view: &View<'_>, operation: &ir::Operation) {
    let (request, response) = match &operation.events {
        Events::Stream { request, response } => (request.as_ref(), response.as_ref()),
        Events::None => (None, None),
    };
    for (what, type_ref) in [
        ("request", Some(&operation.request)),
        ("response", Some(&operation.response)),
        ("events from the client", request),
        ("events from the server", response),
    ] {
        let Some(type_ref) = type_ref else { continue };
        let id = view.id_of(type_ref).filter(|it| *it != "smithy.api#Unit").unwrap_or("nothing");
        text.push_str(&format!("\n  {what}: {id}, in Rust {}\n", path(type_ref)));
        let shape = view.resolved.closure.iter().find(|it| it.id.as_str() == id);
        if let Some(shape) = shape {
            members(text, view, shape, None, 2);
        }
    }
}

fn line(text: &mut String, what: &str, value: &str) {
    let indent = " ".repeat(12);
    let wrapped = wrap(value, WIDTH - indent.len());
    text.push_str(&format!("  {what:9} {}\n", wrapped.join(&format!("\n{indent}"))));
}

/// What a shape is in Rust, and who uses it.
fn about(text: &mut String, view: &View<'_>, shape: &Shape) {
    let rust = view.rust(&shape.id);
    match rust {
        Some(it) => line(text, "in Rust", &path(it.type_ref())),
        None => line(text, "holds", &values(view, shape)),
    }
    if let Some(ir::Shape::Structure(it)) = rust {
        let module = it.type_ref.home.module().replacen("crate::", "", 1);
        let fails = if it.is_build_fallible() { "; build() can fail" } else { "" };
        line(text, "builder", &format!("{module}::builders::{}{fails}", it.builder));
    }
    if let Some(fault) = shape.traits.error {
        let retryable = match (shape.traits.retryable, shape.traits.throttling) {
            (true, true) => ", may be tried again later, more slowly",
            (true, false) => ", may be tried again",
            _ => "",
        };
        line(text, "error", &format!("{fault:?} is to blame{retryable}").to_lowercase());
    }
    let limits = limits(&shape.traits);
    if !limits.is_empty() {
        line(text, "values", &limits.join(", "));
    }
    let users: Vec<_> = users(view, shape).collect();
    if !users.is_empty() {
        line(text, "used by", &users.join(", "));
    }
}

/// The type of the values of a shape that is no type by itself.
fn values(view: &View<'_>, shape: &Shape) -> String {
    view.type_text(&shape.id)
}

/// The operations and members that have the shape.
fn users(view: &View<'_>, shape: &Shape) -> impl Iterator<Item = String> {
    let operations = view.resolved.operations.iter().flat_map(|operation| {
        let input = operation.input.map(|it| ("request", it));
        let output = operation.output.map(|it| ("response", it));
        let errors = operation.errors.iter().map(|it| ("error", *it));
        let used = input.into_iter().chain(output).chain(errors);
        let used = used.filter(|(_, it)| it.id == shape.id);
        used.map(|(what, _)| format!("{} ({what})", name(view, operation.shape)))
            .collect::<Vec<_>>()
    });
    let members = view.resolved.closure.iter().flat_map(|user| {
        let members = user.members.iter().filter(|it| it.target == shape.id);
        members.map(|it| format!("{}${}", name(view, user), it.name)).collect::<Vec<_>>()
    });
    operations.chain(members)
}

/// The members of a shape, or one of them.
fn members(text: &mut String, view: &View<'_>, shape: &Shape, only: Option<&str>, depth: usize) {
    let indent = "  ".repeat(depth);
    let members: Vec<_> =
        shape.members.iter().filter(|it| only.is_none_or(|only| it.name == only)).collect();
    if members.is_empty() {
        if let ShapeKind::Structure | ShapeKind::Union = shape.kind {
            text.push_str(&format!("{indent}no members\n"));
        }
        return;
    }
    for member in members {
        let rust = in_rust(view, shape, member);
        let mut notes = vec![match shape.kind {
            ShapeKind::Enum | ShapeKind::IntEnum => match &member.traits.enum_value {
                Some(value) => format!("{value:?}"),
                None => member.traits.int_enum_value.unwrap_or_default().to_string(),
            },
            _ => member.target.as_str().trim_start_matches("smithy.api#").to_owned(),
        }];
        notes.extend(rust.note);
        if wire_name(member) != member.name {
            notes.push(format!("{:?} in JSON", wire_name(member)));
        }
        notes.extend(limits(&member.traits));
        text.push_str(&format!("\n{indent}{}: {}\n", member.name, notes.join(", ")));
        if !rust.name.is_empty() {
            text.push_str(&format!("{indent}  in Rust {}\n", rust.name));
        }
        documentation(text, &member.traits, rust.docs, depth + 1);
    }
}

/// What a member is in Rust.
struct InRust<'v> {
    /// Name and type.
    name: String,
    /// Whether it must be there.
    note: Option<String>,
    docs: &'v ir::Docs,
}

const NO_DOCS: &ir::Docs =
    &ir::Docs { text: String::new(), notes: String::new(), links: Vec::new(), deprecated: None };

fn in_rust<'v>(view: &'v View<'_>, shape: &Shape, member: &Member) -> InRust<'v> {
    let wire_name = wire_name(member);
    let found = match view.rust(&shape.id) {
        Some(ir::Shape::Structure(it)) => {
            it.members.iter().find(|it| it.wire_name == wire_name).map(field)
        }
        Some(ir::Shape::Union(it)) => {
            let variant = it.variants.iter().find(|it| it.wire_name == wire_name);
            variant.map(|it| {
                let boxed = it.ty.as_ref().map(|ty| boxed(ty, it.is_boxed));
                let value = boxed.map(|it| format!("({it})")).unwrap_or_default();
                InRust { name: format!("{}{value}", it.name), note: None, docs: &it.docs }
            })
        }
        Some(ir::Shape::Enum(it)) => {
            let value = member.traits.enum_value.as_ref();
            let found = it.values.iter().find(|it| Some(&it.value) == value);
            found.map(|it| InRust { name: it.name.clone(), note: None, docs: &it.docs })
        }
        Some(ir::Shape::IntEnum(it)) => {
            let value = member.traits.int_enum_value;
            let found = it.values.iter().find(|it| Some(it.value) == value);
            found.map(|it| InRust { name: it.name.clone(), note: None, docs: &it.docs })
        }
        None => None,
    };
    // An event stream is a member in the model alone.
    found.unwrap_or(InRust { name: String::new(), note: None, docs: NO_DOCS })
}

fn field(member: &ir::Member) -> InRust<'_> {
    let plain = boxed(&member.ty, member.is_boxed);
    let ty = if member.is_optional() { format!("Option<{plain}>") } else { plain };
    let note = match &member.presence {
        Presence::Required => Some("required".to_owned()),
        Presence::Expected => Some("required, but not of a client".to_owned()),
        Presence::Default(_) | Presence::ReadsAs(_) => Some("has a default".to_owned()),
        Presence::Optional => None,
    };
    InRust { name: format!("{}: {ty}", member.name), note, docs: &member.docs }
}

fn boxed(ty: &ir::Type, is_boxed: bool) -> String {
    let ty = rust_type(ty);
    if is_boxed { format!("Box<{ty}>") } else { ty }
}

/// What values may be, and what else is to be known of them.
fn limits(traits: &Traits) -> Vec<String> {
    let mut limits = Vec::new();
    let mut bounds = |what: &str, min: Option<String>, max: Option<String>| {
        limits.extend(match (min, max) {
            (Some(min), Some(max)) => Some(format!("{what} {min} to {max}")),
            (Some(min), None) => Some(format!("{what} at least {min}")),
            (None, Some(max)) => Some(format!("{what} at most {max}")),
            (None, None) => None,
        });
    };
    let text = |it: Option<u64>| it.map(|it| it.to_string());
    if let Some(length) = traits.length {
        bounds("length", text(length.min), text(length.max));
    }
    if let Some(range) = &traits.range {
        bounds("value", range.min.clone(), range.max.clone());
    }
    limits.extend(traits.pattern.as_ref().map(|it| format!("pattern {it}")));
    for (is_so, what) in [
        (traits.unique_items, "no item twice"),
        (traits.sparse, "may hold null"),
        (traits.sensitive, "sensitive"),
        (traits.idempotency_token, "filled in when it is not set"),
        (traits.deprecated.is_some(), "deprecated"),
    ] {
        limits.extend(is_so.then(|| what.to_owned()));
    }
    limits
}

fn docs<'v>(view: &'v View<'_>, shape: &Shape) -> &'v ir::Docs {
    match view.rust(&shape.id) {
        Some(ir::Shape::Structure(it)) => &it.docs,
        Some(ir::Shape::Union(it)) => &it.docs,
        Some(ir::Shape::Enum(it)) => &it.docs,
        Some(ir::Shape::IntEnum(it)) => &it.docs,
        None => NO_DOCS,
    }
}

/// The documentation of what has been named, set apart.
fn paragraphs(text: &mut String, traits: &Traits, docs: &ir::Docs, depth: usize) {
    let mut paragraphs = String::new();
    documentation(&mut paragraphs, traits, docs, depth);
    if !paragraphs.is_empty() {
        text.push('\n');
        text.push_str(&paragraphs);
    }
}

/// The documentation, without what only rustdoc needs.
fn documentation(text: &mut String, traits: &Traits, docs: &ir::Docs, depth: usize) {
    let indent = "  ".repeat(depth);
    let written = match docs.text.is_empty() {
        true => traits.documentation.clone().unwrap_or_default(),
        false => docs.text.replace("[`", "`").replace("`]", "`").replace('\\', ""),
    };
    for line in written.trim().lines() {
        for line in wrap(line, WIDTH - indent.len()) {
            text.push_str(format!("{indent}{line}").trim_end());
            text.push('\n');
        }
    }
}

/// Breaks a line between words.
fn wrap(line: &str, width: usize) -> Vec<String> {
    let margin = line.len() - line.trim_start().len();
    // The lines of an item in a list stand below its first word.
    let hanging = if line.trim_start().starts_with("- ") { margin + 2 } else { margin };
    let mut lines = vec![" ".repeat(margin)];
    for word in line.split_whitespace() {
        let last = lines.last_mut().expect("there is one");
        let is_first = last.trim().is_empty();
        if !is_first && last.chars().count() + 1 + word.chars().count() > width {
            lines.push(format!("{}{word}", " ".repeat(hanging)));
        } else {
            last.push_str(if is_first { "" } else { " " });
            last.push_str(word);
        }
    }
    lines
}
