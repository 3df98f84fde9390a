//! Mixins (Smithy 2.0 specification, section "Mixins"): each shape gets a copy of what its mixins have.

use std::collections::HashMap;

use super::{Member, Property, Reference, Shape, ShapeKind, merge::merge_traits, parse::Apply};
use crate::{
    diagnostic::Reporter,
    json::Value,
    shape_id::ShapeId,
    traits::{Trait, Traits},
};

/// The most members and references that are copied in all. A small file can ask for billions; real models
/// copy hundreds.
const MAX_COPIED: usize = 1_000_000;

/// Copies members, references and traits from mixins into the shapes that use them, then applies traits
/// to members. Order is kept.
pub(super) fn flatten(
    mut shapes: Vec<Shape>,
    index: &HashMap<ShapeId, usize>,
    mut to_members: HashMap<usize, Vec<Apply>>,
    reporter: &mut Reporter<'_>,
) -> Vec<Shape> {
    let mut copied = 0;
    for at in order(&shapes, index, reporter) {
        check_definition(&shapes[at], reporter);
        let mut flat = Flat::default();
        let mixins: Vec<_> = shapes[at].references([Property::Mixin]).cloned().collect();
        for mixin in &mixins {
            let Some(target) = check(&shapes, index, at, mixin, reporter) else { continue };
            copied += target.members.len() + target.references.len();
            if copied > MAX_COPIED {
                let message = format!("mixins copy more than {MAX_COPIED} members");
                reporter.error(mixin.location, message).hint("use fewer mixins of mixins");
                shapes.iter_mut().for_each(complete);
                return shapes;
            }
            flat.add_mixin(target, reporter);
        }
        if !mixins.is_empty() {
            flat.give_to(&mut shapes[at], reporter);
        }
        complete(&mut shapes[at]);
        if let Some(applies) = to_members.remove(&at) {
            apply_to_members(&mut shapes[at], applies, reporter);
        }
    }
    shapes
}

/// Marks a list or map as broken that lacks a member, which has been reported.
fn complete(shape: &mut Shape) {
    let is_complete = match shape.kind {
        ShapeKind::List => shape.members.len() == 1,
        ShapeKind::Map => shape.members.len() == 2,
        _ => true,
    };
    if !is_complete {
        shape.kind = ShapeKind::Structure;
        shape.members.clear();
        shape.is_broken = true;
    }
}

/// The shapes, each after its mixins. A cycle is reported and cut.
fn order(
    shapes: &[Shape],
    index: &HashMap<ShapeId, usize>,
    reporter: &mut Reporter<'_>,
) -> Vec<usize> {
    let mixins: Vec<Vec<&Reference>> =
        shapes.iter().map(|it| it.references([Property::Mixin]).collect()).collect();
    let (mut is_open, mut is_done) = (vec![false; shapes.len()], vec![false; shapes.len()]);
    let mut order = Vec::with_capacity(shapes.len());
    for root in 0..shapes.len() {
        // A chain of mixins may be long: no recursion.
        let mut path = if is_done[root] { Vec::new() } else { vec![(root, 0)] };
        while let Some((shape, next)) = path.last_mut() {
            let shape = *shape;
            is_open[shape] = true;
            let Some(mixin) = mixins[shape].get(*next) else {
                (is_open[shape], is_done[shape]) = (false, true);
                order.push(shape);
                path.pop();
                continue;
            };
            *next += 1;
            match index.get(&mixin.target) {
                Some(target) if is_open[*target] => {
                    let message = format!("the mixin {} uses this shape itself", mixin.target);
                    reporter.error(mixin.location, message).hint("take one of the mixins away");
                }
                Some(target) if !is_done[*target] => path.push((*target, 0)),
                _ => {}
            }
        }
    }
    order
}

/// Refuses mixins that have what is not copied.
fn check_definition(shape: &Shape, reporter: &mut Reporter<'_>) {
    for it in shape.references.iter().filter(|_| shape.traits.find("mixin").is_some()) {
        let what = match (shape.kind, it.property) {
            (ShapeKind::Operation, Property::Input) => "has no input",
            (ShapeKind::Operation, Property::Output) => "has no output",
            (ShapeKind::Resource, Property::Operation | Property::Resource) => "binds nothing",
            _ => continue,
        };
        let (article, verb, kind) = match shape.kind {
            ShapeKind::Operation => ("an", "write", "operation"),
            _ => ("a", "bind", "resource"),
        };
        reporter
            .error(it.location, format!("{article} {kind} that is a mixin {what}"))
            .hint(format!("{verb} it in the {kind}s that use the mixin"));
    }
}

/// The mixin of a shape, if it may be used there.
fn check<'s>(
    shapes: &'s [Shape],
    index: &HashMap<ShapeId, usize>,
    shape: usize,
    mixin: &Reference,
    reporter: &mut Reporter<'_>,
) -> Option<&'s Shape> {
    let Some(&target) = index.get(&mixin.target) else {
        reporter
            .error(mixin.location, format!("{} is not defined", mixin.target))
            .did_you_mean_shape(
                &mixin.target,
                shapes.iter().map(|it| &it.id),
                "define the shape, or take it away",
            );
        return None;
    };
    let (shape, found) = (&shapes[shape], &shapes[target]);
    if shape.is_broken || found.is_broken {
        return None;
    }
    let (message, hint) = if found.traits.find("mixin").is_none() {
        let message = format!("{} is used as a mixin but has no trait mixin", found.id);
        (message, format!("add \"smithy.api#mixin\": {{}} to the traits of {}", found.id))
    } else if found.kind != shape.kind {
        let (found, shape) = (found.kind.name(), shape.kind.name());
        let message = format!("{found} shapes cannot be mixins of {shape} shapes");
        (message, format!("use a mixin of type \"{shape}\""))
    } else {
        return Some(found);
    };
    reporter.error(mixin.location, message).hint(hint);
    None
}

/// What a shape has with its mixins, from left to right. Of two things with one name the first keeps its
/// place, and the later one overrides it.
#[derive(Default)]
struct Flat {
    traits: Traits,
    members: Vec<Member>,
    /// The members by their names in lower case: no two may differ in case alone.
    member_index: HashMap<String, usize>,
    references: Vec<Reference>,
    reference_index: HashMap<(Property, ShapeId), usize>,
    version: Option<String>,
}

impl Flat {
    fn add_mixin(&mut self, mixin: &Shape, reporter: &mut Reporter<'_>) {
        let local = mixin.traits.find("mixin").and_then(|it| it.value.get("localTraits"));
        let local = local.and_then(Value::as_array).unwrap_or_default();
        let is_local = |id: &ShapeId| {
            id.is_prelude("mixin") || local.iter().any(|it| it.as_str() == Some(id.as_str()))
        };
        let inherited = |it: &Trait| Trait { inherited: true, ..it.clone() };
        let traits = mixin.traits.0.iter().filter(|it| !is_local(&it.id)).map(inherited);
        override_traits(&mut self.traits, Traits(traits.collect()));
        for member in &mixin.members {
            let traits = Traits(member.traits.0.iter().map(inherited).collect());
            self.add_member(Member { traits, ..member.clone() }, reporter);
        }
        let references = mixin.references.iter().filter(|it| it.property != Property::Mixin);
        references.for_each(|it| self.add_reference(it.clone()));
        self.version = mixin.version.clone().or(self.version.take());
    }

    fn give_to(mut self, shape: &mut Shape, reporter: &mut Reporter<'_>) {
        override_traits(&mut self.traits, std::mem::take(&mut shape.traits));
        for member in std::mem::take(&mut shape.members) {
            self.add_member(member, reporter);
        }
        std::mem::take(&mut shape.references).into_iter().for_each(|it| self.add_reference(it));
        shape.traits = self.traits;
        shape.members = self.members;
        shape.references = self.references;
        shape.version = shape.version.take().or(self.version);
    }

    fn add_reference(&mut self, reference: Reference) {
        let key = (reference.property, reference.target.clone());
        match self.reference_index.get(&key) {
            Some(at) => self.references[*at] = reference,
            None => {
                self.reference_index.insert(key, self.references.len());
                self.references.push(reference);
            }
        }
    }

    fn add_member(&mut self, member: Member, reporter: &mut Reporter<'_>) {
        let name = member.name.to_ascii_lowercase();
        let Some(&at) = self.member_index.get(&name) else {
            self.member_index.insert(name, self.members.len());
            self.members.push(member);
            return;
        };
        let known = &mut self.members[at];
        if known.name != member.name {
            let message =
                format!("the members {} and {} differ only in case", known.name, member.name);
            reporter.error(member.location, message).hint("rename one of them");
            return;
        }
        if known.target != member.target {
            let message = format!(
                "the member {} targets {} here and {} in a mixin",
                member.name, member.target, known.target
            );
            reporter.error(member.location, message).hint("rename one of them");
        }
        known.location = member.location;
        known.target_location = member.target_location;
        override_traits(&mut known.traits, member.traits);
    }
}

/// Adds traits; of two values the later one is kept.
fn override_traits(traits: &mut Traits, more: Traits) {
    for new in more.0 {
        match traits.0.iter_mut().find(|it| it.id == new.id) {
            Some(old) => *old = new,
            None => traits.0.push(new),
        }
    }
}

fn apply_to_members(shape: &mut Shape, applies: Vec<Apply>, reporter: &mut Reporter<'_>) {
    let members = shape.members.iter().enumerate();
    let index: HashMap<String, usize> = members.map(|(at, it)| (it.name.clone(), at)).collect();
    for apply in applies {
        let Some(name) = &apply.member else { continue };
        if let Some(at) = index.get(name) {
            merge_traits(&mut shape.members[*at].traits, apply.traits, reporter);
        } else if !shape.is_broken {
            let names = shape.members.iter().map(|it| it.name.as_str());
            let message = format!("apply target {}${name} is not defined", apply.shape);
            reporter.error(apply.location, message).did_you_mean(
                name,
                names,
                "add the member, or take this away",
            );
        }
    }
}
