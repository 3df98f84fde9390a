//! Topics, filters and their matching.
//!
//! Local publish/subscribe has the rules of the Java nucleus, which differ from MQTT: `a/#` does not match `a`, wildcards
//! match topics that begin with `$`, a `#` before the end acts like `+`, and all filters are accepted.

use std::collections::{BTreeMap, HashMap};

/// The rules by which filters match topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rules {
    /// Of local publish/subscribe in the Java nucleus.
    Local,
    /// Of MQTT: `a/#` also matches `a`, and a wildcard does not match a first level that begins with `$`.
    Mqtt,
    /// Of MQTT, but `a/#` does not match `a`: what reaches a component through broker and Java nucleus.
    MqttBelow,
}

impl Rules {
    fn levels(self, text: &str) -> Vec<&str> {
        if self == Self::Local { levels(text).collect() } else { text.split('/').collect() }
    }
}

/// The levels of a topic or filter of local publish/subscribe. Empty levels at the end are ignored.
pub(crate) fn levels(text: &str) -> impl Iterator<Item = &str> {
    let trimmed = text.trim_end_matches('/');
    // A text of only slashes has no levels. An empty text has one empty level.
    let has_levels = text.is_empty() || !trimmed.is_empty();
    trimmed.split('/').filter(move |_| has_levels)
}

/// Whether a topic has at least one level. A topic of only slashes has none and cannot be published to.
pub(crate) fn has_levels(topic: &str) -> bool {
    levels(topic).next().is_some()
}

/// Whether a topic contains a character that is allowed only in filters.
pub(crate) fn has_wildcard(topic: &str) -> bool {
    topic.contains(['+', '#', '*'])
}

/// Whether a filter can match more than one topic: some level is `+`, or the last one is `#`.
///
/// This decides the default receive mode of a subscription.
pub(crate) fn is_wildcard_filter(filter: &str) -> bool {
    levels(filter).any(|it| it == "+") || levels(filter).last() == Some("#")
}

/// The subscriptions, in a tree by the levels of their filters.
///
/// The cost of finding the subscriptions of a topic depends on the levels of the topic and the number of matches, not on
/// the number of subscriptions.
#[derive(Debug)]
pub(crate) struct FilterTree<T> {
    rules: Rules,
    root: Node<T>,
}

#[derive(Debug)]
struct Node<T> {
    /// The children by the next level of the filter, which may be `+` or `#`.
    children: HashMap<Box<str>, Node<T>>,
    /// The subscriptions whose filter ends here, by the keys for their removal.
    subscriptions: BTreeMap<u64, T>,
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self { children: HashMap::new(), subscriptions: BTreeMap::new() }
    }
}

impl<T> FilterTree<T> {
    pub(crate) fn new(rules: Rules) -> Self {
        Self { rules, root: Node::default() }
    }

    pub(crate) fn rules(&self) -> Rules {
        self.rules
    }

    /// Adds a subscription. A filter without levels is accepted and matches nothing.
    pub(crate) fn insert(&mut self, filter: &str, key: u64, subscription: T) {
        let levels = self.rules.levels(filter);
        if levels.is_empty() {
            return;
        }
        let node = levels
            .into_iter()
            .fold(&mut self.root, |node, level| node.children.entry(level.into()).or_default());
        node.subscriptions.insert(key, subscription);
    }

    /// Removes the subscription that was added with this filter and key.
    pub(crate) fn remove(&mut self, filter: &str, key: u64) {
        self.root.remove(&self.rules.levels(filter), key);
    }

    /// Visits each subscription whose filter matches `topic`, once.
    pub(crate) fn for_each_match(&self, topic: &str, mut visit: impl FnMut(&T)) {
        let mut levels = &*self.rules.levels(topic);
        let mut node = &self.root;
        if self.rules != Rules::Local && topic.starts_with('$') {
            // The first level is matched by itself only.
            let Some(child) = node.children.get(levels[0]) else { return };
            (node, levels) = (child, &levels[1..]);
        }
        node.visit(levels, self.rules, &mut visit);
    }
}

impl<T> Node<T> {
    fn remove(&mut self, levels: &[&str], key: u64) {
        let Some((level, rest)) = levels.split_first() else {
            _ = self.subscriptions.remove(&key);
            return;
        };
        let Some(child) = self.children.get_mut(*level) else { return };
        child.remove(rest, key);
        if child.children.is_empty() && child.subscriptions.is_empty() {
            self.children.remove(*level);
        }
    }

    fn visit(&self, levels: &[&str], rules: Rules, visit: &mut impl FnMut(&T)) {
        let Some((level, rest)) = levels.split_first() else {
            if let (Rules::Mqtt, Some(child)) = (rules, self.children.get("#")) {
                child.visit_own(visit);
            }
            return self.visit_own(visit);
        };
        // A published topic has no level `+` or `#`, so no child is visited twice.
        for name in [level, "+", "#"] {
            let Some(child) = self.children.get(name) else { continue };
            if name != "#" {
                child.visit(rest, rules, visit);
                continue;
            }
            child.visit_own(visit);
            if !rest.is_empty() {
                child.visit(rest, rules, visit);
            }
        }
    }

    fn visit_own(&self, visit: &mut impl FnMut(&T)) {
        self.subscriptions.values().for_each(visit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(rules: Rules, filter: &str, topic: &str) -> bool {
        let mut tree = FilterTree::new(rules);
        tree.insert(filter, 1, ());
        let mut count = 0;
        tree.for_each_match(topic, |()| count += 1);
        assert!(count <= 1, "{filter} matched {topic} {count} times");
        count == 1
    }

    #[test]
    fn filters_match_like_those_of_the_nucleus() {
        for (filter, topic, expected) in [
            ("a/b", "a/b", true),
            ("a/b", "a/b/", true),
            ("a/b/", "a/b", true),
            ("a/b", "A/b", false),
            ("a/+", "a/b", true),
            ("a/+", "a", false),
            ("a/+", "a/", false),
            ("a/+", "a/b/c", false),
            ("+", "/a", false),
            ("/+", "/a", true),
            ("+/+", "/a", true),
            ("a/+/c", "a//c", true),
            ("a/#", "a/b/c", true),
            ("a/#", "a", false),
            ("#", "a/b", true),
            ("#", "$aws/things/T/shadow/update/delta", true),
            ("a/#/b", "a/x/b", true),
            ("a/#/b", "a/b", false),
            ("a/#/b", "a/x/y/b", false),
            ("sport+", "sport1", false),
            ("a*", "ab", false),
            ("/", "a", false),
            ("/", "/", false),
        ] {
            assert_eq!(matches(Rules::Local, filter, topic), expected, "{filter} on {topic}");
        }
    }

    #[test]
    fn filters_of_mqtt_match_like_those_of_a_broker() {
        for (filter, topic, expected) in [
            ("a/b", "a/b", true),
            ("a/b", "a/b/", false),
            ("a/+", "a/", true),
            ("a/+", "a", false),
            ("+", "/a", false),
            ("+/+", "/a", true),
            ("#", "a/b/c", true),
            ("#", "/", true),
            ("a/#", "a/b/c", true),
            ("+/#", "a/b", true),
            ("#", "$aws/x", false),
            ("+/x", "$aws/x", false),
            ("$aws/+", "$aws/x", true),
            ("$aws/#", "$aws/x/y", true),
            ("a/$x", "a/$x", true),
            ("a/+", "a/$x", true),
        ] {
            for rules in [Rules::Mqtt, Rules::MqttBelow] {
                assert_eq!(matches(rules, filter, topic), expected, "{filter} on {topic}");
            }
        }
        for (filter, topic) in [("a/#", "a"), ("+/#", "a"), ("$aws/#", "$aws")] {
            assert!(matches(Rules::Mqtt, filter, topic), "{filter} on {topic}");
            assert!(!matches(Rules::MqttBelow, filter, topic), "{filter} on {topic}");
        }
    }

    #[test]
    fn wildcard_filters_are_recognised() {
        for filter in ["+", "a/+/b", "#", "a/#", "foo/ba+/#", "a/+/"] {
            assert!(is_wildcard_filter(filter), "{filter}");
        }
        for filter in ["a", "foo/+bar", "#/foo", "foo/+#", "/", ""] {
            assert!(!is_wildcard_filter(filter), "{filter}");
        }
    }

    #[test]
    fn each_subscription_matches_once_until_it_is_removed() {
        let mut tree = FilterTree::new(Rules::Local);
        let filters = ["a/b", "a/+", "a/#", "#", "+/b", "a/b", "c"];
        for (key, filter) in (0..).zip(filters) {
            tree.insert(filter, key, filter);
        }
        let found = |tree: &FilterTree<&'static str>| {
            let mut found = Vec::new();
            tree.for_each_match("a/b", |it| found.push(*it));
            found.sort_unstable();
            found
        };
        assert_eq!(found(&tree), ["#", "+/b", "a/#", "a/+", "a/b", "a/b"]);
        tree.remove("a/b", 0);
        tree.remove("#", 3);
        tree.remove("#", 3);
        assert_eq!(found(&tree), ["+/b", "a/#", "a/+", "a/b"]);
        for (key, filter) in (0..).zip(filters) {
            tree.remove(filter, key);
        }
        assert!(tree.root.children.is_empty());
    }
}
