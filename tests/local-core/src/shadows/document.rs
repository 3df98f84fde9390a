//! The document of a shadow.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// A time in seconds since 1970.
pub(super) type Seconds = u64;

/// The values of `desired` or `reported`. An empty section is absent.
pub(super) type Section = BTreeMap<String, Node>;

/// A value with the times at which its parts were written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Scalar(Value, Seconds),
    Array(Vec<Node>),
    Object(Section),
}

/// The state of a shadow, with its version.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Document {
    pub(super) desired: Section,
    pub(super) reported: Section,
    pub(super) version: u64,
}

impl Document {
    /// Merges the state of an update, an object or null.
    pub(super) fn merge(&mut self, state: &Value, now: Seconds) {
        for (name, section) in [("desired", &mut self.desired), ("reported", &mut self.reported)] {
            match state.get(name) {
                None if state.is_object() => {}
                Some(Value::Object(values)) if !values.is_empty() => {
                    merge_section(section, values, now);
                }
                _ => section.clear(),
            }
        }
    }

    /// The size in bytes that is limited: the JSON of the sections.
    pub(super) fn size(&self) -> usize {
        self.state().values().map(|it| it.to_string().len()).sum()
    }

    /// The part of the desired state that the reported state does not have.
    pub(super) fn delta(&self) -> Section {
        match self.reported.is_empty() {
            true => self.desired.clone(),
            false => delta(&self.desired, &self.reported),
        }
    }

    /// The response to a request of the document.
    pub(super) fn current(&self, now: Seconds) -> Value {
        let mut state = self.state();
        let delta = self.delta();
        if !delta.is_empty() {
            state.insert("delta".to_owned(), values(&delta));
        }
        let metadata = self.metadata();
        json!({ "state": state, "metadata": metadata, "version": self.version, "timestamp": now })
    }

    /// The document in a message of `update/documents`, which [`Self::read`] reads.
    pub(super) fn snapshot(&self) -> Value {
        json!({ "state": self.state(), "metadata": self.metadata(), "version": self.version })
    }

    /// Reads a [`Self::snapshot`]. Returns `None` if it is not one.
    pub(super) fn read(snapshot: &Value) -> Option<Self> {
        let section = |name: &str| {
            let values = snapshot["state"].get(name).and_then(Value::as_object);
            values.map(|it| read_section(it, &snapshot["metadata"][name])).unwrap_or_default()
        };
        let (desired, reported) = (section("desired"), section("reported"));
        Some(Self { desired, reported, version: snapshot["version"].as_u64()? })
    }

    fn state(&self) -> Map<String, Value> {
        let sections = self.sections().filter(|(_, it)| !it.is_empty());
        sections.map(|(name, it)| (name.to_owned(), values(it))).collect()
    }

    /// The times of the values. Empty objects have none.
    fn metadata(&self) -> Map<String, Value> {
        let sections = self.sections().map(|(name, it)| (name.to_owned(), times(it, false)));
        sections.filter(|(_, it)| !it.is_empty()).map(|(name, it)| (name, it.into())).collect()
    }

    fn sections(&self) -> impl Iterator<Item = (&'static str, &Section)> {
        [("desired", &self.desired), ("reported", &self.reported)].into_iter()
    }
}

impl Node {
    pub(super) fn new(value: &Value, time: Seconds) -> Self {
        match value {
            Value::Object(members) => {
                let members = members.iter().map(|(name, it)| (name.clone(), Self::new(it, time)));
                Self::Object(members.collect())
            }
            Value::Array(items) => {
                Self::Array(items.iter().map(|it| Self::new(it, time)).collect())
            }
            scalar => Self::Scalar(scalar.clone(), time),
        }
    }

    fn value(&self) -> Value {
        match self {
            Self::Scalar(value, _) => value.clone(),
            Self::Array(items) => items.iter().map(Self::value).collect(),
            Self::Object(members) => values(members),
        }
    }

    /// The times of the scalars, in the form of the value. `keeps_empty`: also empty objects, which have none.
    pub(super) fn times(&self, keeps_empty: bool) -> Value {
        match self {
            Self::Scalar(_, time) => json!({ "timestamp": time }),
            Self::Array(items) => items.iter().map(|it| it.times(keeps_empty)).collect(),
            Self::Object(members) => times(members, keeps_empty).into(),
        }
    }

    fn is_empty_object(&self) -> bool {
        matches!(self, Self::Object(members) if members.is_empty())
    }

    /// Whether values are the same. Numbers are compared by value, but within arrays also by form.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Scalar(Value::Number(a), _), Self::Scalar(Value::Number(b), _)) => {
                a == b || (a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64()
            }
            _ => self.value() == other.value(),
        }
    }
}

pub(super) fn values(section: &Section) -> Value {
    section.iter().map(|(name, it)| (name.clone(), it.value())).collect::<Map<_, _>>().into()
}

pub(super) fn times(section: &Section, keeps_empty: bool) -> Map<String, Value> {
    let members = section.iter().filter(|(_, it)| keeps_empty || !it.is_empty_object());
    members.map(|(name, it)| (name.clone(), it.times(keeps_empty))).collect()
}

fn read_section(values: &Map<String, Value>, times: &Value) -> Section {
    values.iter().map(|(name, it)| (name.clone(), read_node(it, &times[name]))).collect()
}

fn read_node(value: &Value, times: &Value) -> Node {
    match value {
        Value::Object(members) => Node::Object(read_section(members, times)),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            Node::Array(items.map(|(at, it)| read_node(it, &times[at])).collect())
        }
        scalar => Node::Scalar(scalar.clone(), times["timestamp"].as_u64().unwrap_or(0)),
    }
}

fn merge_section(section: &mut Section, values: &Map<String, Value>, now: Seconds) {
    if section.is_empty() {
        let values = values.iter().filter_map(|(name, it)| Some((name, without_nulls(it, true)?)));
        section.extend(values.map(|(name, it)| (name.clone(), Node::new(&it, now))));
    } else {
        merge(section, values, now);
    }
}

/// Merges values: null and an empty object remove a value, an object is merged into an object, other values replace.
fn merge(section: &mut Section, values: &Map<String, Value>, now: Seconds) {
    for (name, value) in values {
        let is_removed = value.is_null() || value.as_object().is_some_and(Map::is_empty);
        match (section.get_mut(name), value) {
            // An object whose members were removed one by one.
            (Some(old), Value::Object(_)) if is_removed && old.is_empty_object() => {}
            _ if is_removed => drop(section.remove(name)),
            (Some(Node::Object(old)), Value::Object(new)) => merge(old, new, now),
            (Some(old), new) => *old = Node::new(new, now),
            (None, new) => {
                let new = without_nulls(new, false);
                section.extend(new.map(|it| (name.clone(), Node::new(&it, now))));
            }
        }
    }
}

/// A value without the members that are null. `keeps_empty`: with those that are empty objects.
fn without_nulls(value: &Value, keeps_empty: bool) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(members) => {
            let members = members.iter();
            let members = members
                .filter_map(|(name, it)| Some((name.clone(), without_nulls(it, keeps_empty)?)));
            let members: Map<_, _> = members.collect();
            (keeps_empty || !members.is_empty()).then(|| members.into())
        }
        other => Some(other.clone()),
    }
}

fn delta(desired: &Section, reported: &Section) -> Section {
    let members = desired.iter().filter_map(|(name, desired)| {
        let node = match (desired, reported.get(name)) {
            (Node::Object(desired), Some(Node::Object(reported))) => {
                let members = delta(desired, reported);
                (!members.is_empty()).then_some(Node::Object(members))
            }
            (desired, Some(reported)) => (!desired.is_same(reported)).then(|| desired.clone()),
            (Node::Scalar(Value::Null, _), None) => None,
            (desired, None) => Some(desired.clone()),
        };
        Some((name.clone(), node?))
    });
    members.collect()
}
