//! Shapes that contain themselves, directly or indirectly.

use std::collections::{HashMap, HashSet};

use crate::{
    model::{Member, Shape},
    shape_id::ShapeId,
};

/// The members, as `namespace#Shape$member`, that need a `Box` because a type would contain itself otherwise.
///
/// Only members that target a structure or union can close a cycle; lists and maps break it. A member is boxed if its
/// shape and its target contain each other and the ID of the target is not smaller. Every cycle has such a member,
/// because IDs cannot decrease all around a cycle.
pub fn boxed_members(closure: &[&Shape]) -> HashSet<String> {
    let shapes = closure.iter().filter(|it| it.kind.has_fields() && !it.is_event_stream());
    let shapes: Vec<_> = shapes.copied().collect();
    let components = components_of(&shapes);
    let members = shapes.iter().flat_map(|shape| shape.members.iter().map(move |it| (shape, it)));
    let is_boxed = |(shape, member): &(&&Shape, &Member)| {
        let (own, targets) = (components.get(&shape.id), components.get(&member.target));
        own == targets && shape.id <= member.target
    };
    let ids = members.filter(is_boxed).map(|(shape, it)| format!("{}${}", shape.id, it.name));
    ids.collect()
}

/// The strongly connected component of each shape in the graph whose edges are the members.
pub fn components_of<'m>(shapes: &[&'m Shape]) -> HashMap<&'m ShapeId, usize> {
    let indices: HashMap<_, _> = shapes.iter().enumerate().map(|(at, it)| (&it.id, at)).collect();
    let edges = shapes.iter().enumerate().flat_map(|(from, shape)| {
        let targets = shape.members.iter().filter_map(|it| indices.get(&it.target));
        targets.map(move |to| (from, *to))
    });
    shapes.iter().map(|it| &it.id).zip(components(shapes.len(), edges)).collect()
}

/// The number of each node's strongly connected component (Kosaraju's algorithm). An edge never leads to a component
/// with a greater number.
pub(crate) fn components(count: usize, edges: impl Iterator<Item = (usize, usize)>) -> Vec<usize> {
    let (mut forward, mut backward) = (vec![Vec::new(); count], vec![Vec::new(); count]);
    for (from, to) in edges {
        forward[from].push(to);
        backward[to].push(from);
    }
    let mut finished = Vec::new();
    search(&forward, 0..count, |_, node| finished.push(node));
    let mut components = vec![0; count];
    let roots = finished.into_iter().rev();
    search(&backward, roots, |tree, node| components[node] = count - 1 - tree);
    components
}

/// Searches a graph depth first, without recursion. Calls `finish` for each node in postorder, with the index of its
/// root.
fn search(
    graph: &[Vec<usize>],
    roots: impl Iterator<Item = usize>,
    mut finish: impl FnMut(usize, usize),
) {
    let mut is_seen = vec![false; graph.len()];
    for (tree, root) in roots.enumerate() {
        let mut path = vec![(root, false)];
        while let Some((node, is_left)) = path.pop() {
            if is_left {
                finish(tree, node);
            } else if !std::mem::replace(&mut is_seen[node], true) {
                path.push((node, true));
                path.extend(graph[node].iter().map(|it| (*it, false)));
            }
        }
    }
}
