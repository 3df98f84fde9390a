//! What a server checks when it has read a request: `length`, `range`, `pattern` and `uniqueItems`.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Lowering, pattern};
use crate::{
    ast::{Member, Model, Shape, ShapeKind},
    diagnostic::Location,
    ir,
    resolve::{Resolved, reached},
    shape_id::ShapeId,
    traits::Traits,
};

/// What is known of checks before any is made.
#[derive(Debug, Default)]
pub(super) struct Checks {
    /// The structures and unions that are asked something, or hold what is.
    checked: HashSet<ShapeId>,
    /// The patterns that were looked at, by where they stand.
    patterns: BTreeMap<Location, Option<String>>,
}

impl Checks {
    /// Looks at what clients send.
    pub(super) fn of(resolved: &Resolved<'_>) -> Self {
        let model = resolved.model;
        let sent = reached(model, resolved.operations.iter().filter_map(|it| it.input));
        let mut users: HashMap<&ShapeId, Vec<&ShapeId>> = HashMap::new();
        let mut pending = Vec::new();
        for shape in resolved.closure.iter().filter(|it| sent.contains(&it.id)) {
            for member in shape.members.iter().filter(|_| !shape.kind.is_enum()) {
                users.entry(&member.target).or_default().push(&shape.id);
                let of_target = model.get(&member.target).map(|it| &it.traits);
                if asks(&member.traits) || of_target.is_some_and(asks) {
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
        Self { checked, patterns: BTreeMap::new() }
    }
}

/// Whether traits ask anything of a value.
fn asks(traits: &Traits) -> bool {
    traits.length.is_some()
        || traits.range.is_some()
        || traits.pattern.is_some()
        || traits.unique_items
}

impl Lowering<'_, '_, '_> {
    /// What is asked of a member of a structure or union.
    pub(super) fn check(&mut self, shape: &Shape, member: &Member) -> Option<ir::Check> {
        let is_checked = self.checks.checked.contains(&shape.id);
        is_checked.then(|| self.check_of(member))?
    }

    fn check_of(&mut self, member: &Member) -> Option<ir::Check> {
        let shape = self.resolved.model.get(&member.target)?;
        let (own, of_target) = (&member.traits, &shape.traits);
        let pattern = match (&own.pattern, &of_target.pattern) {
            (Some(pattern), _) => self.pattern(pattern, member.location),
            (None, Some(pattern)) => self.pattern(pattern, shape.location),
            (None, None) => None,
        };
        let mut check = ir::Check {
            length: own.length.or(of_target.length),
            range: own.range.clone().or_else(|| of_target.range.clone()),
            pattern,
            ..ir::Check::default()
        };
        match (shape.kind, &shape.members[..]) {
            (ShapeKind::List, [item]) => {
                check.is_unique =
                    of_target.unique_items && is_comparable(self.resolved.model, item);
                check.item = self.check_of(item).map(Box::new);
            }
            (ShapeKind::Map, [key, value]) => {
                check.key = self.check_of(key).map(Box::new);
                check.item = self.check_of(value).map(Box::new);
            }
            (ShapeKind::Structure | ShapeKind::Union, _) => {
                check.is_nested =
                    !shape.is_event_stream() && self.checks.checked.contains(&member.target);
            }
            _ => {}
        }
        check.some()
    }

    /// The pattern as it can be checked; one that cannot is a warning, once.
    fn pattern(&mut self, source: &str, location: Location) -> Option<String> {
        if let Some(known) = self.checks.patterns.get(&location) {
            return known.clone();
        }
        let translated = pattern::translate(source);
        if let Err(reason) = &translated {
            let message = format!("the trait pattern is not checked: {reason}");
            self.reporter.warning(location, message).hint(
                "look-around and back-references cannot be checked; check the value where it is used",
            );
        }
        let translated = translated.ok();
        self.checks.patterns.insert(location, translated.clone());
        translated
    }
}

/// Whether values can be told from one another for certain.
fn is_comparable(model: &Model, item: &Member) -> bool {
    match model.get(&item.target).map(|it| it.kind) {
        Some(ShapeKind::Simple(simple)) => simple.has_equality(),
        _ => true,
    }
}
