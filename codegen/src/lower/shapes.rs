//! Structures, unions and enums.

use std::collections::HashMap;

use super::{Lowering, warn_renamed};
use crate::{
    ast::{Member, Shape, ShapeKind, SimpleType},
    ir,
    names::{self, Scope},
    resolve::{Target, is_event_stream, target},
    shape_id::ShapeId,
    traits::Fault,
};

impl Lowering<'_, '_, '_> {
    /// Every shape that becomes a type, in the order of the model.
    pub(super) fn shapes(&mut self) -> Vec<ir::Shape> {
        let resolved = self.resolved;
        resolved.closure.iter().filter_map(|it| self.shape(it)).collect()
    }

    fn shape(&mut self, shape: &Shape) -> Option<ir::Shape> {
        match &shape.kind {
            ShapeKind::Structure(members) => {
                Some(ir::Shape::Structure(self.structure(shape, members)))
            }
            ShapeKind::Union(members) => Some(ir::Shape::Union(self.union(shape, members))),
            ShapeKind::Enum(members) => Some(ir::Shape::Enum(self.enumeration(shape, members))),
            _ => None,
        }
    }

    fn structure(&mut self, shape: &Shape, members: &[Member]) -> ir::Structure {
        let role = match shape.traits.error {
            Some(fault) => ir::Role::Error {
                is_client_fault: fault == Fault::Client,
                is_retryable: shape.traits.retryable,
            },
            None if self.uses.get(&shape.id).is_some_and(|it| it.is_input) => ir::Role::Request,
            None => ir::Role::Plain,
        };
        let mut reserved: Vec<&str> = names::BUILDER_METHODS.to_vec();
        if role == ir::Role::Request {
            reserved.extend(names::FLUENT_METHODS);
        }
        let mut scope = Scope::with_reserved(reserved);
        let model = self.resolved.model;
        let members = members
            .iter()
            .filter(|it| !model.get(&it.target).is_some_and(is_event_stream))
            .map(|member| {
                let id = format!("{}${}", shape.id, member.name);
                let (name, renamed) = scope.take_member(&member.name, &id);
                if let Some(renamed) = renamed {
                    warn_renamed(self.reporter, shape, Some(member), renamed);
                }
                ir::Member {
                    wire_name: member.name.clone(),
                    name,
                    docs: self.docs(&member.traits),
                    ty: self.member_type(&member.target),
                    is_required: member.traits.required,
                    is_boxed: self.boxed.binary_search(&id).is_ok(),
                    is_sensitive: self.is_sensitive(&member.target),
                }
            })
            .collect();
        ir::Structure {
            id: shape.id.to_string(),
            type_ref: self.types[&shape.id].clone(),
            builder: self.builders[&shape.id].clone(),
            docs: self.docs(&shape.traits),
            is_sensitive: shape.traits.sensitive,
            members,
            role,
        }
    }

    fn union(&mut self, shape: &Shape, members: &[Member]) -> ir::Union {
        let mut scope = Scope::with_reserved(["Unknown"]);
        let mut snake_scope = Scope::with_reserved(["unknown"]);
        let types: Vec<_> = members.iter().map(|it| self.member_type(&it.target)).collect();
        let mut targets: HashMap<&ShapeId, usize> = HashMap::new();
        for member in members {
            *targets.entry(&member.target).or_default() += 1;
        }
        let variants = members
            .iter()
            .zip(&types)
            .map(|(member, ty)| {
                let id = format!("{}${}", shape.id, member.name);
                let (name, renamed) = scope.take(names::pascal(&member.name), &id, "Value");
                if let Some(renamed) = renamed {
                    warn_renamed(self.reporter, shape, Some(member), renamed);
                }
                let is_structure = self
                    .resolved
                    .model
                    .get(&member.target)
                    .is_some_and(|it| matches!(it.kind, ShapeKind::Structure(_)));
                ir::Variant {
                    wire_name: member.name.clone(),
                    name,
                    snake_name: snake_scope.take(names::snake(&member.name), &id, "_value").0,
                    docs: self.docs(&member.traits),
                    ty: ty.clone(),
                    is_boxed: self.boxed.binary_search(&id).is_ok(),
                    has_from: is_structure && targets[&member.target] == 1,
                    is_sensitive: self.is_sensitive(&member.target),
                }
            })
            .collect();
        ir::Union {
            id: shape.id.to_string(),
            type_ref: self.types[&shape.id].clone(),
            docs: self.docs(&shape.traits),
            is_sensitive: shape.traits.sensitive,
            variants,
        }
    }

    fn enumeration(&mut self, shape: &Shape, members: &[Member]) -> ir::Enum {
        let mut scope = Scope::with_reserved(["Self", "Unknown"]);
        let values = members
            .iter()
            .map(|member| {
                let id = format!("{}${}", shape.id, member.name);
                let (name, renamed) = scope.take(names::pascal(&member.name), &id, "Value");
                if let Some(renamed) = renamed {
                    warn_renamed(self.reporter, shape, Some(member), renamed);
                }
                let value = member.traits.enum_value.clone().unwrap_or_else(|| member.name.clone());
                ir::EnumValue { value, name, docs: self.docs(&member.traits) }
            })
            .collect();
        ir::Enum {
            id: shape.id.to_string(),
            type_ref: self.types[&shape.id].clone(),
            docs: self.docs(&shape.traits),
            values,
        }
    }

    fn member_type(&self, id: &ShapeId) -> ir::Type {
        let shape = match target(self.resolved.model, id) {
            Some(Target::Prelude(simple)) => return simple_type(simple),
            Some(Target::Shape(shape)) => shape,
            Some(Target::Unit) | None => {
                unreachable!("resolve finds every target, and refuses Unit")
            }
        };
        match &shape.kind {
            ShapeKind::Simple(simple) => simple_type(*simple),
            ShapeKind::List(member) => ir::Type::List(Box::new(self.member_type(&member.target))),
            ShapeKind::Map { key, value } => ir::Type::Map(
                Box::new(self.member_type(&key.target)),
                Box::new(self.member_type(&value.target)),
            ),
            _ => ir::Type::Named(self.types[id].clone()),
        }
    }

    /// Whether values of a shape stay out of `Debug` and do not see to it themselves.
    fn is_sensitive(&self, id: &ShapeId) -> bool {
        let Some(shape) = self.resolved.model.get(id) else {
            return false;
        };
        match &shape.kind {
            // They have a `Debug` of their own.
            ShapeKind::Structure(_) | ShapeKind::Union(_) => false,
            ShapeKind::List(member) => shape.traits.sensitive || self.is_sensitive(&member.target),
            ShapeKind::Map { key, value } => {
                shape.traits.sensitive
                    || self.is_sensitive(&key.target)
                    || self.is_sensitive(&value.target)
            }
            _ => shape.traits.sensitive,
        }
    }
}

fn simple_type(simple: SimpleType) -> ir::Type {
    match simple {
        SimpleType::Blob => ir::Type::Blob,
        SimpleType::Boolean => ir::Type::Bool,
        SimpleType::String => ir::Type::String,
        SimpleType::Byte => ir::Type::Int(8),
        SimpleType::Short => ir::Type::Int(16),
        SimpleType::Integer => ir::Type::Int(32),
        SimpleType::Long => ir::Type::Int(64),
        SimpleType::Float => ir::Type::Float(32),
        SimpleType::Double => ir::Type::Float(64),
        SimpleType::BigInteger | SimpleType::BigDecimal => unreachable!("resolve refuses them"),
        SimpleType::Timestamp => ir::Type::Timestamp,
        SimpleType::Document => ir::Type::Document,
    }
}
