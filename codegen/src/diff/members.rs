//! What changed in the members of a shape.

use std::collections::HashMap;

use super::{Changed, Constraints, Seen, rules::*};
use crate::{
    ast::{Member, Shape},
    ir::{self, Presence},
    view::{View, wire_name},
};

/// The members that both have, and those that one of them has alone, by name.
struct Members<'m> {
    both: Vec<(&'m Member, &'m Member)>,
    added: Vec<&'m Member>,
    removed: Vec<&'m Member>,
}

impl<'m> Members<'m> {
    fn of(before: &'m Shape, after: &'m Shape, is_compared: impl Fn(&Member) -> bool) -> Self {
        let (before, after) = (&before.members, &after.members);
        let by_name = |members: &'m [Member]| -> HashMap<&'m str, &'m Member> {
            members.iter().map(|it| (&*it.name, it)).collect()
        };
        let (old, new) = (by_name(before), by_name(after));
        let both = after.iter().filter_map(|it| Some((*old.get(&*it.name)?, it)));
        let alone = |members: &'m [Member], others: &HashMap<&str, &'m Member>| {
            let alone = members.iter().filter(|it| !others.contains_key(&*it.name));
            alone.filter(|it| is_compared(it)).collect()
        };
        Self {
            both: both.filter(|it| is_compared(it.1)).collect(),
            added: alone(after, &old),
            removed: alone(before, &new),
        }
    }
}

/// A structure. Event streams are members in the model and none in Rust: they are compared with their
/// operations.
pub(super) fn structure(
    (old, before): Seen<'_, '_, &Shape>,
    (new, after): Seen<'_, '_, &Shape>,
    changed: &mut Changed<'_>,
) {
    let is_stream = |it: &Member| {
        [old, new].iter().any(|view| view.shape(&it.target).is_some_and(Shape::is_event_stream))
    };
    let members = Members::of(before, after, |it| !is_stream(it));
    for (old_member, new_member) in members.both {
        let mut changed = changed.member(&new_member.name);
        types((old, old_member), (new, new_member), &mut changed);
        let (Some(before), Some(after)) =
            (field(old, before, old_member), field(new, after, new_member))
        else {
            continue;
        };
        if before.wire_name != after.wire_name {
            let detail = format!("{} -> {}", before.wire_name, after.wire_name);
            changed.found(&[&JSON_NAME], detail);
        }
        if before.name != after.name {
            changed.found(&[&MEMBER_RENAMED], format!("{} -> {}", before.name, after.name));
        }
        presence(before, after, &mut changed);
        boxed(before.is_boxed, after.is_boxed, &mut changed);
        constraints((old, old_member), (new, new_member), &mut changed);
        changed.traits(&old_member.traits, &new_member.traits);
    }
    for member in members.added {
        let must_be_set = field(new, after, member).is_some_and(is_expected);
        match must_be_set {
            true => changed
                .member(&member.name)
                .found(&[&REQUIRED_ADDED_REQUEST, &REQUIRED_ADDED_RESPONSE], ""),
            false => changed.member(&member.name).found(&[&MEMBER_ADDED], ""),
        }
    }
    for member in members.removed {
        changed.member(&member.name).found(&[&MEMBER_REMOVED], "");
    }
}

fn boxed(before: bool, after: bool, changed: &mut Changed<'_>) {
    if before != after {
        let detail = if after { "it is in a Box now" } else { "it is in no Box now" };
        changed.found(&[&TYPE_CHANGED], detail);
    }
}

/// What a member is in Rust.
fn field<'v>(view: &'v View<'_>, shape: &Shape, member: &Member) -> Option<&'v ir::Member> {
    let ir::Shape::Structure(structure) = view.rust(&shape.id)? else { return None };
    structure.members.iter().find(|it| it.wire_name == wire_name(member))
}

/// Whether who reads it misses it when it is not there.
fn is_expected(member: &ir::Member) -> bool {
    matches!(member.presence, Presence::Required | Presence::Expected)
}

fn presence(before: &ir::Member, after: &ir::Member, changed: &mut Changed<'_>) {
    match (is_expected(before), is_expected(after)) {
        (false, true) => changed.found(&[&REQUIRED_REQUEST, &REQUIRED_RESPONSE], ""),
        (true, false) => changed.found(&[&OPTIONAL], ""),
        _ => {}
    }
    match (before.is_optional(), after.is_optional()) {
        (false, true) => changed.found(&[&OPTION_REQUEST, &OPTION_RESPONSE], ""),
        (true, false) => changed.found(&[&NO_OPTION_REQUEST, &NO_OPTION_RESPONSE], ""),
        _ => {}
    }
    let default = |it: &ir::Member| match &it.presence {
        Presence::Default(value) | Presence::ReadsAs(value) => Some(format!("{value:?}")),
        _ => None,
    };
    match (default(before), default(after)) {
        (None, Some(_)) => changed.found(&[&DEFAULT_ADDED], ""),
        (Some(_), None) => changed.found(&[&DEFAULT_REMOVED], ""),
        (Some(before), Some(after)) if before != after => changed.found(&[&DEFAULT_CHANGED], ""),
        _ => {}
    }
    match (before.is_token, after.is_token) {
        (false, true) => changed.found(&[&TOKEN_ADDED], ""),
        (true, false) if is_expected(after) => changed.found(&[&TOKEN_REMOVED], ""),
        _ => {}
    }
}

/// The types of a member. If the target is the same shape, what changed in that is said there.
fn types(
    (old, before): Seen<'_, '_, &Member>,
    (new, after): Seen<'_, '_, &Member>,
    changed: &mut Changed<'_>,
) {
    let is_same = before.target == after.target;
    if is_same && before.traits.timestamp_format == after.traits.timestamp_format {
        return;
    }
    let types = (old.member_type_text(before), new.member_type_text(after));
    if types.0 != types.1 {
        changed.found(&[&TYPE_CHANGED], format!("{} -> {}", types.0, types.1));
    } else if !is_same {
        changed.found(&[&TARGET_RENAMED], format!("{} -> {}", before.target, after.target));
    }
}

/// The constraints of a member, with those of its target unless both models have that.
fn constraints(
    (old, before): Seen<'_, '_, &Member>,
    (new, after): Seen<'_, '_, &Member>,
    changed: &mut Changed<'_>,
) {
    let of = |view: &View<'_>, it: &Member| {
        let target = view.shape(&it.target).filter(|_| before.target != after.target);
        Constraints::of(&it.traits).or(target.map(|it| &it.traits))
    };
    changed.constraints(&of(old, before), &of(new, after));
}

/// A list, a map or a simple type.
pub(super) fn elements(
    (old, before): Seen<'_, '_, &Shape>,
    (new, after): Seen<'_, '_, &Shape>,
    changed: &mut Changed<'_>,
) {
    for (before, after) in Members::of(before, after, |_| true).both {
        let mut changed = changed.member(&after.name);
        types((old, before), (new, after), &mut changed);
        constraints((old, before), (new, after), &mut changed);
    }
}

/// A union. Errors among the events that a server sends are compared with the operation's errors.
pub(super) fn union(
    (old, before): Seen<'_, '_, &Shape>,
    (new, after): Seen<'_, '_, &Shape>,
    changed: &mut Changed<'_>,
) {
    let is_error = |it: &Member| {
        [old, new]
            .iter()
            .any(|view| view.shape(&it.target).is_some_and(|it| it.traits.error.is_some()))
    };
    let members = Members::of(before, after, |it| !(after.is_event_stream() && is_error(it)));
    for (old_member, new_member) in members.both {
        let mut changed = changed.member(&new_member.name);
        types((old, old_member), (new, new_member), &mut changed);
        let (json_before, json_after) = (wire_name(old_member), wire_name(new_member));
        if json_before != json_after {
            changed.found(&[&JSON_NAME], format!("{json_before} -> {json_after}"));
        }
        let variants = variant(old, before, old_member).zip(variant(new, after, new_member));
        if let Some((before, after)) = variants {
            match before.name == after.name {
                true => renamed(&before.snake_name, &after.snake_name, &mut changed),
                false => renamed(&before.name, &after.name, &mut changed),
            }
            boxed(before.is_boxed, after.is_boxed, &mut changed);
            if before.has_from && !after.has_from {
                changed.found(&[&NO_FROM], "");
            }
        }
        constraints((old, old_member), (new, new_member), &mut changed);
        changed.traits(&old_member.traits, &new_member.traits);
    }
    for member in members.added {
        changed.member(&member.name).found(&[&UNION_MEMBER_ADDED], "");
    }
    for member in members.removed {
        changed.member(&member.name).found(&[&UNION_MEMBER_REMOVED], "");
    }
}

/// What a member of a union is in Rust.
fn variant<'v>(view: &'v View<'_>, shape: &Shape, member: &Member) -> Option<&'v ir::Variant> {
    let ir::Shape::Union(union) = view.rust(&shape.id)? else { return None };
    union.variants.iter().find(|it| it.wire_name == wire_name(member))
}

/// An enum of texts or integers.
pub(super) fn enumeration(
    (old, before): Seen<'_, '_, &Shape>,
    (new, after): Seen<'_, '_, &Shape>,
    changed: &mut Changed<'_>,
) {
    let members = Members::of(before, after, |_| true);
    let value = |it: &Member| match (&it.traits.enum_value, it.traits.int_enum_value) {
        (Some(text), _) => text.clone(),
        (None, number) => number.unwrap_or_default().to_string(),
    };
    for (old_member, new_member) in members.both {
        let mut changed = changed.member(&new_member.name);
        let (value_before, value_after) = (value(old_member), value(new_member));
        if value_before != value_after {
            changed.found(&[&ENUM_VALUE_CHANGED], format!("{value_before} -> {value_after}"));
        }
        let variant = |view: &View<'_>, shape: &Shape, value: &str| match view.rust(&shape.id) {
            Some(ir::Shape::Enum(it)) => {
                it.values.iter().find(|it| it.value == value).map(|it| it.name.clone())
            }
            Some(ir::Shape::IntEnum(it)) => {
                let found = it.values.iter().find(|it| it.value.to_string() == value);
                found.map(|it| it.name.clone())
            }
            _ => None,
        };
        let names = (variant(old, before, &value_before), variant(new, after, &value_after));
        if let (Some(before), Some(after)) = names {
            renamed(&before, &after, &mut changed);
        }
        changed.traits(&old_member.traits, &new_member.traits);
    }
    for member in members.added {
        changed.member(&member.name).found(&[&ENUM_VALUE_ADDED], "");
    }
    for member in members.removed {
        changed.member(&member.name).found(&[&ENUM_VALUE_REMOVED], "");
    }
}

fn renamed(before: &str, after: &str, changed: &mut Changed<'_>) {
    if before != after {
        changed.found(&[&VARIANT_RENAMED], format!("{before} -> {after}"));
    }
}
