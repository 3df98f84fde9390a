//! The names of everything that is generated, each chosen once.

use std::collections::{HashMap, HashSet};

use crate::{
    diagnostic::{Location, Reporter},
    ir::{Home, TypeRef},
    model::{Member, Shape, ShapeKind},
    names::{self, Scope, Words},
    resolve::Resolved,
    shape_id::ShapeId,
};

pub(super) struct Names<'m> {
    pub(super) service: String,
    pub(super) operations: Vec<Operation>,
    /// The types of the shapes, in their order, then those of requests and responses without a shape.
    pub(super) types: Vec<Type<'m>>,
    /// The places of the shapes in `types`.
    pub(super) places: HashMap<&'m ShapeId, usize>,
}

pub(super) struct Operation {
    pub(super) marker: String,
    pub(super) method: String,
    pub(super) error: String,
    pub(super) builder: String,
    /// The places of the request and the response in `types`.
    pub(super) ends: [usize; 2],
}

pub(super) struct Type<'m> {
    pub(super) shape: &'m Shape,
    pub(super) type_ref: TypeRef,
    /// What it is, in a sentence.
    pub(super) about: String,
    pub(super) module: String,
    pub(super) is_request: bool,
    pub(super) builder: Option<String>,
    /// The members that become fields or variants, each with its name, and its name in snake case.
    pub(super) members: Vec<(&'m Member, String, String)>,
}

impl<'m> Names<'m> {
    /// Chooses all names. Those that follow from others come last, so that shapes keep the model's own.
    pub(super) fn choose(
        resolved: &Resolved<'m>,
        words: &Words,
        reporter: &mut Reporter<'_>,
    ) -> Self {
        let mut scope = Scope::of(names::TYPES_IN_USE.split(' '));
        let root = resolved.service;
        let service = scope.take(names::pascal(root.id.name()), owner(root), "Service");
        scope.take(format!("{service}Service"), owner(root), "2");
        let shapes = resolved.closure.iter().filter(|it| it.kind.has_type()).map(|it| {
            let name = resolved.renames.get(&it.id).copied().unwrap_or(it.id.name());
            (*it, scope.take(names::pascal(name), owner(it), "Shape"))
        });
        let shapes: Vec<_> = shapes.collect();
        let mut methods = Scope::of(names::METHODS_IN_USE.split(' '));
        let operations = resolved.operations.iter().map(|it| it.shape).map(|it| {
            let marker = scope.take(names::pascal(it.id.name()), owner(it), "Operation");
            let error = scope.take(format!("{marker}Error"), owner(it), "2");
            let builder = scope.take(format!("{marker}Builder"), owner(it), "2");
            let method = methods.take(words.snake(it.id.name()), owner(it), "_");
            Operation { marker, method, error, builder, ends: [0, 0] }
        });
        let mut operations: Vec<_> = operations.collect();
        let mut types = types(resolved, shapes, &operations, &mut scope);
        let places = types.iter().enumerate().map(|(at, it)| (&it.shape.id, at));
        let places: HashMap<_, _> = places.collect();
        for (operation, names) in resolved.operations.iter().zip(&mut operations) {
            let mut place = |end: Option<&Shape>, role: &str, builder: Option<&String>| {
                if let Some(shape) = end {
                    return places[&shape.id];
                }
                let name = format!("{}{role}", names.marker);
                let name = scope.take(name, owner(operation.shape), "2");
                let about = format!("{role} of [`{}`].", names.marker);
                let unit = resolved.model.get(&ShapeId::prelude("Unit"));
                types.push(Type {
                    shape: unit.expect("every model has it"),
                    type_ref: TypeRef { home: Home::Operation(names.method.clone()), name },
                    about,
                    module: String::new(),
                    is_request: builder.is_some(),
                    builder: builder.cloned(),
                    members: Vec::new(),
                });
                types.len() - 1
            };
            let request = place(operation.input, "Request", Some(&names.builder));
            names.ends = [request, place(operation.output, "Response", None)];
        }
        scope.report(reporter);
        methods.report(reporter);
        name_modules(&mut types, words);
        for it in &mut types {
            name_members(it, words, reporter);
        }
        Self { service, operations, types, places }
    }
}

fn owner(shape: &Shape) -> (&str, Location) {
    (shape.id.as_str(), shape.location)
}

/// The types of these shapes with their names. Members have no names yet.
fn types<'m>(
    resolved: &Resolved<'m>,
    shapes: Vec<(&'m Shape, String)>,
    operations: &[Operation],
    scope: &mut Scope,
) -> Vec<Type<'m>> {
    // The operation that has a shape at one of its ends, if nothing else uses the shape.
    let mut uses: HashMap<&ShapeId, Option<usize>> = HashMap::new();
    let ends = resolved.operations.iter().enumerate();
    let ends = ends.flat_map(|(at, it)| [(it.input, Some(at)), (it.output, Some(at))]);
    let ends = ends.filter_map(|(end, at)| Some((&end?.id, at)));
    let targets = resolved.closure.iter().flat_map(|it| &it.members).map(|it| (&it.target, None));
    for (id, at) in ends.chain(targets) {
        uses.entry(id).and_modify(|it| *it = None).or_insert(at);
    }
    let requests = resolved.operations.iter().filter_map(|it| it.input);
    let requests: HashSet<_> = requests.map(|it| &it.id).collect();
    let sent_events = resolved.operations.iter().filter_map(|it| it.output_events);
    let sent_events: HashSet<_> = sent_events.map(|it| &it.id).collect();
    let types = shapes.into_iter().map(|(shape, name)| {
        // Events that are errors end the stream, and are no variants.
        let is_sent = sent_events.contains(&shape.id);
        let is_member = |it: &&Member| {
            let target = resolved.model.get(&it.target);
            let is_error = |it: &Shape| is_sent && it.traits.has("error");
            !target.is_some_and(|it| it.is_event_stream() || is_error(it))
        };
        let members = shape.members.iter().filter(is_member);
        let members: Vec<_> = members.map(|it| (it, String::new(), String::new())).collect();
        let operation = uses.get(&shape.id).copied().flatten().map(|at| &operations[at]);
        let is_request = requests.contains(&shape.id);
        let builder = match operation {
            _ if shape.kind != ShapeKind::Structure => None,
            Some(it) if is_request => Some(it.builder.clone()),
            _ if members.is_empty() => None,
            _ => Some(scope.take(format!("{name}Builder"), owner(shape), "2")),
        };
        let home = match operation {
            _ if shape.traits.has("error") => Home::Error,
            Some(it) => Home::Operation(it.method.clone()),
            None => Home::Types,
        };
        let type_ref = TypeRef { home, name };
        let about = match (operation, shape.kind) {
            (Some(it), _) if is_request => format!("Request of [`{}`].", it.marker),
            (Some(it), _) => format!("Response of [`{}`].", it.marker),
            (None, ShapeKind::Structure) => format!("The shape `{}`.", shape.id),
            (None, ShapeKind::Union) => format!("The union `{}`.", shape.id),
            (None, _) => format!("The enum `{}`.", shape.id),
        };
        Type { shape, type_ref, about, module: String::new(), is_request, builder, members }
    });
    types.collect()
}

/// Names the modules of the types that do not live with an operation: two types may have the same name in
/// snake case.
fn name_modules(types: &mut [Type<'_>], words: &Words) {
    for home in [Home::Types, Home::Error] {
        let types = types.iter_mut().filter(|it| it.type_ref.home == home);
        let types: Vec<_> = types.collect();
        let mut scope = Scope::of_type_modules(types.iter().map(|it| &*it.type_ref.name));
        for it in types {
            it.module = scope.take(words.snake(&it.type_ref.name), owner(it.shape), "_");
        }
    }
}

fn name_members(ty: &mut Type<'_>, words: &Words, reporter: &mut Reporter<'_>) {
    let mut scope = match ty.shape.kind {
        ShapeKind::Structure if ty.is_request => Scope::of_fields(names::CALL_METHODS),
        ShapeKind::Structure => Scope::of_fields(""),
        _ => Scope::of(["Self", "Unknown"]),
    };
    let mut snake_scope = Scope::of(["unknown"]);
    for (member, name, snake_name) in &mut ty.members {
        let id = format!("{}${}", ty.shape.id, member.name);
        let owner = (&*id, member.location);
        let snake = words.snake(&member.name);
        if ty.shape.kind == ShapeKind::Structure {
            *name = scope.take(snake, owner, "_value");
            *snake_name = name.clone();
        } else {
            *name = scope.take(names::pascal(&member.name), owner, "Value");
            *snake_name = snake_scope.take(snake, owner, "_value");
        }
    }
    scope.report(reporter);
}
