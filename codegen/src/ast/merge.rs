//! Merging files into one model (Smithy 2.0 specification, sections "Merging model files" and "Applying traits").

use std::collections::{HashMap, HashSet};

use super::{
    Model, Reference, Shape,
    parse::{Apply, File},
};
use crate::{
    diagnostic::Reporter,
    json::{Entry, Kind, Value},
    prelude,
    traits::Traits,
};

/// The maximum number of traits of a shape or member: each is compared with all others.
pub(super) const MAX_TRAITS: usize = 500;

/// Merges definitions. Returns the `apply` statements by the index of their shape.
pub(super) fn merge(
    files: Vec<File>,
    reporter: &mut Reporter<'_>,
) -> (Model, HashMap<usize, Vec<Apply>>) {
    let mut model = Model::default();
    let mut metadata: HashMap<String, Value> = HashMap::new();
    let mut applies = Vec::new();
    for file in files {
        for Entry { key, value, .. } in file.metadata {
            if !combine(metadata.entry(key.clone()).or_insert_with(|| value.clone()), &value) {
                let message = format!("the metadata {key:?} has a different value in another file");
                reporter.error(value.at, message).hint("keep one of them");
            }
        }
        for shape in file.shapes {
            match model.index.get(&shape.id) {
                Some(at) => define_again(&mut model.shapes[*at], shape, reporter),
                None => model.push(shape),
            }
        }
        applies.extend(file.applies);
    }
    model.count = model.shapes.len();
    for shape in prelude::shapes() {
        if model.get(&shape.id).is_none() {
            model.push(shape);
        }
    }
    let mut by_shape: HashMap<usize, Vec<Apply>> = HashMap::new();
    for apply in applies {
        let id = &apply.shape;
        match model.index.get(id) {
            Some(at) if *at < model.count => by_shape.entry(*at).or_default().push(apply),
            Some(_) => {
                let message = format!("{id} is part of Smithy: no traits can be applied to it");
                let hint = "apply the trait to a shape of your own";
                reporter.error(apply.location, message).hint(hint);
            }
            None => {
                let finding =
                    reporter.error(apply.location, format!("apply target {id} is not defined"));
                let hint = "define the shape, or remove the apply statement";
                finding.did_you_mean_shape(id, model.ids(), hint);
            }
        }
    }
    (model, by_shape)
}

/// Adds traits. They replace traits that were inherited from mixins.
pub(super) fn merge_traits(traits: &mut Traits, more: Traits, reporter: &mut Reporter<'_>) {
    for new in more.0 {
        let count = traits.0.len();
        match traits.0.iter_mut().find(|it| it.id == new.id) {
            None if count == MAX_TRAITS => {
                let message = format!("more than {MAX_TRAITS} traits are applied");
                reporter.error(new.at(), message).hint("remove some of them");
                return;
            }
            None => traits.0.push(new),
            Some(old) if old.inherited => *old = new,
            Some(old) => {
                if !combine(&mut old.value, &new.value) {
                    let path = reporter.path(old.at());
                    let message = format!("the trait {} has a different value in {path}", new.id);
                    reporter.error(new.at(), message).hint("keep one of them");
                }
            }
        }
    }
}

/// Merges two values, concatenating arrays. Returns `false` if they conflict.
fn combine(old: &mut Value, new: &Value) -> bool {
    match (&mut old.kind, &new.kind) {
        (Kind::Array(old), Kind::Array(new)) if old != new => old.extend(new.iter().cloned()),
        _ => return old == new,
    }
    true
}

/// Merges a definition with that of another file. The two may differ only in their traits.
fn define_again(old: &mut Shape, new: Shape, reporter: &mut Reporter<'_>) {
    // Duplicate keys in one file were reported by the parser.
    let is_reported = old.location.source == new.location.source;
    if is_reported || old.is_broken || new.is_broken {
        return;
    }
    let other = reporter.path(old.location);
    if let Some(difference) = difference(old, &new) {
        let message = format!("the shape is defined differently in {other}: {difference}");
        let hint = "keep one of the definitions, or make them equal";
        reporter.error(new.location, message).hint(hint);
        return;
    }
    let mut members = old.members.iter().zip(&new.members);
    if old.traits == new.traits && members.all(|(old, new)| old.traits == new.traits) {
        let message = format!("the shape is also defined in {other}; the definitions are equal");
        reporter.warning(new.location, message).hint("keep one of them");
        return;
    }
    merge_traits(&mut old.traits, new.traits, reporter);
    for (old, new) in old.members.iter_mut().zip(new.members) {
        merge_traits(&mut old.traits, new.traits, reporter);
    }
}

/// How two definitions of a shape differ, apart from traits.
fn difference(a: &Shape, b: &Shape) -> Option<String> {
    let only = |one: &Shape, other: &Shape| {
        let known: HashSet<_> = other.members.iter().map(|it| &it.name).collect();
        one.members.iter().map(|it| &it.name).find(|it| !known.contains(it)).cloned()
    };
    let same_references =
        a.references.iter().map(Reference::key).eq(b.references.iter().map(Reference::key));
    let mut pairs = a.members.iter().zip(&b.members);
    if a.kind != b.kind {
        Some(format!("its type is {} there and {} here", a.kind.name(), b.kind.name()))
    } else if let Some(name) = only(a, b) {
        Some(format!("the member {name} is there and not here"))
    } else if let Some(name) = only(b, a) {
        Some(format!("the member {name} is here and not there"))
    } else if pairs.clone().any(|(a, b)| a.name != b.name) {
        Some("the members are in a different order".to_owned())
    } else if let Some((a, b)) = pairs.find(|(a, b)| a.target != b.target) {
        Some(format!("the member {} targets {} there and {} here", a.name, a.target, b.target))
    } else if a.version != b.version || !same_references {
        Some("they refer to different shapes".to_owned())
    } else {
        None
    }
}
