//! Whether each reference and member leads to a shape that fits.

use std::collections::{HashMap, HashSet};

use super::{event_stream, targets};
use crate::{
    ast::{Member, Model, Property, Shape, ShapeKind},
    diagnostic::{Location, Reporter},
    shape_id::ShapeId,
};

/// Checks every shape.
pub(super) fn check(model: &Model, reporter: &mut Reporter<'_>) {
    let shapes = || model.shapes().iter();
    let ends = shapes().flat_map(|it| it.references([Property::Input, Property::Output]));
    let mut ends: HashSet<&ShapeId> = ends.map(|it| &it.target).collect();
    for member in shapes().flat_map(|it| &it.members) {
        ends.remove(&member.target);
    }
    let mut checker =
        Checker { model, reporter, ends, names: HashMap::new(), owners: HashMap::new() };
    for shape in model.shapes() {
        checker.name(shape);
        checker.references(shape);
        match shape.kind.is_enum() {
            true => checker.values(shape),
            false => checker.members(shape),
        }
        checker.elements(shape);
        checker.subscription(shape);
    }
}

struct Checker<'c, 'r, 'm> {
    model: &'m Model,
    reporter: &'c mut Reporter<'r>,
    /// The inputs and outputs of operations that no member targets.
    ends: HashSet<&'m ShapeId>,
    /// The shapes so far, by their names in lower case.
    names: HashMap<String, &'m ShapeId>,
    /// The operation of each structure with the trait `input` or `output`.
    owners: HashMap<&'m ShapeId, &'m ShapeId>,
}

impl<'m> Checker<'_, '_, 'm> {
    fn error(&mut self, location: Location, message: String, hint: &str) {
        self.reporter.error(location, message).hint(hint);
    }

    /// Shape IDs may not differ in case alone (Smithy 2.0 specification, section "Shape ID conflicts").
    fn name(&mut self, shape: &'m Shape) {
        if let Some(earlier) = self.names.insert(shape.id.as_str().to_ascii_lowercase(), &shape.id)
        {
            let message = format!("{} and {earlier} differ only in case", shape.id);
            self.error(shape.location, message, "rename one of them");
        }
    }

    fn references(&mut self, shape: &'m Shape) {
        let mut seen = HashSet::new();
        for it in &shape.references {
            let (expected, fits): (_, fn(ShapeKind) -> bool) = match it.property {
                Property::Mixin | Property::Shape => continue,
                Property::Operation
                    if shape.kind == ShapeKind::Service && !seen.insert(&it.target) =>
                {
                    let message = format!("the operation {} is listed twice", it.target);
                    self.reporter.warning(it.location, message).hint("take one of them away");
                    continue;
                }
                Property::Operation => ("an operation", |it| it == ShapeKind::Operation),
                Property::Resource => ("a resource", |it| it == ShapeKind::Resource),
                Property::Rename => ("a shape with values", ShapeKind::has_values),
                Property::Input | Property::Output | Property::Error => {
                    ("a structure", |it| it == ShapeKind::Structure)
                }
            };
            let Some(target) = self.model.get(&it.target) else {
                self.dangling(&it.target, it.location);
                continue;
            };
            if target.id.is_unit() || !fits(target.kind) {
                if !target.is_broken {
                    let found = type_name(target);
                    let message = format!("expected {expected}; {} is of type {found}", it.target);
                    self.error(it.location, message, &format!("target {expected}"));
                }
            } else if expected == "a structure" {
                self.end(shape, it.property, it.location, target);
            }
        }
    }

    /// An input, an output or an error.
    fn end(&mut self, operation: &'m Shape, role: Property, at: Location, target: &'m Shape) {
        let (id, is_error) = (&target.id, target.traits.has("error"));
        match (role, is_error) {
            (Property::Error, true) => {}
            (Property::Error, false) if !target.is_broken => {
                let message = format!("operation error {id} has no trait error");
                let hint = "add \"smithy.api#error\": \"client\" or \"server\" to its traits";
                self.error(at, message, hint);
            }
            (_, true) => {
                let message = format!("{id} is an error, not an input or output");
                self.error(at, message, "list it under \"errors\"");
            }
            _ => {}
        }
        if target.traits.has("mixin") {
            let message = format!("{id} is a mixin, which must not be targeted");
            self.error(at, message, "target a structure that uses the mixin");
        }
        let Some(mark) = mark(target).filter(|_| role != Property::Error) else { return };
        let end = if role == Property::Input { "input" } else { "output" };
        if operation.traits.has("mixin") {
            // Operations that use it have the input as well.
        } else if mark != end {
            let message = format!("{id} has the trait {mark}, and is the {end} here");
            let hint = format!("target a structure of its own, or take the trait {mark} away");
            self.error(at, message, &hint);
        } else if let Some(other) = self.owners.insert(id, &operation.id) {
            let message =
                format!("{id} has the trait {mark}, and {other} has it for its {end} too");
            let hint = "give each operation a structure of its own, or take the trait away";
            self.reporter.warning(at, message).hint(hint);
        }
    }

    /// The members of an enum.
    fn values(&mut self, shape: &'m Shape) {
        let mut seen: HashMap<&str, &str> = HashMap::new();
        for member in &shape.members {
            if !member.target.is_unit() {
                let message = "a member of an enum targets smithy.api#Unit".to_owned();
                let hint =
                    "write \"smithy.api#Unit\"; the value is in the trait smithy.api#enumValue";
                self.error(member.target_location, message, hint);
            }
            let value = member.enum_value();
            if let Some(other) = seen.get(value) {
                let message = format!("the value {value:?} belongs to the member {other} already");
                self.error(member.location, message, "values are unique");
            } else {
                seen.insert(value, &member.name);
            }
        }
    }

    fn members(&mut self, shape: &'m Shape) {
        let mut streams = 0;
        for member in &shape.members {
            let (at, id) = (member.target_location, &member.target);
            let Some(target) = self.model.get(id) else {
                self.dangling(id, at);
                continue;
            };
            if let Some((what, hint)) = unfit(shape, target) {
                self.error(at, what, &hint);
            }
            let is_structure = target.kind == ShapeKind::Structure && !id.is_unit();
            if shape.is_event_stream() && !is_structure && !target.is_broken {
                let found = type_name(target);
                let message = format!("an event is a structure; {id} is of type {found}");
                self.error(at, message, "put the value into a structure");
            }
            if target.traits.has("streaming") {
                streams += 1;
                self.stream(shape, member, streams);
            }
        }
    }

    /// Where event streams are allowed (Smithy 2.0 specification, section "Event streams").
    fn stream(&mut self, shape: &Shape, member: &Member, count: usize) {
        let (at, is_error) = (member.target_location, shape.traits.has("error"));
        let is_end = shape.kind == ShapeKind::Structure && self.ends.contains(&shape.id);
        if !is_end || is_error {
            let what =
                "streaming shapes may only be targeted by top-level input and output members";
            let hint =
                "move the member to the structure that is the input or output of the operation";
            self.error(at, format!("{what}: {}", member.target), hint);
        }
        if count == 2 {
            let message = "an input or output has one event stream at most".to_owned();
            self.error(at, message, "send both kinds of events as members of one union");
        }
    }

    /// What lists and maps ask of their elements.
    fn elements(&mut self, shape: &Shape) {
        let Some(first) = shape.members.first() else { return };
        let target = self.model.get(&first.target);
        let Some(target) = target.filter(|it| !it.is_broken && !it.id.is_unit()) else { return };
        match (shape.kind, target.kind) {
            (ShapeKind::Map, ShapeKind::String | ShapeKind::Enum) => {}
            (ShapeKind::Map, other) if shape.members.len() == 2 => {
                let found = other.name();
                let message = format!("map keys must target a string or enum shape, found {found}");
                self.error(first.target_location, message, "target smithy.api#String");
            }
            (ShapeKind::List, item) if shape.traits.has("uniqueItems") && !item.has_equality() => {
                let name = item.name();
                let message =
                    format!("the trait uniqueItems is ignored: a {name} has no exact equality");
                self.reporter.warning(shape.location, message).hint("take it away");
            }
            _ => {}
        }
    }

    /// A union without `streaming` is a part of the response, which is seldom meant in a subscription.
    fn subscription(&mut self, operation: &Shape) {
        let name = operation.id.name();
        if operation.traits.has("mixin") || !name.starts_with("SubscribeTo") {
            return;
        }
        let output = targets(self.model, operation, Property::Output).next();
        let output = output.filter(|it| event_stream(self.model, it).is_none());
        for member in output.into_iter().flat_map(|it| &it.members) {
            let target = self.model.get(&member.target).map(|it| it.kind);
            if target == Some(ShapeKind::Union) {
                let id = &member.target;
                let message =
                    format!("{id} is no event stream: {name} answers once, and sends no events");
                self.reporter.warning(member.target_location, message).hint(format!(
                    "add \"smithy.api#streaming\": {{}} to the traits of {id} to make its members events"
                ));
            }
        }
    }

    fn dangling(&mut self, id: &ShapeId, location: Location) {
        let ids = self.model.shapes().iter().map(|it| &it.id);
        let otherwise = format!("define {id}, or target another shape");
        let message = format!("target {id} is not defined");
        self.reporter.error(location, message).did_you_mean_shape(id, ids, otherwise);
    }
}

/// Why a member of a shape must not have the target, and what to do about it.
fn unfit(shape: &Shape, target: &Shape) -> Option<(String, String)> {
    let (id, kind) = (&target.id, target.kind);
    let (message, hint) = if id.is_unit() && shape.kind != ShapeKind::Union {
        let message = format!("{id} has no values: only a union may have such a member");
        (message, "target an empty structure of your own")
    } else if !kind.has_values() {
        let article = if kind == ShapeKind::Operation { "an" } else { "a" };
        let message = format!("a member must not target {article} {}: {id}", kind.name());
        (message, "target a shape that has values, such as smithy.api#String")
    } else if target.traits.has("trait") {
        let message = format!("a member must not target a trait: {id}");
        (message, "define another shape for the values, and target it in both places")
    } else if target.traits.has("mixin") {
        let message = format!("{id} is a mixin, which must not be targeted");
        (message, "target a structure that uses the mixin")
    } else {
        // Shapes that use a mixin have its members as well.
        let mark = mark(target).filter(|_| !shape.traits.has("mixin"))?;
        let hint = format!("target another structure, or take the trait {mark} away");
        return Some((format!("a member must not target {id}: it has the trait {mark}"), hint));
    };
    Some((message, hint.to_owned()))
}

/// The trait that makes a structure the input or output of one operation and nothing else.
fn mark(shape: &Shape) -> Option<&'static str> {
    let output = shape.traits.has("output").then_some("output");
    if shape.traits.has("input") { Some("input") } else { output }
}

/// The type of a shape, as messages name it.
fn type_name(shape: &Shape) -> &'static str {
    if shape.id.is_unit() { "nothing" } else { shape.kind.name() }
}
