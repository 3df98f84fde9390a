//! What is at the ends of operations: requests, responses and events.

use std::collections::{HashMap, HashSet};

use super::OperationNames;
use crate::{
    ast::Shape,
    ir,
    resolve::{Operation, Resolved},
    shape_id::ShapeId,
};

/// The empty structures of an operation that has `smithy.api#Unit` for its input or output.
#[derive(Debug)]
pub(super) struct Units {
    pub(super) request: Option<Unit>,
    pub(super) response: Option<Unit>,
}

/// An empty structure that no shape of the model stands behind.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) type_ref: ir::TypeRef,
    /// The builder of a request: that of the operation.
    builder: Option<String>,
}

impl Units {
    /// Takes names for what the operation needs.
    pub(super) fn of(
        operation: &Operation<'_>,
        names: &OperationNames,
        mut take: impl FnMut(String) -> String,
    ) -> Self {
        let mut unit = |is_needed: bool, role: &str, builder: Option<&String>| {
            is_needed.then(|| {
                let home = ir::Home::Operation(names.method.clone());
                let name = take(format!("{}{role}", names.name));
                Unit { type_ref: ir::TypeRef { home, name }, builder: builder.cloned() }
            })
        };
        Self {
            request: unit(operation.input.is_none(), "Request", Some(&names.builder)),
            response: unit(operation.output.is_none(), "Response", None),
        }
    }

    /// The structures.
    pub(super) fn structures(&self) -> impl Iterator<Item = ir::Shape> {
        let structure = |unit: &Option<Unit>, role: ir::Role| {
            unit.as_ref().map(|unit| ir::Shape {
                id: ShapeId::prelude("Unit").to_string(),
                type_ref: unit.type_ref.clone(),
                builder: unit.builder.clone(),
                docs: ir::Docs::default(),
                is_sensitive: false,
                members: Vec::new(),
                module: String::new(),
                kind: ir::Kind::Structure(role),
            })
        };
        let request = structure(&self.request, ir::Role::Request);
        request.into_iter().chain(structure(&self.response, ir::Role::Plain))
    }
}

/// Which shapes the operations have at their ends.
pub(super) struct Ends<'m> {
    resolved: &'m Resolved<'m>,
    /// The operation, for what is an input or output; twice if it is both.
    uses: HashMap<&'m ShapeId, Vec<usize>>,
    targeted: HashSet<&'m ShapeId>,
}

impl<'m> Ends<'m> {
    pub(super) fn of(resolved: &'m Resolved<'m>) -> Self {
        let mut uses: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, operation) in resolved.operations.iter().enumerate() {
            for shape in operation.input.iter().chain(&operation.output) {
                uses.entry(&shape.id).or_default().push(at);
            }
        }
        let members = resolved.closure.iter().flat_map(|it| &it.members);
        Self { resolved, uses, targeted: members.map(|it| &it.target).collect() }
    }

    /// The operation that has the shape at one of its ends, if nothing else uses it.
    pub(super) fn only_use(&self, id: &ShapeId) -> Option<usize> {
        match self.uses.get(id).map(|it| &it[..]) {
            Some([at]) if !self.targeted.contains(id) => Some(*at),
            _ => None,
        }
    }

    /// The operation that the shape is the request of, if it lives with it.
    pub(super) fn only_request(&self, shape: &Shape) -> Option<usize> {
        let at = self.only_use(&shape.id).filter(|_| shape.traits.error.is_none())?;
        let input = self.resolved.operations[at].input?;
        (input.id == shape.id).then_some(at)
    }

    pub(super) fn requests(&self) -> HashSet<ShapeId> {
        let inputs = self.resolved.operations.iter().filter_map(|it| it.input);
        inputs.map(|it| it.id.clone()).collect()
    }

    pub(super) fn sent_events(&self) -> HashSet<ShapeId> {
        let events = self.resolved.operations.iter().filter_map(|it| it.output_events);
        events.map(|it| it.id.clone()).collect()
    }
}
