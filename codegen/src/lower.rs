//! Lowering of a resolved model to [`ir`]: from Smithy's terms to those of Rust.
//!
//! Lists that are ordered in the model keep their order; shapes are sorted by ID.

mod checks;
mod docs;
mod example;
mod limits;
mod names;
mod shapes;

use std::collections::{HashMap, HashSet};

use crate::{
    Config,
    diagnostic::{Location, Reporter},
    ir,
    model::Shape,
    names::{Scope, file_stem, setter},
    recursion,
    resolve::{self, Resolved},
    shape_id::ShapeId,
};

pub(crate) use docs::wrap;
use names::Names;

/// Chooses names and types. Warns about names that had to change.
pub fn lower(resolved: &Resolved<'_>, config: &Config, reporter: &mut Reporter<'_>) -> ir::Service {
    let names = Names::choose(resolved, &config.words, reporter);
    let types = names.types.iter().filter(|it| !it.shape.is_prelude());
    let types = types.map(|it| (it.shape.id.name().to_owned(), it.type_ref.path()));
    let operations = resolved.operations.iter().zip(&names.operations).map(|(operation, names)| {
        let path = format!("crate::operation::{}::{}", names.method, names.marker);
        (operation.shape.id.name().to_owned(), path)
    });
    let lowering = Lowering {
        resolved,
        boxed: recursion::boxed_members(&resolved.closure),
        checked: checks::checked(resolved),
        paths: types.chain(operations).collect(),
        names,
    };
    let names = &lowering.names;
    let shapes: Vec<_> = names.types.iter().map(|it| lowering.shape(it)).collect();
    let operations = resolved.operations.iter().zip(&names.operations);
    let by_type = shapes.iter().map(|it| (&it.type_ref, it)).collect();
    let operations =
        operations.map(|(it, names)| lowering.operation(it, names, &shapes, &by_type)).collect();
    let root = resolved.service;
    let about = format!("The service `{}`.", root.id);
    let values = resolved.closure.iter().filter(|it| !it.kind.has_type());
    ir::Service {
        id: root.id.to_string(),
        values: values.map(|it| lowering.value_type(&it.id, None)).collect(),
        docs: lowering.docs(&root.traits, None, false, &about),
        name: names.service.clone(),
        version: root.version.clone(),
        operations,
        recursion_limit: limits::recursion_limit(&shapes),
        has_complex_types: limits::has_complex_types(&shapes),
        shapes,
        sides: config.sides,
        is_module: config.module.is_some(),
        connector: config.connector,
        readme: config.readme,
        modules: config.modules.iter().map(|it| (file_stem(it).to_owned(), it.clone())).collect(),
        crate_name: config.crate_name.clone(),
        crate_path: config.crate_name.replace('-', "_"),
    }
}

struct Lowering<'r, 'm> {
    resolved: &'r Resolved<'m>,
    names: Names<'m>,
    boxed: HashSet<String>,
    /// The shapes whose values have constraints to check.
    checked: HashSet<&'m ShapeId>,
    /// The paths of the types of operations and shapes, for links in documentation.
    paths: HashMap<String, String>,
}

impl Lowering<'_, '_> {
    fn operation(
        &self,
        operation: &resolve::Operation<'_>,
        names: &names::Operation,
        shapes: &[ir::Shape],
        by_type: &example::Shapes<'_>,
    ) -> ir::Operation {
        let shape = operation.shape;
        let about = format!("The operation `{}`.", shape.id);
        let index = |id: &ShapeId| self.names.indices[id];
        let type_of = |it: &Shape| shapes[index(&it.id)].type_ref.clone();
        let events = match (operation.input_events, operation.output_events) {
            (None, None) => ir::Events::None,
            (request, response) => ir::Events::Stream {
                request: request.map(type_of),
                response: response.map(type_of),
            },
        };
        let members = operation.output_events.map(|it| &it.members[..]).unwrap_or_default();
        let is_error =
            |id: &ShapeId| self.resolved.model.get(id).is_some_and(|it| it.traits.has("error"));
        let error_events: Vec<_> = members.iter().filter(|it| is_error(&it.target)).collect();
        let declared = operation.errors.iter().chain(&self.resolved.errors).map(|it| &it.id);
        let mut errors: Vec<&ir::Shape> = Vec::new();
        for id in declared.chain(error_events.iter().map(|it| &it.target)) {
            let error = &shapes[index(id)];
            if !errors.iter().any(|it| it.type_ref == error.type_ref) {
                errors.push(error);
            }
        }
        let [request, response] = names.request_response.map(|it| &shapes[it]);
        ir::Operation {
            id: shape.id.to_string(),
            name: names.marker.clone(),
            method: names.method.clone(),
            docs: self.docs(&shape.traits, None, false, &about),
            request_response: names.request_response,
            has_large_errors: errors.iter().any(|it| is_large(it)),
            request: request.type_ref.clone(),
            response: response.type_ref.clone(),
            events,
            error: names.error.clone(),
            builder: self.call_builder(names, request, shape.location),
            errors: errors.iter().map(|it| it.type_ref.clone()).collect(),
            permission: shape.traits.permission().and_then(|it| {
                let text = |key| Some(it.value.get(key)?.as_str()?.to_owned());
                Some((text("service")?, text("resource")?))
            }),
            error_events: error_events
                .iter()
                .map(|it| (it.wire_name().to_owned(), it.target.to_string()))
                .collect(),
            example: example::call(&names.method, request, by_type, shape.traits.example()),
        }
    }

    /// The names of a call's builder that must not collide with members of the request.
    fn call_builder(
        &self,
        names: &names::Operation,
        request: &ir::Shape,
        location: Location,
    ) -> ir::CallBuilder {
        let members = request.members.iter().map(|it| &it.name);
        let mut scope = Scope::of(members.flat_map(|it| [setter(it), it.clone()]));
        let mut free = |name: &str| scope.take(name.to_owned(), ("", location), "_");
        let is_type = self.names.types.iter().any(|it| it.type_ref.name == "C");
        ir::CallBuilder {
            name: names.builder.clone(),
            parameter: if is_type { "C_" } else { "C" }.to_owned(),
            connection: free("connection"),
            options: free("options"),
            into_parts: free("into_parts"),
        }
    }
}

/// Whether an error is so large that the enum of an operation's errors triggers Clippy's lint.
fn is_large(error: &ir::Shape) -> bool {
    let mut types = error.members.iter().map(|it| &it.ty);
    error.members.len() > 3 || types.any(|it| matches!(it, ir::Type::Named(_)))
}
