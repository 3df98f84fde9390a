//! What a model asks of values beyond their types: `length`, `range`, `pattern` and `uniqueItems`.
//!
//! Generated code looks at the members that have such a trait; how that is done, and how what is found
//! is reported, is here. Values are never a part of a report, since they may be secrets; keys of maps are.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    ops::Deref,
};

use serde::Serialize;

use super::path::{Path, Segment};
use crate::primitives::decimal;

/// A way in which a value is not what the model says although it has the type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The member, from the request down, such as `publishMessage.binaryMessage` or `metrics[2].name`. Keys of
    /// maps are escaped where they are not identifiers, and cut after 64 characters.
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
    /// The list or map is not `smithy.api#sparse` and has this null, which has been left out. Its index is the
    /// one that it had.
    Null,
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
            ViolationKind::Null => "is null",
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
        let texts: Vec<_> = self.0.iter().map(Violation::to_string).collect();
        f.write_str(&texts.join("; "))
    }
}

impl std::error::Error for Violations {}

/// Collects what is wrong with a value.
///
/// Generated code tells it where it is and what the model asks for.
#[derive(Debug, Default)]
pub struct Checker<'v> {
    path: Vec<Segment<'v>>,
    report: Report,
    /// The paths of required members that are missing: the value filled in for one is not checked.
    gaps: HashSet<String>,
}

/// A list of violations of bounded length. A small payload could ask for gigabytes: with a long key around many
/// values, each of them wrong.
#[derive(Debug)]
pub(super) struct Report {
    violations: Vec<Violation>,
    /// How many bytes there is room for.
    room: usize,
}

impl Default for Report {
    fn default() -> Self {
        Self { violations: Vec::new(), room: 64 * 1024 }
    }
}

impl Report {
    /// Whether violations may have been left out.
    pub(super) fn is_full(&self) -> bool {
        self.room == 0
    }

    /// Adds a violation if there is any room.
    pub(super) fn add(&mut self, path: impl Into<String>, kind: ViolationKind) {
        // A payload may have so many that to write their paths would take long.
        if !self.is_full() {
            let path = path.into();
            self.room = self.room.saturating_sub(path.len() + size_of::<Violation>());
            self.violations.push(Violation { path, kind });
        }
    }

    #[cfg(feature = "server")]
    pub(super) fn into_violations(self) -> Vec<Violation> {
        self.violations
    }
}

impl<'v> Checker<'v> {
    /// One that continues a report and passes over what is missing.
    #[cfg(feature = "server")]
    pub(super) fn after(report: Report) -> Self {
        let missing = report.violations.iter().filter(|it| it.kind == ViolationKind::Missing);
        let gaps = missing.map(|it| it.path.clone()).collect();
        Self { path: Vec::new(), report, gaps }
    }

    /// All that was found, and that had been found before.
    #[cfg(feature = "server")]
    pub(super) fn into_report(self) -> Report {
        self.report
    }

    /// Looks at a member.
    pub fn member<T>(
        &mut self,
        name: &'static str,
        value: &'v T,
        check: impl FnOnce(&mut Self, &'v T),
    ) {
        self.within(Segment::Name(name.into()), |it| check(it, value));
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
            self.within(Segment::Name(key.as_ref().into()), |it| check(it, key, value));
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
        let mut json = Vec::new();
        let mut places = Vec::new();
        for item in items {
            let start = json.len();
            match item.serialize(&mut super::format::serializer(&mut json)) {
                Ok(()) => places.push((start, json.len())),
                // What cannot be written has no equal.
                Err(_) => json.truncate(start),
            }
        }
        let text = |(start, end): (usize, usize)| &json[start..end];
        places.sort_unstable_by_key(|it| text(*it));
        if places.windows(2).any(|it| text(it[0]) == text(it[1])) {
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
        let found = self.report.violations;
        if found.is_empty() { Ok(()) } else { Err(Violations(found)) }
    }

    fn within(&mut self, segment: Segment<'v>, check: impl FnOnce(&mut Self)) {
        self.path.push(segment);
        check(self);
        self.path.pop();
    }

    fn found(&mut self, kind: ViolationKind) {
        if self.report.is_full() {
            return;
        }
        let path = String::from(Path(&self.path));
        if !is_within(&path, &self.gaps) {
            self.report.add(path, kind);
        }
    }
}

/// Whether a path is one of `gaps` or leads into one.
fn is_within(path: &str, gaps: &HashSet<String>) -> bool {
    let steps = path.match_indices(['.', '[']).map(|(at, _)| &path[..at]);
    !gaps.is_empty() && steps.chain([path]).any(|it| gaps.contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_what_there_is_no_room_for_is_not_written() {
        struct Unwritten;
        impl From<Unwritten> for String {
            fn from(_: Unwritten) -> Self {
                unreachable!("there is no room")
            }
        }
        let mut report = Report { violations: Vec::new(), room: 1 };
        report.add("a", ViolationKind::Null);
        report.add(Unwritten, ViolationKind::Null);
        assert_eq!(report.violations.len(), 1);
    }

    #[test]
    fn a_gap_covers_its_path_and_what_is_below() {
        let gaps = HashSet::from(["a[1]".to_owned()]);
        assert!(
            is_within("a[1]", &gaps) && is_within("a[1].b", &gaps) && is_within("a[1][0]", &gaps)
        );
        for path in ["a", "a[2]", "a[\"1\"]", "a[12]", "b.a[1]"] {
            assert!(!is_within(path, &gaps), "{path}");
        }
        assert!(!is_within("a", &HashSet::new()));
    }
}
