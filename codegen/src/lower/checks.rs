//! What a server checks when it has read a request: `length`, `range`, `pattern` and `uniqueItems`.

use std::collections::{HashMap, HashSet};

use super::Lowering;
use crate::{
    ast::{Member, Shape, ShapeKind},
    ir,
    resolve::{Resolved, reached},
    shape_id::ShapeId,
    traits::Traits,
};

/// The shapes of requests that have a constraint, or contain a shape that has one.
pub(super) fn checked(resolved: &Resolved<'_>) -> HashSet<ShapeId> {
    let model = resolved.model;
    let sent = reached(model, resolved.operations.iter().filter_map(|it| it.input));
    let mut users: HashMap<&ShapeId, Vec<&ShapeId>> = HashMap::new();
    let mut pending = Vec::new();
    for shape in resolved.closure.iter().filter(|it| sent.contains(&it.id) && !it.kind.is_enum()) {
        for member in &shape.members {
            users.entry(&member.target).or_default().push(&shape.id);
            let target = model.get(&member.target);
            if constrains(&member.traits) || target.is_some_and(|it| constrains(&it.traits)) {
                pending.push(&shape.id);
            }
        }
    }
    let mut checked = HashSet::new();
    while let Some(id) = pending.pop() {
        if checked.insert(id.clone()) {
            pending.extend(users.get(id).into_iter().flatten());
        }
    }
    checked
}

fn constrains(traits: &Traits) -> bool {
    traits.length.is_some()
        || traits.range.is_some()
        || traits.pattern.is_some()
        || traits.unique_items
}

impl Lowering<'_, '_, '_> {
    /// The check of a member of a structure or union.
    pub(super) fn check(&self, shape: &Shape, member: &Member) -> Option<ir::Check> {
        self.checked.contains(&shape.id).then(|| self.check_of(member))?
    }

    /// The documentation of a member, with a note if its pattern is checked.
    pub(super) fn checked_docs(&self, shape: &Shape, member: &Member) -> ir::Docs {
        let mut docs = self.member_docs(member);
        if self.check(shape, member).is_some_and(|it| it.pattern.is_some()) {
            docs.notes.push_str("\n\nServers check that the value matches the pattern.");
        }
        docs
    }

    fn check_of(&self, member: &Member) -> Option<ir::Check> {
        let shape = self.resolved.model.get(&member.target)?;
        let (own, of_target) = (&member.traits, &shape.traits);
        let mut check = ir::Check {
            length: own.length.or(of_target.length),
            range: own.range.clone().or_else(|| of_target.range.clone()),
            pattern: own.pattern.clone().or_else(|| of_target.pattern.clone()),
            ..ir::Check::default()
        };
        match (shape.kind, &shape.members[..]) {
            (ShapeKind::List, [item]) => {
                let kind = self.resolved.model.get(&item.target).map(|it| it.kind);
                let has_equality = match kind {
                    Some(ShapeKind::Simple(simple)) => simple.has_equality(),
                    _ => true,
                };
                check.is_unique = of_target.unique_items && has_equality;
                check.item = self.check_of(item).map(Box::new);
            }
            (ShapeKind::Map, [key, value]) => {
                check.key = self.check_of(key).map(Box::new);
                check.item = self.check_of(value).map(Box::new);
            }
            (ShapeKind::Structure | ShapeKind::Union, _) => {
                check.is_nested = !shape.is_event_stream() && self.checked.contains(&shape.id);
            }
            _ => {}
        }
        check.some()
    }
}
