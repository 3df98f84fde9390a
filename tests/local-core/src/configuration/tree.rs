//! The configuration of a component: a tree whose leaves have modification times.
//!
//! The rules are those of the Java nucleus. Where its outcome depends on a race, this implementation is deterministic: a
//! new empty container has the time of the request.

mod deployment;
mod merge;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use self::merge::Merge;
pub(crate) use deployment::{Changes, DEFAULT_TIME};

/// A point in time, in milliseconds since 1970.
pub(crate) type Millis = i64;

/// The maximum depth of a configuration, in levels of paths and values together.
///
/// Trees are traversed recursively, and JSON parsers accept 128 levels; messages have some of them. The limit of nucleus
/// lite is 15; the Java nucleus has none.
pub(crate) const MAX_DEPTH: usize = 120;

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

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Container(Container),
    Leaf(Leaf),
}

/// A JSON object. Keys are compared without regard to case and keep their first spelling.
#[derive(Clone, Debug, PartialEq)]
struct Container {
    children: BTreeMap<String, (String, Node)>,
    /// The creation time, used only while there are no children.
    created: Millis,
}

/// Any other JSON value. A list is a single leaf.
#[derive(Clone, Debug, PartialEq)]
struct Leaf {
    value: Value,
    modified: Millis,
}

/// A change of a node. The path is complete and has the stored spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) path: Vec<String>,
    pub(crate) kind: Kind,
}

/// How a node changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A leaf has a new time. Its value is the same.
    Touched,
    /// A leaf has a new value.
    Written,
    /// There is a new leaf.
    Created {
        /// Whether its value is null.
        is_null: bool,
    },
    /// There is a new container.
    CreatedContainer,
    /// A node was removed.
    Removed {
        /// Whether another node takes its place.
        is_replaced: bool,
        /// The paths of the containers and leaves below a container. `None` is a leaf.
        descendants: Option<Vec<(Vec<String>, NodeKind)>>,
    },
}

/// A node as it is stored, without the nodes below it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored {
    /// The spelling of its key.
    pub(crate) name: String,
    /// The modification time of a leaf, or the creation time of a container.
    pub(crate) time: Millis,
    /// The value of a leaf. `None` is a container.
    pub(crate) value: Option<Value>,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeKind {
    Container,
    Leaf,
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
    /// There is no such component.
    NoComponent,
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
        let mut root = Container::new(time);
        Merge::new(time).container(&mut root, values);
        Self { root }
    }

    /// Whether there is a node at `path`.
    pub(crate) fn contains(&self, path: &[String]) -> bool {
        path.is_empty() || self.root.find(path).is_some()
    }

    /// The paths of all nodes, that of the root included.
    pub(crate) fn paths(&self) -> Vec<Vec<String>> {
        let mut nodes = vec![(Vec::new(), NodeKind::Container)];
        self.root.descendants(&mut Vec::new(), &mut nodes);
        nodes.into_iter().map(|(path, _)| path).collect()
    }

    /// The node at `path` as it is stored.
    pub(crate) fn stored(&self, path: &[String]) -> Option<Stored> {
        let of = |name: &str, time, value| Some(Stored { name: name.to_owned(), time, value });
        if path.is_empty() {
            return of("", self.root.created, None);
        }
        match self.root.find(path)? {
            (name, Node::Container(container)) => of(name, container.created, None),
            (name, Node::Leaf(leaf)) => of(name, leaf.modified, Some(leaf.value.clone())),
        }
    }

    /// Puts a stored node in the place of what is at its path. A container keeps what is in it. Its parents come before it.
    pub(crate) fn restore(&mut self, path: &[String], stored: Stored) {
        let Some((last, parents)) = path.split_last() else {
            self.root.created = stored.time;
            return;
        };
        // A leaf that is in the way becomes a container.
        for len in 1..parents.len() {
            let _ = Merge::new(stored.time).target(&mut self.root, &parents[..len]);
        }
        let Ok(parent) = Merge::new(stored.time).target(&mut self.root, parents) else { return };
        let mut node = match stored.value {
            Some(value) => Node::Leaf(Leaf { value, modified: stored.time }),
            None => Node::Container(Container::new(stored.time)),
        };
        let present = parent.children.remove(last);
        if let (Some((_, Node::Container(present))), Node::Container(node)) = (present, &mut node) {
            node.children = present.children;
        }
        parent.children.insert(last.clone(), (stored.name, node));
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
        let mut merge = Merge::new(if self.contains(path) { time } else { now });
        let target = match merge.target(&mut self.root, path) {
            Ok(target) => target,
            Err(error) => return Update { changes: merge.changes, result: Err(error) },
        };
        // Of the time before the merge, because what it replaces counts too.
        let is_too_old = merge.time < target.modified();
        merge.container(target, values);
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

    fn new(created: Millis) -> Self {
        Self { children: BTreeMap::new(), created }
    }

    fn values(&self) -> Map<String, Value> {
        let visible = self.children.values().filter(|(name, _)| !name.starts_with('_'));
        visible.map(|(name, node)| (name.clone(), node.value())).collect()
    }

    /// Adds each node below the container, whose own path is `path`.
    fn descendants(&self, path: &mut Vec<String>, nodes: &mut Vec<(Vec<String>, NodeKind)>) {
        for (name, node) in self.children.values() {
            path.push(name.clone());
            match node {
                Node::Container(container) => {
                    nodes.push((path.clone(), NodeKind::Container));
                    container.descendants(path, nodes);
                }
                Node::Leaf(_) => nodes.push((path.clone(), NodeKind::Leaf)),
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
    /// The nodes below a container, whose own path is `path`. `None` for a leaf.
    fn descendants(&self, path: &[String]) -> Option<Vec<(Vec<String>, NodeKind)>> {
        let Self::Container(container) = self else { return None };
        let mut nodes = Vec::new();
        container.descendants(&mut path.to_vec(), &mut nodes);
        Some(nodes)
    }

    fn is_container(&self) -> bool {
        matches!(self, Self::Container(_))
    }

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
    let mut names: BTreeMap<_, _> = target.keys().map(|it| (folded(it), it.clone())).collect();
    for (key, value) in values {
        let name = names.entry(folded(&key)).or_insert(key).clone();
        match (target.entry(name).or_insert(Value::Null), value) {
            (Value::Object(target), Value::Object(values)) => overlay(target, values),
            (target, value) => *target = value,
        }
    }
}

/// Folds the case of a key for comparisons: that of each letter that has one other letter as its lower case.
pub(crate) fn folded(key: &str) -> String {
    if key.is_ascii() {
        return key.to_ascii_lowercase();
    }
    let lower = |it: char| {
        let mut lower = it.to_lowercase();
        lower.next().filter(|_| lower.next().is_none()).unwrap_or(it)
    };
    key.chars().map(lower).collect()
}

#[cfg(test)]
mod tests;
