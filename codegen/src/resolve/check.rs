//! Whether each reference leads to a shape of a type that fits.

use std::collections::{HashMap, HashSet};

use super::defaults;
use crate::{
    ast::{Member, Model, Property, Reference, Shape, ShapeKind, SimpleType},
    diagnostic::{Location, Reporter},
    shape_id::ShapeId,
};

/// Checks every shape by itself.
pub(super) fn check(model: &Model, reporter: &mut Reporter<'_>) {
    check_names(model, reporter);
    let mut checker = Checker { model, reporter };
    for shape in model.shapes() {
        checker.references(shape);
        checker.members(shape);
    }
    defaults::check(model, reporter);
}

/// Shape IDs may not differ in case alone (Smithy 2.0 specification, section "Shape ID conflicts").
fn check_names(model: &Model, reporter: &mut Reporter<'_>) {
    let mut seen: HashMap<String, &Shape> = HashMap::new();
    for shape in model.shapes() {
        if let Some(earlier) = seen.insert(shape.id.as_str().to_ascii_lowercase(), shape) {
            let message = format!("{} and {} differ only in case", shape.id, earlier.id);
            reporter.error(shape.location, message).hint("rename one of them");
        }
    }
}

/// The type of a shape, as messages name it.
pub(super) fn type_name(shape: &Shape) -> &'static str {
    if shape.id.is_unit() { "nothing" } else { shape.kind.name() }
}

struct Checker<'c, 'r, 'm> {
    model: &'m Model,
    reporter: &'c mut Reporter<'r>,
}

impl Checker<'_, '_, '_> {
    fn members(&mut self, shape: &Shape) {
        let mut values: HashMap<String, &str> = HashMap::new();
        for member in &shape.members {
            match shape.kind {
                ShapeKind::Enum | ShapeKind::IntEnum => self.enum_member(member, &mut values),
                ShapeKind::Union => self.member(member),
                _ if member.target.is_unit() => {
                    let message =
                        "smithy.api#Unit has no values: only a union may have such a member";
                    self.reporter
                        .error(member.target_location, message)
                        .hint("target an empty structure of your own");
                }
                _ => self.member(member),
            }
        }
        let target = |member: &Member| {
            let target = self.model.get(&member.target);
            target.filter(|it| !it.is_broken && !it.id.is_unit()).map(|it| it.kind)
        };
        let targets: Vec<_> = shape.members.iter().map(target).collect();
        match (shape.kind, &targets[..]) {
            (ShapeKind::Map, [Some(key), _])
                if !matches!(key, ShapeKind::Simple(SimpleType::String) | ShapeKind::Enum) =>
            {
                let found = key.name();
                let message = format!("map keys must target a string or enum shape, found {found}");
                self.reporter
                    .error(shape.members[0].target_location, message)
                    .hint("target smithy.api#String");
            }
            (ShapeKind::List, [Some(ShapeKind::Simple(item))])
                if shape.traits.unique_items && !item.has_equality() =>
            {
                let message = format!(
                    "the trait uniqueItems is ignored: a {} has no exact equality",
                    item.name()
                );
                self.reporter.warning(shape.location, message).hint("take it away");
            }
            _ => {}
        }
    }

    fn enum_member<'m>(&mut self, member: &'m Member, seen: &mut HashMap<String, &'m str>) {
        if !member.target.is_unit() {
            self.reporter
                .error(member.target_location, "a member of an enum targets smithy.api#Unit")
                .hint("write \"smithy.api#Unit\"; the value is in the trait smithy.api#enumValue");
        }
        let number = member.traits.int_enum_value.map(|it| it.to_string());
        let Some(value) = member.traits.enum_value.clone().or(number) else { return };
        if let Some(other) = seen.get(&value) {
            let message = format!("the value {value:?} belongs to the member {other} already");
            self.reporter.error(member.location, message).hint("values are unique");
            return;
        }
        seen.insert(value, &member.name);
    }

    fn member(&mut self, member: &Member) {
        let location = member.target_location;
        let Some(shape) = self.model.get(&member.target) else {
            return self.dangling(&member.target, location);
        };
        if !shape.kind.has_values() {
            let kind = shape.kind.name();
            let article = if shape.kind == ShapeKind::Operation { "an" } else { "a" };
            let message = format!("a member must not target {article} {kind}: {}", shape.id);
            self.reporter
                .error(location, message)
                .hint("target a shape that has values, such as smithy.api#String");
        }
        if shape.traits.defines_trait {
            let message = format!("a member must not target a trait: {}", shape.id);
            self.reporter
                .error(location, message)
                .hint("define another shape for the values, and target it in both places");
        }
        self.mixin(shape, location);
    }

    fn mixin(&mut self, shape: &Shape, location: Location) {
        if shape.traits.mixin {
            let message = format!("{} is a mixin, which must not be targeted", shape.id);
            self.reporter.error(location, message).hint("target a structure that uses the mixin");
        }
    }

    fn references(&mut self, shape: &Shape) {
        let mut seen = HashSet::new();
        for reference in &shape.references {
            if shape.kind == ShapeKind::Service
                && reference.property == Property::Operation
                && !seen.insert(&reference.target)
            {
                let message = format!("the operation {} is listed twice", reference.target);
                self.reporter.warning(reference.location, message).hint("take one of them away");
                continue;
            }
            match reference.property {
                Property::Input | Property::Output | Property::Error => self.structure(reference),
                Property::Operation => {
                    self.reference(reference, "an operation", |it| it == ShapeKind::Operation);
                }
                Property::Resource => {
                    self.reference(reference, "a resource", |it| it == ShapeKind::Resource);
                }
                Property::Rename => {
                    self.reference(reference, "a shape with values", ShapeKind::has_values);
                }
                Property::Mixin | Property::Shape => {}
            }
        }
    }

    /// An input, an output or an error.
    fn structure(&mut self, reference: &Reference) {
        self.reference(reference, "a structure", |it| it == ShapeKind::Structure);
        let Some(shape) = self.model.get(&reference.target) else { return };
        let is_structure = shape.kind == ShapeKind::Structure && !shape.id.is_unit();
        let is_error = shape.traits.error.is_some();
        if reference.property != Property::Error && is_error {
            let message = format!("{} is an error, not an input or output", shape.id);
            self.reporter.error(reference.location, message).hint("list it under \"errors\"");
        }
        if reference.property == Property::Error && is_structure && !is_error && !shape.is_broken {
            let message = format!("operation error {} has no trait error", shape.id);
            self.reporter
                .error(reference.location, message)
                .hint("add \"smithy.api#error\": \"client\" or \"server\" to its traits");
        }
        self.mixin(shape, reference.location);
    }

    fn reference(
        &mut self,
        reference: &Reference,
        expected: &str,
        fits: impl Fn(ShapeKind) -> bool,
    ) {
        let Some(shape) = self.model.get(&reference.target) else {
            return self.dangling(&reference.target, reference.location);
        };
        if shape.is_broken || fits(shape.kind) && !shape.id.is_unit() {
            return;
        }
        let found = type_name(shape);
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
