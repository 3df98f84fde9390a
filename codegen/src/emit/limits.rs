//! What a crate asks of the compiler, and of its lints, because types of the model lie deep in each other.

use std::collections::HashMap;

use proc_macro2::TokenStream;
use quote::quote;

use crate::{
    ir::{Service, Shape, Type},
    recursion::components,
};

/// How deep rustc looks into types unless it is told otherwise.
const DEFAULT_LIMIT: usize = 128;

/// What Clippy takes for a type that is hard to read.
const MAX_COMPLEXITY: usize = 250;

/// The attributes of the crate's root.
pub(super) fn attributes(service: &Service) -> TokenStream {
    let limit = recursion_limit(service).filter(|_| !service.is_module()).map(|it| {
        let limit = it.to_string();
        // An example of the documentation is a crate that uses the types.
        quote!(#![recursion_limit = #limit] #![doc(test(attr(recursion_limit = #limit)))])
    });
    let members = || service.shapes.iter().flat_map(held).map(|it| it.0);
    // `Option` is around the type of a member.
    let is_complex = members().any(|it| 10 + complexity(it, 2) > MAX_COMPLEXITY);
    let allow = is_complex.then(|| {
        quote!(#![allow(clippy::type_complexity, reason = "lists and maps are what the model says")])
    });
    quote!(#limit #allow)
}

/// The `recursion_limit` that a crate with these types needs, and whatever asks whether they are `Send`, if it
/// is more than the default.
pub(crate) fn recursion_limit(service: &Service) -> Option<usize> {
    let depth = depth(service);
    // How many levels rustc counts for a type of the standard library is its own affair.
    (depth > DEFAULT_LIMIT / 2).then(|| (2 * depth).next_power_of_two())
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

/// The types in a structure or union, each with the levels that are around it there.
fn held(shape: &Shape) -> Vec<(&Type, usize)> {
    let box_levels = |is_boxed: bool| if is_boxed { 2 } else { 0 };
    match shape {
        Shape::Structure(it) => {
            let members = it.members.iter();
            let levels = |it: &crate::ir::Member| {
                1 + usize::from(it.is_optional()) + box_levels(it.is_boxed)
            };
            members.map(|it| (&it.ty, levels(it))).collect()
        }
        Shape::Union(it) => {
            let variants = it.variants.iter();
            variants.filter_map(|it| Some((it.ty.as_ref()?, 1 + box_levels(it.is_boxed)))).collect()
        }
        Shape::Enum(_) | Shape::IntEnum(_) => Vec::new(),
    }
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

/// How many levels of types may be in each other at most, along members; of types that hold each other, all
/// count.
fn depth(service: &Service) -> usize {
    let shapes = &service.shapes;
    let numbers: HashMap<_, _> =
        shapes.iter().enumerate().map(|(number, it)| (it.type_ref(), number)).collect();
    let (mut ends, mut weights) = (Vec::new(), Vec::new());
    for (from, shape) in shapes.iter().enumerate() {
        for (ty, around) in held(shape) {
            let Type::Named(target) = ty.innermost() else { continue };
            if let Some(to) = numbers.get(target) {
                ends.push((from, *to));
                weights.push(around + levels(ty));
            }
        }
    }
    let components = components(shapes.len(), &ends);
    let mut edges: Vec<_> = ends.iter().zip(weights).collect();
    // What a component leads to has a smaller number.
    edges.sort_by_key(|(ends, _)| components[ends.0]);
    // Of each component: the levels within it, and from there on. Of each shape: the levels within.
    let (mut within, mut beyond) = (vec![0; shapes.len()], vec![0; shapes.len()]);
    let mut own = vec![0; shapes.len()];
    for (&(from, to), weight) in edges {
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
