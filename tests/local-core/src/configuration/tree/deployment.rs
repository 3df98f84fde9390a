//! The changes that a deployment makes to a configuration.

use serde_json::{Map, Value};

use super::{Change, Configuration, Container, Kind, Merge, Millis, Node, folded};

/// The modification time of default values: they are older than all updates.
pub(crate) const DEFAULT_TIME: Millis = 1;

/// The modification time of values that were defaults of an earlier recipe.
const FORMER_DEFAULT_TIME: Millis = 2;

/// What a deployment asks for in the configuration of a component.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    /// The paths of the values that return to their defaults. An empty path is the whole configuration.
    pub(crate) reset: Vec<Vec<String>>,
    pub(crate) merge: Map<String, Value>,
}

impl Configuration {
    /// The configuration after a deployment: values are reset, missing ones get their defaults, and others are merged,
    /// in this order. Values that are newer than `time` are kept.
    pub(crate) fn deployed(
        &self,
        defaults: Map<String, Value>,
        changes: &Changes,
        time: Millis,
    ) -> Self {
        let mut deployed = self.clone();
        changes.reset.iter().for_each(|path| deployed.root.remove(path));
        deployed.root.mark_former(&Self::new(defaults.clone(), DEFAULT_TIME).root);
        deployed.root.fill(defaults);
        deployed.merge(&[], changes.merge.clone(), time, time);
        deployed
    }

    /// Repeats the changes that lead from one configuration to another.
    pub(crate) fn repeat_changes(&mut self, from: &Self, to: &Self) {
        self.root.repeat_changes(&from.root, &to.root);
    }

    /// The changes that lead from another configuration to this one.
    pub(crate) fn changes_since(&self, before: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        compare(&before.root, &self.root, &mut Vec::new(), &mut changes);
        changes
    }
}

impl Container {
    fn remove(&mut self, path: &[String]) {
        match path {
            [] => self.children.clear(),
            [last] => drop(self.children.remove(&folded(last))),
            [first, rest @ ..] => {
                if let Some((_, Node::Container(child))) = self.children.get_mut(&folded(first)) {
                    child.remove(rest);
                }
            }
        }
    }

    fn repeat_changes(&mut self, from: &Self, to: &Self) {
        for (key, (name, node)) in &to.children {
            let before = from.children.get(key).map(|it| &it.1);
            let own = self.children.get_mut(key).map(|it| &mut it.1);
            match (before, node, own) {
                (Some(Node::Container(from)), Node::Container(to), Some(Node::Container(own))) => {
                    own.repeat_changes(from, to)
                }
                (Some(before), node, _) if before == node => {}
                _ => drop(self.children.insert(key.clone(), (name.clone(), node.clone()))),
            }
        }
        for key in from.children.keys().filter(|it| !to.children.contains_key(*it)) {
            self.children.remove(key);
        }
    }

    /// Changes the time of what is not a default value any more.
    fn mark_former(&mut self, defaults: &Self) {
        for (key, (_, node)) in &mut self.children {
            match (node, defaults.children.get(key).map(|it| &it.1)) {
                (Node::Container(own), Some(Node::Container(defaults))) => {
                    own.mark_former(defaults)
                }
                (Node::Container(own), _) => own.mark_former(&Self::new(DEFAULT_TIME)),
                (Node::Leaf(own), Some(Node::Leaf(default))) if own.value == default.value => {}
                (Node::Leaf(own), _) if own.modified == DEFAULT_TIME => {
                    own.modified = FORMER_DEFAULT_TIME;
                }
                (Node::Leaf(_), _) => {}
            }
        }
    }

    /// Adds the values that are missing.
    fn fill(&mut self, values: Map<String, Value>) {
        for (key, value) in values {
            match (self.children.get_mut(&folded(&key)), value) {
                (None, value) => {
                    let node = Merge::new(DEFAULT_TIME).new_node(value);
                    self.children.insert(folded(&key), (key, node));
                }
                (Some((_, Node::Container(child))), Value::Object(values)) => child.fill(values),
                _ => {}
            }
        }
    }
}

fn compare(
    before: &Container,
    after: &Container,
    path: &mut Vec<String>,
    changes: &mut Vec<Change>,
) {
    let changed = |path: &[String], kind, changes: &mut Vec<_>| {
        changes.push(Change { path: path.to_vec(), kind });
    };
    for (key, (name, node)) in &before.children {
        let present = after.children.get(key).map(|it| &it.1);
        if present.is_none_or(|it| it.is_container() != node.is_container()) {
            path.push(name.clone());
            let (is_replaced, descendants) = (present.is_some(), node.descendants(path));
            changed(path, Kind::Removed { is_replaced, descendants }, changes);
            path.pop();
        }
    }
    let nothing = Container::new(0);
    for (key, (name, node)) in &after.children {
        path.push(name.clone());
        match (before.children.get(key).map(|it| &it.1), node) {
            (Some(Node::Container(before)), Node::Container(after)) => {
                compare(before, after, path, changes);
            }
            (_, Node::Container(after)) => {
                changed(path, Kind::CreatedContainer, changes);
                compare(&nothing, after, path, changes);
            }
            (Some(Node::Leaf(before)), Node::Leaf(after)) => {
                if before.value != after.value {
                    changed(path, Kind::Written, changes);
                } else if before.modified != after.modified {
                    changed(path, Kind::Touched, changes);
                }
            }
            (_, Node::Leaf(leaf)) => {
                changed(path, Kind::Created { is_null: leaf.value.is_null() }, changes);
            }
        }
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[track_caller]
    fn check(reset: &[&[&str]], merge: Value, expected: Value, written: &[&str], removed: &[&str]) {
        let defaults = json!({ "a": 1, "b": { "c": "x", "d": 2 }, "l": [1, 2] });
        let mut before = Configuration::new(object(defaults.clone()), DEFAULT_TIME);
        before.merge(&[], object(json!({ "a": 7, "own": { "k": 1 } })), 100, 100);
        before.merge(&[], object(json!({ "new": 1 })), 9000, 9000);
        let path = |it: &&[&str]| it.iter().map(ToString::to_string).collect();
        let changes = Changes { reset: reset.iter().map(path).collect(), merge: object(merge) };
        let after = before.deployed(object(defaults), &changes, 200);
        assert_eq!(Value::from(after.get(&[]).unwrap()), expected);
        let (mut found_written, mut found_removed) = (Vec::new(), Vec::new());
        for change in after.changes_since(&before) {
            let path = change.path.join("/");
            match change.kind {
                Kind::Removed { .. } => found_removed.push(path),
                Kind::Written | Kind::Created { .. } => found_written.push(path),
                Kind::Touched | Kind::CreatedContainer => {}
            }
        }
        assert_eq!((found_written, found_removed), (strings(written), strings(removed)));
    }

    #[test]
    fn changes_are_repeated_on_another_configuration() {
        let configuration = |it: Value| Configuration::new(object(it), DEFAULT_TIME);
        let from = configuration(json!({ "a": { "b": 1, "c": 1 }, "d": 1, "e": 1, "f": 1 }));
        let to = configuration(json!({ "a": { "b": 2, "c": 1 }, "d": { "k": 2 }, "e": 1, "g": 2 }));
        let mut own =
            configuration(json!({ "a": { "b": 3, "c": 3 }, "d": 1, "e": 3, "f": 1, "h": 3 }));
        own.repeat_changes(&from, &to);
        let expected = json!({ "a": { "b": 2, "c": 3 }, "d": { "k": 2 }, "e": 3, "g": 2, "h": 3 });
        assert_eq!(Value::from(own.get(&[]).unwrap()), expected);
    }

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_deployment_resets_fills_and_merges() {
        let rest = json!({ "c": "x", "d": 2 });
        let all = |a: i32, own: Value, new: Value| json!({ "a": a, "b": rest, "l": [1, 2], "own": own, "new": new });
        check(&[], json!({}), all(7, json!({ "k": 1 }), json!(1)), &[], &[]);
        check(&[&["a"]], json!({}), all(1, json!({ "k": 1 }), json!(1)), &["a"], &[]);
        check(&[&["own", "k"]], json!({}), all(7, json!({}), json!(1)), &[], &["own/k"]);
        check(&[&["A"]], json!({ "a": 9 }), all(9, json!({ "k": 1 }), json!(1)), &["a"], &[]);
        let defaults = json!({ "a": 1, "b": rest, "l": [1, 2] });
        check(&[&[]], json!({}), defaults, &["a"], &["new", "own"]);
        check(&[&["zzz"], &["l", "0"]], json!({}), all(7, json!({ "k": 1 }), json!(1)), &[], &[]);
        // A value from the future stays.
        check(&[], json!({ "new": 2 }), all(7, json!({ "k": 1 }), json!(1)), &[], &[]);
        let merge = json!({ "own": 5, "b": { "c": { "e": null } } });
        let expected = json!({
            "a": 7, "b": { "c": { "e": null }, "d": 2 }, "l": [1, 2], "own": 5, "new": 1,
        });
        check(&[], merge, expected, &["b/c/e", "own"], &["own", "b/c"]);
    }
}
