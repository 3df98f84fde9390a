//! The names of all generated items, each chosen once.

use std::collections::{HashMap, HashSet};

use crate::{
    diagnostic::{Location, Reporter},
    ir::{Parent, TypeRef},
    model::{Member, Shape, ShapeKind},
    names::{self, Scope, Words},
    resolve::Resolved,
    shape_id::ShapeId,
};

pub(super) struct Names<'m> {
    pub(super) service: String,
    pub(super) operations: Vec<Operation>,
    /// The types of the shapes in order, then those of requests and responses without a shape.
    pub(super) types: Vec<Type<'m>>,
    /// The indices of the shapes in `types`.
    pub(super) indices: HashMap<&'m ShapeId, usize>,
}

pub(super) struct Operation {
    pub(super) marker: String,
    pub(super) method: String,
    pub(super) error: String,
    pub(super) builder: String,
    /// The indices of the request and the response in `types`.
    pub(super) request_response: [usize; 2],
}

pub(super) struct Type<'m> {
    pub(super) shape: &'m Shape,
    pub(super) type_ref: TypeRef,
    /// A sentence that describes the type.
    pub(super) about: String,
    pub(super) module: String,
    pub(super) is_request: bool,
    pub(super) builder: Option<String>,
    /// The members that become fields or variants, with the Rust name and the name in snake case of each.
    pub(super) members: Vec<(&'m Member, String, String)>,
}

impl<'m> Names<'m> {
    /// Chooses all names. Derived names come last, so that shapes keep their names from the model.
    pub(super) fn choose(
        resolved: &Resolved<'m>,
        words: &Words,
        reporter: &mut Reporter<'_>,
    ) -> Self {
        let mut scope = Scope::of(names::TYPES_IN_USE.split(' '));
        let root = resolved.service;
        let service = scope.take(names::pascal(root.id.name()), owner(root), "Service");
        scope.take(format!("{service}Service"), owner(root), "2");
        let shapes = resolved.closure.iter().filter(|it| it.kind.has_type()).map(|shape| {
            let name = resolved.renames.get(&shape.id).copied().unwrap_or(shape.id.name());
            (*shape, scope.take(names::pascal(name), owner(shape), "Shape"))
        });
        let shapes: Vec<_> = shapes.collect();
        let mut methods = Scope::of(names::METHODS_IN_USE.split(' '));
        let operations = resolved.operations.iter().map(|it| it.shape).map(|shape| {
            let marker = scope.take(names::pascal(shape.id.name()), owner(shape), "Operation");
            let error = scope.take(format!("{marker}Error"), owner(shape), "2");
            let builder = scope.take(format!("{marker}Builder"), owner(shape), "2");
            let method = methods.take(words.snake(shape.id.name()), owner(shape), "_");
            Operation { marker, method, error, builder, request_response: [0, 0] }
        });
        let mut operations: Vec<_> = operations.collect();
        let mut types = types(resolved, shapes, &operations, &mut scope);
        let indices = types.iter().enumerate().map(|(at, it)| (&it.shape.id, at));
        let indices: HashMap<_, _> = indices.collect();
        for (operation, names) in resolved.operations.iter().zip(&mut operations) {
            let mut index = |shape: Option<&Shape>, role: &str, builder: Option<&String>| {
                if let Some(shape) = shape {
                    return indices[&shape.id];
                }
                let name = format!("{}{role}", names.marker);
                let name = scope.take(name, owner(operation.shape), "2");
                let about = format!("{role} of [`{}`].", names.marker);
                let unit = resolved.model.get(&ShapeId::prelude("Unit"));
                types.push(Type {
                    shape: unit.expect("every model has the prelude"),
                    type_ref: TypeRef { parent: Parent::Operation(names.method.clone()), name },
                    about,
                    module: String::new(),
                    is_request: builder.is_some(),
                    builder: builder.cloned(),
                    members: Vec::new(),
                });
                types.len() - 1
            };
            let request = index(operation.input, "Request", Some(&names.builder));
            names.request_response = [request, index(operation.output, "Response", None)];
        }
        scope.report(reporter);
        methods.report(reporter);
        name_modules(&mut types, words);
        for ty in &mut types {
            name_members(ty, words, reporter);
        }
        Self { service, operations, types, indices }
    }
}

fn owner(shape: &Shape) -> (&str, Location) {
    (shape.id.as_str(), shape.location)
}

/// The types of these shapes, whose names are given. The names of members are chosen later.
fn types<'m>(
    resolved: &Resolved<'m>,
    shapes: Vec<(&'m Shape, String)>,
    operations: &[Operation],
    scope: &mut Scope,
) -> Vec<Type<'m>> {
    // The operation that has the shape as its request or response, if nothing else uses the shape.
    let mut uses: HashMap<&ShapeId, Option<usize>> = HashMap::new();
    let inputs_outputs = resolved.operations.iter().enumerate();
    let inputs_outputs =
        inputs_outputs.flat_map(|(at, it)| [(it.input, Some(at)), (it.output, Some(at))]);
    let inputs_outputs = inputs_outputs.filter_map(|(shape, at)| Some((&shape?.id, at)));
    let targets = resolved.closure.iter().flat_map(|it| &it.members).map(|it| (&it.target, None));
    for (id, at) in inputs_outputs.chain(targets) {
        uses.entry(id).and_modify(|it| *it = None).or_insert(at);
    }
    let requests = resolved.operations.iter().filter_map(|it| it.input);
    let requests: HashSet<_> = requests.map(|it| &it.id).collect();
    let sent_events = resolved.operations.iter().filter_map(|it| it.output_events);
    let sent_events: HashSet<_> = sent_events.map(|it| &it.id).collect();
    let types = shapes.into_iter().map(|(shape, name)| {
        // Error events from the server end the stream, so they are not variants.
        let is_sent = sent_events.contains(&shape.id);
        let is_member = |member: &&Member| {
            let target = resolved.model.get(&member.target);
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
        let parent = match operation {
            _ if shape.traits.has("error") => Parent::Error,
            Some(it) => Parent::Operation(it.method.clone()),
            None => Parent::Types,
        };
        let type_ref = TypeRef { parent, name };
        let about = match (operation, shape.kind) {
            (Some(it), _) if is_request => format!("Request of [`{}`].", it.marker),
            (Some(it), _) => format!("Response of [`{}`].", it.marker),
            (None, ShapeKind::Structure) => format!("The structure `{}`.", shape.id),
            (None, ShapeKind::Union) => format!("The union `{}`.", shape.id),
            (None, _) => format!("The enum `{}`.", shape.id),
        };
        Type { shape, type_ref, about, module: String::new(), is_request, builder, members }
    });
    types.collect()
}

/// Names the modules of the types outside of operations. Two types may have the same name in snake case.
fn name_modules(types: &mut [Type<'_>], words: &Words) {
    for parent in [Parent::Types, Parent::Error] {
        let types = types.iter_mut().filter(|it| it.type_ref.parent == parent);
        let types: Vec<_> = types.collect();
        let mut scope = Scope::of_type_modules(types.iter().map(|it| &*it.type_ref.name));
        for ty in types {
            ty.module = scope.take(words.snake(&ty.type_ref.name), owner(ty.shape), "_");
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
