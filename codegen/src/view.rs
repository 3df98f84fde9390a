//! One service of a model, with its shapes by their IDs: what `show` and `diff` look things up in.

use std::collections::HashMap;

use crate::{
    Config, Diagnostics, Source, Words,
    ast::{self, Member, Model, Shape, ShapeKind, SimpleType},
    diagnostic::Reporter,
    ir, lower,
    resolve::{self, Resolved},
    shape_id::ShapeId,
    traits::TimestampFormat,
};

/// A service, as the model has it and as it is in Rust.
pub(crate) struct View<'m> {
    pub(crate) resolved: Resolved<'m>,
    pub(crate) service: ir::Service,
    /// What the shapes of the service that become types are in Rust, by their IDs.
    types: HashMap<String, usize>,
    operations: HashMap<String, usize>,
    ids: HashMap<ir::TypeRef, usize>,
    needed: HashMap<ShapeId, &'m Shape>,
}

impl<'m> View<'m> {
    /// Reads models for [`new`](Self::new).
    pub(crate) fn parse(sources: &[Source<'_>]) -> Result<Model, Diagnostics> {
        let mut reporter = Reporter::new(sources);
        let model = ast::parse(sources, &mut reporter);
        if reporter.has_errors() { Err(reporter.finish()) } else { Ok(model) }
    }

    /// The only service of a model, or the one with this ID.
    ///
    /// Warnings are for whoever generates; they are not reported.
    pub(crate) fn new(
        model: &'m Model,
        sources: &[Source<'_>],
        service: Option<&str>,
        words: &Words,
    ) -> Result<Self, Diagnostics> {
        let mut reporter = Reporter::new(sources);
        let Some(resolved) = resolve::resolve(model, service, &[], &mut reporter) else {
            return Err(reporter.finish());
        };
        let config = Config { words: words.clone(), ..Config::new("service") };
        let service = lower::lower(&resolved, &config, String::new(), &mut reporter);
        let types = service.shapes.iter().enumerate().map(|(at, it)| (id(it).to_owned(), at));
        let types = types.collect();
        let operations = service.operations.iter().enumerate();
        let operations = operations.map(|(at, it)| (it.id.clone(), at)).collect();
        let ids = service.shapes.iter().enumerate();
        let ids = ids.map(|(at, it)| (it.type_ref().clone(), at)).collect();
        let needed = resolved.closure.iter().map(|it| (it.id.clone(), *it)).collect();
        Ok(Self { resolved, service, types, operations, ids, needed })
    }

    /// The operations of the service, then the shapes that they need.
    pub(crate) fn shapes(&self) -> impl Iterator<Item = &'m Shape> {
        let operations = self.resolved.operations.iter().map(|it| it.shape);
        operations.chain(self.resolved.closure.iter().copied())
    }

    /// A shape that the service needs.
    pub(crate) fn needed(&self, id: &ShapeId) -> Option<&'m Shape> {
        self.needed.get(id).copied()
    }

    /// A shape of the model.
    pub(crate) fn shape(&self, id: &ShapeId) -> Option<&'m Shape> {
        self.resolved.model.get(id)
    }

    /// What a shape is in Rust, if it becomes a type.
    pub(crate) fn rust(&self, id: &ShapeId) -> Option<&ir::Shape> {
        self.types.get(id.as_str()).map(|it| &self.service.shapes[*it])
    }

    /// What an operation is in Rust.
    pub(crate) fn operation(&self, id: &ShapeId) -> Option<&ir::Operation> {
        self.operations.get(id.as_str()).map(|it| &self.service.operations[*it])
    }

    /// The ID of the shape that became a type.
    pub(crate) fn id_of(&self, type_ref: &ir::TypeRef) -> Option<&str> {
        self.ids.get(type_ref).map(|it| id(&self.service.shapes[*it]))
    }

    /// The type of a member's values, as [`type_text`](Self::type_text) gives it.
    pub(crate) fn member_type_text(&self, member: &Member) -> String {
        let text = self.type_text(&member.target);
        match member.traits.timestamp_format {
            Some(format) if text.starts_with("timestamp") => timestamp_text(Some(format)),
            _ => text,
        }
    }

    /// The type of a shape's values in Smithy's words: simple types, lists and maps by what they are,
    /// everything else by its ID.
    pub(crate) fn type_text(&self, id: &ShapeId) -> String {
        let Some(shape) = self.resolved.model.get(id) else { return id.to_string() };
        if let ShapeKind::Simple(SimpleType::Timestamp) = shape.kind {
            return timestamp_text(shape.traits.timestamp_format);
        }
        let sparse = if shape.traits.sparse { "null or " } else { "" };
        match (shape.kind, &shape.members[..]) {
            (ShapeKind::Simple(simple), _) => simple.name().to_owned(),
            (ShapeKind::List, [item]) => format!("list of {sparse}{}", self.member_type_text(item)),
            (ShapeKind::Map, [key, value]) => {
                let by = match self.type_text(&key.target) {
                    key if key == "string" => String::new(),
                    key => format!(" by {key}"),
                };
                format!("map of {sparse}{}{by}", self.member_type_text(value))
            }
            _ => id.to_string(),
        }
    }
}

/// A timestamp, and the form in which it travels if that is not the usual one.
fn timestamp_text(format: Option<TimestampFormat>) -> String {
    let form = match format {
        None | Some(TimestampFormat::EpochSeconds) => "",
        Some(TimestampFormat::DateTime) => " as date-time",
        Some(TimestampFormat::HttpDate) => " as http-date",
    };
    format!("timestamp{form}")
}

/// The ID of the shape behind a type.
pub(crate) fn id(shape: &ir::Shape) -> &str {
    match shape {
        ir::Shape::Structure(it) => &it.id,
        ir::Shape::Union(it) => &it.id,
        ir::Shape::Enum(it) => &it.id,
        ir::Shape::IntEnum(it) => &it.id,
    }
}

/// The key of a member in JSON.
pub(crate) fn wire_name(member: &Member) -> &str {
    member.wire_name()
}

/// A type of Rust as it stands in a field, without `Option` and `Box`.
pub(crate) fn rust_type(ty: &ir::Type) -> String {
    match ty {
        ir::Type::Bool => "bool".to_owned(),
        ir::Type::Int(bits) => format!("i{bits}"),
        ir::Type::Float(bits) => format!("f{bits}"),
        ir::Type::BigInteger => "BigInteger".to_owned(),
        ir::Type::BigDecimal => "BigDecimal".to_owned(),
        ir::Type::String => "String".to_owned(),
        ir::Type::Blob => "Blob".to_owned(),
        ir::Type::Timestamp(_) => "Timestamp".to_owned(),
        ir::Type::Document => "Document".to_owned(),
        ir::Type::Sparse(item) => format!("Option<{}>", rust_type(item)),
        ir::Type::List(item) => format!("Vec<{}>", rust_type(item)),
        ir::Type::Map(key, value) => {
            format!("BTreeMap<{}, {}>", rust_type(key), rust_type(value))
        }
        ir::Type::Named(type_ref) => type_ref.name.clone(),
    }
}
