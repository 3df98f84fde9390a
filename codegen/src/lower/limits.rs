//! The recursion limit and the lints of crates with deeply nested types.

use std::collections::HashMap;

use crate::{
    ir::{Member, Presence, Shape, Type},
    recursion::components,
};

/// rustc's default recursion limit.
const DEFAULT_LIMIT: usize = 128;

/// Whether the type of a member triggers Clippy's lint `type_complexity`, because lists and maps are nested.
pub(super) fn has_complex_types(shapes: &[Shape]) -> bool {
    let mut members = shapes.iter().flat_map(|it| &it.members);
    // The function that reads an absent value has an additional `Option` in its signature.
    let around = |it: &Member| usize::from(matches!(it.presence, Presence::ReadsAs(_)));
    members.any(|it| around(it) + it.ty.to_string().matches('<').count() > 2)
}

/// The `recursion_limit` that a crate with these types needs, if it is more than the default.
pub(super) fn recursion_limit(shapes: &[Shape]) -> Option<usize> {
    let depth = depth(shapes);
    // The limit is doubled because rustc does not document how it counts types of the standard library.
    (depth > DEFAULT_LIMIT / 2).then(|| (2 * depth).next_power_of_two())
}

/// The maximum depth of types along members. For recursive types, the types of the whole cycle are added up.
fn depth(shapes: &[Shape]) -> usize {
    let indices: HashMap<_, _> =
        shapes.iter().enumerate().map(|(at, it)| (&it.type_ref, at)).collect();
    let target = |member: &Member| match member.ty.innermost() {
        Type::Named(target) => indices.get(target).copied(),
        _ => None,
    };
    let edges = shapes.iter().enumerate();
    let edges =
        edges.flat_map(|(from, it)| it.members.iter().filter_map(target).map(move |to| (from, to)));
    let components = components(shapes.len(), edges);
    let mut order: Vec<_> = (0..shapes.len()).collect();
    // Targets come first: an edge never leads to a component with a greater number.
    order.sort_by_key(|it| components[*it]);
    // The levels within each component, and those beyond it.
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
            if here == there {
                own = own.max(weight)
            } else {
                beyond[here] = beyond[here].max(weight + within[there] + beyond[there])
            }
        }
        within[here] += own;
    }
    within.iter().zip(beyond).map(|(within, beyond)| within + beyond).max().unwrap_or_default()
}
