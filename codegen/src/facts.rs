//! A service as a list of facts about its shapes: their traits in the model, and their names and types in Rust.
//!
//! [`show`](crate::show) prints the facts, and [`diff`](crate::diff) compares those of two models.

use std::collections::HashSet;

use crate::{
    Config, Diagnostics, Source, Words, ast,
    diagnostic::Reporter,
    ir::{self, Events, Presence, Type},
    lower,
    model::{Model, Shape},
    resolve,
    shape_id::ShapeId,
    text::between,
    traits::{TimestampFormat, Traits},
};

pub(crate) struct Facts {
    pub(crate) service: Item,
    /// The operations in the order of the model, then the shapes that they use, sorted by ID.
    pub(crate) items: Vec<Item>,
}

/// A service, an operation, a shape or a member.
#[derive(Default)]
pub(crate) struct Item {
    /// The shape type, or `member`.
    pub(crate) kind: &'static str,
    pub(crate) id: String,
    /// The ID, without the namespace if it is that of the service; or the name of a member.
    pub(crate) name: String,
    /// The kind of the fact that the item exists, for `diff`; empty for a member without a Rust item.
    pub(crate) exists: &'static str,
    /// Whether clients send it, and whether servers send it.
    pub(crate) is_sent: [bool; 2],
    pub(crate) facts: Vec<Fact>,
    /// The documentation, for a member possibly that of its target.
    pub(crate) docs: String,
    pub(crate) members: Vec<Item>,
}

pub(crate) struct Fact {
    pub(crate) kind: &'static str,
    /// The value that `diff` compares.
    pub(crate) value: String,
    /// The text that `show` prints, unless it is empty.
    pub(crate) text: String,
}

impl Item {
    fn set_exists(&mut self, kind: &'static str) {
        self.exists = kind;
        self.add(kind, self.kind, "");
    }

    fn add(&mut self, kind: &'static str, value: impl Into<String>, text: impl Into<String>) {
        self.facts.push(Fact { kind, value: value.into(), text: text.into() });
    }

    fn add_if(&mut self, is_so: bool, kind: &'static str, text: &str) {
        if is_so {
            self.add(kind, "", text);
        }
    }

    pub(crate) fn values(&self, kind: &str) -> impl Iterator<Item = &str> {
        self.facts.iter().filter(move |fact| fact.kind == kind).map(|fact| &*fact.value)
    }

    pub(crate) fn has(&self, kind: &str) -> bool {
        self.values(kind).next().is_some()
    }

    /// The text of the first fact of one kind, or an empty text.
    pub(crate) fn text(&self, kind: &str) -> &str {
        self.facts.iter().find(|fact| fact.kind == kind).map_or("", |fact| &fact.text)
    }
}

/// Aligns the columns of a table, except for cells that are too wide.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    const WIDTH: usize = 60;
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.filter(|width| *width <= WIDTH).max().unwrap_or_default()
    };
    let lines = rows.iter().map(|row| {
        let cells = row.iter().enumerate().map(|(at, cell)| format!("{cell:0$}", width(at)));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    });
    lines.collect()
}

/// Reads the only service of a model, or the service with this ID. Warnings are dropped.
pub(crate) fn read(
    sources: &[Source<'_>],
    service: Option<&str>,
    words: &Words,
) -> Result<Facts, Diagnostics> {
    let mut reporter = Reporter::new(sources);
    let model = ast::parse(sources, &mut reporter);
    let Some(resolved) = resolve::resolve(&model, service, &[], &mut reporter) else {
        return Err(reporter.finish());
    };
    let config = Config { words: words.clone(), ..Config::new("service") };
    let rust = lower::lower(&resolved, &config, &mut reporter);
    let operations = &resolved.operations;
    let requests = operations.iter().filter_map(|it| it.input);
    let responses = operations.iter().flat_map(|it| it.errors.iter().copied().chain(it.output));
    let reader = Reader {
        namespace: resolved.service.id.namespace(),
        model: &model,
        rust: &rust,
        sent: [
            resolve::reached(&model, requests),
            resolve::reached(&model, responses.chain(resolved.errors.iter().copied())),
        ],
    };
    let operations = operations.iter().zip(&rust.operations);
    let operations = operations.map(|(it, rust)| reader.operation(it.shape, rust));
    let (mut types, mut values) = (rust.shapes.iter(), rust.values.iter());
    let shapes = resolved.closure.iter().map(|shape| {
        if shape.kind.has_type() {
            reader.shape(shape, types.next(), None)
        } else {
            reader.shape(shape, None, values.next())
        }
    });
    let mut service = reader.item(resolved.service, "service");
    service.add("service name", resolved.service.id.as_str(), "");
    service.add("version", rust.version.as_deref().unwrap_or("none"), "");
    service.add("path", &rust.name, &rust.name);
    Ok(Facts { items: operations.chain(shapes).collect(), service })
}

struct Reader<'r> {
    namespace: &'r str,
    model: &'r Model,
    rust: &'r ir::Service,
    /// The shapes that clients send, and those that servers send.
    sent: [HashSet<&'r ShapeId>; 2],
}

impl Reader<'_> {
    fn item(&self, shape: &Shape, exists: &'static str) -> Item {
        let is_own = shape.id.namespace() == self.namespace;
        let name = if is_own { shape.id.name() } else { shape.id.as_str() }.to_owned();
        let is_sent = [0, 1].map(|side| self.sent[side].contains(&shape.id));
        let (kind, id) = (shape.kind.name(), shape.id.to_string());
        let mut item = Item { kind, id, name, is_sent, ..Item::default() };
        item.set_exists(exists);
        add_traits(&mut item, &shape.traits, &Traits::default());
        item
    }

    fn operation(&self, shape: &Shape, rust: &ir::Operation) -> Item {
        let mut item = self.item(shape, "operation");
        let ir::Operation { name, method, error, .. } = rust;
        let direction = match &rust.events {
            Events::None => "call",
            Events::Stream { request: None, .. } => "events from the server",
            Events::Stream { response: None, .. } => "events from the client",
            Events::Stream { .. } => "events in both directions",
        };
        let errors = match &rust.errors[..] {
            [] => "none".to_owned(),
            errors => errors.iter().map(path).collect::<Vec<_>>().join(", "),
        };
        item.add("direction", "", direction);
        item.add("method", method, format!("client.{method}()"));
        item.add("server", "", format!("{}::{method}", self.rust.name));
        item.add("module", "", format!("operation::{method}, where {name} is the operation"));
        item.add("errors", "", format!("{error}: {errors}"));
        for (kind, name) in [("path", name), ("path", error), ("alias", &rust.builder.name)] {
            item.add(kind, format!("operation::{method}::{name}"), "");
        }
        item.add_if(direction != "call", "stream", "");
        let mut add = |kind, type_ref: &ir::TypeRef| {
            let shape = self.rust.shapes.iter().find(|shape| shape.type_ref == *type_ref);
            let id = shape.map_or("", |shape| &shape.id);
            let shown = if id == "smithy.api#Unit" { "nothing" } else { id };
            item.add(kind, id, format!("{shown}, in Rust {}", path(type_ref)));
        };
        add("request", &rust.request);
        add("response", &rust.response);
        if let Events::Stream { request, response } = &rust.events {
            request.iter().for_each(|events| add("events from the client", events));
            response.iter().for_each(|events| add("events from the server", events));
        }
        rust.errors.iter().for_each(|error| add("error", error));
        item
    }

    /// A shape, which has a Rust type of its own or uses a general one.
    fn shape(&self, shape: &Shape, rust: Option<&ir::Shape>, values: Option<&Type>) -> Item {
        let mut item = self.item(shape, if rust.is_some() { "type" } else { "value" });
        if let Some(rust) = rust {
            self.add_rust(&mut item, rust);
        }
        if let Some(ty) = values.map(text) {
            // Lists and maps are compared by their members.
            item.add("holds", if shape.members.is_empty() { &ty } else { "" }, &ty);
        }
        if let Some(fault) = shape.traits.text("error") {
            item.add("fault", fault, format!("{fault} fault"));
        }
        let retryable = match (shape.traits.has("retryable"), shape.traits.is_throttling()) {
            (false, _) => "",
            (true, false) => "retryable",
            (true, true) => "retryable at a lower rate (throttling)",
        };
        item.add("retryable", retryable, retryable);
        self.add_members(&mut item, shape, rust, values);
        item
    }

    fn add_members(
        &self,
        item: &mut Item,
        shape: &Shape,
        rust: Option<&ir::Shape>,
        values: Option<&Type>,
    ) {
        let none = Traits::default();
        for member in &shape.members {
            let wire_name = member.wire_name();
            let name = if shape.kind.is_enum() { member.enum_value() } else { wire_name };
            let rust_member = rust.and_then(|it| it.members.iter().find(|it| it.wire_name == name));
            let mut added = Item {
                kind: "member",
                id: format!("{}${}", shape.id, member.name),
                name: member.name.clone(),
                is_sent: item.is_sent,
                ..Item::default()
            };
            if !shape.kind.is_enum() {
                let target = member.target.as_str();
                added.add("target", target, target.trim_start_matches("smithy.api#"));
                added.add("format", format!("{:?}", member.traits.timestamp_format()), "");
            }
            match (rust, rust_member, values) {
                (Some(rust), Some(it), _) => add_rust_member(&mut added, rust.kind, it),
                (.., Some(Type::Map(key, _))) if name == "key" => add_element(&mut added, key),
                (.., Some(Type::List(value) | Type::Map(_, value))) => {
                    add_element(&mut added, value)
                }
                _ => {}
            }
            let in_json = format!("{wire_name:?} in JSON");
            added.add("JSON name", wire_name, if wire_name == member.name { "" } else { &in_json });
            let target = self.model.get(&member.target).map_or(&none, |it| &it.traits);
            add_traits(&mut added, &member.traits, target);
            item.members.push(added);
        }
    }

    fn add_rust(&self, item: &mut Item, rust: &ir::Shape) {
        let type_ref = &rust.type_ref;
        item.add("path", path(type_ref), path(type_ref));
        // The module of an operation re-exports its request and response.
        let types =
            self.rust.operations.iter().flat_map(|it| [(it, &it.request), (it, &it.response)]);
        for (operation, _) in types.filter(|(_, ty)| *ty == type_ref) {
            item.add("path", format!("operation::{}::{}", operation.method, type_ref.name), "");
        }
        if let (Some(name), Some(path)) = (&rust.builder, rust.builder_path()) {
            let path = path.replacen("crate::", "", 1);
            let fails = if rust.is_build_fallible() { "; build() can fail" } else { "" };
            let text = format!("{path}{fails}");
            // The builder of a call belongs to the facts of its operation.
            if rust.is_built_by_operation() {
                item.add("call builder", "", text);
            } else {
                item.add("builder", name, text);
                item.add("alias", path, "");
            }
        }
        let is_structure = matches!(rust.kind, ir::Kind::Structure(_));
        item.add_if(is_structure && rust.is_build_fallible(), "build fails", "");
        item.add_if(is_structure && rust.has_default(), "default", "");
        item.add_if(rust.has_validate(), "validate", "");
    }
}

fn add_element(item: &mut Item, ty: &Type) {
    item.set_exists("element");
    item.add("value type", text(ty), "");
}

fn add_rust_member(item: &mut Item, kind: ir::Kind, member: &ir::Member) {
    let (name, mut ty) = (&member.name, text(&member.ty));
    item.add("value type", &ty, "");
    for (is_so, kind, outer) in
        [(member.is_boxed, "boxed", "Box"), (member.is_optional(), "optional", "Option")]
    {
        if is_so {
            item.add(kind, "", "");
            ty = format!("{outer}<{ty}>");
        }
    }
    let is_required = matches!(member.presence, Presence::Required | Presence::Expected);
    let (exists, name_kind, text) = match (kind, &member.ty) {
        (ir::Kind::Structure(_), _) if is_required => {
            ("required field", "field name", format!("{name}: {ty}"))
        }
        (ir::Kind::Structure(_), _) => ("field", "field name", format!("{name}: {ty}")),
        (ir::Kind::Union, Type::Unit) => ("union member", "variant name", name.clone()),
        (ir::Kind::Union, _) => ("union member", "variant name", format!("{name}({ty})")),
        (ir::Kind::Enum | ir::Kind::IntEnum, _) => ("enum member", "variant name", name.clone()),
    };
    item.set_exists(exists);
    item.add(name_kind, name, text);
    match (kind, &member.presence) {
        (ir::Kind::Union, _) | (_, Presence::Optional) => {}
        (ir::Kind::Enum, _) => {
            let value = format!("{:?}", member.wire_name);
            item.add("enum value", &value, &value);
        }
        (ir::Kind::IntEnum, _) => item.add("enum value", &member.wire_name, &member.wire_name),
        (_, Presence::Required) => item.add("required", "", "required"),
        (_, Presence::Expected) => item.add("required", "", "required, but optional for clients"),
        (_, Presence::Default(value) | Presence::ReadsAs(value)) => {
            item.add("default value", format!("{value:?}"), "has a default");
        }
    }
    item.add_if(member.is_token, "token", "filled in when it is not set");
    item.add_if(member.has_from, "from", "");
}

/// A type with the format of its timestamps.
fn text(ty: &Type) -> String {
    let format = match ty.innermost() {
        Type::Timestamp(TimestampFormat::DateTime) => " (date-time)",
        Type::Timestamp(TimestampFormat::HttpDate) => " (http-date)",
        _ => "",
    };
    let text = ty.to_string();
    let (inner, outer) = text.split_at(text.trim_end_matches('>').len());
    format!("{inner}{format}{outer}")
}

/// Adds the facts that every item can have. A constraint of a member's target has no text.
fn add_traits(item: &mut Item, own: &Traits, target: &Traits) {
    for ((kind, own), (_, targets)) in constraints(own).into_iter().zip(constraints(target)) {
        if let Some(value) = own.clone().or(targets) {
            item.add(kind, value, own.unwrap_or_default());
        }
    }
    item.add_if(own.has("sparse"), "sparse", "may hold null");
    item.add_if(own.has("sensitive"), "sensitive", "sensitive");
    item.add_if(own.has("deprecated"), "deprecated", "deprecated");
    let texts = ["documentation", "title", "since"].map(|name| own.text(name));
    let links: Vec<_> = own.links().collect();
    let docs = (texts, links, own.has("unstable"), own.has("internal"));
    item.add("documentation", format!("{docs:?}"), "");
    let docs = [own, target].into_iter().filter_map(|it| it.text("documentation"));
    let docs = docs.map(str::trim).find(|docs| !docs.is_empty());
    item.docs = docs.unwrap_or_default().to_owned();
}

/// Descriptions of the constraints. `diff` reads the numbers in them.
fn constraints(traits: &Traits) -> [(&'static str, Option<String>); 4] {
    let length = traits.bounds("length").map(|it| between(it.min, it.max));
    let range = traits.bounds("range").map(|it| between(it.min, it.max));
    [
        ("length", length.map(|it| format!("length {it}"))),
        ("range", range.map(|it| format!("value {it}"))),
        ("pattern", traits.text("pattern").map(|it| format!("pattern {it}"))),
        ("unique items", traits.has("uniqueItems").then(|| "unique items".to_owned())),
    ]
}

fn path(type_ref: &ir::TypeRef) -> String {
    type_ref.path().replacen("crate::", "", 1)
}
