//! Mixins (Smithy 2.0 spec, section "Mixins"): each shape gets what its mixins have.

use std::collections::{HashMap, HashSet};

use super::{
    Member, Reference, ShapeKind,
    raw::{Apply, RawShape, merge_traits},
};
use crate::{diagnostic::Reporter, shape_id::ShapeId, traits::RawTrait};

/// How many members may be copied in all. A small file can ask for billions; real models copy hundreds.
const MAX_COPIED: usize = 1_000_000;

/// Copies members and traits from mixins into the shapes that use them, and applies what waits for a
/// member. Order stays.
pub(super) fn flatten<'a>(
    mut shapes: Vec<RawShape<'a>>,
    index: &HashMap<ShapeId, usize>,
    mut to_members: HashMap<usize, Vec<Apply<'a>>>,
    reporter: &mut Reporter<'_>,
) -> Vec<RawShape<'a>> {
    let mut copied = 0;
    for shape in order(&shapes, index, reporter) {
        check_definition(&shapes[shape], reporter);
        let mixins = std::mem::take(&mut shapes[shape].mixins);
        let mut inherited = Inherited::default();
        for mixin in &mixins {
            let Some(target) = check(&shapes, index, shape, mixin, reporter) else { continue };
            copied += shapes[target].shape.kind.members().len();
            if copied > MAX_COPIED {
                let message = format!("mixins copy more than {MAX_COPIED} members");
                reporter.error(mixin.location, message).hint("use fewer mixins of mixins");
                return without_gaps(shapes);
            }
            inherited.add(&shapes[target], reporter);
        }
        if !mixins.is_empty() {
            inherited.give_to(&mut shapes[shape], reporter);
        }
        if let Some(applies) = to_members.remove(&shape) {
            apply_to_members(&mut shapes[shape], applies, reporter);
        }
    }
    without_gaps(shapes)
}

/// Where the mixin that should have a member cannot be used, which has been reported, the shape is broken.
fn without_gaps(mut shapes: Vec<RawShape<'_>>) -> Vec<RawShape<'_>> {
    for it in &mut shapes {
        if it.shape.kind.members().iter().any(|it| it.target.is_inherited()) {
            it.shape.kind = ShapeKind::Structure(Vec::new());
            it.is_broken = true;
        }
    }
    shapes
}

/// The shapes, each after its mixins. A cycle is reported and cut.
fn order(
    shapes: &[RawShape<'_>],
    index: &HashMap<ShapeId, usize>,
    reporter: &mut Reporter<'_>,
) -> Vec<usize> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut states = vec![State::New; shapes.len()];
    let mut order = Vec::with_capacity(shapes.len());
    for root in 0..shapes.len() {
        // A chain of mixins may be long: no recursion.
        let mut path = vec![(root, 0)];
        while let Some((shape, next)) = path.last_mut() {
            let shape = *shape;
            if *next == 0 {
                if states[shape] != State::New {
                    path.pop();
                    continue;
                }
                states[shape] = State::Open;
            }
            let mixin = shapes[shape].mixins.get(*next);
            *next += 1;
            match mixin.map(|it| (it, index.get(&it.target).copied())) {
                None => {
                    states[shape] = State::Done;
                    order.push(shape);
                    path.pop();
                }
                Some((mixin, Some(target))) if states[target] == State::Open => {
                    let message = format!("the mixin {} uses this shape itself", mixin.target);
                    reporter.error(mixin.location, message).hint("take one of the mixins away");
                }
                Some((_, Some(target))) => path.push((target, 0)),
                Some((_, None)) => {}
            }
        }
    }
    order
}

/// What has no members hands on only some of what it has: an operation its errors, a resource nothing
/// besides traits.
fn check_definition(shape: &RawShape<'_>, reporter: &mut Reporter<'_>) {
    if !is_mixin(shape) {
        return;
    }
    match &shape.shape.kind {
        ShapeKind::Operation(operation) => {
            let ends = [("input", &operation.input), ("output", &operation.output)];
            for (name, end) in ends.into_iter().filter(|it| !it.1.target.is_unit()) {
                reporter
                    .error(end.location, format!("an operation that is a mixin has no {name}"))
                    .hint("write it in the operations that use the mixin");
            }
        }
        ShapeKind::Resource(resource) => {
            let bound = resource.operations.iter().chain(&resource.resources);
            for it in bound {
                reporter
                    .error(it.location, "a resource that is a mixin binds nothing")
                    .hint("bind it in the resources that use the mixin");
            }
        }
        _ => {}
    }
}

fn is_mixin(shape: &RawShape<'_>) -> bool {
    shape.shape.traits.iter().any(|it| it.id.as_str() == "smithy.api#mixin")
}

/// The mixin that a reference means, if it may be used there.
fn check(
    shapes: &[RawShape<'_>],
    index: &HashMap<ShapeId, usize>,
    shape: usize,
    mixin: &Reference,
    reporter: &mut Reporter<'_>,
) -> Option<usize> {
    let Some(&target) = index.get(&mixin.target) else {
        let shapes = shapes.iter().map(|it| &it.shape.id);
        reporter
            .error(mixin.location, format!("{} is not defined", mixin.target))
            .did_you_mean_shape(&mixin.target, shapes, "define the shape, or take it away");
        return None;
    };
    let (shape, found) = (&shapes[shape], &shapes[target]);
    if shape.is_broken || found.is_broken {
        return None;
    }
    if !is_mixin(found) {
        let message = format!("{} is used as a mixin but has no trait mixin", mixin.target);
        reporter
            .error(mixin.location, message)
            .hint(format!("add \"smithy.api#mixin\": {{}} to the traits of {}", mixin.target));
        return None;
    }
    if found.shape.kind.name() != shape.shape.kind.name() {
        let (found, shape) = (found.shape.kind.name(), shape.shape.kind.name());
        reporter
            .error(mixin.location, format!("{found} shapes cannot be mixins of {shape} shapes"))
            .hint(format!("use a mixin of type \"{shape}\""));
        return None;
    }
    Some(target)
}

type RawMember<'a> = Member<Vec<RawTrait<'a>>>;
type RawKind<'a> = ShapeKind<Vec<RawTrait<'a>>>;

/// What the mixins of one shape have, from left to right.
#[derive(Default)]
struct Inherited<'a> {
    traits: Vec<RawTrait<'a>>,
    members: Members<'a>,
    kinds: Vec<RawKind<'a>>,
}

/// Members in the order in which their names came first.
#[derive(Default)]
struct Members<'a> {
    list: Vec<RawMember<'a>>,
    /// By the names in lower case: no two may differ in case alone.
    index: HashMap<String, usize>,
}

impl<'a> Members<'a> {
    /// Adds a member; one of that name keeps its place and gets the traits as well.
    fn add(&mut self, member: RawMember<'a>, reporter: &mut Reporter<'_>) {
        if member.target.is_inherited() {
            return;
        }
        let name = member.name.to_ascii_lowercase();
        let Some(&index) = self.index.get(&name) else {
            self.index.insert(name, self.list.len());
            self.list.push(member);
            return;
        };
        let known = &mut self.list[index];
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

impl<'a> Inherited<'a> {
    fn add(&mut self, mixin: &RawShape<'a>, reporter: &mut Reporter<'_>) {
        let local = mixin.shape.traits.iter().find(|it| it.id.as_str() == "smithy.api#mixin");
        let local = local.and_then(|it| it.value.get("localTraits")?.value.as_array());
        let is_local = |id: &ShapeId| {
            id.as_str() == "smithy.api#mixin"
                || local.unwrap_or_default().iter().any(|it| it.as_str() == Some(id.as_str()))
        };
        let traits = mixin.shape.traits.iter().filter(|it| !is_local(&it.id)).map(inherited);
        override_traits(&mut self.traits, traits.collect());
        for member in mixin.shape.kind.members() {
            let traits = member.traits.iter().map(inherited).collect();
            self.members.add(RawMember { traits, ..member.clone() }, reporter);
        }
        self.kinds.push(mixin.shape.kind.clone());
    }

    fn give_to(mut self, shape: &mut RawShape<'a>, reporter: &mut Reporter<'_>) {
        let own = std::mem::take(&mut shape.shape.traits);
        override_traits(&mut self.traits, own);
        shape.shape.traits = self.traits;
        match &mut shape.shape.kind {
            ShapeKind::Structure(own)
            | ShapeKind::Union(own)
            | ShapeKind::Enum(own)
            | ShapeKind::IntEnum(own) => {
                for member in std::mem::take(own) {
                    self.members.add(member, reporter);
                }
                *own = self.members.list;
            }
            ShapeKind::List(_) | ShapeKind::Map { .. } => {
                for member in shape.shape.kind.members_mut() {
                    self.members.add(member.clone(), reporter);
                    if let Some(index) = self.members.index.get(&member.name) {
                        *member = self.members.list[*index].clone();
                    }
                }
            }
            ShapeKind::Service(own) => {
                let mut all = super::Service::default();
                for kind in self.kinds {
                    let ShapeKind::Service(mixin) = kind else { continue };
                    all.version = mixin.version.or(all.version);
                    all.operations.extend(mixin.operations);
                    all.resources.extend(mixin.resources);
                    all.errors.extend(mixin.errors);
                    all.rename.extend(mixin.rename);
                }
                own.version = own.version.take().or(all.version);
                prepend(&mut own.operations, all.operations);
                prepend(&mut own.resources, all.resources);
                prepend(&mut own.errors, all.errors);
                let own_ids: Vec<_> = own.rename.iter().map(|it| it.shape.target.clone()).collect();
                let mut seen: HashSet<_> = own_ids.into_iter().collect();
                all.rename.reverse();
                all.rename.retain(|it| seen.insert(it.shape.target.clone()));
                all.rename.reverse();
                own.rename.splice(0..0, all.rename);
            }
            ShapeKind::Operation(own) => {
                let mut all = Vec::new();
                for kind in self.kinds {
                    let ShapeKind::Operation(mixin) = kind else { continue };
                    all.extend(mixin.errors);
                }
                prepend(&mut own.errors, all);
            }
            ShapeKind::Simple(_) | ShapeKind::Resource(_) => {}
        }
    }
}

/// Puts what is inherited before what is there; each target is kept once, or a chain of mixins that
/// name one mixin twice would double the list at each step.
fn prepend(own: &mut Vec<Reference>, mut all: Vec<Reference>) {
    let mut seen = HashSet::new();
    all.retain(|it| seen.insert(it.target.clone()));
    own.retain(|it| !seen.contains(&it.target));
    all.append(own);
    *own = all;
}

fn inherited<'a>(it: &RawTrait<'a>) -> RawTrait<'a> {
    RawTrait { inherited: true, ..it.clone() }
}

/// Adds traits; of two values the later one stays.
fn override_traits<'a>(traits: &mut Vec<RawTrait<'a>>, more: Vec<RawTrait<'a>>) {
    for new in more {
        match traits.iter_mut().find(|it| it.id == new.id) {
            Some(old) => *old = new,
            None => traits.push(new),
        }
    }
}

fn apply_to_members<'a>(
    shape: &mut RawShape<'a>,
    applies: Vec<Apply<'a>>,
    reporter: &mut Reporter<'_>,
) {
    let is_broken = shape.is_broken;
    let mut members = shape.shape.kind.members_mut();
    let index: HashMap<String, usize> =
        members.iter().enumerate().map(|(index, it)| (it.name.clone(), index)).collect();
    for apply in applies {
        let Some(name) = &apply.member else { continue };
        match index.get(name) {
            Some(index) => merge_traits(&mut members[*index].traits, apply.traits, reporter),
            None if is_broken => {}
            None => {
                let names = members.iter().map(|it| it.name.as_str());
                let message = format!("apply target {}${name} is not defined", apply.shape);
                reporter.error(apply.location, message).did_you_mean(
                    name,
                    names,
                    "add the member, or take this away",
                );
            }
        }
    }
}
