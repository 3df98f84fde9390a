//! The names of shadows and their topics.

use std::{fmt, str::FromStr};

use super::rejection::{Kind, Rejection};

const MAX_THING_LEN: usize = 128;
const MAX_SHADOW_LEN: usize = 64;

/// What a device calls the classic shadow in messages.
pub(super) const UNNAMED: &str = "Unnamed Shadow";

/// What a request is about, as the caller names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// `None` if the request has none.
    pub(super) thing: Option<String>,
    /// Empty for the classic shadow.
    pub(super) shadow: String,
}

/// The checked name of a shadow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) thing: String,
    /// Empty for the classic shadow.
    pub(super) shadow: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.thing, self.shadow)
    }
}

impl FromStr for Key {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (thing, shadow) = text.split_once('/').ok_or(())?;
        Ok(Self { thing: thing.to_owned(), shadow: shadow.to_owned() })
    }
}

/// What is requested of a shadow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Update,
    Delete,
}

impl Verb {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

impl Name {
    /// The beginning of the topics of the shadow, which is the resource of its policies as well.
    pub(super) fn prefix(&self) -> String {
        // A device takes a missing name for this text.
        let thing = self.thing.as_deref().unwrap_or("null");
        match &*self.shadow {
            "" => format!("$aws/things/{thing}/shadow"),
            shadow => format!("$aws/things/{thing}/shadow/name/{shadow}"),
        }
    }

    /// What a message on this topic requests.
    pub(super) fn of_topic(topic: &str) -> Option<(Verb, Self)> {
        let mut levels = topic.strip_prefix("$aws/things/")?.splitn(5, '/');
        let thing = levels.next()?;
        let ("shadow", shadow_or_verb) = (levels.next()?, levels.next()?) else { return None };
        let (shadow, verb) = match (shadow_or_verb, levels.next(), levels.next()) {
            (verb, None, None) => ("", verb),
            ("name", Some(shadow), Some(verb)) => (shadow, verb),
            _ => return None,
        };
        let mut verbs = [Verb::Get, Verb::Update, Verb::Delete].into_iter();
        let verb = verbs.find(|it| it.as_str() == verb)?;
        Some((verb, Self { thing: Some(thing.to_owned()), shadow: shadow.to_owned() }))
    }

    pub(super) fn check(&self) -> Result<Key, Rejection> {
        let thing = check_thing(self.thing.as_deref())?;
        if !self.shadow.is_empty() {
            check("ShadowName", &self.shadow, MAX_SHADOW_LEN)?;
        }
        Ok(Key { thing: thing.to_owned(), shadow: self.shadow.clone() })
    }
}

/// Checks the name of a thing.
pub(super) fn check_thing(name: Option<&str>) -> Result<&str, Rejection> {
    let name = name.filter(|it| !it.is_empty());
    let name = name.ok_or_else(|| Rejection::new(Kind::Invalid, "ThingName is missing"))?;
    check("ThingName", name, MAX_THING_LEN)?;
    Ok(name)
}

fn check(what: &str, name: &str, max_len: usize) -> Result<(), Rejection> {
    let is_valid = |it: char| it.is_ascii_alphanumeric() || ":_-".contains(it);
    let problem = if name.chars().count() > max_len {
        format!("has a maximum length of {max_len}")
    } else if !name.chars().all(is_valid) {
        "must match pattern [a-zA-Z0-9:_-]+".to_owned()
    } else {
        return Ok(());
    };
    Err(Rejection::new(Kind::Invalid, format!("{what} {problem}")))
}
