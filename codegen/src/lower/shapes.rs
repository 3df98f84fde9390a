//! Structures, unions and enums.

use std::collections::HashMap;

use super::{Lowering, ends, warn_renamed};
use crate::{
    ast::{Member, Model, Shape, ShapeKind, SimpleType},
    ir, literal,
    names::{self, Renamed, Scope},
    shape_id::ShapeId,
    traits::{Fault, TimestampFormat},
};

impl Lowering<'_, '_, '_> {
    /// Every shape that becomes a type, in the order of their IDs, and what stands for no shape.
    pub(super) fn shapes(&mut self) -> Vec<ir::Shape> {
        let resolved = self.resolved;
        let units = self.units.iter().flat_map(ends::Units::structures).map(ir::Shape::Structure);
        let units: Vec<_> = units.collect();
        resolved.closure.iter().filter_map(|it| self.shape(it)).chain(units).collect()
    }

    fn shape(&mut self, shape: &Shape) -> Option<ir::Shape> {
        let members = &shape.members;
        Some(match shape.kind {
            ShapeKind::Structure => ir::Shape::Structure(self.structure(shape, members)),
            ShapeKind::Union => ir::Shape::Union(self.union(shape, members)),
            ShapeKind::Enum => ir::Shape::Enum(ir::Enum {
                id: shape.id.to_string(),
                type_ref: self.types[&shape.id].clone(),
                docs: self.docs(&shape.traits),
                is_sensitive: shape.traits.sensitive,
                values: self
                    .enum_values(shape, members, |it| it.traits.enum_value.clone())
                    .collect(),
            }),
            ShapeKind::IntEnum => ir::Shape::IntEnum(ir::IntEnum {
                id: shape.id.to_string(),
                type_ref: self.types[&shape.id].clone(),
                docs: self.docs(&shape.traits),
                is_sensitive: shape.traits.sensitive,
                values: self.enum_values(shape, members, |it| it.traits.int_enum_value).collect(),
            }),
            _ => return None,
        })
    }

    fn structure(&mut self, shape: &Shape, members: &[Member]) -> ir::Structure {
        let role = match shape.traits.error {
            Some(fault) => ir::Role::Error {
                is_client_fault: fault == Fault::Client,
                is_retryable: shape.traits.retryable,
                is_throttling: shape.traits.throttling,
            },
            None if self.requests.contains(&shape.id) => ir::Role::Request,
            None => ir::Role::Plain,
        };
        let mut reserved: Vec<&str> = names::BUILDER_METHODS.to_vec();
        if role == ir::Role::Request {
            reserved.extend(names::FLUENT_METHODS);
        }
        let mut scope = Scope::with_reserved(reserved);
        let members = fields(self.resolved.model, members)
            .map(|member| {
                let id = format!("{}${}", shape.id, member.name);
                let (name, renamed) = scope.take_member(self.words.snake(&member.name), &id);
                if let Some(renamed) = renamed {
                    warn_renamed(self.reporter, shape, Some(member), renamed);
                }
                ir::Member {
                    wire_name: member.wire_name().to_owned(),
                    name,
                    docs: self.checked_docs(shape, member),
                    ty: self.member_type(member),
                    presence: self.presence(shape, member),
                    check: self.check(shape, member),
                    is_token: role == ir::Role::Request && member.traits.idempotency_token,
                    is_boxed: self.boxed.contains(&id),
                    is_sensitive: self.is_sensitive(member),
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

    /// Smithy 2.0 spec, section "Structure member optionality". One type serves clients and servers, so
    /// what is optional for clients is optional.
    fn presence(&self, shape: &Shape, member: &Member) -> ir::Presence {
        let is_optional = member.traits.client_optional || shape.traits.input;
        match (self.default(member), is_optional) {
            (Some(default), false) => ir::Presence::Default(default),
            (Some(default), true) => ir::Presence::ReadsAs(default),
            (None, _) if !member.traits.required => ir::Presence::Optional,
            (None, false) => ir::Presence::Required,
            (None, true) => ir::Presence::Expected,
        }
    }

    /// The default of a member: its own, or that of its target.
    fn default(&self, member: &Member) -> Option<ir::Literal> {
        let target = self.resolved.model.get(&member.target)?;
        let default = member.traits.default.as_ref().or(target.traits.default.as_ref())?;
        match literal::read(&default.value, target).ok()?? {
            ir::Literal::Variant(name) => {
                let members: Vec<_> = target.members.iter().collect();
                let at = members.iter().position(|it| it.name == name)?;
                let names = enum_names(&target.id, &members, |_, _| ());
                Some(ir::Literal::Variant(names[at].clone()))
            }
            literal => Some(literal),
        }
    }

    fn union(&mut self, shape: &Shape, members: &[Member]) -> ir::Union {
        let mut scope = Scope::with_reserved(["Unknown"]);
        let mut snake_scope = Scope::with_reserved(["unknown"]);
        let is_sent = self.sent_events.contains(&shape.id);
        let members = members.iter().filter(|it| !is_sent || !self.is_error(&it.target));
        let members: Vec<_> = members.collect();
        let mut uses: HashMap<&ShapeId, usize> = HashMap::new();
        for member in &members {
            *uses.entry(&member.target).or_default() += 1;
        }
        let variants = members
            .iter()
            .map(|member| {
                let id = format!("{}${}", shape.id, member.name);
                let (name, renamed) = scope.take(names::pascal(&member.name), &id, "Value");
                if let Some(renamed) = renamed {
                    warn_renamed(self.reporter, shape, Some(member), renamed);
                }
                let is_structure = self
                    .resolved
                    .model
                    .get(&member.target)
                    .is_some_and(|it| it.kind == ShapeKind::Structure && !it.id.is_unit());
                ir::Variant {
                    wire_name: member.wire_name().to_owned(),
                    name,
                    snake_name: snake_scope.take(self.words.snake(&member.name), &id, "_value").0,
                    docs: self.checked_docs(shape, member),
                    ty: (!member.target.is_unit()).then(|| self.member_type(member)),
                    is_boxed: self.boxed.contains(&id),
                    check: self.check(shape, member),
                    has_from: is_structure && uses[&member.target] == 1,
                    is_sensitive: self.is_sensitive(member),
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

    fn enum_values<T>(
        &mut self,
        shape: &Shape,
        members: &[Member],
        value: impl Fn(&Member) -> Option<T>,
    ) -> impl Iterator<Item = ir::EnumValue<T>> {
        let members: Vec<_> = members.iter().collect();
        let names = enum_names(&shape.id, &members, |member, renamed| {
            warn_renamed(self.reporter, shape, Some(member), renamed);
        });
        members.into_iter().zip(names).filter_map(move |(member, name)| {
            Some(ir::EnumValue { value: value(member)?, name, docs: self.docs(&member.traits) })
        })
    }

    /// The type of a member, without `Option` and `Box`.
    fn member_type(&self, member: &Member) -> ir::Type {
        let shape = self.resolved.model.get(&member.target).expect("resolve checks every target");
        let element = |it: &Member| match shape.traits.sparse {
            true => Box::new(ir::Type::Sparse(Box::new(self.member_type(it)))),
            false => Box::new(self.member_type(it)),
        };
        match (shape.kind, &shape.members[..]) {
            (ShapeKind::Simple(simple), _) => simple_type(simple, member, shape),
            (ShapeKind::List, [item]) => ir::Type::List(element(item)),
            (ShapeKind::Map, [key, value]) => {
                ir::Type::Map(Box::new(self.member_type(key)), element(value))
            }
            _ => ir::Type::Named(self.types[&member.target].clone()),
        }
    }

    /// Whether values of a member stay out of `Debug` and do not see to it themselves.
    fn is_sensitive(&self, member: &Member) -> bool {
        let Some(shape) = self.resolved.model.get(&member.target) else {
            return member.traits.sensitive;
        };
        let is_inside = match shape.kind {
            // They have a `Debug` of their own.
            ShapeKind::Structure | ShapeKind::Union => false,
            ShapeKind::List | ShapeKind::Map => {
                shape.traits.sensitive || shape.members.iter().any(|it| self.is_sensitive(it))
            }
            _ => shape.traits.sensitive,
        };
        member.traits.sensitive || is_inside
    }
}

/// The members of a structure that become fields: all but the event stream.
pub(super) fn fields<'m>(model: &Model, members: &'m [Member]) -> impl Iterator<Item = &'m Member> {
    members.iter().filter(|it| !model.get(&it.target).is_some_and(Shape::is_event_stream))
}

/// The names of an enum's variants.
fn enum_names(
    shape: &ShapeId,
    members: &[&Member],
    mut on_renamed: impl FnMut(&Member, Renamed),
) -> Vec<String> {
    let mut scope = Scope::with_reserved(["Self", "Unknown"]);
    let names = members.iter().map(|member| {
        let id = format!("{shape}${}", member.name);
        let (name, renamed) = scope.take(names::pascal(&member.name), &id, "Value");
        if let Some(renamed) = renamed {
            on_renamed(member, renamed);
        }
        name
    });
    names.collect()
}

fn simple_type(simple: SimpleType, member: &Member, shape: &Shape) -> ir::Type {
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
        SimpleType::BigInteger => ir::Type::BigInteger,
        SimpleType::BigDecimal => ir::Type::BigDecimal,
        SimpleType::Timestamp => {
            let format = member.traits.timestamp_format.or(shape.traits.timestamp_format);
            ir::Type::Timestamp(format.unwrap_or(TimestampFormat::EpochSeconds))
        }
        SimpleType::Document => ir::Type::Document,
    }
}
