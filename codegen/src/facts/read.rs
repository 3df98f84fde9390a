//! Collects the facts about a service.

use std::collections::{HashMap, HashSet};

use super::{Facts, Item, Kind};
use crate::{
    Config, Diagnostics, Source, Words,
    ast::{self, Member, Model, Shape, ShapeKind, SimpleType},
    diagnostic::Reporter,
    ir::{self, Events, Presence},
    lower, resolve,
    shape_id::ShapeId,
    traits::{TimestampFormat, Traits},
};

/// Reads the only service of a model, or the one with this ID. Warnings are not reported.
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
    let rust = lower::lower(&resolved, &config, String::new(), &mut reporter);
    let types = rust.shapes.iter().map(|shape| (shape.id.as_str(), shape)).collect();
    let operations = &resolved.operations;
    let requests = operations.iter().filter_map(|it| it.input);
    let responses = operations.iter().flat_map(|it| it.errors.iter().copied().chain(it.output));
    let sent = [
        resolve::reached(&model, requests),
        resolve::reached(&model, responses.chain(resolved.errors.iter().copied())),
    ];
    let reader = Reader { service: resolved.service, model: &model, rust: &rust, types, sent };
    Ok(Facts {
        service: reader.service(),
        operations: resolved.operations.iter().map(|it| reader.operation(it.shape)).collect(),
        shapes: resolved.closure.iter().map(|shape| reader.shape(shape)).collect(),
    })
}

/// A service in Smithy and in Rust.
struct Reader<'r> {
    service: &'r Shape,
    model: &'r Model,
    rust: &'r ir::Service,
    /// The types of Rust, by the IDs of their shapes.
    types: HashMap<&'r str, &'r ir::Shape>,
    /// The shapes that clients send, and those that servers send.
    sent: [HashSet<&'r ShapeId>; 2],
}

impl Reader<'_> {
    fn item(&self, shape: &Shape, exists: Kind) -> Item {
        let is_own = shape.id.namespace() == self.service.id.namespace();
        let name = if is_own { shape.id.name() } else { shape.id.as_str() }.to_owned();
        let (kind, id) = (shape.kind.name(), shape.id.to_string());
        Item { kind, id, name, exists: Some(exists), ..Item::default() }
    }

    fn service(&self) -> Item {
        let mut item = self.item(self.service, Kind::Service);
        item.add(Kind::ServiceName, self.service.id.as_str(), "");
        item.add(Kind::Version, self.rust.version.as_deref().unwrap_or("none"), "");
        item.add(Kind::Path, &self.rust.name, &self.rust.name);
        add_traits(&mut item, &self.service.traits, None);
        item
    }

    fn operation(&self, shape: &Shape) -> Item {
        let mut item = self.item(shape, Kind::Operation);
        let rust = self.rust.operations.iter().find(|rust| rust.id == item.id);
        let Some(rust) = rust else { return item };
        let ir::Operation { name, method, error, .. } = rust;
        let direction = match &rust.events {
            Events::None => "call",
            Events::Stream { request: None, .. } => "events from the server",
            Events::Stream { response: None, .. } => "events from the client",
            Events::Stream { .. } => "events in both directions",
        };
        let errors: Vec<_> = rust.errors.iter().map(path).collect();
        let errors =
            if errors.is_empty() { "none is declared".to_owned() } else { errors.join(", ") };
        item.add(Kind::Direction, "", direction);
        item.add(Kind::Method, method, format!("client.{method}()"));
        item.add(Kind::Server, "", format!("{}::{method}", self.rust.name));
        item.add(Kind::Module, "", format!("operation::{method}, where {name} is the operation"));
        item.add(Kind::Errors, "", format!("{error}: {errors}"));
        item.add(Kind::Path, format!("operation::{method}::{name}"), "");
        item.add(Kind::Path, format!("operation::{method}::{error}"), "");
        item.add(Kind::Alias, format!("operation::{method}::{}", rust.builder.name), "");
        item.add_if(direction != "call", Kind::Stream, "");
        let mut add = |kind, type_ref: &ir::TypeRef| {
            let shape = self.rust.shapes.iter().find(|shape| shape.type_ref == *type_ref);
            let id = shape.map_or("", |shape| &shape.id);
            let shown = if id == "smithy.api#Unit" { "nothing" } else { id };
            item.add(kind, id, format!("{shown}, in Rust {}", path(type_ref)));
        };
        add(Kind::Request, &rust.request);
        add(Kind::Response, &rust.response);
        if let Events::Stream { request, response } = &rust.events {
            request.iter().for_each(|events| add(Kind::ClientEvents, events));
            response.iter().for_each(|events| add(Kind::ServerEvents, events));
        }
        rust.errors.iter().for_each(|error| add(Kind::Error, error));
        add_traits(&mut item, &shape.traits, None);
        item
    }

    fn shape(&self, shape: &Shape) -> Item {
        let mut item = self.item(shape, Kind::Shape);
        match self.types.get(shape.id.as_str()) {
            Some(rust) => self.add_rust(&mut item, rust),
            None => {
                let ty = self.rust_type(&shape.id, None);
                // Lists and maps are compared by their members.
                let is_simple = matches!(shape.kind, ShapeKind::Simple(_));
                item.add(Kind::Holds, if is_simple { &ty } else { "" }, &ty);
            }
        }
        if let Some(fault) = shape.traits.error {
            let fault = format!("{fault:?}").to_lowercase();
            item.add(Kind::Fault, &fault, format!("{fault} is to blame"));
        }
        let retryable = match (shape.traits.retryable, shape.traits.throttling) {
            (false, _) => "",
            (true, false) => "may be tried again",
            (true, true) => "may be tried again later, more slowly",
        };
        item.add(Kind::Retryable, retryable, retryable);
        add_traits(&mut item, &shape.traits, None);
        self.add_senders(&mut item, shape);
        let members = shape.members.iter().enumerate();
        item.members = members.map(|(index, it)| self.member(shape, it, index)).collect();
        item
    }

    /// What a shape is in Rust.
    fn add_rust(&self, item: &mut Item, rust: &ir::Shape) {
        let (type_ref, type_path) = (&rust.type_ref, path(&rust.type_ref));
        item.add(Kind::Path, &type_path, &type_path);
        // An operation exports its request and response again.
        for operation in &self.rust.operations {
            let export = format!("operation::{}::{}", operation.method, type_ref.name);
            let is_end = [&operation.request, &operation.response].contains(&type_ref);
            if is_end && export != type_path {
                item.add(Kind::Path, export, "");
            }
        }
        if let ir::Kind::Structure(_) = rust.kind {
            if let (Some(name), Some(path)) = (&rust.builder, rust.builder_path()) {
                let path = path.replacen("crate::", "", 1);
                let fails = if rust.is_build_fallible() { "; build() can fail" } else { "" };
                let text = format!("{path}{fails}");
                // The builder of a call is found, and compared, with its operation.
                if rust.is_built_by_operation() {
                    item.add(Kind::CallBuilder, "", text);
                } else {
                    item.add(Kind::Builder, name, text);
                    item.add(Kind::Alias, path, "");
                }
            }
            item.add_if(rust.is_build_fallible(), Kind::BuildFails, "");
            item.add_if(rust.has_default(), Kind::Default, "");
            item.add_if(rust.has_validate(), Kind::Validate, "");
        }
    }

    /// The type of the values of a shape in Rust, without `Option` and `Box`.
    fn rust_type(&self, id: &ShapeId, format: Option<TimestampFormat>) -> String {
        let Some(shape) = self.model.get(id) else { return String::new() };
        let element = |member: &Member| {
            let ty = self.rust_type(&member.target, member.traits.timestamp_format);
            if shape.traits.sparse { format!("Option<{ty}>") } else { ty }
        };
        let ShapeKind::Simple(simple) = shape.kind else {
            return match &shape.members[..] {
                [item] if shape.kind == ShapeKind::List => format!("Vec<{}>", element(item)),
                [key, value] if shape.kind == ShapeKind::Map => {
                    format!("BTreeMap<{}, {}>", self.rust_type(&key.target, None), element(value))
                }
                _ => self.types.get(id.as_str()).map_or("", |it| &it.type_ref.name).to_owned(),
            };
        };
        match (simple, format.or(shape.traits.timestamp_format)) {
            (SimpleType::Boolean, _) => "bool",
            (SimpleType::Byte, _) => "i8",
            (SimpleType::Short, _) => "i16",
            (SimpleType::Integer, _) => "i32",
            (SimpleType::Long, _) => "i64",
            (SimpleType::Float, _) => "f32",
            (SimpleType::Double, _) => "f64",
            (SimpleType::Timestamp, Some(TimestampFormat::DateTime)) => "Timestamp (date-time)",
            (SimpleType::Timestamp, Some(TimestampFormat::HttpDate)) => "Timestamp (http-date)",
            // The others have the names of their variants.
            (other, _) => return format!("{other:?}"),
        }
        .to_owned()
    }

    fn member(&self, shape: &Shape, member: &Member, index: usize) -> Item {
        let (id, name) = (format!("{}${}", shape.id, member.name), member.name.clone());
        let mut item = Item { kind: "member", id, name, ..Item::default() };
        let wire_name = member.wire_name();
        let (target, format) = (&member.target, member.traits.timestamp_format);
        let ty = self.rust_type(target, format);
        if !shape.kind.is_enum() {
            let text = target.as_str().trim_start_matches("smithy.api#");
            item.add(Kind::Target, target.as_str(), text);
            item.add(Kind::Format, format!("{format:?}"), "");
            item.add(Kind::Type, &ty, "");
        }
        let rust = self.types.get(shape.id.as_str());
        let found = rust.and_then(|rust| match rust.is_enum() {
            true => rust.members.get(index),
            false => rust.members.iter().find(|it| it.wire_name == wire_name),
        });
        match (rust.map(|rust| rust.kind), found) {
            (None, _) => item.exists = Some(Kind::Element),
            (_, None) => {}
            (Some(ir::Kind::Structure(_)), Some(it)) => add_field(&mut item, it, ty.clone()),
            (Some(ir::Kind::Union), Some(it)) => add_variant(&mut item, it, &ty),
            (Some(ir::Kind::Enum), Some(it)) => {
                add_value(&mut item, &it.name, format!("{:?}", it.wire_name));
            }
            (Some(ir::Kind::IntEnum), Some(it)) => {
                add_value(&mut item, &it.name, it.wire_name.clone());
            }
        }
        let in_json = format!("{wire_name:?} in JSON");
        item.add(Kind::JsonName, wire_name, if wire_name == member.name { "" } else { &in_json });
        add_traits(&mut item, &member.traits, self.model.get(target).map(|shape| &shape.traits));
        self.add_senders(&mut item, shape);
        item
    }

    fn add_senders(&self, item: &mut Item, shape: &Shape) {
        item.add_if(self.sent[0].contains(&shape.id), Kind::ClientSends, "");
        item.add_if(self.sent[1].contains(&shape.id), Kind::ServerSends, "");
    }
}

fn add_field(item: &mut Item, field: &ir::Member, mut ty: String) {
    let is_required = matches!(field.presence, Presence::Required | Presence::Expected);
    item.exists = Some(if is_required { Kind::RequiredField } else { Kind::Field });
    if field.is_boxed {
        ty = format!("Box<{ty}>");
        item.add(Kind::Boxed, "", "");
    }
    if field.is_optional() {
        ty = format!("Option<{ty}>");
        item.add(Kind::Optional, "", "");
    }
    item.add(Kind::FieldName, &field.name, format!("{}: {ty}", field.name));
    match &field.presence {
        Presence::Required => item.add(Kind::Required, "", "required"),
        Presence::Expected => item.add(Kind::Required, "", "required, but not of a client"),
        Presence::Default(value) | Presence::ReadsAs(value) => {
            item.add(Kind::DefaultValue, format!("{value:?}"), "has a default");
        }
        Presence::Optional => {}
    }
    item.add_if(field.is_token, Kind::Token, "filled in when it is not set");
}

fn add_variant(item: &mut Item, variant: &ir::Member, ty: &str) {
    let text = match (&variant.ty, variant.is_boxed) {
        (ir::Type::Unit, _) => variant.name.clone(),
        (_, false) => format!("{}({ty})", variant.name),
        (_, true) => format!("{}(Box<{ty}>)", variant.name),
    };
    item.exists = Some(Kind::Alternative);
    item.add(Kind::VariantName, &variant.name, text);
    item.add_if(variant.is_boxed, Kind::Boxed, "");
    item.add_if(variant.has_from, Kind::From, "");
}

fn add_value(item: &mut Item, name: &str, value: String) {
    item.exists = Some(Kind::EnumMember);
    item.add(Kind::EnumValue, &value, &value);
    item.add(Kind::VariantName, name, name);
}

/// What every item can have. The text of a constraint is empty if it is the target's.
fn add_traits(item: &mut Item, own: &Traits, target: Option<&Traits>) {
    for (kind, constraint) in constraints(own) {
        item.add(kind, &constraint, &constraint);
    }
    for (kind, constraint) in target.map(constraints).unwrap_or_default() {
        if !item.has(kind) {
            item.add(kind, constraint, "");
        }
    }
    item.add_if(own.sparse, Kind::Sparse, "may hold null");
    item.add_if(own.sensitive, Kind::Sensitive, "sensitive");
    item.add_if(own.deprecated.is_some(), Kind::Deprecated, "deprecated");
    let links = &own.external_documentation;
    let docs = (&own.documentation, &own.title, &own.since, links, own.unstable, own.internal);
    item.add(Kind::Documentation, format!("{docs:?}"), "");
    let docs = [Some(own), target].into_iter().flatten().filter_map(|it| it.documentation.as_ref());
    let docs = docs.map(|docs| docs.trim()).find(|docs| !docs.is_empty());
    item.docs = docs.unwrap_or_default().to_owned();
}

/// What values may be, in words. The numbers are compared.
fn constraints(traits: &Traits) -> Vec<(Kind, String)> {
    let bounds = |of: &str, min: Option<String>, max: Option<String>| match (min, max) {
        (Some(min), Some(max)) => Some(format!("{of} {min} to {max}")),
        (Some(min), None) => Some(format!("{of} at least {min}")),
        (None, Some(max)) => Some(format!("{of} at most {max}")),
        (None, None) => None,
    };
    let text = |number: u64| number.to_string();
    let length = traits.length.and_then(|it| bounds("length", it.min.map(text), it.max.map(text)));
    let range = traits.range.clone().and_then(|it| bounds("value", it.min, it.max));
    let pattern = traits.pattern.as_ref().map(|pattern| format!("pattern {pattern}"));
    let unique = traits.unique_items.then(|| "no item twice".to_owned());
    let kinds = [Kind::Length, Kind::Range, Kind::Pattern, Kind::UniqueItems].into_iter();
    kinds.zip([length, range, pattern, unique]).filter_map(|(kind, it)| Some((kind, it?))).collect()
}

/// The path of a type in the crate.
fn path(type_ref: &ir::TypeRef) -> String {
    type_ref.path().replacen("crate::", "", 1)
}
