//! Several files to one list of shapes (Smithy 2.0 specification, sections "Merging model files" and
//! "Applying traits").

use std::collections::{HashMap, HashSet};

use super::{
    Shape, Traits, mixins,
    parse::{Apply, File},
};
use crate::{
    diagnostic::Reporter,
    json::{Entry, Kind, Value},
    prelude,
    shape_id::ShapeId,
};

/// The most traits that a shape or member can have: each is compared with all others.
pub(super) const MAX_TRAITS: usize = 500;

/// Merges definitions, applies traits and flattens mixins.
pub(super) fn merge(files: Vec<File>, reporter: &mut Reporter<'_>) -> Vec<Shape> {
    let mut metadata: HashMap<String, Value> = HashMap::new();
    let mut shapes: Vec<Shape> = Vec::new();
    let mut index: HashMap<ShapeId, usize> = HashMap::new();
    let mut applies = Vec::new();
    for file in files {
        for Entry { key, value, .. } in file.metadata {
            let Some(old) = metadata.get_mut(&key) else {
                metadata.insert(key, value);
                continue;
            };
            if !combine(old, &value) {
                let message = format!("the metadata {key:?} has another value in another file");
                reporter.error(value.at, message).hint("keep one of them");
            }
        }
        for shape in file.shapes {
            match index.get(&shape.id) {
                Some(old) => define_again(&mut shapes[*old], shape, reporter),
                None => {
                    index.insert(shape.id.clone(), shapes.len());
                    shapes.push(shape);
                }
            }
        }
        applies.extend(file.applies);
    }
    // A member may come from a mixin, so traits are applied to members after mixins are flattened.
    let mut to_members: HashMap<usize, Vec<Apply>> = HashMap::new();
    for apply in applies {
        match (index.get(&apply.shape), &apply.member) {
            (None, _) => report_unknown(&apply, &shapes, reporter),
            (Some(at), None) => merge_traits(&mut shapes[*at].traits, apply.traits, reporter),
            (Some(at), Some(_)) => to_members.entry(*at).or_default().push(apply),
        }
    }
    mixins::flatten(shapes, &index, to_members, reporter)
}

/// Adds traits. Arrays are joined; two unequal values are an error.
pub(super) fn merge_traits(traits: &mut Traits, more: Traits, reporter: &mut Reporter<'_>) {
    for new in more.0 {
        let count = traits.0.len();
        match traits.0.iter_mut().find(|it| it.id == new.id) {
            None if count == MAX_TRAITS => {
                reporter
                    .error(new.at(), format!("more than {MAX_TRAITS} traits are applied"))
                    .hint("take some away");
                return;
            }
            None => traits.0.push(new),
            Some(old) if old.inherited => *old = new,
            Some(old) => {
                if !combine(&mut old.value, &new.value) {
                    let path = reporter.path(old.at());
                    let message = format!("the trait {} has another value in {path}", new.id);
                    reporter.error(new.at(), message).hint("keep one of them");
                }
            }
        }
    }
}

/// Merges two values; `false` if they conflict.
fn combine(old: &mut Value, new: &Value) -> bool {
    if old == new {
        return true;
    }
    match (&mut old.kind, &new.kind) {
        (Kind::Array(old), Kind::Array(new)) => {
            old.extend(new.iter().cloned());
            true
        }
        _ => false,
    }
}

/// Merges a definition with the one of another file, which it must equal but for traits.
fn define_again(old: &mut Shape, new: Shape, reporter: &mut Reporter<'_>) {
    // A duplicate key in one file has been reported.
    let is_reported = old.location.source == new.location.source;
    if is_reported || old.is_broken || new.is_broken {
        return;
    }
    let other = reporter.path(old.location);
    if let Some(difference) = difference(old, &new) {
        let message = format!("the shape is defined otherwise in {other}: {difference}");
        reporter
            .error(new.location, message)
            .hint("keep one of the definitions, or make them equal");
        return;
    }
    let mut members = old.members.iter().zip(&new.members);
    if old.traits == new.traits && members.all(|(old, new)| old.traits == new.traits) {
        let message = format!("the shape is defined in {other} as well; the definitions are equal");
        reporter.warning(new.location, message).hint("keep one of them");
        return;
    }
    merge_traits(&mut old.traits, new.traits, reporter);
    for (old, new) in old.members.iter_mut().zip(new.members) {
        merge_traits(&mut old.traits, new.traits, reporter);
    }
}

fn report_unknown(apply: &Apply, shapes: &[Shape], reporter: &mut Reporter<'_>) {
    let shape = &apply.shape;
    if prelude::kind(shape).is_some() {
        let message = format!("{shape} is a part of Smithy: no traits can be applied to it");
        reporter.error(apply.location, message).hint("apply the trait to a shape of your own");
        return;
    }
    reporter
        .error(apply.location, format!("apply target {shape} is not defined"))
        .did_you_mean_shape(
            shape,
            shapes.iter().map(|it| &it.id),
            "define the shape, or take this away",
        );
}

/// How two definitions of a shape differ, apart from traits.
fn difference(a: &Shape, b: &Shape) -> Option<String> {
    if a.kind != b.kind {
        return Some(format!("it is a {} there and a {} here", a.kind.name(), b.kind.name()));
    }
    let names =
        |shape: &Shape| -> Vec<String> { shape.members.iter().map(|it| it.name.clone()).collect() };
    let (names_a, names_b) = (names(a), names(b));
    if names_a != names_b {
        let missing = |from: &[String], other: &[String]| {
            let other: HashSet<_> = other.iter().collect();
            from.iter().find(|it| !other.contains(it)).cloned()
        };
        return Some(match (missing(&names_a, &names_b), missing(&names_b, &names_a)) {
            (Some(name), _) => format!("the member {name} is there and not here"),
            (None, Some(name)) => format!("the member {name} is here and not there"),
            (None, None) => "the members stand in another order".to_owned(),
        });
    }
    let mut pairs = a.members.iter().zip(&b.members);
    if let Some((a, b)) = pairs.find(|(a, b)| a.target != b.target) {
        return Some(format!(
            "the member {} targets {} there and {} here",
            a.name, a.target, b.target
        ));
    }
    let references = |shape: &Shape| -> Vec<_> {
        let references = shape.references.iter();
        references.map(|it| (it.property, it.target.clone(), it.name.clone())).collect()
    };
    let is_same = a.version == b.version && references(a) == references(b);
    (!is_same).then(|| "they refer to different shapes".to_owned())
}
