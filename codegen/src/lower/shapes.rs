//! Lowering of structures, unions and enums.

use std::collections::HashMap;

use super::{Lowering, names::Type};
use crate::{
    ir, literal,
    model::{Member, Shape, ShapeKind},
    shape_id::ShapeId,
    text::code,
    traits::TimestampFormat,
};

impl Lowering<'_, '_> {
    pub(super) fn shape(&self, ty: &Type<'_>) -> ir::Shape {
        let shape = ty.shape;
        let mut uses: HashMap<&ShapeId, usize> = HashMap::new();
        for (member, ..) in &ty.members {
            *uses.entry(&member.target).or_default() += 1;
        }
        let is_checked = self.checked.contains(&shape.id);
        let members = ty.members.iter().map(|(member, name, snake_name)| {
            let target = self.resolved.model.get(&member.target);
            let is_structure = target.is_some_and(|it| it.kind == ShapeKind::Structure);
            let is_only = is_structure && !member.target.is_unit() && uses[&member.target] == 1;
            let is_enum = shape.kind.is_enum();
            let wire_name = if is_enum { member.enum_value() } else { member.wire_name() };
            let about = match shape.kind {
                ShapeKind::IntEnum => format!("The value {wire_name}."),
                ShapeKind::Enum => format!("The value {}.", code(wire_name)),
                _ => format!("The member {}.", code(wire_name)),
            };
            ir::Member {
                wire_name: wire_name.to_owned(),
                name: name.clone(),
                snake_name: snake_name.clone(),
                key: member.name.clone(),
                docs: self.docs(&member.traits, target, is_checked, &about),
                ty: if member.target.is_unit() { ir::Type::Unit } else { self.member_type(member) },
                presence: self.presence(shape, member),
                check: self.check(shape, member),
                is_token: ty.is_request && member.traits.has("idempotencyToken"),
                is_boxed: self.boxed.contains(&format!("{}${}", shape.id, member.name)),
                has_from: shape.kind == ShapeKind::Union && is_only,
                is_sensitive: self.is_sensitive(member),
            }
        });
        ir::Shape {
            id: shape.id.to_string(),
            type_ref: ty.type_ref.clone(),
            module: ty.module.clone(),
            docs: self.docs(&shape.traits, None, false, &ty.about),
            is_sensitive: shape.traits.has("sensitive"),
            kind: match shape.kind {
                ShapeKind::Union => ir::Kind::Union,
                ShapeKind::Enum => ir::Kind::Enum,
                ShapeKind::IntEnum => ir::Kind::IntEnum,
                _ => ir::Kind::Structure(role(ty)),
            },
            builder: ty.builder.clone(),
            members: members.collect(),
        }
    }

    /// The presence of a member (Smithy 2.0 specification, section "Structure member optionality"). Clients and
    /// servers share one type, so members that are optional for clients are optional.
    fn presence(&self, shape: &Shape, member: &Member) -> ir::Presence {
        let is_optional = member.traits.has("clientOptional") || shape.traits.has("input");
        match (self.default(member), is_optional) {
            _ if shape.kind != ShapeKind::Structure => ir::Presence::Required,
            (Some(default), false) => ir::Presence::Default(default),
            (Some(default), true) => ir::Presence::ReadsAs(default),
            (None, _) if !member.traits.has("required") => ir::Presence::Optional,
            (None, false) => ir::Presence::Required,
            (None, true) => ir::Presence::Expected,
        }
    }

    /// The default of a member: its own, or that of its target.
    fn default(&self, member: &Member) -> Option<String> {
        let target = self.resolved.model.get(&member.target)?;
        let default = member.traits.find("default").or(target.traits.find("default"))?;
        let variant = |at: usize| {
            let ty = &self.names.types[self.names.indices[&target.id]];
            format!("{}::{}", ty.type_ref.name, ty.members[at].1)
        };
        literal::read(&default.value.kind, target, variant).ok()?
    }

    /// The type of a member, without `Option` and `Box`.
    fn member_type(&self, member: &Member) -> ir::Type {
        self.value_type(&member.target, member.traits.timestamp_format())
    }

    /// The type of the values of a shape. `format` is the timestamp format of the member, if it has one.
    pub(super) fn value_type(&self, id: &ShapeId, format: Option<TimestampFormat>) -> ir::Type {
        let shape = self.resolved.model.get(id).expect("resolve checks every target");
        let is_sparse = shape.traits.has("sparse");
        let element = |member: &Member| {
            let ty = Box::new(self.member_type(member));
            if is_sparse { Box::new(ir::Type::Sparse(ty)) } else { ty }
        };
        match (shape.kind, &shape.members[..]) {
            (ShapeKind::Timestamp, _) => {
                let format = format.or(shape.traits.timestamp_format());
                ir::Type::Timestamp(format.unwrap_or(TimestampFormat::EpochSeconds))
            }
            (kind, _) if kind.is_simple() => ir::Type::Simple(kind),
            (ShapeKind::List, [item]) => ir::Type::List(element(item)),
            (ShapeKind::Map, [key, value]) => {
                ir::Type::Map(Box::new(self.member_type(key)), element(value))
            }
            _ => ir::Type::Named(self.names.types[self.names.indices[id]].type_ref.clone()),
        }
    }

    /// Whether `Debug` must hide the values of a member. Structures and unions hide their own.
    fn is_sensitive(&self, member: &Member) -> bool {
        let Some(shape) = self.resolved.model.get(&member.target) else {
            return member.traits.has("sensitive");
        };
        let is_inside = match shape.kind {
            ShapeKind::Structure | ShapeKind::Union => false,
            ShapeKind::List | ShapeKind::Map => {
                shape.traits.has("sensitive")
                    || shape.members.iter().any(|it| self.is_sensitive(it))
            }
            _ => shape.traits.has("sensitive"),
        };
        member.traits.has("sensitive") || is_inside
    }
}

fn role(ty: &Type<'_>) -> ir::Role {
    let traits = &ty.shape.traits;
    match traits.text("error") {
        Some(fault) => ir::Role::Error {
            is_client_fault: fault == "client",
            is_retryable: traits.has("retryable"),
            is_throttling: traits.is_throttling(),
        },
        None if ty.is_request => ir::Role::Request,
        None => ir::Role::Plain,
    }
}
