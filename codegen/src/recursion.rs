//! Which members need a `Box`, because a type would otherwise contain itself.

use std::collections::{HashMap, HashSet};

use crate::{ast::Shape, shape_id::ShapeId};

/// The members that need a box, as `namespace#Shape$member`.
///
/// Only members that hold a structure or union by value can close a cycle; lists and maps break it. A member
/// is boxed if its shape and its target contain each other, and the ID of the target is not smaller. Each
/// cycle has such a member, because IDs cannot become smaller all the way round.
pub fn boxed_members(closure: &[&Shape]) -> HashSet<String> {
    let shapes: Vec<_> = closure.iter().filter(|it| it.kind.has_fields()).collect();
    // An event stream is no part of a value.
    let targets = shapes.iter().enumerate().filter(|(_, it)| !it.is_event_stream());
    let targets: HashMap<&ShapeId, usize> = targets.map(|(at, it)| (&it.id, at)).collect();
    let members = shapes
        .iter()
        .enumerate()
        .flat_map(|(from, it)| it.members.iter().map(move |it| (from, it)));
    let members = members.filter_map(|(from, it)| Some((from, *targets.get(&it.target)?, it)));
    let components = components(shapes.len(), members.clone().map(|(from, to, _)| (from, to)));
    let boxed = members.filter(|(from, to, member)| {
        components[*from] == components[*to] && shapes[*from].id <= member.target
    });
    boxed.map(|(from, _, member)| format!("{}${}", shapes[from].id, member.name)).collect()
}

/// The number of the strongly connected component of each node (Kosaraju's algorithm). An edge never leads to
/// a component with a greater number.
pub(crate) fn components(count: usize, edges: impl Iterator<Item = (usize, usize)>) -> Vec<usize> {
    let (mut forward, mut backward) = (vec![Vec::new(); count], vec![Vec::new(); count]);
    for (from, to) in edges {
        forward[from].push(to);
        backward[to].push(from);
    }
    let mut finished = Vec::new();
    search(&forward, 0..count, |_, node| finished.push(node));
    let mut components = vec![0; count];
    search(&backward, finished.into_iter().rev(), |tree, node| components[node] = count - tree);
    components
}

/// Searches a graph depth first, without recursion. Calls `finish` with the number of the tree and the node,
/// after what the node leads to.
fn search(
    graph: &[Vec<usize>],
    roots: impl Iterator<Item = usize>,
    mut finish: impl FnMut(usize, usize),
) {
    let mut is_seen = vec![false; graph.len()];
    let mut trees = 0;
    for root in roots {
        if std::mem::replace(&mut is_seen[root], true) {
            continue;
        }
        trees += 1;
        let mut path = vec![(root, graph[root].iter())];
        while let Some((node, targets)) = path.last_mut() {
            match targets.next() {
                None => {
                    finish(trees, *node);
                    path.pop();
                }
                Some(&target) => {
                    if !std::mem::replace(&mut is_seen[target], true) {
                        path.push((target, graph[target].iter()));
                    }
                }
            }
        }
    }
}
