//! What a crate asks of the compiler, and of its lints, because types of the model lie deep in each other.

use std::collections::HashMap;

use crate::{
    ir::{Member, Presence, Shape, Type},
    recursion::components,
};

/// How deep rustc looks into types unless it is told otherwise.
const DEFAULT_LIMIT: usize = 128;

/// Whether Clippy may find the type of a member hard to read, because lists and maps are nested.
pub(super) fn has_complex_types(shapes: &[Shape]) -> bool {
    let mut members = shapes.iter().flat_map(|it| &it.members);
    // The function that reads an absent value has the `Option` in its signature as well.
    let around = |it: &Member| usize::from(matches!(it.presence, Presence::ReadsAs(_)));
    members.any(|it| around(it) + it.ty.to_string().matches('<').count() > 2)
}

/// The `recursion_limit` that a crate with these types needs, if it is more than the default.
pub(super) fn recursion_limit(shapes: &[Shape]) -> Option<usize> {
    let depth = depth(shapes);
    // How many levels rustc counts for a type of the standard library is not documented.
    (depth > DEFAULT_LIMIT / 2).then(|| (2 * depth).next_power_of_two())
}

/// How many levels of types may be in each other at most, along members; of types that hold each other, all
/// count.
fn depth(shapes: &[Shape]) -> usize {
    let indices: HashMap<_, _> =
        shapes.iter().enumerate().map(|(at, it)| (&it.type_ref, at)).collect();
    let target = |it: &Member| match it.ty.innermost() {
        Type::Named(target) => indices.get(target).copied(),
        _ => None,
    };
    let edges = shapes.iter().enumerate();
    let edges =
        edges.flat_map(|(from, it)| it.members.iter().filter_map(target).map(move |to| (from, to)));
    let components = components(shapes.len(), edges);
    let mut order: Vec<_> = (0..shapes.len()).collect();
    // What a component leads to has a smaller number.
    order.sort_by_key(|it| components[*it]);
    // Of each component: the levels within it, and from there on.
    let (mut within, mut beyond) = (vec![0; shapes.len()], vec![0; shapes.len()]);
    for (at, here) in order.into_iter().map(|it| (it, components[it])) {
        let mut own = 0;
        for member in &shapes[at].members {
            let Some(there) = target(member).map(|it| components[it]) else { continue };
            let text = member.ty.to_string();
            let generics = [("Option<", 1), ("Vec<", 3), ("BTreeMap<", 6)];
            let levels = generics.map(|(name, levels)| levels * text.matches(name).count());
            let around = 1 + usize::from(member.is_optional()) + 2 * usize::from(member.is_boxed);
            let weight = around + levels.iter().sum::<usize>();
            match here == there {
                true => own = own.max(weight),
                false => beyond[here] = beyond[here].max(weight + within[there] + beyond[there]),
            }
        }
        within[here] += own;
    }
    within.iter().zip(beyond).map(|(within, beyond)| within + beyond).max().unwrap_or_default()
}
