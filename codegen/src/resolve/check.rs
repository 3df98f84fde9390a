//! Each shape by itself, and whether what it refers to is there and of a kind that fits.

use std::collections::{HashMap, HashSet};

use super::{Target, defaults, target};
use crate::{
    ast::{Member, Model, Operation, Reference, Resource, Service, Shape, ShapeKind, SimpleType},
    diagnostic::{Location, Reporter},
    shape_id::ShapeId,
};

/// Checks every shape.
pub(super) fn check(model: &Model, reporter: &mut Reporter<'_>) {
    check_names(model, reporter);
    let mut checker = Checker { model, reporter };
    for shape in model.shapes() {
        checker.shape(shape);
    }
    defaults::check(model, reporter);
}

/// Shapes may not differ in case alone (Smithy 2.0 spec, section "Shape ID conflicts").
fn check_names(model: &Model, reporter: &mut Reporter<'_>) {
    let mut seen: HashMap<String, &Shape> = HashMap::new();
    for shape in model.shapes() {
        if let Some(earlier) = seen.insert(shape.id.as_str().to_ascii_lowercase(), shape) {
            let message = format!("{} and {} differ only in case", shape.id, earlier.id);
            reporter.error(shape.location, message).hint("rename one of them");
        }
    }
}

struct Checker<'c, 'r, 'm> {
    model: &'m Model,
    reporter: &'c mut Reporter<'r>,
}

impl Checker<'_, '_, '_> {
    fn shape(&mut self, shape: &Shape) {
        match &shape.kind {
            ShapeKind::Simple(_) => {}
            ShapeKind::Enum(members) => {
                let values = members.iter().map(|it| (it, it.traits.enum_value.clone()));
                self.enumeration(values.collect());
            }
            ShapeKind::IntEnum(members) => {
                let value = |it: &Member| it.traits.int_enum_value.map(|it| it.to_string());
                self.enumeration(members.iter().map(|it| (it, value(it))).collect());
            }
            ShapeKind::List(member) => {
                self.member(member);
                self.unique_items(shape, member);
            }
            ShapeKind::Map { key, value } => {
                self.member(key);
                self.member(value);
                self.key(key);
            }
            ShapeKind::Structure(members) => members.iter().for_each(|it| self.member(it)),
            ShapeKind::Union(members) => members.iter().for_each(|it| self.variant(it)),
            ShapeKind::Service(service) => self.service(service),
            ShapeKind::Operation(operation) => self.operation(operation),
            ShapeKind::Resource(resource) => self.resource(resource),
        }
    }

    fn enumeration(&mut self, values: Vec<(&Member, Option<String>)>) {
        let mut seen: HashMap<String, &str> = HashMap::new();
        for (member, value) in values {
            if !member.target.is_unit() {
                self.reporter
                    .error(member.target_location, "a member of an enum targets smithy.api#Unit")
                    .hint(
                        "write \"smithy.api#Unit\"; the value is in the trait smithy.api#enumValue",
                    );
            }
            let Some(value) = value else { continue };
            if let Some(other) = seen.get(&value) {
                let message = format!("the value {value:?} belongs to the member {other} already");
                self.reporter.error(member.location, message).hint("values are unique");
                continue;
            }
            seen.insert(value, &member.name);
        }
    }

    fn key(&mut self, key: &Member) {
        let found = match target(self.model, &key.target) {
            Some(Target::Prelude(SimpleType::String)) | None => return,
            Some(Target::Prelude(simple)) => simple.name(),
            Some(Target::Unit) => return,
            Some(Target::Shape(shape)) => match shape.kind {
                ShapeKind::Simple(SimpleType::String) | ShapeKind::Enum(_) => return,
                _ if self.model.is_broken(&shape.id) => return,
                _ => shape.kind.name(),
            },
        };
        let message = format!("map keys must target a string or enum shape, found {found}");
        self.reporter.error(key.target_location, message).hint("target smithy.api#String");
    }

    fn unique_items(&mut self, shape: &Shape, member: &Member) {
        let kind = match target(self.model, &member.target) {
            Some(Target::Prelude(simple)) => simple.name(),
            Some(Target::Shape(shape)) => shape.kind.name(),
            _ => return,
        };
        if shape.traits.unique_items && ["float", "double", "document"].contains(&kind) {
            let message =
                format!("the trait uniqueItems is ignored: a {kind} has no exact equality");
            self.reporter.warning(shape.location, message).hint("take it away");
        }
    }

    fn member(&mut self, member: &Member) {
        if member.target.is_unit() {
            self.reporter
                .error(
                    member.target_location,
                    "smithy.api#Unit has no values: only a union may have such a member",
                )
                .hint("target an empty structure of your own");
            return;
        }
        self.variant(member);
    }

    fn variant(&mut self, member: &Member) {
        let shape = match target(self.model, &member.target) {
            Some(Target::Shape(shape)) => shape,
            Some(_) => return,
            None => return self.dangling(&member.target, member.target_location),
        };
        let has_no_values = matches!(
            shape.kind,
            ShapeKind::Service(_) | ShapeKind::Operation(_) | ShapeKind::Resource(_)
        );
        if has_no_values {
            let kind = shape.kind.name();
            let article = if kind == "operation" { "an" } else { "a" };
            let message = format!("a member must not target {article} {kind}: {}", shape.id);
            self.reporter
                .error(member.target_location, message)
                .hint("target a shape that has values, such as smithy.api#String");
        }
        if shape.traits.defines_trait {
            let message = format!("a member must not target a trait: {}", shape.id);
            self.reporter
                .error(member.target_location, message)
                .hint("define another shape for the values, and target it in both places");
        }
        self.mixin(shape, member.target_location);
    }

    fn mixin(&mut self, shape: &Shape, location: Location) {
        if shape.traits.mixin {
            let message = format!("{} is a mixin, which must not be targeted", shape.id);
            self.reporter.error(location, message).hint("target a structure that uses the mixin");
        }
    }

    fn service(&mut self, service: &Service) {
        let mut seen = HashSet::new();
        for operation in &service.operations {
            if !seen.insert(&operation.target) {
                let message = format!("the operation {} is listed twice", operation.target);
                self.reporter.warning(operation.location, message).hint("take one of them away");
                continue;
            }
            self.reference(operation, "an operation", |it| matches!(it, ShapeKind::Operation(_)));
        }
        for resource in &service.resources {
            self.reference(resource, "a resource", |it| matches!(it, ShapeKind::Resource(_)));
        }
        service.errors.iter().for_each(|it| self.error(it));
        for rename in &service.rename {
            self.reference(&rename.shape, "a shape with values", |it| {
                !matches!(
                    it,
                    ShapeKind::Service(_) | ShapeKind::Operation(_) | ShapeKind::Resource(_)
                )
            });
        }
    }

    fn resource(&mut self, resource: &Resource) {
        for operation in &resource.operations {
            self.reference(operation, "an operation", |it| matches!(it, ShapeKind::Operation(_)));
        }
        for below in &resource.resources {
            self.reference(below, "a resource", |it| matches!(it, ShapeKind::Resource(_)));
        }
    }

    fn operation(&mut self, operation: &Operation) {
        for reference in [&operation.input, &operation.output] {
            if reference.target.is_unit() {
                continue;
            }
            self.reference(reference, "a structure", |it| matches!(it, ShapeKind::Structure(_)));
            let Some(Target::Shape(shape)) = target(self.model, &reference.target) else {
                continue;
            };
            if shape.traits.error.is_some() {
                let message = format!("{} is an error, not an input or output", shape.id);
                self.reporter.error(reference.location, message).hint("list it under \"errors\"");
            }
            self.mixin(shape, reference.location);
        }
        operation.errors.iter().for_each(|it| self.error(it));
    }

    fn error(&mut self, reference: &Reference) {
        self.reference(reference, "a structure", |it| matches!(it, ShapeKind::Structure(_)));
        let Some(Target::Shape(shape)) = target(self.model, &reference.target) else { return };
        let is_structure = matches!(shape.kind, ShapeKind::Structure(_));
        if is_structure && shape.traits.error.is_none() && !self.model.is_broken(&shape.id) {
            self.reporter
                .error(
                    reference.location,
                    format!("operation error {} has no trait error", shape.id),
                )
                .hint("add \"smithy.api#error\": \"client\" or \"server\" to its traits");
        }
        self.mixin(shape, reference.location);
    }

    fn reference(
        &mut self,
        reference: &Reference,
        expected: &str,
        fits: impl Fn(&ShapeKind) -> bool,
    ) {
        let found = match target(self.model, &reference.target) {
            None => return self.dangling(&reference.target, reference.location),
            Some(Target::Shape(shape)) if fits(&shape.kind) => return,
            Some(Target::Shape(shape)) if self.model.is_broken(&shape.id) => return,
            Some(Target::Shape(shape)) => shape.kind.name(),
            Some(Target::Prelude(simple)) => simple.name(),
            Some(Target::Unit) => "nothing",
        };
        let message = format!("expected {expected}; {} is of type {found}", reference.target);
        self.reporter.error(reference.location, message).hint(format!("target {expected}"));
    }

    fn dangling(&mut self, id: &ShapeId, location: Location) {
        let ids = self.model.shapes().iter().map(|it| &it.id);
        self.reporter.error(location, format!("target {id} is not defined")).did_you_mean_shape(
            id,
            ids,
            format!("define {id}, or target another shape"),
        );
    }
}
