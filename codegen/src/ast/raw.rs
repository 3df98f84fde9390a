//! Shapes whose traits are still as they are written, and how traits are merged.

use super::{Reference, Shape};
use crate::{
    diagnostic::{Location, Reporter},
    json::{Kind, Value},
    shape_id::ShapeId,
    traits::RawTrait,
};

/// What one file says.
#[derive(Debug)]
pub(super) struct File<'a> {
    pub(super) shapes: Vec<RawShape<'a>>,
    pub(super) applies: Vec<Apply<'a>>,
    pub(super) metadata: Vec<(String, Value<'a>, Location)>,
}

/// A shape as it is written.
#[derive(Debug)]
pub(super) struct RawShape<'a> {
    pub(super) shape: Shape<Vec<RawTrait<'a>>>,
    pub(super) mixins: Vec<Reference>,
    pub(super) version: Version,
    /// Whether a part of it could not be read, which has been reported.
    pub(super) is_broken: bool,
}

/// Traits that are given to a shape from elsewhere.
#[derive(Debug)]
pub(super) struct Apply<'a> {
    pub(super) shape: ShapeId,
    pub(super) member: Option<String>,
    pub(super) traits: Vec<RawTrait<'a>>,
    pub(super) location: Location,
}

/// The version of Smithy by whose rules a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

/// How many traits a shape or member can have. Smithy has 79, and each is compared with all others.
pub(super) const MAX_TRAITS: usize = 500;

/// Adds traits. Arrays are joined; two unequal values are an error.
pub(super) fn merge_traits<'a>(
    traits: &mut Vec<RawTrait<'a>>,
    more: Vec<RawTrait<'a>>,
    reporter: &mut Reporter<'_>,
) {
    for new in more {
        let count = traits.len();
        let Some(old) = traits.iter_mut().find(|it| it.id == new.id) else {
            if count == MAX_TRAITS {
                reporter
                    .error(new.location, format!("more than {MAX_TRAITS} traits are applied"))
                    .hint("take some away");
                return;
            }
            traits.push(new);
            continue;
        };
        if old.inherited {
            *old = new;
        } else if !combine(&mut old.value, new.value) {
            let path = reporter.path(old.location);
            let message = format!("the trait {} has another value in {path}", new.id);
            reporter.error(new.location, message).hint("keep one of them");
        }
    }
}

/// Merges two values as the specification wants it; `false` if they conflict.
pub(super) fn combine<'a>(old: &mut Value<'a>, new: Value<'a>) -> bool {
    if old.is_same(&new) {
        return true;
    }
    match (&mut old.kind, new.kind) {
        (Kind::Array(old), Kind::Array(new)) => {
            old.extend(new);
            true
        }
        _ => false,
    }
}
