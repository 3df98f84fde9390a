//! Several files to one list of shapes (Smithy 2.0 spec, sections "Merging model files" and "Applying
//! traits").

use std::collections::{HashMap, HashSet, hash_map};

use super::{
    Member, Reference, ShapeKind, mixins,
    raw::{Apply, File, RawShape, combine, merge_traits},
};
use crate::{
    diagnostic::{Location, Reporter},
    json::Value,
    shape_id::ShapeId,
    traits::RawTrait,
};

/// Merges definitions, applies traits and flattens mixins.
pub(super) fn merge<'a>(files: Vec<File<'a>>, reporter: &mut Reporter<'_>) -> Vec<RawShape<'a>> {
    let mut merger = Merger { reporter, shapes: Vec::new(), index: HashMap::new() };
    let mut metadata: HashMap<String, Value<'a>> = HashMap::new();
    let mut applies = Vec::new();
    for file in files {
        for (key, value, location) in file.metadata {
            merger.metadata(&mut metadata, key, value, location);
        }
        for shape in file.shapes {
            merger.define(shape);
        }
        applies.extend(file.applies);
    }
    // A member may come from a mixin: what is applied to it has to wait until it is there.
    let mut to_members: HashMap<usize, Vec<Apply<'a>>> = HashMap::new();
    for apply in applies {
        let Some(&index) = merger.index.get(&apply.shape) else {
            merger.unknown(&apply);
            continue;
        };
        match apply.member {
            None => {
                merge_traits(&mut merger.shapes[index].shape.traits, apply.traits, merger.reporter)
            }
            Some(_) => to_members.entry(index).or_default().push(apply),
        }
    }
    let Merger { shapes, index, reporter } = merger;
    mixins::flatten(shapes, &index, to_members, reporter)
}

struct Merger<'m, 'r, 'a> {
    reporter: &'m mut Reporter<'r>,
    shapes: Vec<RawShape<'a>>,
    index: HashMap<ShapeId, usize>,
}

impl<'a> Merger<'_, '_, 'a> {
    fn metadata(
        &mut self,
        all: &mut HashMap<String, Value<'a>>,
        key: String,
        value: Value<'a>,
        location: Location,
    ) {
        match all.entry(key) {
            hash_map::Entry::Vacant(entry) => {
                entry.insert(value);
            }
            hash_map::Entry::Occupied(mut entry) => {
                let message =
                    format!("the metadata {:?} has another value in another file", entry.key());
                if !combine(entry.get_mut(), value) {
                    self.reporter.error(location, message).hint("keep one of them");
                }
            }
        }
    }

    fn define(&mut self, new: RawShape<'a>) {
        let index = match self.index.entry(new.shape.id.clone()) {
            hash_map::Entry::Vacant(entry) => {
                entry.insert(self.shapes.len());
                self.shapes.push(new);
                return;
            }
            hash_map::Entry::Occupied(entry) => *entry.get(),
        };
        let old = &mut self.shapes[index];
        if old.shape.location.source == new.shape.location.source {
            // The duplicate key has been reported.
            return;
        }
        let other = self.reporter.path(old.shape.location);
        if old.is_broken || new.is_broken {
            return;
        }
        if let Some(difference) = difference(old, &new) {
            let message = format!("the shape is defined otherwise in {other}: {difference}");
            self.reporter
                .error(new.shape.location, message)
                .hint("keep one of the definitions, or make them equal");
            return;
        }
        let is_equal = same_traits(&old.shape.traits, &new.shape.traits)
            && old
                .shape
                .kind
                .members()
                .iter()
                .zip(new.shape.kind.members())
                .all(|(old, new)| same_traits(&old.traits, &new.traits));
        if is_equal {
            let message =
                format!("the shape is defined in {other} as well; the definitions are equal");
            self.reporter.warning(new.shape.location, message).hint("keep one of them");
            return;
        }
        merge_traits(&mut old.shape.traits, new.shape.traits, self.reporter);
        let members = old.shape.kind.members_mut();
        let mut kind = new.shape.kind;
        for (old, new) in members.into_iter().zip(kind.members_mut()) {
            merge_traits(&mut old.traits, std::mem::take(&mut new.traits), self.reporter);
        }
    }

    fn unknown(&mut self, apply: &Apply<'_>) {
        let shape = &apply.shape;
        if crate::prelude::get(shape).is_some() {
            let message = format!("{shape} is a part of Smithy: no traits can be applied to it");
            self.reporter
                .error(apply.location, message)
                .hint("apply the trait to a shape of your own");
            return;
        }
        let ids = self.shapes.iter().map(|it| &it.shape.id);
        self.reporter
            .error(apply.location, format!("apply target {shape} is not defined"))
            .did_you_mean_shape(shape, ids, "define the shape, or take this away");
    }
}

fn same_traits(a: &[RawTrait<'_>], b: &[RawTrait<'_>]) -> bool {
    a.len() == b.len()
        && a.iter().all(|a| b.iter().any(|b| a.id == b.id && a.value.is_same(&b.value)))
}

/// How two definitions of a shape differ, apart from traits.
fn difference(a: &RawShape<'_>, b: &RawShape<'_>) -> Option<String> {
    let (kind_a, kind_b) = (&a.shape.kind, &b.shape.kind);
    if kind_a.name() != kind_b.name() {
        return Some(format!("it is a {} there and a {} here", kind_a.name(), kind_b.name()));
    }
    let (members_a, members_b) = (kind_a.members(), kind_b.members());
    let names = |members: &[&Member<Vec<RawTrait<'_>>>]| -> Vec<String> {
        members.iter().map(|it| it.name.clone()).collect()
    };
    let (names_a, names_b) = (names(&members_a), names(&members_b));
    if names_a != names_b {
        let set_b: HashSet<_> = names_b.iter().collect();
        let set_a: HashSet<_> = names_a.iter().collect();
        let lost = names_a.iter().find(|it| !set_b.contains(it));
        let added = names_b.iter().find(|it| !set_a.contains(it));
        return Some(match (lost, added) {
            (Some(name), _) => format!("the member {name} is there and not here"),
            (None, Some(name)) => format!("the member {name} is here and not there"),
            (None, None) => "the members stand in another order".to_owned(),
        });
    }
    let mut pairs = members_a.iter().zip(&members_b);
    if let Some((a, b)) = pairs.find(|(a, b)| a.target != b.target) {
        return Some(format!(
            "the member {} targets {} there and {} here",
            a.name, a.target, b.target
        ));
    }
    let same = same_references(&a.mixins, &b.mixins)
        && match (kind_a, kind_b) {
            (ShapeKind::Service(a), ShapeKind::Service(b)) => {
                a.version == b.version
                    && same_references(&a.operations, &b.operations)
                    && same_references(&a.resources, &b.resources)
                    && same_references(&a.errors, &b.errors)
                    && a.rename.len() == b.rename.len()
                    && a.rename
                        .iter()
                        .zip(&b.rename)
                        .all(|(a, b)| a.name == b.name && a.shape.target == b.shape.target)
            }
            (ShapeKind::Operation(a), ShapeKind::Operation(b)) => {
                a.input.target == b.input.target
                    && a.output.target == b.output.target
                    && same_references(&a.errors, &b.errors)
            }
            (ShapeKind::Resource(a), ShapeKind::Resource(b)) => {
                same_references(&a.operations, &b.operations)
                    && same_references(&a.resources, &b.resources)
            }
            _ => true,
        };
    (!same).then(|| "they refer to different shapes".to_owned())
}

fn same_references(a: &[Reference], b: &[Reference]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.target == b.target)
}
