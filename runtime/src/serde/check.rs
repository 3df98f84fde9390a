//! What a model asks of values beyond their types: `length`, `range`, `pattern` and `uniqueItems`.
//!
//! Generated code looks at the members that have such a trait; how that is done, and how what is found
//! is reported, is here. Values are never a part of a report: they may be secrets.

use std::{
    collections::{BTreeMap, HashSet},
    fmt::{self, Write},
    ops::Deref,
};

use serde::Serialize;

use crate::primitives::decimal;

/// A way in which a value is not what the model says although it has the type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The member, from the request down, such as `publishMessage.binaryMessage` or `metrics[2].name`.
    pub path: String,
    /// What is wrong with it.
    pub kind: ViolationKind,
}

/// What is wrong with a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ViolationKind {
    /// The member is required, and missing or null (`smithy.api#required`).
    Missing,
    /// The text, blob, list or map is too short or too long (`smithy.api#length`).
    Length,
    /// The number is too small or too large (`smithy.api#range`).
    Range,
    /// The text does not match the regular expression (`smithy.api#pattern`).
    Pattern,
    /// The list holds equal elements (`smithy.api#uniqueItems`).
    NotUnique,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ViolationKind::Missing => "is required and missing",
            ViolationKind::Length => "has a length that the model does not allow",
            ViolationKind::Range => "is out of range",
            ViolationKind::Pattern => "does not match the pattern of the model",
            ViolationKind::NotUnique => "holds equal elements",
        };
        write!(f, "{} {what}", self.path)
    }
}

/// What is wrong with a value; never empty. Of a report of more than 64 KiB there is only the beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Deref for Violations {
    type Target = [Violation];

    fn deref(&self) -> &[Violation] {
        &self.0
    }
}

impl IntoIterator for Violations {
    type Item = Violation;
    type IntoIter = std::vec::IntoIter<Violation>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, it) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{it}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}

/// Collects what is wrong with a value.
///
/// Generated code tells it where it is and what the model asks for.
#[derive(Debug, Default)]
pub struct Checker<'v> {
    path: Vec<Segment<'v>>,
    found: Vec<Violation>,
    /// The paths of required members that are missing: what stands in their place has done nothing wrong.
    gaps: HashSet<String>,
    room: Room,
}

/// How much more a report may hold. A small payload could ask for gigabytes: with a long key around many
/// values, each of them wrong.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(64 * 1024)
    }
}

impl Room {
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Takes the room for a violation at a path.
    pub(super) fn take(&mut self, path: &str) {
        self.0 = self.0.saturating_sub(path.len() + size_of::<Violation>());
    }
}

#[derive(Clone, Copy, Debug)]
enum Segment<'v> {
    Member(&'static str),
    Index(usize),
    Key(&'v str),
}

impl<'v> Checker<'v> {
    /// One that passes over what is missing.
    #[cfg(feature = "server")]
    pub(super) fn with_gaps(gaps: HashSet<String>) -> Self {
        Self { gaps, ..Self::default() }
    }

    /// Looks at a member.
    pub fn member<T>(
        &mut self,
        name: &'static str,
        value: &'v T,
        check: impl FnOnce(&mut Self, &'v T),
    ) {
        self.within(Segment::Member(name), |it| check(it, value));
    }

    /// Looks at a member that may be absent, and is right if it is.
    pub fn optional<T>(
        &mut self,
        name: &'static str,
        value: &'v Option<T>,
        check: impl FnOnce(&mut Self, &'v T),
    ) {
        if let Some(value) = value {
            self.member(name, value, check);
        }
    }

    /// Looks at each element of a list.
    pub fn items<T>(&mut self, items: &'v [T], check: impl Fn(&mut Self, &'v T)) {
        for (index, item) in items.iter().enumerate() {
            self.within(Segment::Index(index), |it| check(it, item));
        }
    }

    /// Looks at each key and value of a map.
    pub fn entries<K: AsRef<str>, T>(
        &mut self,
        map: &'v BTreeMap<K, T>,
        check: impl Fn(&mut Self, &'v K, &'v T),
    ) {
        for (key, value) in map {
            self.within(Segment::Key(key.as_ref()), |it| check(it, key, value));
        }
    }

    /// How many characters, bytes or elements there are, and may be.
    pub fn length(&mut self, length: usize, min: Option<u64>, max: Option<u64>) {
        let length = length as u64;
        if min.is_some_and(|min| length < min) || max.is_some_and(|max| length > max) {
            self.found(ViolationKind::Length);
        }
    }

    /// How large a number may be. One that is no number is out of every range.
    pub fn range<T: PartialOrd>(&mut self, value: T, min: Option<T>, max: Option<T>) {
        let fits = min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max);
        if !fits {
            self.found(ViolationKind::Range);
        }
    }

    /// How large a number of any size may be.
    pub fn big_range(&mut self, value: &str, min: Option<&str>, max: Option<&str>) {
        let is_below = min.is_some_and(|min| decimal::compare(value, min).is_lt());
        if is_below || max.is_some_and(|max| decimal::compare(value, max).is_gt()) {
            self.found(ViolationKind::Range);
        }
    }

    /// That no two elements are equal, which is to say that they look the same on the wire.
    pub fn unique<T: Serialize>(&mut self, items: &[T]) {
        let mut seen = HashSet::with_capacity(items.len());
        // What cannot be written has no equal.
        if !items.iter().filter_map(|it| super::to_vec(it).ok()).all(|it| seen.insert(it)) {
            self.found(ViolationKind::NotUnique);
        }
    }

    /// That a part of a text matches a regular expression.
    #[cfg(feature = "pattern")]
    pub fn pattern(&mut self, text: &str, pattern: &super::Pattern) {
        if !pattern.matches(text) {
            self.found(ViolationKind::Pattern);
        }
    }

    /// All that was found.
    ///
    /// # Errors
    ///
    /// If anything was.
    pub fn finish(self) -> Result<(), Violations> {
        if self.found.is_empty() { Ok(()) } else { Err(Violations(self.found)) }
    }

    fn within(&mut self, segment: Segment<'v>, check: impl FnOnce(&mut Self)) {
        self.path.push(segment);
        check(self);
        self.path.pop();
    }

    fn found(&mut self, kind: ViolationKind) {
        if self.room.is_empty() {
            return;
        }
        let mut path = String::new();
        for segment in &self.path {
            // Writing to a string does not fail.
            let _ = match segment {
                Segment::Member(name) => write!(path, "{}", Step::new(&path, name)),
                Segment::Index(index) => write!(path, "[{index}]"),
                Segment::Key(key) => write!(path, "{}", Step::new(&path, key)),
            };
        }
        if !self.is_in_gap(&path) {
            self.room.take(&path);
            self.found.push(Violation { path, kind });
        }
    }

    /// Whether a path is one of a gap, or leads on from it.
    fn is_in_gap(&self, path: &str) -> bool {
        let ends = path.match_indices(['.', '[']).map(|(at, _)| at).chain([path.len()]);
        !self.gaps.is_empty() && ends.into_iter().any(|at| self.gaps.contains(&path[..at]))
    }
}

/// One step of a path: `.member`, or `["key"]` where a key is not an identifier.
pub(super) struct Step<'a> {
    name: &'a str,
    is_first: bool,
}

impl<'a> Step<'a> {
    /// The step that comes after `path`.
    pub(super) fn new(path: &str, name: &'a str) -> Self {
        Self { name, is_first: path.is_empty() }
    }
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_identifier = self.name.chars().all(|it| it.is_ascii_alphanumeric() || it == '_');
        match (is_identifier, self.is_first) {
            (true, true) => f.write_str(self.name),
            (true, false) => write!(f, ".{}", self.name),
            (false, _) => write!(f, "[{:?}]", self.name),
        }
    }
}
