//! Reads requests, and reports where they violate the model.

use super::{Checker, Error, Shape, Violation};

/// Reads the payload of a request or of an event from a client: the JSON object of a structure or union.
///
/// # Errors
///
/// As [`from_slice`](super::from_slice), and a payload that is not an object.
pub(crate) fn request_from_slice<T: Shape>(payload: &[u8]) -> Result<(T, Vec<Violation>), Error> {
    super::check_object(payload)?;
    let (value, report) = super::read::<T>(payload)?;
    let violations = Checker::after(report).into_violations(&value);
    Ok((value, violations))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::json::{Union, deserialize_union, required};

    #[derive(Debug, Deserialize, Serialize)]
    #[allow(dead_code)]
    struct Outer {
        #[serde(deserialize_with = "required")]
        name: String,
        note: Option<String>,
        #[serde(deserialize_with = "required")]
        inner: Inner,
        list: Option<Vec<Inner>>,
        map: Option<BTreeMap<String, Inner>>,
        #[serde(deserialize_with = "required")]
        choice: Choice,
    }

    impl Shape for Outer {
        const ID: &'static str = "a#Outer";

        fn check<'v>(&'v self, checker: &mut Checker<'v>) {
            checker.member("name", &self.name, |it, name| it.length(name.len(), Some(1), None));
            checker.member("inner", &self.inner, |it, inner| {
                it.member("count", &inner.count, |it, count| it.range(*count, Some(1), Some(5)));
            });
            checker.optional("list", &self.list, |it, list| {
                it.length(list.len(), None, Some(2));
                it.unique(list);
                it.items(list, |it, inner| {
                    it.member("deep", &inner.deep, |it, deep| it.unique(deep));
                });
            });
            checker.optional("map", &self.map, |it, map| {
                it.entries(map, |it, key, _| it.length(key.chars().count(), None, Some(3)));
            });
        }
    }

    #[derive(Debug, Deserialize, Serialize)]
    #[allow(dead_code)]
    struct Inner {
        #[serde(deserialize_with = "required")]
        count: i64,
        #[serde(deserialize_with = "required")]
        deep: Vec<f64>,
    }

    #[derive(Debug, Serialize)]
    #[allow(dead_code)]
    enum Choice {
        Inner(Inner),
        Unknown,
    }

    impl Union for Choice {
        const UNKNOWN: Self = Self::Unknown;

        fn read_member<'de, A: serde::de::MapAccess<'de>>(
            name: &str,
            map: &mut A,
        ) -> Result<Option<Self>, A::Error> {
            match name {
                "inner" => Ok(map.next_value::<Option<_>>()?.map(Self::Inner)),
                _ => map.next_value::<serde::de::IgnoredAny>().map(|_| None),
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
        let (_, violations) = request_from_slice::<Outer>(json.as_bytes()).unwrap();
        let paths: Vec<_> = violations.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(paths, expected);
    }

    const INNER: &str = r#"{"count": 1, "deep": [1]}"#;

    #[test]
    fn finds_nothing_in_a_complete_request() {
        check(
            &format!(r#"{{"name": "n", "inner": {INNER}, "choice": {{"inner": {INNER}}}}}"#),
            &[],
        );
    }

    #[test]
    fn names_each_missing_member_once_by_its_path() {
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
            &["list[1].deep", "map[\"a.b\"].count", "choice.inner.count"],
        );
    }

    #[test]
    fn names_what_the_model_does_not_allow() {
        let json = r#"{"name": "", "inner": {"count": 6, "deep": []}, "map": {"a.b": {}, "long": {}},
            "list": [{"count": 1, "deep": [1, 2, 1]}, {"count": 0, "deep": []}, {"count": 0, "deep": []}]}"#;
        let (_, violations) = request_from_slice::<Outer>(json.as_bytes()).unwrap();
        let texts: Vec<_> = violations.iter().map(Violation::to_string).collect();
        assert_eq!(
            texts,
            [
                "map[\"a.b\"].count is required and missing",
                "map[\"a.b\"].deep is required and missing",
                "map.long.count is required and missing",
                "map.long.deep is required and missing",
                "choice is required and missing",
                "name has a length that the model does not allow",
                "inner.count is out of range",
                "list has a length that the model does not allow",
                "list holds equal elements",
                "list[0].deep holds equal elements",
                "map.long has a length that the model does not allow",
            ]
        );
        // The zero value of a missing member is not reported again.
        check("{}", &["name", "inner", "choice"]);
    }

    #[test]
    fn of_a_long_report_the_beginning_is_kept() {
        let inner = |json: &str| vec![json; 100_000].join(",");
        let request = |items: &str| {
            format!(r#"{{"name": "n", "inner": {INNER}, "choice": {{}}, "list": [{items}]}}"#)
        };
        let nth = |json: &str, at: usize| {
            let (_, found) = request_from_slice::<Outer>(json.as_bytes()).unwrap();
            assert!((500..2_000).contains(&found.len()), "{}", found.len());
            found[at].to_string()
        };
        let gaps = request(&inner(r#"{"deep": [1, 1]}"#));
        assert_eq!(nth(&gaps, 1), "list[1].count is required and missing");
        let wrong = request(&inner(r#"{"count": 1, "deep": [1, 1]}"#));
        // The first two violations are those of the list itself.
        assert_eq!(nth(&wrong, 2), "list[0].deep holds equal elements");
    }

    #[test]
    fn a_null_that_is_left_out_is_named_by_the_place_it_had() {
        let json = format!(
            r#"{{"name": "n", "inner": {INNER}, "choice": {{}},
                "list": [null, {{"count": 1, "deep": [1, null, 1]}}, null, {{"count": 2}}],
                "map": {{"k": null, "long": {INNER}}}}}"#
        );
        let (value, violations) = request_from_slice::<Outer>(json.as_bytes()).unwrap();
        let list = value.list.unwrap();
        assert_eq!((list.len(), &list[0].deep[..]), (2, &[1.0, 1.0][..]));
        assert_eq!(value.map.unwrap().into_keys().collect::<Vec<_>>(), ["long"]);
        let texts: Vec<_> = violations.iter().map(Violation::to_string).collect();
        assert_eq!(
            texts,
            [
                "list[0] is null",
                "list[1].deep[1] is null",
                "list[2] is null",
                "map.k is null",
                "list[1].deep is required and missing",
                "list[0].deep holds equal elements",
                "map.long has a length that the model does not allow",
            ]
        );
    }

    #[test]
    fn what_a_later_duplicate_replaces_is_not_named() {
        let complete = r#""name": "n", "choice": {}"#;
        check(
            &format!(r#"{{{complete}, "inner": {INNER}, "map": {{"k": null, "k": {INNER}}}}}"#),
            &[],
        );
        check(
            &format!(
                r#"{{{complete}, "inner": {INNER}, "map": {{"k": null, "l": null, "k": {INNER}}}}}"#
            ),
            &["map.l"],
        );
        check(
            &format!(r#"{{{complete}, "inner": {INNER}, "map": {{"k": {{}}, "k": {INNER}}}}}"#),
            &[],
        );
        check(
            &format!(r#"{{{complete}, "inner": {INNER}, "map": {{"k": {INNER}, "k": null}}}}"#),
            &["map.k"],
        );
    }

    /// A hang guard: a reader that takes quadratic time for the length of a key takes hours.
    #[test]
    fn long_keys_cost_no_more_than_their_length_and_are_cut() {
        let long = ".[".repeat(2 * 1024 * 1024);
        for request in [
            format!(r#"{{"map": {{"a": {{"count": 5.0}}, "{long}": {INNER}}}}}"#),
            format!(r#"{{"map": {{"{long}": {{}}}}}}"#),
            format!(r#"{{"map": {{"a": null, "{long}": null}}}}"#),
            format!(r#"{{"{long}": 1, "name": 5.0}}"#),
            format!(r#"{{"map": {{"{long}": 1}}}}"#),
        ] {
            let paths: usize = match request_from_slice::<Outer>(request.as_bytes()) {
                Ok((_, violations)) => violations.iter().map(|it| it.path.len()).sum(),
                Err(error) => error.to_string().len(),
            };
            assert!((1..1_000).contains(&paths), "{paths} in {request:.40}");
        }
    }

    #[test]
    fn an_empty_or_unknown_union_is_not_missing() {
        for choice in ["{}", r#"{"else": 1}"#, r#"{"inner": null}"#] {
            check(&format!(r#"{{"name": "n", "inner": {INNER}, "choice": {choice}}}"#), &[]);
        }
    }

    #[test]
    fn a_value_of_another_type_is_an_error() {
        assert!(request_from_slice::<Outer>(br#"{"name": 1}"#).is_err());
        assert!(request_from_slice::<Outer>(b"[]").is_err());
    }
}
