//! Which members need a `Box`, because a type would otherwise contain itself.

use std::collections::HashMap;

use crate::ast::{Model, Shape};

/// The members that need a box, as `namespace#Shape$member`, sorted.
///
/// Only members that hold a structure or union by value can close a cycle; lists and maps break it. In
/// each cycle the members of the shape with the smallest ID are boxed, so that the choice does not depend
/// on the order of the model.
pub fn boxed_members(model: &Model, closure: &[&Shape]) -> Vec<String> {
    let mut shapes = closure.to_vec();
    shapes.sort_by(|a, b| a.id.cmp(&b.id));
    let numbers: HashMap<_, _> =
        shapes.iter().enumerate().map(|(it, shape)| (&shape.id, it)).collect();
    let mut edges = Vec::new();
    let mut members = Vec::new();
    for (from, shape) in shapes.iter().enumerate() {
        for member in shape.members.iter().filter(|_| shape.kind.has_fields()) {
            let Some(target) = model.get(&member.target) else {
                continue;
            };
            let Some(to) = numbers.get(&target.id) else { continue };
            if target.kind.has_fields() && !target.is_event_stream() {
                edges.push((from, *to));
                members.push((shape, member));
            }
        }
    }
    let is_cut = cut(shapes.len(), &edges);
    let boxed = members.iter().zip(is_cut).filter(|(_, is_cut)| *is_cut);
    let mut boxed: Vec<_> =
        boxed.map(|((shape, member), _)| format!("{}${}", shape.id, member.name)).collect();
    boxed.sort();
    boxed
}

/// The edges whose removal leaves no cycle in a graph of `count` nodes: an edge is cut if it leads from a
/// node back to it over greater ones alone.
///
/// Once the edges of the smallest node that lie in a cycle are cut, no cycle goes through that node, and
/// the next one is the smallest. Seen from the other end: with nodes added from the greatest down, an edge
/// is cut if its ends are in one strongly connected component as soon as its source is there. When each
/// edge's ends meet is found for all edges together, by bisection: the whole takes `e log n` steps, where
/// one search for each node would take `e n`.
fn cut(count: usize, edges: &[(usize, usize)]) -> Vec<bool> {
    // The time at which a node is added; the last of all times is never.
    let time = |node: usize| count - 1 - node;
    let mut search = Search {
        added: edges.iter().map(|it| time(it.0.min(it.1))).collect(),
        edges,
        met: vec![count; edges.len()],
        groups: (0..count).collect(),
        numbers: vec![usize::MAX; count],
    };
    search.bisect(0, count, (0..edges.len()).collect());
    edges.iter().zip(search.met).map(|(&(from, _), met)| met == time(from)).collect()
}

struct Search<'e> {
    edges: &'e [(usize, usize)],
    /// When both ends of each edge are there.
    added: Vec<usize>,
    /// When both ends of each edge are in one component.
    met: Vec<usize>,
    /// The nodes that are in one component by now lead to the same one.
    groups: Vec<usize>,
    /// The number of a node in the components that are being looked for.
    numbers: Vec<usize>,
}

impl Search<'_> {
    /// Finds when the ends of these edges meet, which is known to be in `first..=last`. Whoever has met
    /// before `first` is in one group, and whoever meets in the range is when this returns.
    fn bisect(&mut self, first: usize, last: usize, edges: Vec<usize>) {
        if edges.is_empty() {
            return;
        }
        if first == last {
            for edge in edges {
                self.met[edge] = first;
                // Who never meets stays apart.
                if first < self.groups.len() {
                    let (from, to) =
                        (self.group(self.edges[edge].0), self.group(self.edges[edge].1));
                    self.groups[from] = to;
                }
            }
            return;
        }
        let middle = first + (last - first) / 2;
        let (early, mut late): (Vec<_>, Vec<_>) =
            edges.into_iter().partition(|it| self.added[*it] <= middle);
        let components = self.components(&early);
        let mut met = Vec::new();
        for (edge, has_met) in early.into_iter().zip(components) {
            if has_met { met.push(edge) } else { late.push(edge) }
        }
        self.bisect(first, middle, met);
        self.bisect(middle + 1, last, late);
    }

    fn group(&mut self, node: usize) -> usize {
        let mut root = node;
        while self.groups[root] != root {
            root = self.groups[root];
        }
        let mut node = node;
        while self.groups[node] != root {
            node = std::mem::replace(&mut self.groups[node], root);
        }
        root
    }

    /// Whether the ends of each edge are in one strongly connected component of the groups and these edges.
    fn components(&mut self, edges: &[usize]) -> Vec<bool> {
        let mut nodes = Vec::new();
        let mut ends = Vec::new();
        for &edge in edges {
            let (from, to) = self.edges[edge];
            let mut number = |node: usize| {
                let group = self.group(node);
                if self.numbers[group] == usize::MAX {
                    self.numbers[group] = nodes.len();
                    nodes.push(group);
                }
                self.numbers[group]
            };
            ends.push((number(from), number(to)));
        }
        let components = components(nodes.len(), &ends);
        for node in nodes {
            self.numbers[node] = usize::MAX;
        }
        ends.into_iter().map(|(from, to)| components[from] == components[to]).collect()
    }
}

/// The number of each node's strongly connected component (Tarjan's algorithm, without recursion). An edge
/// never leads to a component with a greater number.
pub(crate) fn components(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    const NONE: usize = usize::MAX;
    // The targets of each node, one after the other.
    let mut starts = vec![0; count + 1];
    for &(from, _) in edges {
        starts[from + 1] += 1;
    }
    for node in 0..count {
        starts[node + 1] += starts[node];
    }
    let mut targets = vec![0; edges.len()];
    let mut next = starts.clone();
    for &(from, to) in edges {
        targets[next[from]] = to;
        next[from] += 1;
    }
    next.clone_from(&starts);
    // The order in which nodes are found, and the earliest that can be reached.
    let (mut order, mut lowest) = (vec![NONE; count], vec![NONE; count]);
    let mut components = vec![NONE; count];
    let (mut found, mut complete) = (0, 0);
    let (mut path, mut open) = (Vec::new(), Vec::new());
    for root in 0..count {
        if order[root] == NONE {
            path.push(root);
        }
        while let Some(&node) = path.last() {
            if order[node] == NONE {
                (order[node], lowest[node]) = (found, found);
                found += 1;
                open.push(node);
            }
            if next[node] < starts[node + 1] {
                let target = targets[next[node]];
                next[node] += 1;
                if order[target] == NONE {
                    path.push(target);
                } else if components[target] == NONE {
                    lowest[node] = lowest[node].min(order[target]);
                }
                continue;
            }
            path.pop();
            if let Some(&parent) = path.last() {
                lowest[parent] = lowest[parent].min(lowest[node]);
            }
            if lowest[node] == order[node] {
                while let Some(member) = open.pop() {
                    components[member] = complete;
                    if member == node {
                        break;
                    }
                }
                complete += 1;
            }
        }
    }
    components
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Again and again the smallest edge that lies in a cycle.
    fn cut_slowly(count: usize, edges: &[(usize, usize)]) -> Vec<bool> {
        let mut is_cut = vec![false; edges.len()];
        let mut order: Vec<_> = (0..edges.len()).collect();
        order.sort_by_key(|it| edges[*it]);
        loop {
            let left: Vec<_> =
                edges.iter().zip(&is_cut).filter(|it| !it.1).map(|it| *it.0).collect();
            let components = components(count, &left);
            let in_cycle = |it: &&usize| {
                let (from, to) = edges[**it];
                !is_cut[**it] && components[from] == components[to]
            };
            match order.iter().find(in_cycle).copied() {
                Some(edge) => is_cut[edge] = true,
                None => return is_cut,
            }
        }
    }

    #[test]
    fn cuts_what_the_plain_way_cuts() {
        let mut state = 1_u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        let mut all = 0;
        for _ in 0..2_000 {
            let count = 1 + random(9);
            let edges: Vec<_> = (0..random(20)).map(|_| (random(count), random(count))).collect();
            let is_cut = cut(count, &edges);
            assert_eq!(is_cut, cut_slowly(count, &edges), "{count} {edges:?}");
            all += is_cut.iter().filter(|it| **it).count();
        }
        assert!(all > 1_000, "{all}");
        assert!(cut(0, &[]).is_empty());
    }
}
