//! A resolved model to what is generated: Smithy to Rust.
//!
//! Names are chosen here, once. What the model orders keeps its order; nothing else has one.

mod checks;
mod docs;
mod ends;
mod example;
mod limits;
mod shapes;

use std::collections::{HashMap, HashSet};

use crate::{
    Config,
    ast::{Member, Shape, ShapeKind},
    diagnostic::Reporter,
    ir,
    names::{self, Renamed, Scope, Words},
    recursion,
    resolve::Resolved,
    shape_id::ShapeId,
};

pub(crate) use docs::wrap;

/// Chooses names and types; a name that had to change is a warning.
pub fn lower(resolved: &Resolved<'_>, config: &Config, reporter: &mut Reporter<'_>) -> ir::Service {
    let mut lowering = Lowering::new(resolved, &config.words, reporter);
    let mut shapes = lowering.shapes();
    name_modules(&mut shapes, &config.words);
    let places: HashMap<_, _> =
        shapes.iter().enumerate().map(|(at, it)| (&it.type_ref, at)).collect();
    let operations =
        (0..resolved.operations.len()).map(|at| lowering.operation(at, &shapes, &places)).collect();
    let operations = example::with_examples(operations, &shapes);
    let values = resolved.closure.iter().filter(|it| !it.kind.has_type());
    ir::Service {
        id: resolved.service.id.to_string(),
        values: values.map(|it| (it.id.to_string(), lowering.value_type(&it.id, None))).collect(),
        docs: lowering.docs(&resolved.service.traits),
        name: lowering.service_name,
        version: resolved.service.version.clone(),
        operations,
        recursion_limit: limits::recursion_limit(&shapes),
        has_complex_types: limits::has_complex_types(&shapes),
        shapes,
        sides: config.sides,
        has_features: config.module.is_none(),
        connector: config.connector,
        readme: config.readme,
        crate_path: config.crate_name.replace('-', "_"),
    }
}

/// Names the modules of the types that do not live with an operation: two types may have the same name in
/// snake case.
fn name_modules(shapes: &mut [ir::Shape], words: &Words) {
    for home in [ir::Home::Types, ir::Home::Error] {
        let types = shapes.iter().filter(|it| it.type_ref.home == home);
        let mut scope = Scope::of_type_modules(types.map(|it| it.type_ref.name.as_str()));
        for shape in shapes.iter_mut().filter(|it| it.type_ref.home == home) {
            let name = &shape.type_ref.name;
            shape.module = scope.take(words.snake(name), name, "_").0;
        }
    }
}

/// Whether an error takes so much room that the enum of an operation's errors is large.
fn is_large(error: &ir::Shape) -> bool {
    let mut types = error.members.iter().map(|it| &it.ty);
    error.members.len() > 3 || types.any(|it| matches!(it, ir::Type::Named(_)))
}

struct Lowering<'r, 'm, 's> {
    resolved: &'r Resolved<'m>,
    words: &'r Words,
    reporter: &'r mut Reporter<'s>,
    service_name: String,
    operation_names: Vec<OperationNames>,
    /// What the operations have in the place of `smithy.api#Unit`.
    units: Vec<ends::Units>,
    types: HashMap<ShapeId, ir::TypeRef>,
    /// The builders of structures.
    builders: HashMap<ShapeId, Option<String>>,
    boxed: HashSet<String>,
    /// The shapes that are checked.
    checked: HashSet<&'m ShapeId>,
    /// The shapes that are the request of an operation.
    requests: HashSet<ShapeId>,
    /// The unions that servers send; errors among their members end the stream.
    sent_events: HashSet<ShapeId>,
    /// The paths of the types of operations and shapes, for the documentation that names them.
    paths: HashMap<String, String>,
}

impl<'r, 'm, 's> Lowering<'r, 'm, 's> {
    fn new(resolved: &'r Resolved<'m>, words: &'r Words, reporter: &'r mut Reporter<'s>) -> Self {
        let mut types = Scope::of_types();
        let methods = names::CLIENT_METHODS.into_iter().chain(names::SERVER_METHODS);
        let mut methods = Scope::with_reserved(methods.chain(names::OPERATION_MODULES));
        let mut take = |scope: &mut Scope, wanted: String, shape: &Shape, suffix: &str| {
            let (name, renamed) = scope.take(wanted, shape.id.as_str(), suffix);
            if let Some(renamed) = renamed {
                warn_renamed(reporter, shape, None, renamed);
            }
            name
        };
        let service_name = take(
            &mut types,
            names::pascal(resolved.service.id.name()),
            resolved.service,
            "Service",
        );
        let _ = take(&mut types, format!("{service_name}Service"), resolved.service, "2");
        let renames = resolved.renames();
        let shape_names: Vec<_> = resolved
            .closure
            .iter()
            .map(|it| {
                // Simple shapes, lists and maps are no types, and may be called as they like.
                if !it.kind.has_type() {
                    return String::new();
                }
                let name = renames.get(&it.id).copied().unwrap_or(it.id.name());
                take(&mut types, names::pascal(name), it, "Shape")
            })
            .collect();
        let ends = ends::Ends::of(resolved);
        // Names that follow from other names come last, so that the shapes keep the model's own.
        let operation_names: Vec<_> = resolved
            .operations
            .iter()
            .map(|it| {
                let it = it.shape;
                let name = take(&mut types, names::pascal(it.id.name()), it, "Operation");
                let error = take(&mut types, format!("{name}Error"), it, "2");
                let builder = take(&mut types, format!("{name}Builder"), it, "2");
                let method = take(&mut methods, words.snake(it.id.name()), it, "_");
                OperationNames { name, method, error, builder }
            })
            .collect();
        let builder_names: Vec<_> = resolved
            .closure
            .iter()
            .zip(&shape_names)
            .map(|(shape, name)| match ends.only_request(shape) {
                _ if shape.kind != ShapeKind::Structure => None,
                Some(at) => Some(operation_names[at].builder.clone()),
                None => shapes::fields(resolved.model, &shape.members)
                    .next()
                    .map(|_| take(&mut types, format!("{name}Builder"), shape, "2")),
            })
            .collect();
        let units = resolved.operations.iter().zip(&operation_names).map(|(it, names)| {
            ends::Units::of(it, names, |wanted| take(&mut types, wanted, it.shape, "2"))
        });
        let units = units.collect();
        let mut lowering = Self {
            resolved,
            words,
            reporter,
            service_name,
            operation_names,
            units,
            types: HashMap::new(),
            builders: HashMap::new(),
            boxed: recursion::boxed_members(&resolved.closure),
            checked: checks::checked(resolved),
            requests: ends.requests(),
            sent_events: ends.sent_events(),
            paths: HashMap::new(),
        };
        for ((shape, name), builder) in resolved.closure.iter().zip(shape_names).zip(builder_names)
        {
            let home = match (&shape.traits.error, ends.only_use(&shape.id)) {
                (Some(_), _) => ir::Home::Error,
                // The input or output of one operation that nothing else uses lives with it.
                (None, Some(at)) => {
                    ir::Home::Operation(lowering.operation_names[at].method.clone())
                }
                (None, None) => ir::Home::Types,
            };
            let type_ref = ir::TypeRef { home, name };
            if shape.kind.has_type() {
                lowering.paths.insert(shape.id.name().to_owned(), type_ref.path());
            }
            lowering.types.insert(shape.id.clone(), type_ref);
            lowering.builders.insert(shape.id.clone(), builder);
        }
        for (operation, names) in resolved.operations.iter().zip(&lowering.operation_names) {
            let path = format!("crate::operation::{}::{}", names.method, names.name);
            lowering.paths.insert(operation.shape.id.name().to_owned(), path);
        }
        lowering
    }

    /// An operation; `places` has the place of each type among the shapes.
    fn operation(
        &mut self,
        at: usize,
        shapes: &[ir::Shape],
        places: &HashMap<&ir::TypeRef, usize>,
    ) -> ir::Operation {
        let operation = &self.resolved.operations[at];
        let OperationNames { name, method, error, builder } = self.operation_names[at].clone();
        let type_of = |shape: &Shape| self.types[&shape.id].clone();
        let events = match (operation.input_events, operation.output_events) {
            (None, None) => ir::Events::None,
            (request, response) => ir::Events::Stream {
                request: request.map(type_of),
                response: response.map(type_of),
            },
        };
        let error_events = self.error_events(operation.output_events);
        let own = operation.errors.iter().chain(&self.resolved.errors).map(|it| &it.id);
        let mut errors: Vec<&ShapeId> = Vec::new();
        for id in own.chain(error_events.iter().map(|it| &it.target)) {
            if !errors.contains(&id) {
                errors.push(id);
            }
        }
        let end = |shape: Option<&Shape>, unit: &Option<ends::Unit>| {
            let type_ref = shape.map(type_of).or(unit.as_ref().map(|it| it.type_ref.clone()));
            type_ref.expect("an empty request or response has a type of its own")
        };
        let request = end(operation.input, &self.units[at].request);
        let response = end(operation.output, &self.units[at].response);
        let errors: Vec<_> = errors.into_iter().map(|it| self.types[it].clone()).collect();
        ir::Operation {
            id: operation.shape.id.to_string(),
            name,
            method,
            docs: self.docs(&operation.shape.traits),
            ends: [&request, &response].map(|it| places[it]),
            has_large_errors: errors.iter().any(|it| is_large(&shapes[places[it]])),
            request,
            response,
            events,
            error,
            builder: self.call_builder(builder, operation.input),
            errors,
            error_events: error_events
                .iter()
                .map(|it| (it.wire_name().to_owned(), it.target.to_string()))
                .collect(),
            example: None,
        }
    }

    /// The builder of an operation: what it holds besides the members of the request.
    fn call_builder(&self, name: String, request: Option<&Shape>) -> ir::CallBuilder {
        let members = request.map(|it| &it.members[..]).unwrap_or_default();
        let members = members.iter().map(|it| self.words.snake(&it.name));
        let taken: HashSet<_> = members.flat_map(|it| [names::setter(&it), it]).collect();
        let free = |name: &str| {
            let mut name = name.to_owned();
            while taken.contains(&name) {
                name.push('_');
            }
            name
        };
        let is_type = self.types.values().any(|it| it.name == "C");
        ir::CallBuilder {
            name,
            parameter: if is_type { "C_" } else { "C" }.to_owned(),
            connection: free("connection"),
            options: free("options"),
            into_parts: free("into_parts"),
        }
    }

    /// The members of a union that servers send which are errors.
    fn error_events(&self, union: Option<&'m Shape>) -> Vec<&'m Member> {
        let members = union.map(|it| &it.members[..]).unwrap_or_default();
        members.iter().filter(|it| self.is_error(&it.target)).collect()
    }

    fn is_error(&self, id: &ShapeId) -> bool {
        self.resolved.model.get(id).is_some_and(|it| it.traits.error.is_some())
    }
}

/// The names of an operation.
#[derive(Clone, Debug)]
struct OperationNames {
    /// The marker type.
    name: String,
    method: String,
    /// The error type.
    error: String,
    builder: String,
}

fn warn_renamed(
    reporter: &mut Reporter<'_>,
    shape: &Shape,
    member: Option<&Member>,
    renamed: Renamed,
) {
    let Renamed { wanted, got, other } = renamed;
    let (why, hint) = match other {
        Some(other) => (format!("{other} has that name"), "rename one of them"),
        None if names::is_strict_keyword(&wanted) => {
            ("that is a keyword, which no name can be".to_owned(), "rename it")
        }
        None => ("that name is in use for something else".to_owned(), "rename it"),
    };
    let location = member.map_or(shape.location, |it| it.location);
    let message = format!("it is called {got} in Rust rather than {wanted}: {why}");
    reporter
        .warning(location, message)
        .hint(format!("{hint} in the model to choose the name yourself"));
}
