//! The configuration of one component: a tree whose leaves remember when they were written.
//!
//! The rules are the Java nucleus's. Where its asynchronous parts leave the outcome to chance, the
//! outcome is the one that does not depend on it: a new empty container gets the request's time, and
//! each change is reported once.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A point in time, in milliseconds since 1970.
pub(crate) type Millis = i64;

/// How deep a value may lie or be, in levels: paths and values together.
///
/// Trees are walked by recursion, and readers of JSON take 128 levels. Nucleus lite has 15, and the Java
/// nucleus no limit.
pub(crate) const MAX_DEPTH: usize = 100;

/// The configuration of one component.
#[derive(Clone, Debug)]
pub(crate) struct Configuration {
    root: Container,
}

#[derive(Clone, Debug)]
enum Node {
    Container(Container),
    Leaf(Leaf),
}

/// What a JSON object becomes. Keys are compared without regard to ASCII case and keep the spelling in
/// which they were stored first.
#[derive(Clone, Debug)]
struct Container {
    children: BTreeMap<String, (String, Node)>,
    /// Counts only while there are no children: they are newer.
    created: Millis,
}

/// Any other JSON value. A list is one leaf, whatever it holds.
#[derive(Clone, Debug)]
struct Leaf {
    value: Value,
    modified: Millis,
}

/// What an update did to one node; paths are full, in their stored spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The leaf has a new value.
    Written(Vec<String>),
    /// The node is gone, and with it everything below it.
    Removed {
        /// The node's path.
        path: Vec<String>,
        /// The paths of the leaves that were below it.
        leaves: Vec<Vec<String>>,
    },
}

impl Change {
    /// The path of the node that changed.
    pub(crate) fn path(&self) -> &[String] {
        match self {
            Self::Written(path) | Self::Removed { path, .. } => path,
        }
    }
}

/// Why an update failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UpdateError {
    /// It names the reserved key `accessControl`.
    Reserved,
    /// A value would be more than [`MAX_DEPTH`] levels deep.
    TooDeep,
    /// The path goes through a leaf.
    ThroughLeaf,
    /// Something at or below the path is newer. What was older has been written all the same.
    TooOld,
}

/// What an update came to.
#[derive(Debug)]
pub(crate) struct Update {
    /// What changed, in the order in which it did. An update that fails may have changed something.
    pub(crate) changes: Vec<Change>,
    /// Whether it is answered with an error.
    pub(crate) result: Result<(), UpdateError>,
}

impl Configuration {
    /// A configuration with these values, all written at `time`.
    pub(crate) fn new(values: Map<String, Value>, time: Millis) -> Self {
        let mut root = Container { children: BTreeMap::new(), created: time };
        Merge::new(time).container(&mut root, values);
        Self { root }
    }

    /// Whether there is a node at `path`.
    pub(crate) fn contains(&self, path: &[String]) -> bool {
        path.is_empty() || self.root.find(path).is_some()
    }

    /// What is at `path`: the content of a container as it is, a leaf wrapped in its own name.
    ///
    /// Keys that begin with `_` are left out of containers, at every depth.
    pub(crate) fn get(&self, path: &[String]) -> Option<Map<String, Value>> {
        if path.is_empty() {
            return Some(self.root.values());
        }
        let (name, node) = self.root.find(path)?;
        Some(match node {
            Node::Container(container) => container.values(),
            Node::Leaf(leaf) => Map::from_iter([(name.clone(), leaf.value.clone())]),
        })
    }

    /// Merges `values` into what is at `path`, as if it happened at `time`.
    ///
    /// A node that does not exist yet is created at the time `now`, and `time` is not looked at.
    pub(crate) fn update(
        &mut self,
        path: &[String],
        values: Map<String, Value>,
        time: Millis,
        now: Millis,
    ) -> Update {
        let is_reserved = |key: &String| key.eq_ignore_ascii_case("accessControl");
        let reserved = match path.first() {
            Some(first) => is_reserved(first),
            None => values.keys().any(is_reserved),
        };
        if reserved {
            return Update { changes: Vec::new(), result: Err(UpdateError::Reserved) };
        }
        if path.len() + values.values().map(depth).max().unwrap_or(0) > MAX_DEPTH {
            return Update { changes: Vec::new(), result: Err(UpdateError::TooDeep) };
        }
        let exists = self.contains(path);
        let mut merge = Merge::new(if exists { time } else { now });
        let target = match merge.target(&mut self.root, path) {
            Ok(target) => target,
            Err(error) => return Update { changes: merge.changes, result: Err(error) },
        };
        merge.container(target, values);
        let is_too_old = exists && (merge.refused || time < target.modified());
        let result = if is_too_old { Err(UpdateError::TooOld) } else { Ok(()) };
        Update { changes: merge.changes, result }
    }
}

impl Container {
    fn find(&self, path: &[String]) -> Option<(&String, &Node)> {
        let (first, rest) = path.split_first()?;
        let (name, node) = self.children.get(&folded(first))?;
        match (node, rest) {
            (_, []) => Some((name, node)),
            (Node::Container(container), rest) => container.find(rest),
            (Node::Leaf(_), _) => None,
        }
    }

    fn values(&self) -> Map<String, Value> {
        let visible = self.children.values().filter(|(name, _)| !name.starts_with('_'));
        visible.map(|(name, node)| (name.clone(), node.value())).collect()
    }

    /// Adds the path of each leaf below; `path` is the container's own.
    fn leaves(&self, path: &mut Vec<String>, leaves: &mut Vec<Vec<String>>) {
        for (name, node) in self.children.values() {
            path.push(name.clone());
            match node {
                Node::Container(container) => container.leaves(path, leaves),
                Node::Leaf(_) => leaves.push(path.clone()),
            }
            path.pop();
        }
    }

    /// When the newest of its children was written.
    fn modified(&self) -> Millis {
        let children = self.children.values().map(|(_, node)| node.modified());
        children.max().unwrap_or(self.created)
    }
}

impl Node {
    fn value(&self) -> Value {
        match self {
            Self::Container(container) => container.values().into(),
            Self::Leaf(leaf) => leaf.value.clone(),
        }
    }

    fn modified(&self) -> Millis {
        match self {
            Self::Container(container) => container.modified(),
            Self::Leaf(leaf) => leaf.modified,
        }
    }
}

/// A merge at work.
struct Merge {
    time: Millis,
    path: Vec<String>,
    changes: Vec<Change>,
    /// Whether a leaf was newer than the update.
    refused: bool,
}

impl Merge {
    fn new(time: Millis) -> Self {
        Self { time, path: Vec::new(), changes: Vec::new(), refused: false }
    }

    /// The container at `path`, made if it is not there. A leaf there gives way to it.
    fn target<'a>(
        &mut self,
        root: &'a mut Container,
        path: &[String],
    ) -> Result<&'a mut Container, UpdateError> {
        let mut container = root;
        for (index, key) in path.iter().enumerate() {
            let time = self.time;
            let (name, node) = container.children.entry(folded(key)).or_insert_with(|| {
                let children = BTreeMap::new();
                (key.clone(), Node::Container(Container { children, created: time }))
            });
            self.path.push(name.clone());
            if let Node::Leaf(_) = node {
                if index + 1 < path.len() {
                    return Err(UpdateError::ThroughLeaf);
                }
                self.replace_with_container(node);
            }
            let Node::Container(child) = node else { return Err(UpdateError::ThroughLeaf) };
            container = child;
        }
        Ok(container)
    }

    fn replace_with_container(&mut self, node: &mut Node) {
        *node = Node::Container(Container { children: BTreeMap::new(), created: self.time });
        self.changes.push(Change::Removed { path: self.path.clone(), leaves: Vec::new() });
    }

    fn container(&mut self, container: &mut Container, values: Map<String, Value>) {
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
                self.container(container, values)
            }
            (Node::Leaf(_), Value::Object(values)) => {
                self.replace_with_container(node);
                if let Node::Container(container) = node {
                    self.container(container, values);
                }
            }
            (Node::Container(container), value) => {
                let mut leaves = Vec::new();
                container.leaves(&mut self.path.clone(), &mut leaves);
                self.changes.push(Change::Removed { path: self.path.clone(), leaves });
                *node = self.new_node(value);
            }
            (Node::Leaf(leaf), _) if self.time < leaf.modified => self.refused = true,
            (Node::Leaf(leaf), value) => {
                leaf.modified = self.time;
                if leaf.value != value {
                    leaf.value = value;
                    self.changes.push(Change::Written(self.path.clone()));
                }
            }
        }
    }

    fn new_node(&mut self, value: Value) -> Node {
        match value {
            Value::Object(values) => {
                let mut container = Container { children: BTreeMap::new(), created: self.time };
                self.container(&mut container, values);
                Node::Container(container)
            }
            value => {
                self.changes.push(Change::Written(self.path.clone()));
                Node::Leaf(Leaf { value, modified: self.time })
            }
        }
    }
}

/// How many levels a value has; its own is one. It has been parsed, so that its depth has a limit.
fn depth(value: &Value) -> usize {
    let content = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        _ => None,
    };
    1 + content.unwrap_or(0)
}

/// The form of a key by which keys are compared.
pub(crate) fn folded(key: &str) -> String {
    key.to_ascii_lowercase()
}

#[cfg(test)]
#[path = "configuration_tests.rs"]
mod tests;
