//! Which members need a `Box`, because a type would otherwise contain itself.

use std::collections::{BTreeMap, HashMap};

use crate::{
    ast::{Model, Shape, ShapeKind},
    resolve::is_event_stream,
    shape_id::ShapeId,
};

/// The members that need a box, as `namespace#Shape$member`.
///
/// Only members that hold a structure or union by value can close a cycle; lists and maps break it. In
/// each cycle the member with the smallest ID is boxed, so that the choice does not depend on the order
/// of the model.
pub fn boxed_members(model: &Model, closure: &[&Shape]) -> Vec<String> {
    let mut edges: BTreeMap<String, (ShapeId, ShapeId)> = BTreeMap::new();
    for shape in closure {
        let (ShapeKind::Structure(members) | ShapeKind::Union(members)) = &shape.kind else {
            continue;
        };
        for member in members {
            let Some(target) = model.get(&member.target) else {
                continue;
            };
            let is_by_value = matches!(target.kind, ShapeKind::Structure(_) | ShapeKind::Union(_));
            if is_by_value && !is_event_stream(target) {
                let id = format!("{}${}", shape.id, member.name);
                edges.insert(id, (shape.id.clone(), target.id.clone()));
            }
        }
    }
    let mut boxed = Vec::new();
    loop {
        let components = components(edges.values());
        let in_cycle = |(from, to): &(ShapeId, ShapeId)| components[from] == components[to];
        // One member of each component in a pass, the smallest.
        let mut cut: HashMap<usize, String> = HashMap::new();
        for (id, edge) in edges.iter().filter(|(_, edge)| in_cycle(edge)) {
            cut.entry(components[&edge.0]).or_insert_with(|| id.clone());
        }
        if cut.is_empty() {
            boxed.sort();
            return boxed;
        }
        for id in cut.into_values() {
            edges.remove(&id);
            boxed.push(id);
        }
    }
}

/// Numbers the strongly connected components (Tarjan's algorithm, without recursion).
fn components<'a>(edges: impl Iterator<Item = &'a (ShapeId, ShapeId)>) -> HashMap<ShapeId, usize> {
    let mut graph: BTreeMap<&ShapeId, Vec<&ShapeId>> = BTreeMap::new();
    for (from, to) in edges {
        graph.entry(from).or_default().push(to);
        graph.entry(to).or_default();
    }
    let mut search = Search::default();
    for &root in graph.keys() {
        search.visit(root, &graph);
    }
    search.components
}

#[derive(Default)]
struct Search<'a> {
    /// In the order in which shapes were found.
    order: HashMap<&'a ShapeId, usize>,
    /// The earliest shape that can be reached.
    lowest: HashMap<&'a ShapeId, usize>,
    stack: Vec<&'a ShapeId>,
    components: HashMap<ShapeId, usize>,
    count: usize,
}

impl<'a> Search<'a> {
    fn visit(&mut self, root: &'a ShapeId, graph: &BTreeMap<&'a ShapeId, Vec<&'a ShapeId>>) {
        if self.order.contains_key(root) {
            return;
        }
        self.find(root);
        let mut path = vec![(root, 0)];
        while let Some((shape, next)) = path.last_mut() {
            let shape = *shape;
            if let Some(&target) = graph[shape].get(*next) {
                *next += 1;
                if !self.order.contains_key(target) {
                    self.find(target);
                    path.push((target, 0));
                } else if !self.components.contains_key(target) {
                    let reached = self.order[target];
                    self.lower(shape, reached);
                }
                continue;
            }
            path.pop();
            let reached = self.lowest[shape];
            if let Some((parent, _)) = path.last() {
                self.lower(parent, reached);
            }
            if reached == self.order[shape] {
                while let Some(member) = self.stack.pop() {
                    self.components.insert(member.clone(), self.count);
                    if member == shape {
                        break;
                    }
                }
                self.count += 1;
            }
        }
    }

    fn find(&mut self, shape: &'a ShapeId) {
        let order = self.order.len();
        self.order.insert(shape, order);
        self.lowest.insert(shape, order);
        self.stack.push(shape);
    }

    fn lower(&mut self, shape: &'a ShapeId, reached: usize) {
        let lowest = self.lowest.entry(shape).or_insert(reached);
        *lowest = reached.min(*lowest);
    }
}
