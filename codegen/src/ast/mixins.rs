//! Expansion of mixins (Smithy 2.0 specification, section "Mixins").

use std::collections::{HashMap, HashSet};

use super::{
    Model, Property, Reference, Shape,
    ShapeKind::{List, Map, Operation, Resource, Structure},
    merge::merge_traits,
    parse::Apply,
};
use crate::{
    diagnostic::{Location, Reporter},
    json::Value,
    recursion,
    shape_id::ShapeId,
};

/// The maximum number of members and references that are copied in total. Real models copy hundreds, but a small
/// file can request billions.
const MAX_COPIED: usize = 1_000_000;

/// Copies members, references and traits from mixins into the shapes that use them, and then applies the `apply`
/// statements, which may name copied members.
pub(super) fn flatten(
    model: &mut Model,
    mut applies: HashMap<usize, Vec<Apply>>,
    reporter: &mut Reporter<'_>,
) {
    let index = &model.index;
    let edges = model.shapes.iter().enumerate().flat_map(|(from, shape)| {
        let mixins = shape.references([Property::Mixin]);
        mixins.filter_map(move |it| Some((from, *index.get(&it.target)?)))
    });
    // Mixins come before the shapes that use them: an edge never leads to a component with a greater number.
    let components = recursion::components(model.shapes.len(), edges);
    let mut order: Vec<_> = (0..model.count).collect();
    order.sort_by_key(|it| components[*it]);
    let mut copied = 0;
    for at in order {
        let shape = &model.shapes[at];
        let not_copied = not_copied(shape);
        let mixins: Vec<Reference> = shape.references([Property::Mixin]).cloned().collect();
        let mut flat = Shape::new(shape.id.clone(), shape.kind, shape.location);
        let mut names = HashMap::new();
        for mixin in &mixins {
            let Some(target) = check(model, at, mixin, &components, reporter) else { continue };
            let was_possible = copied <= MAX_COPIED;
            copied += target.members.len() + target.references.len();
            if copied <= MAX_COPIED {
                overlay(&mut flat, inherited(target), &mut names, reporter);
            } else if was_possible {
                let message = format!("mixins copy more than {MAX_COPIED} members");
                reporter.error(mixin.location, message).hint("use fewer mixins of mixins");
            }
        }
        let shape = &mut model.shapes[at];
        if !mixins.is_empty() {
            let own = std::mem::replace(shape, flat);
            overlay(shape, own, &mut names, reporter);
            // A mixin and the shape may list the same reference.
            let mut seen = HashSet::new();
            shape.references.retain(|it| seen.insert(it.key()));
        }
        // Lists and maps without their members were reported by the parser.
        if matches!((shape.kind, shape.members.len()), (List, 0) | (Map, 0 | 1)) {
            shape.kind = Structure;
            shape.members.clear();
            shape.is_broken = true;
        }
        apply(shape, applies.remove(&at).unwrap_or_default(), reporter);
        for (at, message) in not_copied.into_iter().filter(|_| shape.traits.has("mixin")) {
            reporter.error(at, message).hint("write it in the shapes that use the mixin");
        }
    }
}

/// What a shape must not have if it is a mixin, each with an error message.
fn not_copied(shape: &Shape) -> Vec<(Location, &'static str)> {
    let not_copied = shape.references.iter().filter_map(|reference| {
        let message = match (shape.kind, reference.property) {
            (Operation, Property::Input) => "a mixin operation must not have an input",
            (Operation, Property::Output) => "a mixin operation must not have an output",
            (Resource, Property::Operation | Property::Resource) => {
                "a mixin resource must not bind operations or resources"
            }
            _ => return None,
        };
        Some((reference.location, message))
    });
    not_copied.collect()
}

/// The target of a mixin reference, if the shape may use it.
fn check<'m>(
    model: &'m Model,
    shape: usize,
    mixin: &Reference,
    components: &[usize],
    reporter: &mut Reporter<'_>,
) -> Option<&'m Shape> {
    let id = &mixin.target;
    let Some(&target) = model.index.get(id) else {
        let finding = reporter.error(mixin.location, format!("{id} is not defined"));
        finding.did_you_mean_shape(id, model.ids(), "define the shape, or remove it");
        return None;
    };
    let is_cycle = components[shape] == components[target];
    let (shape, found) = (&model.shapes[shape], &model.shapes[target]);
    let (kind, found_kind) = (shape.kind.name(), found.kind.name());
    let (message, hint) = if is_cycle {
        let message = format!("mixin cycle: {id} uses this shape");
        (message, "remove one of the mixins".to_owned())
    } else if shape.is_broken || found.is_broken {
        return None;
    } else if !found.traits.has("mixin") {
        let message = format!("{id} is used as a mixin but has no trait mixin");
        (message, format!("add \"smithy.api#mixin\": {{}} to the traits of {id}"))
    } else if found.kind != shape.kind {
        let message = format!("{found_kind} shapes cannot be mixins of {kind} shapes");
        (message, format!("use a mixin of type \"{kind}\""))
    } else {
        return Some(found);
    };
    reporter.error(mixin.location, message).hint(hint);
    None
}

/// A copy of a mixin without the parts that are not inherited.
fn inherited(mixin: &Shape) -> Shape {
    let local = mixin.traits.find("mixin").and_then(|it| it.value.get("localTraits"));
    let local = local.and_then(Value::as_array).unwrap_or_default();
    let is_local = |id: &ShapeId| {
        id.is_prelude("mixin") || local.iter().any(|it| it.as_str() == Some(id.as_str()))
    };
    let mut copy = mixin.clone();
    copy.traits.0.retain(|it| !is_local(&it.id));
    copy.references.retain(|it| it.property != Property::Mixin);
    let of_members = copy.members.iter_mut().flat_map(|it| &mut it.traits.0);
    copy.traits.0.iter_mut().chain(of_members).for_each(|it| it.inherited = true);
    copy
}

/// Adds the members, references and traits of `more`. A member that exists keeps its index, and its traits are
/// overridden.
///
/// `names` maps lower-case names to indices of members, because names must not differ only in case.
fn overlay(
    shape: &mut Shape,
    more: Shape,
    names: &mut HashMap<String, usize>,
    reporter: &mut Reporter<'_>,
) {
    merge_traits(&mut shape.traits, more.traits, reporter);
    shape.references.extend(more.references);
    shape.version = more.version.or(shape.version.take());
    shape.is_broken |= more.is_broken;
    for member in more.members {
        let at = *names.entry(member.name.to_ascii_lowercase()).or_insert(shape.members.len());
        let Some(known) = shape.members.get_mut(at) else {
            shape.members.push(member);
            continue;
        };
        let (name, target) = (&member.name, &member.target);
        let message = if known.name != *name {
            Some(format!("the members {} and {name} differ only in case", known.name))
        } else {
            (known.target != *target).then(|| {
                format!("the member {name} targets {target} here and {} in a mixin", known.target)
            })
        };
        if let Some(message) = message {
            reporter.error(member.location, message).hint("rename one of them");
            continue;
        }
        known.location = member.location;
        known.target_location = member.target_location;
        merge_traits(&mut known.traits, member.traits, reporter);
    }
}

fn apply(shape: &mut Shape, applies: Vec<Apply>, reporter: &mut Reporter<'_>) {
    let members = shape.members.iter().enumerate();
    let index: HashMap<String, usize> = if applies.is_empty() {
        HashMap::new()
    } else {
        members.map(|(at, it)| (it.name.clone(), at)).collect()
    };
    for apply in applies {
        let Some(name) = &apply.member else {
            merge_traits(&mut shape.traits, apply.traits, reporter);
            continue;
        };
        if let Some(at) = index.get(name) {
            merge_traits(&mut shape.members[*at].traits, apply.traits, reporter);
        } else if !shape.is_broken {
            let names = shape.members.iter().map(|it| it.name.as_str());
            let message = format!("apply target {}${name} is not defined", apply.shape);
            let finding = reporter.error(apply.location, message);
            finding.did_you_mean(name, names, "add the member, or remove the apply statement");
        }
    }
}
