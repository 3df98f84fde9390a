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
        let units: Vec<_> = self.units.iter().flat_map(ends::Units::structures).collect();
        resolved.closure.iter().filter_map(|it| self.shape(it)).chain(units).collect()
    }

    fn shape(&mut self, shape: &Shape) -> Option<ir::Shape> {
        let kind = match shape.kind {
            ShapeKind::Structure => ir::Kind::Structure(self.role(shape)),
            ShapeKind::Union => ir::Kind::Union,
            ShapeKind::Enum => ir::Kind::Enum,
            ShapeKind::IntEnum => ir::Kind::IntEnum,
            _ => return None,
        };
        let members = match kind {
            ir::Kind::Structure(role) => self.fields(shape, role),
            ir::Kind::Union => self.variants(shape),
            ir::Kind::Enum | ir::Kind::IntEnum => self.values(shape),
        };
        Some(ir::Shape {
            id: shape.id.to_string(),
            type_ref: self.types[&shape.id].clone(),
            module: String::new(),
            docs: self.docs(&shape.traits),
            is_sensitive: shape.traits.sensitive,
            kind,
            builder: self.builders[&shape.id].clone(),
            members,
        })
    }

    fn role(&self, shape: &Shape) -> ir::Role {
        match shape.traits.error {
            Some(fault) => ir::Role::Error {
                is_client_fault: fault == Fault::Client,
                is_retryable: shape.traits.retryable,
                is_throttling: shape.traits.throttling,
            },
            None if self.requests.contains(&shape.id) => ir::Role::Request,
            None => ir::Role::Plain,
        }
    }

    /// The members of a structure.
    fn fields(&mut self, shape: &Shape, role: ir::Role) -> Vec<ir::Member> {
        let mut reserved: Vec<&str> = names::BUILDER_METHODS.to_vec();
        if role == ir::Role::Request {
            reserved.extend(names::CALL_METHODS);
        }
        let mut scope = Scope::with_reserved(reserved);
        let fields = fields(self.resolved.model, &shape.members).map(|member| {
            let id = format!("{}${}", shape.id, member.name);
            let (name, renamed) = scope.take_member(self.words.snake(&member.name), &id);
            if let Some(renamed) = renamed {
                warn_renamed(self.reporter, shape, Some(member), renamed);
            }
            ir::Member {
                presence: self.presence(shape, member),
                is_token: role == ir::Role::Request && member.traits.idempotency_token,
                ..self.member(shape, member, name.clone(), name)
            }
        });
        fields.collect()
    }

    /// A member that is called this, with a value.
    fn member(
        &self,
        shape: &Shape,
        member: &Member,
        name: String,
        snake_name: String,
    ) -> ir::Member {
        let id = format!("{}${}", shape.id, member.name);
        ir::Member {
            wire_name: member.wire_name().to_owned(),
            name,
            snake_name,
            docs: self.checked_docs(shape, member),
            ty: match member.target.is_unit() {
                true => ir::Type::Unit,
                false => self.member_type(member),
            },
            presence: ir::Presence::Required,
            check: self.check(shape, member),
            is_token: false,
            is_boxed: self.boxed.contains(&id),
            has_from: false,
            is_sensitive: self.is_sensitive(member),
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
    fn default(&self, member: &Member) -> Option<String> {
        let target = self.resolved.model.get(&member.target)?;
        let default = member.traits.default.as_ref().or(target.traits.default.as_ref())?;
        let variant = |at: usize| {
            let members: Vec<_> = target.members.iter().collect();
            let names = enum_names(&target.id, &members, |_, _| ());
            format!("{}::{}", self.types[&target.id].name, names[at])
        };
        literal::read(&default.value, target, variant).ok()?
    }

    /// The members of a union, without the errors among events that servers send.
    fn variants(&mut self, shape: &Shape) -> Vec<ir::Member> {
        let mut scope = Scope::with_reserved(["Unknown"]);
        let mut snake_scope = Scope::with_reserved(["unknown"]);
        let is_sent = self.sent_events.contains(&shape.id);
        let members = shape.members.iter().filter(|it| !is_sent || !self.is_error(&it.target));
        let members: Vec<_> = members.collect();
        let mut uses: HashMap<&ShapeId, usize> = HashMap::new();
        for member in &members {
            *uses.entry(&member.target).or_default() += 1;
        }
        let variants = members.iter().map(|member| {
            let id = format!("{}${}", shape.id, member.name);
            let (name, renamed) = scope.take(names::pascal(&member.name), &id, "Value");
            if let Some(renamed) = renamed {
                warn_renamed(self.reporter, shape, Some(member), renamed);
            }
            let snake_name = snake_scope.take(self.words.snake(&member.name), &id, "_value").0;
            let target = self.resolved.model.get(&member.target);
            let is_structure = target.is_some_and(|it| it.kind == ShapeKind::Structure);
            ir::Member {
                has_from: is_structure && !member.target.is_unit() && uses[&member.target] == 1,
                ..self.member(shape, member, name, snake_name)
            }
        });
        variants.collect()
    }

    /// The members of an enum.
    fn values(&mut self, shape: &Shape) -> Vec<ir::Member> {
        let members: Vec<_> = shape.members.iter().collect();
        let names = enum_names(&shape.id, &members, |member, renamed| {
            warn_renamed(self.reporter, shape, Some(member), renamed);
        });
        let values = members.into_iter().zip(names).filter_map(|(member, name)| {
            let number = member.traits.int_enum_value.map(|it| it.to_string());
            Some(ir::Member {
                wire_name: number.or(member.traits.enum_value.clone())?,
                docs: self.docs(&member.traits),
                ty: ir::Type::Unit,
                check: None,
                ..self.member(shape, member, name, String::new())
            })
        });
        values.collect()
    }

    /// The type of a member, without `Option` and `Box`.
    fn member_type(&self, member: &Member) -> ir::Type {
        self.value_type(&member.target, member.traits.timestamp_format)
    }

    /// The type of the values of a shape, given the format of timestamps if a member has one of its own.
    pub(super) fn value_type(&self, id: &ShapeId, format: Option<TimestampFormat>) -> ir::Type {
        let shape = self.resolved.model.get(id).expect("resolve checks every target");
        let element = |it: &Member| match shape.traits.sparse {
            true => Box::new(ir::Type::Sparse(Box::new(self.member_type(it)))),
            false => Box::new(self.member_type(it)),
        };
        match (shape.kind, &shape.members[..]) {
            (ShapeKind::Simple(SimpleType::Timestamp), _) => {
                let format = format.or(shape.traits.timestamp_format);
                ir::Type::Timestamp(format.unwrap_or(TimestampFormat::EpochSeconds))
            }
            (ShapeKind::Simple(simple), _) => ir::Type::Simple(simple),
            (ShapeKind::List, [item]) => ir::Type::List(element(item)),
            (ShapeKind::Map, [key, value]) => {
                ir::Type::Map(Box::new(self.member_type(key)), element(value))
            }
            _ => ir::Type::Named(self.types[id].clone()),
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
