//! Checks that the targets of references and members exist and have a suitable type.

use std::collections::{HashMap, HashSet};

use super::{event_stream, targets};
use crate::{
    diagnostic::{Location, Reporter},
    model::{Member, Model, Property, Shape, ShapeKind},
    shape_id::ShapeId,
};

pub(super) fn check(model: &Model, reporter: &mut Reporter<'_>) {
    let shapes = || model.shapes().iter();
    let references = shapes().flat_map(|it| it.references([Property::Input, Property::Output]));
    let mut inputs_outputs: HashSet<&ShapeId> = references.map(|it| &it.target).collect();
    for member in shapes().flat_map(|it| &it.members) {
        inputs_outputs.remove(&member.target);
    }
    let mut names: HashMap<String, &ShapeId> = HashMap::new();
    let mut checker = Checker { model, reporter, inputs_outputs, owners: HashMap::new() };
    for shape in model.shapes() {
        // Smithy 2.0 specification, section "Shape ID conflicts".
        if let Some(earlier) = names.insert(shape.id.as_str().to_ascii_lowercase(), &shape.id) {
            let message = format!("{} and {earlier} differ only in case", shape.id);
            checker.error(shape.location, message, "rename one of them");
        }
        checker.references(shape);
        checker.members(shape);
        checker.warn_of_missing_stream(shape);
    }
}

struct Checker<'c, 'r, 'm> {
    model: &'m Model,
    reporter: &'c mut Reporter<'r>,
    /// The inputs and outputs of operations, except those that a member targets.
    inputs_outputs: HashSet<&'m ShapeId>,
    /// The operation of each structure with the trait `input` or `output`.
    owners: HashMap<&'m ShapeId, &'m ShapeId>,
}

impl<'m> Checker<'_, '_, 'm> {
    fn error(&mut self, location: Location, message: impl Into<String>, hint: impl Into<String>) {
        self.reporter.error(location, message).hint(hint);
    }

    fn references(&mut self, shape: &'m Shape) {
        for reference in &shape.references {
            let (expected, fits): (_, fn(ShapeKind) -> bool) = match reference.property {
                Property::Mixin | Property::Shape => continue,
                Property::Operation => ("an operation", |it| it == ShapeKind::Operation),
                Property::Resource => ("a resource", |it| it == ShapeKind::Resource),
                Property::Rename => ("a shape with values", ShapeKind::has_values),
                Property::Input | Property::Output | Property::Error => {
                    ("a structure", |it| it == ShapeKind::Structure)
                }
            };
            let Some(target) = self.model.get(&reference.target) else {
                self.dangling(&reference.target, reference.location);
                continue;
            };
            if target.id.is_unit() || !fits(target.kind) && !target.is_broken {
                let found = type_name(target);
                let message =
                    format!("expected {expected}; {} is of type {found}", reference.target);
                self.error(reference.location, message, format!("target {expected}"));
            } else if expected == "a structure" {
                self.check_role(shape, reference.property, reference.location, target);
            }
        }
    }

    fn check_role(
        &mut self,
        operation: &'m Shape,
        role: Property,
        at: Location,
        target: &'m Shape,
    ) {
        let (id, is_error) = (&target.id, target.traits.has("error"));
        // The operations that use a mixin share its input and output.
        let mark = role_trait(target).filter(|_| !operation.traits.has("mixin"));
        let role_name = if role == Property::Input { "input" } else { "output" };
        let (message, hint) = match (role, mark) {
            (Property::Error, _) if !is_error && !target.is_broken => {
                let message = format!("operation error {id} has no trait error");
                (message, "add \"smithy.api#error\": \"client\" or \"server\" to its traits")
            }
            (Property::Input | Property::Output, _) if is_error => {
                let message = format!("{id} is an error, not an input or output");
                (message, "list it under \"errors\"")
            }
            _ if target.traits.has("mixin") => mixin(id),
            (Property::Error, _) | (_, None) => return,
            (_, Some(mark)) if mark != role_name => {
                let message = format!("{id} has the trait {mark}, but it is the {role_name} here");
                (message, "target another structure, or remove the trait")
            }
            (_, Some(mark)) => {
                if let Some(other) = self.owners.insert(id, &operation.id) {
                    let message =
                        format!("{id} has the trait {mark}, but is also the {mark} of {other}");
                    let hint = "use a separate structure for each operation, or remove the trait";
                    self.reporter.warning(at, message).hint(hint);
                }
                return;
            }
        };
        self.error(at, message, hint);
    }

    fn members(&mut self, shape: &'m Shape) {
        let mut values: HashMap<&str, &str> = HashMap::new();
        let mut streams = 0;
        for member in &shape.members {
            let at = member.target_location;
            let Some(target) = self.model.get(&member.target) else {
                self.dangling(&member.target, at);
                continue;
            };
            if let Some((message, hint)) = self.mismatch(shape, member, target) {
                self.error(at, message, hint);
            }
            if shape.kind.is_enum() {
                let value = member.enum_value();
                if let Some(other) = values.insert(value, &member.name) {
                    let message = format!("the value {value:?} is also that of the member {other}");
                    self.error(member.location, message, "values must be unique");
                }
            }
            if target.traits.has("streaming") {
                streams += 1;
                if streams == 2 {
                    let message = "an input or output can have only one event stream";
                    self.error(at, message, "send both kinds of events as members of one union");
                }
            }
            let is_unique = shape.kind == ShapeKind::List && shape.traits.has("uniqueItems");
            if is_unique && !target.kind.has_equality() {
                let why = format!("a {} has no exact equality", target.kind.name());
                let message = format!("the trait uniqueItems is ignored: {why}");
                self.reporter.warning(shape.location, message).hint("remove it");
            }
        }
    }

    /// The error and the hint for a member that must not have its target.
    fn mismatch(&self, shape: &Shape, member: &Member, target: &Shape) -> Option<(String, String)> {
        let (id, kind, found) = (&target.id, target.kind, type_name(target));
        let is_structure = kind == ShapeKind::Structure && !id.is_unit();
        // Only inputs and outputs can have event streams (Smithy 2.0 specification, section "Event streams").
        let is_input_or_output = self.inputs_outputs.contains(&shape.id)
            && shape.kind == ShapeKind::Structure
            && !shape.traits.has("error");
        let (message, hint) = if target.is_broken {
            return None;
        } else if shape.kind.is_enum() {
            let hint = "write \"smithy.api#Unit\"; the value is in the trait smithy.api#enumValue";
            let message = "a member of an enum must target smithy.api#Unit".to_owned();
            return (!id.is_unit()).then(|| (message, hint.to_owned()));
        } else if id.is_unit() && shape.kind != ShapeKind::Union {
            let message = format!("only members of unions may target {id}");
            (message, "target an empty structure of your own")
        } else if !kind.has_values() {
            let article = if kind == ShapeKind::Operation { "an" } else { "a" };
            let message = format!("a member must not target {article} {found}: {id}");
            (message, "target a shape that has values, such as smithy.api#String")
        } else if target.traits.has("trait") {
            let message = format!("a member must not target a trait: {id}");
            (message, "define another shape for the values, and target it in both places")
        } else if target.traits.has("mixin") {
            mixin(id)
        } else if target.traits.has("streaming") && !is_input_or_output {
            let what =
                "streaming shapes may only be targeted by top-level input and output members";
            let hint =
                "move the member to the structure that is the input or output of the operation";
            (format!("{what}: {id}"), hint)
        } else if shape.is_event_stream() && !is_structure {
            let message = format!("an event must be a structure; {id} is of type {found}");
            (message, "put the value into a structure")
        } else if (shape.kind, &*member.name) == (ShapeKind::Map, "key")
            && ![ShapeKind::String, ShapeKind::Enum].contains(&kind)
        {
            let message = format!("map keys must target a string or enum shape, found {found}");
            (message, "target smithy.api#String")
        } else {
            // The shapes that use a mixin share its members.
            let mark = role_trait(target).filter(|_| !shape.traits.has("mixin"))?;
            let hint = format!("target another structure, or remove the trait {mark}");
            return Some((format!("a member must not target {id}: it has the trait {mark}"), hint));
        };
        Some((message, hint.to_owned()))
    }

    /// Warns if the output of a `SubscribeTo…` operation has a union without `streaming`, which is part of the response.
    fn warn_of_missing_stream(&mut self, operation: &Shape) {
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
                    format!("{id} is not an event stream: {name} has one response and no events");
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

fn mixin(id: &ShapeId) -> (String, &'static str) {
    let message = format!("{id} is a mixin, which must not be targeted");
    (message, "target a structure that uses the mixin")
}

/// The trait that restricts a structure to being the input or output of one operation.
fn role_trait(shape: &Shape) -> Option<&'static str> {
    ["input", "output"].into_iter().find(|it| shape.traits.has(it))
}

fn type_name(shape: &Shape) -> &'static str {
    if shape.id.is_unit() { "nothing" } else { shape.kind.name() }
}
