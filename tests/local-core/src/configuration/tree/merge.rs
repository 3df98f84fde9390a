//! Merging values into the tree, with a log of the changes.

use std::collections::btree_map::Entry;

use serde_json::{Map, Value};

use super::{Change, Container, Kind, Leaf, Millis, Node, UpdateError, folded};

/// The state of a merge.
pub(super) struct Merge {
    pub(super) time: Millis,
    path: Vec<String>,
    pub(super) changes: Vec<Change>,
}

impl Merge {
    pub(super) fn new(time: Millis) -> Self {
        Self { time, path: Vec::new(), changes: Vec::new() }
    }

    fn changed(&mut self, kind: Kind) {
        self.changes.push(Change { path: self.path.clone(), kind });
    }

    fn new_container(&mut self) -> Container {
        self.changed(Kind::CreatedContainer);
        Container::new(self.time)
    }

    fn replaced(&mut self, node: &Node) {
        let descendants = node.descendants(&self.path);
        self.changed(Kind::Removed { is_replaced: true, descendants });
    }

    /// The container at `path`. It is created if it does not exist, and replaces a leaf.
    pub(super) fn target<'a>(
        &mut self,
        root: &'a mut Container,
        path: &[String],
    ) -> Result<&'a mut Container, UpdateError> {
        let mut container = root;
        for (index, key) in path.iter().enumerate() {
            let node = match container.children.entry(folded(key)) {
                Entry::Occupied(child) => {
                    let (name, node) = child.into_mut();
                    self.path.push(name.clone());
                    node
                }
                Entry::Vacant(place) => {
                    self.path.push(key.clone());
                    let child = self.new_container();
                    &mut place.insert((key.clone(), Node::Container(child))).1
                }
            };
            if let Node::Leaf(_) = node {
                if index + 1 < path.len() {
                    return Err(UpdateError::ThroughLeaf);
                }
                self.replaced(node);
                *node = Node::Container(self.new_container());
            }
            let Node::Container(child) = node else { return Err(UpdateError::ThroughLeaf) };
            container = child;
        }
        Ok(container)
    }

    pub(super) fn container(&mut self, container: &mut Container, values: Map<String, Value>) {
        for (key, value) in values {
            match container.children.get_mut(&folded(&key)) {
                Some((name, node)) => {
                    self.path.push(name.clone());
                    self.node(node, value);
                }
                None => {
                    self.path.push(key.clone());
                    let node = self.new_node(value);
                    container.children.insert(folded(&key), (key, node));
                }
            }
            self.path.pop();
        }
    }

    fn node(&mut self, node: &mut Node, value: Value) {
        match (&mut *node, value) {
            (Node::Container(container), Value::Object(values)) => {
                self.container(container, values);
            }
            (Node::Leaf(leaf), value) if !value.is_object() => self.leaf(leaf, value),
            (_, value) => {
                self.replaced(node);
                *node = self.new_node(value);
            }
        }
    }

    fn leaf(&mut self, leaf: &mut Leaf, value: Value) {
        if self.time < leaf.modified {
            return;
        }
        let is_same = leaf.value == value;
        if is_same && leaf.modified == self.time {
            return;
        }
        leaf.modified = self.time;
        leaf.value = value;
        self.changed(if is_same { Kind::Touched } else { Kind::Written });
    }

    pub(super) fn new_node(&mut self, value: Value) -> Node {
        match value {
            Value::Object(values) => {
                let mut container = self.new_container();
                self.container(&mut container, values);
                Node::Container(container)
            }
            value => {
                self.changed(Kind::Created { is_null: value.is_null() });
                Node::Leaf(Leaf { value, modified: self.time })
            }
        }
    }
}
