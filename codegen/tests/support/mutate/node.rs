//! Mutable JSON. Keys may occur twice, and numbers are texts.

use std::fmt::{self, Write};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::Random;

/// A JSON value.
#[derive(Clone, Debug)]
pub enum Node {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// The text of a number.
    Number(String),
    /// A text.
    String(String),
    /// Values in order.
    Array(Vec<Node>),
    /// Members in order.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// Parses a text, if it is JSON.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The first member with this key, if the node is an object that has one.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Object(entries) = self else { return None };
        entries.iter().find(|(it, _)| it == key).map(|(_, value)| value)
    }

    /// The same as a mutable reference.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let Self::Object(entries) = self else { return None };
        entries.iter_mut().find(|(it, _)| it == key).map(|(_, value)| value)
    }

    /// The IDs of the shapes of a model.
    pub fn shape_ids(&self) -> Vec<String> {
        match self.get("shapes") {
            Some(Self::Object(shapes)) => shapes.iter().map(|(id, _)| id.clone()).collect(),
            _ => Vec::new(),
        }
    }

    /// Visits this node and all nodes in it.
    pub fn visit<'n>(&'n self, see: &mut impl FnMut(&'n Self)) {
        see(self);
        match self {
            Self::Array(all) => all.iter().for_each(|it| it.visit(see)),
            Self::Object(all) => all.iter().for_each(|(_, it)| it.visit(see)),
            _ => {}
        }
    }

    /// A random node in this one that satisfies the predicate, as a mutable reference.
    pub fn pick_where(
        &mut self,
        random: &mut Random,
        is_wanted: &impl Fn(&Self) -> bool,
    ) -> Option<&mut Self> {
        let mut count = 0;
        self.visit(&mut |it| count += usize::from(is_wanted(it)));
        let mut index = random.below(count.max(1));
        self.nth_where(&mut index, is_wanted)
    }

    fn nth_where(
        &mut self,
        index: &mut usize,
        is_wanted: &impl Fn(&Self) -> bool,
    ) -> Option<&mut Self> {
        if is_wanted(self) {
            if *index == 0 {
                return Some(self);
            }
            *index -= 1;
        }
        match self {
            Self::Array(all) => all.iter_mut().find_map(|it| it.nth_where(index, is_wanted)),
            Self::Object(all) => all.iter_mut().find_map(|(_, it)| it.nth_where(index, is_wanted)),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Number(format!("{value:?}")))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Node::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut all = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            all.push(entry);
        }
        Ok(Node::Object(all))
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(it) => write!(f, "{it}"),
            Self::Number(it) => f.write_str(it),
            Self::String(it) => text(it, f),
            Self::Array(all) => {
                f.write_char('[')?;
                for (index, value) in all.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "," })?;
                    value.fmt(f)?;
                }
                f.write_char(']')
            }
            Self::Object(all) => {
                f.write_char('{')?;
                for (index, (key, value)) in all.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { ",\n" })?;
                    text(key, f)?;
                    f.write_char(':')?;
                    value.fmt(f)?;
                }
                f.write_char('}')
            }
        }
    }
}

fn text(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?)
}
