//! Checks the constraint traits of a model: `length`, `range`, `pattern` and `uniqueItems`.
//!
//! Generated code calls a [`Checker`] for each member that has such a trait. Reports never contain values, which may be
//! secret; they do contain the keys of maps.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    ops::Deref,
};

use serde::Serialize;

use super::{
    Shape,
    path::{Path, Segment},
};
use crate::primitives::decimal::Decimal;

/// A member that violates the model although its value has the modelled type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The path of the member in the request, such as `publishMessage.binaryMessage` or `metrics[2].name`. Keys of
    /// maps are escaped unless they are identifiers, and cut after 64 characters.
    pub path: String,
    /// The rule that the member violates.
    pub kind: ViolationKind,
}

/// A rule that a member violates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ViolationKind {
    /// The member is required, and missing or null (`smithy.api#required`).
    Missing,
    /// The list or map is not `smithy.api#sparse`, and this null in it has been left out. The path has its original
    /// index.
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

/// The violations of a value; never empty. A report of more than 64 KiB is cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Deref for Violations {
    type Target = [Violation];

    fn deref(&self) -> &[Violation] {
        &self.0
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.0.iter().map(Violation::to_string).collect();
        f.write_str(&texts.join("; "))
    }
}

impl std::error::Error for Violations {}

/// Collects the violations of a value.
///
/// Generated code calls it with each checked member and the constraints of the member.
#[derive(Debug, Default)]
pub struct Checker<'v> {
    path: Vec<Segment<'v>>,
    report: Report,
    /// The paths of missing required members. Their zero values are not checked.
    missing: HashSet<String>,
}

/// A list of violations of bounded size. Without the bound, a small payload with a long key around many wrong values
/// could need gigabytes.
#[derive(Debug, Default)]
pub(super) struct Report {
    violations: Vec<Violation>,
    /// In bytes.
    size: usize,
}

/// The size in bytes at which a report is full.
const MAX_REPORT: usize = 64 * 1024;

impl Report {
    /// Whether violations may have been left out.
    pub(super) fn is_full(&self) -> bool {
        self.size >= MAX_REPORT
    }

    /// Adds a violation unless the report is full.
    pub(super) fn add(&mut self, path: impl Into<String>, kind: ViolationKind) {
        // The path is written only if it is needed: a payload may have very many violations.
        if !self.is_full() {
            let path = path.into();
            self.size += path.len() + size_of::<Violation>();
            self.violations.push(Violation { path, kind });
        }
    }
}

impl<'v> Checker<'v> {
    /// Checks a structure or union.
    ///
    /// # Errors
    ///
    /// The members that break a constraint.
    pub fn check<S: Shape>(value: &'v S) -> Result<(), Violations> {
        let found = Self::default().into_violations(value);
        if found.is_empty() { Ok(()) } else { Err(Violations(found)) }
    }

    /// Continues a report. Values that replace missing members are not checked.
    #[cfg(feature = "server")]
    pub(super) fn after(report: Report) -> Self {
        let missing = report.violations.iter().filter(|it| it.kind == ViolationKind::Missing);
        let missing = missing.map(|it| it.path.clone()).collect();
        Self { path: Vec::new(), report, missing }
    }

    /// Checks a value, and returns the complete report.
    pub(super) fn into_violations<S: Shape>(mut self, value: &'v S) -> Vec<Violation> {
        // The complete list of missing members is needed to skip their zero values.
        if !self.report.is_full() {
            value.check(&mut self);
        }
        self.report.violations
    }

    /// Checks a member.
    pub fn member<T>(
        &mut self,
        name: &'static str,
        value: &'v T,
        check: impl FnOnce(&mut Self, &'v T),
    ) {
        self.within(Segment::Name(name.into()), |it| check(it, value));
    }

    /// Checks an optional member if it is set.
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

    /// Checks each element of a list.
    pub fn items<T>(&mut self, items: &'v [T], check: impl Fn(&mut Self, &'v T)) {
        for (index, item) in items.iter().enumerate() {
            self.within(Segment::Index(index), |it| check(it, item));
        }
    }

    /// Checks each key and value of a map.
    pub fn entries<K: AsRef<str>, T>(
        &mut self,
        map: &'v BTreeMap<K, T>,
        check: impl Fn(&mut Self, &'v K, &'v T),
    ) {
        for (key, value) in map {
            self.within(Segment::Name(key.as_ref().into()), |it| check(it, key, value));
        }
    }

    /// Checks a number of characters, bytes or elements.
    pub fn length(&mut self, length: usize, min: Option<u64>, max: Option<u64>) {
        let length = length as u64;
        if min.is_some_and(|min| length < min) || max.is_some_and(|max| length > max) {
            self.found(ViolationKind::Length);
        }
    }

    /// Checks a number. NaN is out of every range.
    pub fn range<T: PartialOrd>(&mut self, value: T, min: Option<T>, max: Option<T>) {
        let fits = min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max);
        if !fits {
            self.found(ViolationKind::Range);
        }
    }

    /// Checks a number of any size.
    pub fn big_range(&mut self, value: &str, min: Option<&str>, max: Option<&str>) {
        self.range(Decimal::new(value), min.map(Decimal::new), max.map(Decimal::new));
    }

    /// Checks that no two elements are equal on the wire.
    pub fn unique<T: Serialize>(&mut self, items: &[T]) {
        let mut json = Vec::new();
        let mut ranges = Vec::new();
        for item in items {
            let start = json.len();
            match item.serialize(&mut super::format::serializer(&mut json)) {
                Ok(()) => ranges.push(start..json.len()),
                // A value without a JSON form is equal to none.
                Err(_) => json.truncate(start),
            }
        }
        let mut texts: Vec<_> = ranges.into_iter().map(|it| &json[it]).collect();
        texts.sort_unstable();
        if texts.windows(2).any(|it| it[0] == it[1]) {
            self.found(ViolationKind::NotUnique);
        }
    }

    /// Checks that a part of a text matches a regular expression.
    #[cfg(feature = "pattern")]
    pub fn pattern(&mut self, text: &str, pattern: &super::Pattern) {
        if !pattern.matches(text) {
            self.found(ViolationKind::Pattern);
        }
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
        if !is_within(&path, &self.missing) {
            self.report.add(path, kind);
        }
    }
}

/// Whether a path, or a path that leads to it, is in `missing`.
fn is_within(path: &str, missing: &HashSet<String>) -> bool {
    let parents = path.match_indices(['.', '[']).map(|(at, _)| &path[..at]);
    !missing.is_empty() && parents.chain([path]).any(|it| missing.contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_report_writes_no_paths() {
        struct Unwritten;
        impl From<Unwritten> for String {
            fn from(_: Unwritten) -> Self {
                unreachable!("the report is full")
            }
        }
        let mut report = Report { violations: Vec::new(), size: MAX_REPORT - 1 };
        report.add("a", ViolationKind::Null);
        report.add(Unwritten, ViolationKind::Null);
        assert_eq!(report.violations.len(), 1);
    }

    #[test]
    fn a_missing_member_covers_its_path_and_all_below() {
        let missing = HashSet::from(["a[1]".to_owned()]);
        assert!(
            is_within("a[1]", &missing)
                && is_within("a[1].b", &missing)
                && is_within("a[1][0]", &missing)
        );
        for path in ["a", "a[2]", "a[\"1\"]", "a[12]", "b.a[1]"] {
            assert!(!is_within(path, &missing), "{path}");
        }
        assert!(!is_within("a", &HashSet::new()));
    }
}
