//! A resolved model to what is generated: Smithy to Rust.
//!
//! Names are chosen here, once. What the model orders keeps its order; nothing else has one.

mod docs;
mod example;
mod shapes;

use std::collections::HashMap;

use crate::{
    Config,
    ast::{Shape, ShapeKind},
    diagnostic::Reporter,
    ir,
    names::{self, Renamed, Scope},
    recursion,
    resolve::{Resolved, event_stream},
    shape_id::ShapeId,
};

/// Chooses names and types; a name that had to change is a warning.
pub fn lower(
    resolved: &Resolved<'_>,
    config: &Config,
    origin: String,
    reporter: &mut Reporter<'_>,
) -> ir::Service {
    let mut lowering = Lowering::new(resolved, reporter);
    let operations: Vec<_> = resolved
        .operations
        .iter()
        .enumerate()
        .map(|(index, it)| lowering.operation(index, it))
        .collect();
    let shapes = lowering.shapes();
    let operations = example::with_examples(operations, &shapes);
    let ShapeKind::Service(service) = &resolved.service.kind else {
        unreachable!("resolve picks a service");
    };
    ir::Service {
        id: resolved.service.id.to_string(),
        docs: lowering.docs(&resolved.service.traits),
        name: lowering.service_name,
        version: service.version.clone(),
        operations,
        shapes,
        sides: config.sides,
        connector: config.connector,
        readme: config.readme,
        crate_path: config.crate_name.replace('-', "_"),
        origin,
    }
}

struct Lowering<'r, 'm, 's> {
    resolved: &'r Resolved<'m>,
    reporter: &'r mut Reporter<'s>,
    service_name: String,
    /// The names of the operations: type, method, error type.
    operation_names: Vec<[String; 3]>,
    types: HashMap<ShapeId, ir::TypeRef>,
    builders: HashMap<ShapeId, String>,
    uses: HashMap<ShapeId, Uses>,
    boxed: Vec<String>,
    /// The paths of the types of operations and shapes, for the documentation that names them.
    paths: HashMap<String, String>,
}

impl<'r, 'm, 's> Lowering<'r, 'm, 's> {
    fn new(resolved: &'r Resolved<'m>, reporter: &'r mut Reporter<'s>) -> Self {
        let mut types = Scope::of_types();
        let mut methods =
            Scope::with_reserved(names::CLIENT_METHODS.into_iter().chain(names::SERVER_METHODS));
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
        let shape_names: Vec<_> = resolved
            .closure
            .iter()
            .map(|it| take(&mut types, names::pascal(it.id.name()), it, "Shape"))
            .collect();
        // Names that follow from other names come last, so that the shapes keep the model's own.
        let builder_names: Vec<_> = resolved
            .closure
            .iter()
            .zip(&shape_names)
            .map(|(shape, name)| match shape.kind {
                ShapeKind::Structure(_) => take(&mut types, format!("{name}Builder"), shape, "2"),
                _ => String::new(),
            })
            .collect();
        let operation_names = resolved
            .operations
            .iter()
            .map(|it| {
                let name = take(&mut types, names::pascal(it.id.name()), it, "Operation");
                let error = take(&mut types, format!("{name}Error"), it, "2");
                let _ = take(&mut types, format!("{name}FluentBuilder"), it, "2");
                [name, take(&mut methods, names::snake(it.id.name()), it, "_"), error]
            })
            .collect();
        let mut lowering = Self {
            resolved,
            reporter,
            service_name,
            operation_names,
            types: HashMap::new(),
            builders: HashMap::new(),
            uses: uses(resolved),
            boxed: recursion::boxed_members(resolved.model, &resolved.closure),
            paths: HashMap::new(),
        };
        for ((shape, name), builder) in resolved.closure.iter().zip(shape_names).zip(builder_names)
        {
            let home = lowering.home(shape);
            let type_ref = ir::TypeRef { home, name };
            if let ShapeKind::Structure(_) | ShapeKind::Union(_) | ShapeKind::Enum(_) = shape.kind {
                lowering.paths.insert(shape.id.name().to_owned(), type_ref.path());
            }
            lowering.types.insert(shape.id.clone(), type_ref);
            lowering.builders.insert(shape.id.clone(), builder);
        }
        for (operation, [name, module, _]) in
            resolved.operations.iter().zip(&lowering.operation_names)
        {
            let path = format!("crate::operation::{module}::{name}");
            lowering.paths.insert(operation.id.name().to_owned(), path);
        }
        lowering
    }

    /// The input or output of one operation that nothing else uses lives with it.
    fn home(&self, shape: &Shape) -> ir::Home {
        if shape.traits.error.is_some() {
            return ir::Home::Error;
        }
        match self.uses.get(&shape.id) {
            Some(uses) if uses.count == 1 => match uses.operation {
                Some(operation) => ir::Home::Operation(self.operation_names[operation][1].clone()),
                None => ir::Home::Types,
            },
            _ => ir::Home::Types,
        }
    }

    fn operation(&mut self, index: usize, shape: &Shape) -> ir::Operation {
        let ShapeKind::Operation(operation) = &shape.kind else {
            unreachable!("resolve lists operations");
        };
        let [name, method, error] = self.operation_names[index].clone();
        let stream = |id: &ShapeId| {
            let ShapeKind::Structure(members) = &self.resolved.model.get(id)?.kind else {
                return None;
            };
            let (_, union) = event_stream(self.resolved.model, members)?;
            Some(self.types[&union.id].clone())
        };
        let events = match (stream(&operation.input.target), stream(&operation.output.target)) {
            (None, None) => ir::Events::None,
            (request, response) => ir::Events::Stream { request, response },
        };
        ir::Operation {
            id: shape.id.to_string(),
            name,
            method,
            docs: self.docs(&shape.traits),
            request: self.types[&operation.input.target].clone(),
            response: self.types[&operation.output.target].clone(),
            events,
            error,
            errors: operation.errors.iter().map(|it| self.types[&it.target].clone()).collect(),
            example: None,
        }
    }
}

/// What uses a shape.
#[derive(Default)]
struct Uses {
    /// How many members target it, and how often it is the input or output of an operation.
    count: usize,
    /// The last operation of which it is the input or output.
    operation: Option<usize>,
    /// Whether it is the input of an operation.
    is_input: bool,
}

/// The uses of every shape, counted once for all.
fn uses(resolved: &Resolved<'_>) -> HashMap<ShapeId, Uses> {
    let mut uses: HashMap<ShapeId, Uses> = HashMap::new();
    for member in resolved.closure.iter().flat_map(|it| it.kind.members()) {
        uses.entry(member.target.clone()).or_default().count += 1;
    }
    for (index, shape) in resolved.operations.iter().enumerate() {
        let ShapeKind::Operation(operation) = &shape.kind else {
            continue;
        };
        for (end, is_input) in [(&operation.input, true), (&operation.output, false)] {
            let uses = uses.entry(end.target.clone()).or_default();
            uses.count += 1;
            uses.operation = Some(index);
            uses.is_input |= is_input;
        }
    }
    uses
}

fn warn_renamed(
    reporter: &mut Reporter<'_>,
    shape: &Shape,
    member: Option<&crate::ast::Member>,
    renamed: Renamed,
) {
    let Renamed { wanted, got, other } = renamed;
    let other = match other {
        Some(other) => format!("{other} has that name"),
        None => "that name is in use for something else".to_owned(),
    };
    let location = member.map_or(shape.location, |it| it.location);
    let message = format!("it is called {got} in Rust rather than {wanted}: {other}");
    reporter
        .warning(location, message)
        .hint("rename one of them in the model to choose the name yourself");
}
