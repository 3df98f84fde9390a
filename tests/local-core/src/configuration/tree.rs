//! The configuration of a component: a tree whose leaves have modification times.
//!
//! The rules are those of the Java nucleus. Where its outcome depends on a race, this implementation is deterministic: a
//! new empty container has the time of the request, and each change is reported once.

mod deployment;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub(crate) use deployment::{Changes, DEFAULT_TIME};

/// A point in time, in milliseconds since 1970.
pub(crate) type Millis = i64;

/// The maximum depth of a configuration, in levels of paths and values together.
///
/// Trees are traversed recursively, and JSON parsers accept 128 levels. The limit of nucleus lite is 15; the Java nucleus
/// has none.
pub(crate) const MAX_DEPTH: usize = 100;

/// The key of a component's policies.
pub(crate) const ACCESS_CONTROL: &str = "accessControl";

/// Whether a key is that of the policies.
pub(crate) fn is_access_control(key: &str) -> bool {
    key.eq_ignore_ascii_case(ACCESS_CONTROL)
}

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

/// A JSON object. Keys are compared without regard to ASCII case and keep their first spelling.
#[derive(Clone, Debug)]
struct Container {
    children: BTreeMap<String, (String, Node)>,
    /// The creation time, used only while there are no children.
    created: Millis,
}

/// Any other JSON value. A list is a single leaf.
#[derive(Clone, Debug)]
struct Leaf {
    value: Value,
    modified: Millis,
}

/// A change of a node. Paths are complete and have the stored spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// A leaf has a new value.
    Written(Vec<String>),
    /// A node was removed with its descendants.
    Removed {
        /// The path of the node.
        path: Vec<String>,
        /// The paths of the leaves below the node.
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

/// The error of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UpdateError {
    /// The update contains the reserved key `accessControl`.
    Reserved,
    /// A value would exceed [`MAX_DEPTH`].
    TooDeep,
    /// The path leads through a leaf.
    ThroughLeaf,
    /// A node at or below the path is newer than the update. Older leaves are written anyway.
    TooOld,
}

/// The result of an update.
#[derive(Debug)]
pub(crate) struct Update {
    /// The changes, in order. A failed update may contain changes.
    pub(crate) changes: Vec<Change>,
    /// The error of the update, if any.
    pub(crate) result: Result<(), UpdateError>,
}

impl Configuration {
    /// Creates a configuration with these values, written at `time`.
    pub(crate) fn new(values: Map<String, Value>, time: Millis) -> Self {
        let mut root = Container { children: BTreeMap::new(), created: time };
        Merge::new(time).container(&mut root, values);
        Self { root }
    }

    /// Whether there is a node at `path`.
    pub(crate) fn contains(&self, path: &[String]) -> bool {
        path.is_empty() || self.root.find(path).is_some()
    }

    /// The value at `path`: the content of a container, or an object with the name and value of a leaf.
    ///
    /// Keys of containers that begin with `_` are left out at every depth.
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

    /// The value at `path`. Leaves are not wrapped in their name.
    pub(crate) fn value(&self, path: &[String]) -> Option<Value> {
        self.root.find(path).map(|(_, node)| node.value())
    }

    /// Merges `values` like [`Self::merge`], and rejects the reserved key `accessControl`.
    pub(crate) fn update(
        &mut self,
        path: &[String],
        values: Map<String, Value>,
        time: Millis,
        now: Millis,
    ) -> Update {
        let reserved = match path.first() {
            Some(first) => is_access_control(first),
            None => values.keys().any(|it| is_access_control(it)),
        };
        if reserved {
            return Update { changes: Vec::new(), result: Err(UpdateError::Reserved) };
        }
        self.merge(path, values, time, now)
    }

    /// Merges `values` into the node at `path`, with the modification time `time`.
    ///
    /// If there is no node at `path`, it is created with the time `now`, and `time` is ignored.
    pub(crate) fn merge(
        &mut self,
        path: &[String],
        values: Map<String, Value>,
        time: Millis,
        now: Millis,
    ) -> Update {
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
        let is_too_old = exists && (merge.has_newer_leaf || time < target.modified());
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

    /// Adds the path of each leaf below the container, whose own path is `path`.
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

    /// The latest modification time of the children.
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

/// The state of a merge.
struct Merge {
    time: Millis,
    path: Vec<String>,
    changes: Vec<Change>,
    /// Whether a leaf is newer than the update.
    has_newer_leaf: bool,
}

impl Merge {
    fn new(time: Millis) -> Self {
        Self { time, path: Vec::new(), changes: Vec::new(), has_newer_leaf: false }
    }

    /// The container at `path`. It is created if it does not exist, and replaces a leaf.
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
            (Node::Leaf(leaf), _) if self.time < leaf.modified => self.has_newer_leaf = true,
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

/// The depth of a value; that of a leaf is 1. The recursion is limited, because values were parsed from JSON.
fn depth(value: &Value) -> usize {
    let content = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        _ => None,
    };
    1 + content.unwrap_or(0)
}

/// Merges values into an object as a [`Configuration`] does.
pub(crate) fn overlay(target: &mut Map<String, Value>, values: Map<String, Value>) {
    for (key, value) in values {
        let present = target.keys().find(|it| it.eq_ignore_ascii_case(&key)).cloned();
        match (target.entry(present.unwrap_or(key)).or_insert(Value::Null), value) {
            (Value::Object(target), Value::Object(values)) => overlay(target, values),
            (target, value) => *target = value,
        }
    }
}

/// Folds the ASCII case of a key for comparisons.
pub(crate) fn folded(key: &str) -> String {
    key.to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
