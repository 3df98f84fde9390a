//! Which members need a `Box`, because a type would otherwise contain itself.

use std::collections::{HashMap, HashSet};

use crate::{
    ast::{Model, Shape},
    shape_id::ShapeId,
};

/// The members that need a box, as `namespace#Shape$member`.
///
/// Only members that hold a structure or union by value can close a cycle; lists and maps break it. A member
/// is boxed if its shape and its target contain each other, and the ID of the target is not smaller. Each
/// cycle has such a member, because IDs cannot become smaller all the way round.
pub fn boxed_members(model: &Model, closure: &[&Shape]) -> HashSet<String> {
    let numbers: HashMap<&ShapeId, usize> =
        closure.iter().enumerate().map(|(number, it)| (&it.id, number)).collect();
    let mut members = Vec::new();
    let mut edges = Vec::new();
    for (from, shape) in closure.iter().enumerate().filter(|(_, it)| it.kind.has_fields()) {
        for member in &shape.members {
            let target = model.get(&member.target).filter(|it| it.kind.has_fields());
            let Some(target) = target.filter(|it| !it.is_event_stream()) else { continue };
            if let Some(to) = numbers.get(&target.id) {
                members.push((shape, member));
                edges.push((from, *to));
            }
        }
    }
    let components = components(closure.len(), &edges);
    let boxed = members.into_iter().zip(edges).filter(|((shape, member), (from, to))| {
        components[*from] == components[*to] && shape.id <= member.target
    });
    boxed.map(|((shape, member), _)| format!("{}${}", shape.id, member.name)).collect()
}

/// The number of the strongly connected component of each node (Kosaraju's algorithm). An edge never leads to
/// a component with a greater number.
pub(crate) fn components(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let (mut forward, mut backward) = (vec![Vec::new(); count], vec![Vec::new(); count]);
    for &(from, to) in edges {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_the_nodes_that_reach_each_other() {
        let mut state = 1_u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        let mut shared = 0;
        for _ in 0..2_000 {
            let count = 1 + random(9);
            let edges: Vec<_> = (0..random(20)).map(|_| (random(count), random(count))).collect();
            let components = components(count, &edges);
            let reaches = |from: usize, to: usize| {
                let (mut reached, mut pending) = (HashSet::new(), vec![from]);
                while let Some(node) = pending.pop() {
                    if reached.insert(node) {
                        pending.extend(edges.iter().filter(|it| it.0 == node).map(|it| it.1));
                    }
                }
                reached.contains(&to)
            };
            for (a, b) in (0..count).flat_map(|a| (0..count).map(move |b| (a, b))) {
                let is_shared = reaches(a, b) && reaches(b, a);
                assert_eq!(components[a] == components[b], is_shared, "{edges:?} {a} {b}");
                shared += usize::from(is_shared && a != b);
            }
            assert!(edges.iter().all(|it| components[it.0] >= components[it.1]), "{edges:?}");
        }
        assert!(shared > 1_000, "{shared}");
        assert!(components(0, &[]).is_empty());
    }
}
