//! Which required members a request lacks.
//!
//! Reading fills gaps and counts them. Only if there are any is the payload read a second time, by the
//! patient way, which hands out a null for each member that is not there: what reads the member then
//! finds the gap at a known path. A correct request pays for nothing.

use std::fmt;

use serde::de::DeserializeOwned;

use super::{Error, lenient, missing};

/// A way in which a request is not what the model says although it could be read.
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
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ViolationKind::Missing => write!(f, "{} is required and missing", self.path),
        }
    }
}

/// Reads a payload, and says what it lacks.
pub(super) fn from_slice_with_violations<T: DeserializeOwned>(
    payload: &[u8],
) -> Result<(T, Vec<Violation>), Error> {
    let before = missing::count();
    let value = super::from_slice(payload)?;
    if missing::count() == before {
        return Ok((value, Vec::new()));
    }
    let (value, gaps) = lenient::from_slice(payload)?;
    let violations =
        gaps.into_iter().map(|path| Violation { path, kind: ViolationKind::Missing }).collect();
    Ok((value, violations))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::serde::{MemberValue, Union, deserialize_union, missing, required};

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Outer {
        #[serde(default = "missing", deserialize_with = "required")]
        name: String,
        note: Option<String>,
        #[serde(default = "missing", deserialize_with = "required")]
        inner: Inner,
        list: Option<Vec<Inner>>,
        map: Option<BTreeMap<String, Inner>>,
        #[serde(default = "missing", deserialize_with = "required")]
        choice: Choice,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Inner {
        #[serde(default = "missing", deserialize_with = "required")]
        count: i64,
        #[serde(default = "missing", deserialize_with = "required")]
        deep: Vec<f64>,
    }

    #[derive(Debug)]
    #[allow(dead_code)]
    enum Choice {
        Inner(Inner),
        Unknown,
    }

    impl Union for Choice {
        const UNKNOWN: Self = Self::Unknown;

        fn read_member<'de, A: serde::de::MapAccess<'de>>(
            name: &str,
            value: MemberValue<'_, A>,
        ) -> Result<Option<Self>, A::Error> {
            match name {
                "inner" => value.read(Self::Inner),
                _ => value.skip(),
            }
        }
    }

    impl<'de> Deserialize<'de> for Choice {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserialize_union(deserializer)
        }
    }

    #[track_caller]
    fn check(json: &str, expected: &[&str]) {
        let (_, violations) = from_slice_with_violations::<Outer>(json.as_bytes()).unwrap();
        let paths: Vec<_> = violations.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(paths, expected);
    }

    const INNER: &str = r#"{"count": 1, "deep": [1]}"#;

    #[test]
    fn finds_nothing_in_a_complete_request() {
        check(&format!(r#"{{"name": "", "inner": {INNER}, "choice": {{"inner": {INNER}}}}}"#), &[]);
    }

    #[test]
    fn names_each_gap_once_by_its_path() {
        check("{}", &["name", "inner", "choice"]);
        check(
            r#"{"choice": null, "inner": {"deep": null}}"#,
            &["choice", "inner.deep", "inner.count", "name"],
        );
        check(
            &format!(
                r#"{{"name": "n", "inner": {INNER}, "note": null, "other": {{"x": null}},
                    "list": [{INNER}, {{"count": 2}}], "map": {{"a.b": {{"deep": []}}}},
                    "choice": {{"inner": {{"count": null, "deep": []}}}}}}"#
            ),
            &["choice.inner.count", "list[1].deep", "map[\"a.b\"].count"],
        );
    }

    #[test]
    fn an_empty_or_unknown_union_is_not_missing() {
        for choice in ["{}", r#"{"else": 1}"#, r#"{"inner": null}"#] {
            check(&format!(r#"{{"name": "", "inner": {INNER}, "choice": {choice}}}"#), &[]);
        }
    }

    #[test]
    fn a_value_of_another_type_is_an_error() {
        assert!(from_slice_with_violations::<Outer>(br#"{"name": 1}"#).is_err());
        assert!(from_slice_with_violations::<Outer>(b"[]").is_err());
    }
}
