//! Checks of the constraints `length`, `range`, `pattern` and `uniqueItems`.

use std::{collections::HashSet, fmt::Debug};

use super::Lowering;
use crate::{
    model::{Member, Model, Shape, ShapeKind},
    resolve::{Resolved, fixpoint, reached},
    shape_id::ShapeId,
    traits::Bounds,
};

/// The shapes in requests that have a constraint or contain a shape with one.
pub(super) fn checked<'m>(resolved: &Resolved<'m>) -> HashSet<&'m ShapeId> {
    let model = resolved.model;
    let sent = reached(model, resolved.operations.iter().filter_map(|it| it.input));
    let shapes = resolved.closure.iter().copied();
    let shapes: Vec<_> = shapes.filter(|it| sent.contains(&it.id) && !it.kind.is_enum()).collect();
    let constraints = ["length", "range", "pattern", "uniqueItems"];
    let is_constrained = |it: &Member| constraints.into_iter().any(|name| has(model, it, name));
    fixpoint(&shapes, |shape, checked| {
        shape.members.iter().any(|it| is_constrained(it) || checked.contains(&it.target))
    })
}

fn has(model: &Model, member: &Member, name: &str) -> bool {
    member.traits.has(name) || model.get(&member.target).is_some_and(|it| it.traits.has(name))
}

impl Lowering<'_, '_> {
    /// The check of a member of a structure or union, as Rust source. `value` is a reference to the value.
    pub(super) fn check(&self, shape: &Shape, member: &Member) -> Option<String> {
        self.checked.contains(&shape.id).then(|| self.check_of(member, false))?
    }

    fn check_of(&self, member: &Member, is_sparse: bool) -> Option<String> {
        let statements = self.statements(member, self.resolved.model.get(&member.target)?);
        match &statements[..] {
            [] => None,
            all if is_sparse => {
                Some(format!("if let Some(value) = value {{ {}; }}", all.join("; ")))
            }
            [only] => Some(only.clone()),
            all => Some(format!("{{ {}; }}", all.join("; "))),
        }
    }

    fn statements(&self, member: &Member, target: &Shape) -> Vec<String> {
        let (own, of_target) = (&member.traits, &target.traits);
        let text = if target.kind == ShapeKind::Enum { "value.as_str()" } else { "value" };
        let bounds = |name| own.bounds(name).or_else(|| of_target.bounds(name));
        let mut all = Vec::new();
        if let Some(pattern) = own.text("pattern").or(of_target.text("pattern")) {
            let ty = "eventstream_rpc::json::Pattern";
            all.push(format!("static PATTERN: {ty} = {ty}::new({pattern:?})"));
            all.push(format!("checker.pattern({text}, &PATTERN)"));
        }
        if let Some(length) = bounds("length") {
            let is_text = matches!(target.kind, ShapeKind::Enum | ShapeKind::String);
            let count = if is_text { "chars().count()" } else { "len()" };
            let bounds = as_source(&length, |it| it.parse::<u64>().unwrap_or_default());
            all.push(format!("checker.length({text}.{count}, {bounds})"));
        }
        all.extend(bounds("range").map(|it| range(&it, target.kind)));
        match (target.kind, &target.members[..]) {
            (ShapeKind::List, [item]) => {
                let item_kind = self.resolved.model.get(&item.target).map(|it| it.kind);
                let has_equality = item_kind.is_none_or(ShapeKind::has_equality);
                if of_target.has("uniqueItems") && has_equality {
                    all.push("checker.unique(value)".to_owned());
                }
                let check = self.check_of(item, of_target.has("sparse"));
                all.extend(check.map(|it| format!("checker.items(value, |checker, value| {it})")));
            }
            (ShapeKind::Map, [key, value]) => {
                let checks =
                    (self.check_of(key, false), self.check_of(value, of_target.has("sparse")));
                let body = match checks {
                    (None, None) => return all,
                    (Some(key), None) => format!("value, _| {key}"),
                    (None, Some(item)) => format!("_, value| {item}"),
                    (Some(key), Some(item)) => format!(
                        "key, item| {{ let value = key; {key}; let value = item; {item}; }}"
                    ),
                };
                all.push(format!("checker.entries(value, |checker, {body})"));
            }
            (ShapeKind::Structure | ShapeKind::Union, _)
                if !target.is_event_stream() && self.checked.contains(&target.id) =>
            {
                all.push("value.check(checker)".to_owned());
            }
            _ => {}
        }
        all
    }
}

fn as_source<T: Debug>(bounds: &Bounds, read: impl Fn(&str) -> T) -> String {
    let [min, max] = [&bounds.min, &bounds.max].map(|it| it.as_deref().map(&read));
    format!("{min:?}, {max:?}")
}

/// The check of a number. Integers are compared as `i128`, so that no bound is too large.
fn range(range: &Bounds, kind: ShapeKind) -> String {
    let float = |text: &str| text.parse::<f64>().unwrap_or_default().clamp(f64::MIN, f64::MAX);
    // A bound with an exponent may be out of range.
    let integer = |text: &str| text.parse::<i128>().unwrap_or_else(|_| float(text) as i128);
    // Bounds are rounded like the value, so that the bound itself is allowed.
    let narrow = |text: &str| (float(text) as f32).clamp(f32::MIN, f32::MAX);
    let (call, bounds) = match kind {
        ShapeKind::Float => ("range(*value", as_source(range, narrow)),
        ShapeKind::Double => ("range(*value", as_source(range, float)),
        ShapeKind::BigInteger | ShapeKind::BigDecimal => {
            ("big_range(value.as_str()", as_source(range, str::to_owned))
        }
        ShapeKind::IntEnum => ("range(i128::from(value.as_i32())", as_source(range, integer)),
        _ => ("range(i128::from(*value)", as_source(range, integer)),
    };
    format!("checker.{call}, {bounds})")
}
