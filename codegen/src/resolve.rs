//! Whether the shapes of a model fit together, and which of them a service needs.

use std::collections::{HashMap, HashSet};

use crate::{
    ast::{Member, Model, Operation, PRELUDE, Reference, Shape, ShapeKind, SimpleType, subject},
    diagnostic::{Reporter, Subject, closest},
    shape_id::ShapeId,
};

/// A model in which every reference leads somewhere, seen from one service.
#[derive(Debug)]
pub struct Resolved<'m> {
    /// The model.
    pub model: &'m Model,
    /// The service.
    pub service: &'m Shape,
    /// Its operations in order.
    pub operations: Vec<&'m Shape>,
    /// Every other shape that the operations need, in the order of the model.
    pub closure: Vec<&'m Shape>,
}

/// What a member targets.
#[derive(Clone, Copy, Debug)]
pub enum Target<'m> {
    /// A shape of the prelude.
    Prelude(SimpleType),
    /// A shape of the model.
    Shape(&'m Shape),
}

/// Finds a target.
pub fn target<'m>(model: &'m Model, id: &ShapeId) -> Option<Target<'m>> {
    match SimpleType::of_prelude(id) {
        Some(simple) => Some(Target::Prelude(simple)),
        None => model.get(id).map(Target::Shape),
    }
}

/// Checks the model and picks the service; what is wrong goes to the reporter.
pub fn resolve<'m>(
    model: &'m Model,
    service: Option<&str>,
    reporter: &mut Reporter<'_>,
) -> Option<Resolved<'m>> {
    check_names(model, reporter);
    for shape in model.shapes() {
        check_shape(model, shape, reporter);
    }
    let service = pick_service(model, service, reporter)?;
    let ShapeKind::Service(list) = &service.kind else {
        return None;
    };
    let operations: Vec<&Shape> =
        list.operations.iter().filter_map(|it| model.get(&it.target)).collect();
    if reporter.has_errors() {
        return None;
    }
    let closure = closure(model, &operations);
    check_requirements(model, &closure, reporter);
    check_streams_are_top_level(model, &operations, &closure, reporter);
    Some(Resolved { model, service, operations, closure })
}

fn pick_service<'m>(
    model: &'m Model,
    wanted: Option<&str>,
    reporter: &mut Reporter<'_>,
) -> Option<&'m Shape> {
    let services: Vec<&Shape> =
        model.shapes().iter().filter(|it| matches!(it.kind, ShapeKind::Service(_))).collect();
    let names: Vec<_> = services.iter().map(|it| it.id.as_str()).collect();
    match (wanted, &services[..]) {
        (Some(wanted), _) => {
            let found = services.iter().find(|it| it.id.as_str() == wanted).copied();
            if found.is_none() {
                reporter
                    .error_of_model(format!("there is no service {wanted}"))
                    .hint(format!("the model has: {}", names.join(", ")));
            }
            found
        }
        (None, [service]) => Some(service),
        (None, []) => {
            // A file that could not be read may have had it.
            if !reporter.has_errors() {
                reporter
                    .error_of_model("there is no service in the model")
                    .hint("add a shape of type \"service\" that lists its operations");
            }
            None
        }
        (None, [_, second, ..]) => {
            reporter
                .error(
                    second.location,
                    second.subject(""),
                    "there is more than one service in the model",
                )
                .hint(format!("say which one to generate: {}", names.join(", ")));
            None
        }
    }
}

/// Shapes may not differ in case alone (Smithy 2.0 spec, section "Shape ID conflicts").
fn check_names(model: &Model, reporter: &mut Reporter<'_>) {
    let mut seen: HashMap<String, &Shape> = HashMap::new();
    for shape in model.shapes() {
        if let Some(earlier) = seen.insert(shape.id.as_str().to_ascii_lowercase(), shape) {
            let message = format!("it differs from {} only in case", earlier.id);
            reporter.error(shape.location, shape.subject(""), message).hint("rename one of them");
        }
    }
}

fn check_shape(model: &Model, shape: &Shape, reporter: &mut Reporter<'_>) {
    match &shape.kind {
        ShapeKind::Simple(_) => {}
        ShapeKind::Enum(members) => check_enum(shape, members, reporter),
        ShapeKind::List(member) => {
            check_element(model, shape, member, "/member/target", reporter);
            check_nesting(model, shape, member, reporter);
        }
        ShapeKind::Map { key, value } => {
            check_nesting(model, shape, value, reporter);
            check_element(model, shape, key, "/key/target", reporter);
            check_element(model, shape, value, "/value/target", reporter);
            let is_text = match target(model, &key.target) {
                Some(Target::Prelude(simple)) => simple == SimpleType::String,
                Some(Target::Shape(shape)) => {
                    matches!(shape.kind, ShapeKind::Simple(SimpleType::String) | ShapeKind::Enum(_))
                }
                None => true,
            };
            if !is_text {
                let message =
                    format!("the key of a map is a string or an enum, not {}", key.target);
                reporter.error(key.target_location, shape.subject("/key/target"), message);
            }
        }
        ShapeKind::Structure(members) | ShapeKind::Union(members) => {
            for member in members {
                let subject = subject(&shape.id, Some(&member.name), "/target");
                check_member(model, member, &subject, reporter);
            }
            check_event_stream(model, shape, members, reporter);
        }
        ShapeKind::Service(service) => {
            for (index, operation) in service.operations.iter().enumerate() {
                let subject = shape.subject(&format!("/operations/{index}/target"));
                check_reference(model, operation, subject, reporter, "an operation", |it| {
                    matches!(it.kind, ShapeKind::Operation(_))
                });
            }
        }
        ShapeKind::Operation(operation) => check_operation(model, shape, operation, reporter),
    }
}

fn check_enum(shape: &Shape, members: &[Member], reporter: &mut Reporter<'_>) {
    let mut values = HashSet::new();
    for member in members {
        let place = |suffix| subject(&shape.id, Some(&member.name), suffix);
        if member.target.as_str() != "smithy.api#Unit" {
            reporter
                .error(
                    member.target_location,
                    place("/target"),
                    "a member of an enum targets smithy.api#Unit",
                )
                .hint(
                    "write \"smithy.api#Unit\" and give the text in the trait smithy.api#enumValue",
                );
        }
        let value = member.traits.enum_value.as_ref().unwrap_or(&member.name);
        if !values.insert(value) {
            let message =
                format!("the value {value:?} belongs to another member of the enum already");
            reporter.error(member.location, place(""), message);
        }
    }
}

fn check_element(
    model: &Model,
    shape: &Shape,
    member: &Member,
    pointer: &str,
    reporter: &mut Reporter<'_>,
) {
    let mut subject = shape.subject(pointer);
    subject.shape = Some(format!("{}${}", shape.id, member.name));
    check_member(model, member, &subject, reporter);
    if let Some(Target::Shape(target)) = target(model, &member.target)
        && is_event_stream(target)
    {
        let message = format!(
            "{} is an event stream: it belongs on an operation's input or output",
            target.id
        );
        reporter.error(member.target_location, subject, message);
    }
}

/// A list or map may not hold itself without a structure or union in between.
fn check_nesting(model: &Model, shape: &Shape, element: &Member, reporter: &mut Reporter<'_>) {
    let mut seen = HashSet::new();
    let mut next = model.get(&element.target);
    while let Some(inner) = next {
        if inner.id == shape.id {
            let message = format!("a {} that holds itself can have no type", shape.kind.name());
            reporter
                .error(element.target_location, shape.subject(""), message)
                .hint("put a structure in between");
            return;
        }
        if !seen.insert(&inner.id) {
            return;
        }
        next = match &inner.kind {
            ShapeKind::List(element) | ShapeKind::Map { value: element, .. } => {
                model.get(&element.target)
            }
            _ => None,
        };
    }
}

fn check_member(model: &Model, member: &Member, subject: &Subject, reporter: &mut Reporter<'_>) {
    let target = match target(model, &member.target) {
        Some(Target::Prelude(_)) => return,
        Some(Target::Shape(target)) => target,
        None => {
            return dangling(
                model,
                &member.target,
                member.target_location,
                subject.clone(),
                reporter,
            );
        }
    };
    if matches!(target.kind, ShapeKind::Service(_) | ShapeKind::Operation(_)) {
        let message = format!("{} is of type {} and has no values", target.id, target.kind.name());
        reporter.error(member.target_location, subject.clone(), message);
    }
}

fn check_operation(
    model: &Model,
    shape: &Shape,
    operation: &Operation,
    reporter: &mut Reporter<'_>,
) {
    for (reference, key) in [(&operation.input, "input"), (&operation.output, "output")] {
        let subject = shape.subject(&format!("/{key}/target"));
        check_reference(model, reference, subject, reporter, "a structure", |it| {
            matches!(it.kind, ShapeKind::Structure(_))
        });
    }
    for (index, error) in operation.errors.iter().enumerate() {
        let subject = shape.subject(&format!("/errors/{index}/target"));
        check_reference(
            model,
            error,
            subject,
            reporter,
            "a structure with the trait error",
            |it| it.traits.error.is_some(),
        );
    }
}

fn check_reference(
    model: &Model,
    reference: &Reference,
    subject: Subject,
    reporter: &mut Reporter<'_>,
    expected: &str,
    is_expected: impl Fn(&Shape) -> bool,
) {
    match model.get(&reference.target) {
        None => dangling(model, &reference.target, reference.location, subject, reporter),
        Some(target) if is_expected(target) => {}
        Some(target) => {
            let message = format!("expected {expected}; {} is a {}", target.id, target.kind.name());
            reporter.error(reference.location, subject, message);
        }
    }
}

fn dangling(
    model: &Model,
    id: &ShapeId,
    location: crate::diagnostic::Location,
    subject: Subject,
    reporter: &mut Reporter<'_>,
) {
    let prelude: Vec<String> = SimpleType::ALL
        .iter()
        .map(|it| format!("{PRELUDE}#{}{}", it.name()[..1].to_uppercase(), &it.name()[1..]))
        .collect();
    let known =
        model.shapes().iter().map(|it| it.id.as_str()).chain(prelude.iter().map(String::as_str));
    // Only the names are compared, so that a long namespace does not make everything alike.
    let same_namespace =
        known.filter(|it| it.split_once('#').is_some_and(|(it, _)| it == id.namespace()));
    let names = same_namespace.filter_map(|it| Some(it.split_once('#')?.1));
    let closest = closest(id.name(), names).map(str::to_owned);
    let elsewhere = prelude.iter().find(|it| it.ends_with(&format!("#{}", id.name())));
    let diagnostic = reporter.error(location, subject, format!("target {id} does not exist"));
    if let Some(prelude) = elsewhere {
        diagnostic.hint(format!("did you mean {prelude}?"));
    } else if let Some(closest) = closest {
        diagnostic.hint(format!("did you mean {}#{closest}?", id.namespace()));
    } else if id.namespace() == PRELUDE {
        diagnostic.hint(format!("supported shapes of the prelude: {}", prelude.join(", ")));
    }
}

/// Whether a shape is a union of events.
pub fn is_event_stream(shape: &Shape) -> bool {
    shape.traits.streaming && matches!(shape.kind, ShapeKind::Union(_))
}

/// The member of an input or output that is its event stream.
pub fn event_stream<'m>(
    model: &'m Model,
    members: &'m [Member],
) -> Option<(&'m Member, &'m Shape)> {
    members.iter().find_map(|member| {
        let shape = model.get(&member.target)?;
        is_event_stream(shape).then_some((member, shape))
    })
}

fn check_event_stream(
    model: &Model,
    shape: &Shape,
    members: &[Member],
    reporter: &mut Reporter<'_>,
) {
    let streams = members.iter().filter(|it| model.get(&it.target).is_some_and(is_event_stream));
    for (index, member) in streams.enumerate() {
        let place = subject(&shape.id, Some(&member.name), "/target");
        if matches!(shape.kind, ShapeKind::Union(_)) {
            reporter.error(member.target_location, place, "an event stream inside a union");
        } else if index > 0 {
            reporter.error(member.target_location, place, "a second event stream in one structure");
        }
    }
}

/// An event stream is a stream of messages, so it has no place inside a payload.
fn check_streams_are_top_level(
    model: &Model,
    operations: &[&Shape],
    closure: &[&Shape],
    reporter: &mut Reporter<'_>,
) {
    let targeted: HashSet<&ShapeId> =
        closure.iter().flat_map(|it| it.kind.members()).map(|it| &it.target).collect();
    let is_io = |shape: &Shape| {
        operations.iter().any(|operation| match &operation.kind {
            ShapeKind::Operation(it) => it.input.target == shape.id || it.output.target == shape.id,
            _ => false,
        })
    };
    for shape in closure {
        let ShapeKind::Structure(members) = &shape.kind else {
            continue;
        };
        let Some((member, _)) = event_stream(model, members) else {
            continue;
        };
        if targeted.contains(&shape.id) || !is_io(shape) {
            let place = subject(&shape.id, Some(&member.name), "/target");
            let message = "only the input or output of an operation can have an event stream";
            reporter.error(member.target_location, place, message);
        }
    }
}

/// Every shape that the operations need, in the order of the model.
fn closure<'m>(model: &'m Model, operations: &[&'m Shape]) -> Vec<&'m Shape> {
    let mut needed: HashSet<&ShapeId> = HashSet::new();
    let mut pending: Vec<&ShapeId> = Vec::new();
    for shape in operations {
        let ShapeKind::Operation(operation) = &shape.kind else {
            continue;
        };
        let ends = [&operation.input, &operation.output].into_iter();
        pending.extend(ends.chain(&operation.errors).map(|it| &it.target));
    }
    while let Some(id) = pending.pop() {
        let Some(shape) = model.get(id) else { continue };
        if needed.insert(&shape.id) {
            pending.extend(shape.kind.members().into_iter().map(|it| &it.target));
        }
    }
    model.shapes().iter().filter(|it| needed.contains(&it.id)).collect()
}

/// Refuses structures that can have no value, because each would have to hold another of its kind.
fn check_requirements(model: &Model, closure: &[&Shape], reporter: &mut Reporter<'_>) {
    // A structure has a value once everything it requires has one; repeat until nothing is added.
    let mut possible: HashSet<&ShapeId> = HashSet::new();
    let has_value = |possible: &HashSet<&ShapeId>, member: &Member| match model.get(&member.target)
    {
        Some(shape) if is_event_stream(shape) => true,
        Some(shape) => possible.contains(&shape.id),
        None => true,
    };
    loop {
        let before = possible.len();
        for shape in closure {
            let is_possible = match &shape.kind {
                ShapeKind::Structure(members) => members
                    .iter()
                    .filter(|it| it.traits.required)
                    .all(|it| has_value(&possible, it)),
                ShapeKind::Union(members) => members.iter().any(|it| has_value(&possible, it)),
                _ => true,
            };
            if is_possible {
                possible.insert(&shape.id);
            }
        }
        if possible.len() == before {
            break;
        }
    }
    for shape in closure.iter().filter(|it| !possible.contains(&it.id)) {
        let message = "no value of this shape can exist: each would have to hold another";
        reporter
            .error(shape.location, shape.subject(""), message)
            .hint("make one of the members optional, or put it into a list");
    }
}
