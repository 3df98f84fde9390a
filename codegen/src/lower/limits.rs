//! What a crate asks of the compiler, and of its lints, because types of the model lie deep in each other.

use std::collections::HashMap;

use crate::{
    ir::{Shape, Type},
    recursion::components,
};

/// How deep rustc looks into types unless it is told otherwise.
const DEFAULT_LIMIT: usize = 128;

/// What Clippy takes for a type that is hard to read.
const MAX_COMPLEXITY: usize = 250;

/// Whether Clippy finds the type of a member hard to read.
pub(super) fn has_complex_types(shapes: &[Shape]) -> bool {
    // `Option` is around the type of a member.
    shapes.iter().flat_map(|it| &it.members).any(|it| 10 + complexity(&it.ty, 2) > MAX_COMPLEXITY)
}

/// How Clippy counts a type that is inside of `nesting - 1` others.
fn complexity(ty: &Type, nesting: usize) -> usize {
    let inner = match ty {
        Type::Sparse(item) | Type::List(item) => complexity(item, nesting + 1),
        Type::Map(key, value) => complexity(key, nesting + 1) + complexity(value, nesting + 1),
        _ => 0,
    };
    10 * nesting + inner
}

/// The `recursion_limit` that a crate with these types needs, if it is more than the default.
pub(super) fn recursion_limit(shapes: &[Shape]) -> Option<usize> {
    let depth = depth(shapes);
    // How many levels rustc counts for a type of the standard library is its own affair.
    (depth > DEFAULT_LIMIT / 2).then(|| (2 * depth).next_power_of_two())
}

/// How many levels of types may be in each other at most, along members; of types that hold each other, all
/// count.
fn depth(shapes: &[Shape]) -> usize {
    let indices: HashMap<_, _> =
        shapes.iter().enumerate().map(|(at, it)| (&it.type_ref, at)).collect();
    let members = shapes
        .iter()
        .enumerate()
        .flat_map(|(from, it)| it.members.iter().map(move |it| (from, it)));
    let edges = members.filter_map(|(from, it)| match it.ty.innermost() {
        Type::Named(target) => {
            let around = 1 + usize::from(it.is_optional()) + 2 * usize::from(it.is_boxed);
            Some((from, *indices.get(target)?, around + levels(&it.ty)))
        }
        _ => None,
    });
    let components = components(shapes.len(), edges.clone().map(|(from, to, _)| (from, to)));
    let mut edges: Vec<_> = edges.collect();
    // What a component leads to has a smaller number.
    edges.sort_by_key(|(from, ..)| components[*from]);
    // Of each component: the levels within it, and from there on. Of each shape: the levels within.
    let mut own = vec![0; shapes.len()];
    let (mut within, mut beyond) = (own.clone(), own.clone());
    for (from, to, weight) in edges {
        let (here, there) = (components[from], components[to]);
        if here == there {
            within[here] += weight.saturating_sub(own[from]);
            own[from] = own[from].max(weight);
        } else {
            beyond[here] = beyond[here].max(weight + within[there] + beyond[there]);
        }
    }
    within.iter().zip(beyond).map(|(within, beyond)| within + beyond).max().unwrap_or_default()
}

/// How many levels lists and maps are around what is innermost.
fn levels(ty: &Type) -> usize {
    match ty {
        Type::Sparse(item) => 1 + levels(item),
        Type::List(item) => 3 + levels(item),
        Type::Map(_, value) => 6 + levels(value),
        _ => 0,
    }
}
