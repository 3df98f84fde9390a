//! Checks that examples are values of the shapes of their operation (Smithy 2.0 specification, section "examples
//! trait").

use super::{service, targets};
use crate::{
    diagnostic::Reporter,
    json::{Entry, Kind, Location, Value},
    literal,
    model::{Model, Property, Shape, ShapeKind},
};

const KEYS: [&str; 6] =
    ["title", "documentation", "input", "output", "error", "allowConstraintErrors"];

pub(super) fn check(model: &Model, reporter: &mut Reporter<'_>) {
    let mut checker = Checker { model, reporter };
    for operation in model.shapes() {
        let Some(examples) = operation.traits.find("examples") else { continue };
        match examples.value.as_array() {
            Some(examples) => examples.iter().for_each(|it| checker.example(operation, it)),
            None => checker.expected("an array", &examples.value),
        }
    }
}

struct Checker<'c, 'r, 'm> {
    model: &'m Model,
    reporter: &'c mut Reporter<'r>,
}

impl Checker<'_, '_, '_> {
    fn example(&mut self, operation: &Shape, example: &Value) {
        let Some(entries) = example.as_object() else { return self.expected("an object", example) };
        self.known(entries, &KEYS, "an example");
        if example.get("title").and_then(Value::as_str).is_none() {
            self.error(example.at, "an example needs a title", "add \"title\": \"…\"");
        }
        let empty = Value::empty_object(example.at);
        let input = Some(example.get("input").unwrap_or(&empty));
        let (output, error) = (example.get("output"), example.get("error"));
        for (property, value) in [(Property::Input, input), (Property::Output, output)] {
            let shape = targets(self.model, operation, property).next();
            value.zip(shape).into_iter().for_each(|(value, shape)| self.value(value, shape));
        }
        if let Some(error) = error {
            self.failure(operation, error);
        }
        if let Some((error, _)) = error.zip(output) {
            let message = "an example has an output or an error, but not both";
            self.error(error.at, message, "remove one of them");
        }
    }

    fn failure(&mut self, operation: &Shape, error: &Value) {
        let declaring = service::all(self.model).chain([operation]);
        let mut errors = declaring.flat_map(|it| targets(self.model, it, Property::Error));
        let id = error.get("shapeId").unwrap_or(error);
        match errors.find(|it| id.as_str() == Some(it.id.as_str())) {
            Some(shape) => error.get("content").into_iter().for_each(|it| self.value(it, shape)),
            None => {
                let hint = "write the ID of an error that the operation declares as \"shapeId\"";
                self.error(id.at, "the shape is not an error of the operation", hint);
            }
        }
    }

    fn value(&mut self, value: &Value, shape: &Shape) {
        match (shape.kind, &value.kind) {
            _ if shape.is_broken => {}
            (ShapeKind::Structure | ShapeKind::Union, Kind::Object(_)) => {
                self.members(value, shape);
            }
            (ShapeKind::List, Kind::Array(items)) => self.elements(items, shape),
            (ShapeKind::Map, Kind::Object(entries)) => {
                self.elements(entries.iter().map(|it| &it.value), shape);
            }
            (ShapeKind::List, _) => self.expected("an array", value),
            (kind, _) if kind.has_fields() || kind == ShapeKind::Map => {
                self.expected("an object", value);
            }
            (kind, _) => match literal::read(&value.kind, shape, |_| String::new()) {
                Ok(None) if kind != ShapeKind::Document => {
                    self.expected(literal::expected(kind), value);
                }
                Ok(_) => {}
                Err(reason) => self.error(value.at, &reason, "write a value of its type"),
            },
        }
    }

    fn elements<'v>(&mut self, values: impl IntoIterator<Item = &'v Value>, of: &Shape) {
        let target = of.members.last().and_then(|it| self.model.get(&it.target));
        let is_null = |it: &Value| it.kind == Kind::Null && of.traits.has("sparse");
        for value in values.into_iter().filter(|it| !is_null(it)) {
            target.into_iter().for_each(|it| self.value(value, it));
        }
    }

    fn members(&mut self, value: &Value, shape: &Shape) {
        let entries = value.as_object().unwrap_or_default();
        let names: Vec<_> = shape.members.iter().map(|it| &*it.name).collect();
        self.known(entries, &names, shape.id.as_str());
        if shape.kind == ShapeKind::Union && entries.len() != 1 {
            let message = format!("a union has one member, found {}", entries.len());
            self.error(value.at, &message, "write one member of the union");
        }
        for member in &shape.members {
            let target = self.model.get(&member.target);
            let is_needed = member.traits.has("required") && !member.traits.has("default");
            match (value.get(&member.name), target) {
                (Some(value), Some(target)) => self.value(value, target),
                (None, Some(target)) if is_needed && !target.is_event_stream() => {
                    let message = format!("the required member {} is missing", member.name);
                    self.error(value.at, &message, "add it to the example");
                }
                _ => {}
            }
        }
    }

    fn known(&mut self, entries: &[Entry], names: &[&str], of: &str) {
        for Entry { key, at, .. } in entries.iter().filter(|it| !names.contains(&&*it.key)) {
            let finding = self.reporter.error(*at, format!("{of} has no member {key:?}"));
            finding.did_you_mean(key, names.iter().copied(), "remove it");
        }
    }

    fn expected(&mut self, what: &str, value: &Value) {
        let message = format!("expected {what}, found {}", value.describe());
        self.error(value.at, &message, &format!("write {what}"));
    }

    fn error(&mut self, at: Location, message: &str, hint: &str) {
        self.reporter.error(at, message).hint(hint);
    }
}
