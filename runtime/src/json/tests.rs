//! Tests of both readers of payloads.

use std::collections::BTreeMap;

use ::serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::*;
use crate::primitives::{BigDecimal, Blob, Timestamp};

#[test]
fn blobs_of_every_length_travel_as_base64() {
    for len in [0, 1, 2, 3, 4, 3 * 1024 - 1, 3 * 1024, 3 * 1024 + 1, 100_000] {
        let bytes: Vec<u8> = (0..len).map(|it| (it % 251) as u8).collect();
        let json = to_vec(&[Blob::from(bytes.clone())]).unwrap();
        let text = base64_simd::STANDARD.encode_to_string(&bytes);
        assert_eq!(String::from_utf8(json.clone()).unwrap(), format!("[\"{text}\"]"));
        assert_eq!(&*from_slice::<Vec<Blob>>(&json).unwrap()[0], bytes);
        let mut buffer = BytesMut::new();
        append(&mut buffer, &[Blob::from(bytes)]).unwrap();
        assert_eq!(buffer, json);
    }
}

#[test]
fn the_last_of_duplicate_members_counts() {
    #[derive(Debug, Deserialize)]
    struct Shape {
        a: i64,
        b: Blob,
    }
    let shape: Shape = from_slice(br#"{"a": 1, "b": "aGk=", "a": 9007199254740993}"#).unwrap();
    assert_eq!((shape.a, &*shape.b), (9_007_199_254_740_993, &b"hi"[..]));
}

#[test]
fn whole_numbers_may_be_written_as_fractions() {
    let read = |json: &str| from_slice::<i64>(json.as_bytes()).ok();
    assert_eq!(read("5.0"), Some(5));
    assert_eq!(read("1e3"), Some(1000));
    assert_eq!(read("-0.0"), Some(0));
    assert_eq!(read("5.5"), None);
    assert_eq!(read("1e300"), None);
    assert_eq!(read("9223372036854775808"), None);
    assert_eq!(from_slice::<u8>(b"256.0").ok(), None);
    assert_eq!(from_slice::<Vec<Vec<i32>>>(b"[[1.0, 2]]").unwrap(), [[1, 2]]);
}

#[test]
fn numbers_are_read_to_the_last_bit() {
    // Numbers that a fast but inexact parser reads wrong.
    for text in [
        "9.007199259925474e19",
        "5.764607523034235e39",
        "1709210096.7891233",
        "2.2250738585072011e-308",
    ] {
        let exact: f64 = text.parse().unwrap();
        assert_eq!(from_slice::<f64>(text.as_bytes()).unwrap().to_bits(), exact.to_bits());
        let document: Value = from_slice(text.as_bytes()).unwrap();
        assert_eq!(document.as_f64().unwrap().to_bits(), exact.to_bits(), "{text}");
    }
}

#[test]
fn whole_numbers_are_read_exactly_or_refused() {
    let read = |json: &str| from_slice::<i64>(json.as_bytes()).ok();
    for (json, expected) in [
        ("9007199254740993.0", Some(9_007_199_254_740_993)),
        ("-9007199254740993.00", Some(-9_007_199_254_740_993)),
        ("9.007199254740993e15", Some(9_007_199_254_740_993)),
        ("9223372036854775807.0", Some(i64::MAX)),
        ("-9223372036854775808e0", Some(i64::MIN)),
        ("9223372036854775808.0", None),
        ("9007199254740993.5", None),
        ("4503599627370497.5", None),
        ("0.99999999999999999999", None),
        ("1e-400", None),
        ("1e400", None),
        ("0e400", Some(0)),
    ] {
        assert_eq!(read(json), expected, "{json}");
    }
    assert_eq!(from_slice::<u64>(b"18446744073709551615.0").unwrap(), u64::MAX);
    assert_eq!(from_slice::<i32>(b"2147483648.0").ok(), None);
}

/// Reads a structure with serde_json and with the lenient reader.
#[track_caller]
fn check_other_members(members: &str, is_read: bool) {
    #[derive(Debug, Deserialize)]
    struct Shape {
        a: i64,
    }
    for a in ["5", "5.0"] {
        for json in [format!(r#"{{"a":{a},{members}}}"#), format!(r#"{{{members},"a":{a}}}"#)] {
            let shape = from_slice::<Shape>(json.as_bytes());
            assert_eq!(shape.ok().map(|it| it.a), is_read.then_some(5), "{json:.100}");
        }
    }
}

#[test]
fn unknown_members_are_ignored_whatever_they_hold() {
    check_other_members(r#""b": 1e400"#, true);
    check_other_members(r#""b": [-1e-999, {"c": 1E+400, "c": null}], "b": "\ud800 \u0000""#, true);
    check_other_members(&format!(r#""b": {}{}"#, "[".repeat(100_000), "]".repeat(100_000)), true);
    for not_json in [r#""b": 01"#, r#""b": 1e"#, r#""b": nul"#, r#""b": [}"#, r#""b" 1"#, r#""b":"#]
    {
        check_other_members(not_json, false);
    }
}

/// Reads the same value after a number that only the lenient reader accepts.
#[track_caller]
fn check_lenient<T: DeserializeOwned + PartialEq + std::fmt::Debug>(json: &str) {
    let strict: T = serde_json::from_str(json).unwrap();
    let (_, lenient): (i64, T) = from_slice(format!("[5.0, {json}]").as_bytes()).unwrap();
    assert_eq!(lenient, strict, "{json}");
}

#[test]
fn both_ways_read_the_same_values() {
    for json in [
        "null",
        " true ",
        "-12",
        "1.5e3",
        "18446744073709551615",
        r#""a \" \\ ü \u00e4 \ud83d\ude00 , ] }""#,
        "[]",
        "{}",
        "[1,[ ],{ } , \"x\" ,null]",
        "{\"a\" : {\"b\":[false,{\"c\": -0.5}]} ,\n\t\"d\\\"\":\"\"}",
        r#"{"a": 1, "a": [2], "b": 3, "a": "last"}"#,
    ] {
        check_lenient::<Value>(json);
    }
    check_lenient::<(Option<f32>, Vec<f64>, bool)>("[null, [1, 1e3, -0.1], true]");
    check_lenient::<(BigDecimal, Blob, Timestamp)>(r#"[1e400, "aGk\u003d", 0.5]"#);
}

#[test]
fn nesting_has_the_same_limit_both_ways() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    for (depth, is_read) in [(125, true), (126, true), (127, false), (128, false), (100_000, false)]
    {
        for number in ["5", "5.0"] {
            let json = format!("[{number},{}]", nested(depth));
            let read = from_slice::<(i64, Value)>(json.as_bytes());
            assert_eq!(read.is_ok(), is_read, "{number} {depth}");
        }
    }
}

#[derive(Debug, Default, Deserialize, PartialEq)]
struct Dense {
    #[serde(default, deserialize_with = "or_default")]
    texts: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    map: BTreeMap<String, i64>,
    #[serde(default, deserialize_with = "or_default")]
    times: Vec<Timestamp>,
    #[serde(default, deserialize_with = "or_default")]
    big: Vec<BigDecimal>,
    #[serde(default, deserialize_with = "or_default")]
    blobs: BTreeMap<String, Blob>,
    #[serde(default, deserialize_with = "or_default")]
    sparse: Vec<Option<bool>>,
    #[serde(default, deserialize_with = "or_default")]
    sparse_map: BTreeMap<String, Option<Vec<f64>>>,
    #[serde(default, deserialize_with = "or_default")]
    documents: Vec<Value>,
    #[serde(default, deserialize_with = "or_default")]
    nested: Vec<Vec<Dense>>,
}

#[test]
fn nulls_are_left_out_of_dense_lists_and_maps() {
    #[track_caller]
    fn check(with: &str, without: &str) {
        let with: Dense = from_slice(with.as_bytes()).unwrap();
        assert_eq!(with, serde_json::from_str::<Dense>(without).unwrap());
    }
    check(r#"{"texts": ["a", null]}"#, r#"{"texts": ["a"]}"#);
    check(r#"{"texts": [null, "a", null, null, "b"]}"#, r#"{"texts": ["a", "b"]}"#);
    check(r#"{"texts": [null, null]}"#, "{}");
    check(r#"{"map": {"k": null}}"#, "{}");
    check(r#"{"map": {"a": 1.0, "k": null, "b": 2}}"#, r#"{"map": {"a": 1, "b": 2}}"#);
    // The last of the duplicates is null.
    check(r#"{"map": {"a": 1, "a": null}}"#, "{}");
    check(r#"{"map": {"a": null}, "map": {"a": 1}, "texts": []}"#, r#"{"map": {"a": 1}}"#);
    check(r#"{"times": [1, null, 2.5], "big": [null]}"#, r#"{"times": [1, 2.5]}"#);
    check(r#"{"blobs": {"a": null, "b": "aGk="}}"#, r#"{"blobs": {"b": "aGk="}}"#);
    check(
        r#"{"nested": [null, [{"texts": [null]}, null, {"map": {"k": null}}], [], [null]]}"#,
        r#"{"nested": [[{}, {}], [], []]}"#,
    );
    for nulls in [
        r#"{"sparse": [null, true], "documents": [null, {"a": [null]}]}"#,
        r#"{"sparse_map": {"a": null, "b": []}}"#,
    ] {
        let with = nulls.replacen('{', r#"{"texts": [null],"#, 1);
        check(&with, nulls);
    }
    check(
        r#"{"sparse_map": {"a": [null, 1], "b": null}}"#,
        r#"{"sparse_map": {"a": [1], "b": null}}"#,
    );
    // A null that cannot be left out is an error.
    assert!(from_slice::<i64>(b"null").is_err());
    assert!(from_slice::<(i64, String)>(b"[1.0, null]").is_err());
    assert!(from_slice::<Dense>(br#"{"texts": [null, 1]}"#).is_err());
}

#[test]
fn of_duplicates_at_any_depth_the_last_counts() {
    let json = r#"{"nested": "wrong", "texts": ["a"], "texts": [1],
        "nested": [[{"map": {"a": 1.0}, "map": {"b": 2.0, "b": 3}}, null]], "texts": ["b"]}"#;
    let shape: Dense = from_slice(json.as_bytes()).unwrap();
    let expected = r#"{"nested": [[{"map": {"b": 3}}]], "texts": ["b"]}"#;
    assert_eq!(shape, serde_json::from_str::<Dense>(expected).unwrap());
}

#[test]
fn members_with_equal_names_are_duplicates_however_they_are_written() {
    let map: BTreeMap<String, i64> = from_slice(br#"{"a": 1.0, "\u0061": 2.0}"#).unwrap();
    assert_eq!(map, BTreeMap::from([("a".to_owned(), 2)]));
    let maps: Vec<BTreeMap<String, Value>> = from_slice(
        br#"[{"a": null , "\u0061":{}}, {"a": {"b": 1, "b": 2}, "a": {"b": 3}, "c": 5.0}]"#,
    )
    .unwrap();
    let text = serde_json::to_string(&maps).unwrap();
    assert_eq!(text, r#"[{"a":{}},{"a":{"b":3},"c":5.0}]"#);
    // An invalid string is not a name.
    check_other_members(r#""b": {"\ud800": 1, "\ud800": 2}"#, true);
    check_other_members(r#""\ud800": 1"#, false);
}

/// A hang guard: a reader that looks into ignored values takes hours, or overflows the stack.
#[test]
fn nesting_costs_no_more_than_its_text() {
    let nested = "[".repeat(1 << 20) + &"]".repeat(1 << 20);
    check_other_members(&format!(r#""b": {nested}, "b": 1"#), true);
    check_other_members(&format!(r#""b": {nested}, "a": {nested}, "a": 5"#), true);
}

#[test]
fn text_that_is_not_json_does_no_harm() {
    for text in ["\"", "\"\\", "{\"a", "{\"a\"", "]]", "{:,", "\"a\\\"", "[1", "{\"a\":"] {
        assert!(from_slice::<Vec<i64>>(text.as_bytes()).is_err(), "{text}");
        assert!(lenient::from_slice::<Vec<i64>>(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn a_document_that_is_null_is_not_one_that_is_missing() {
    #[derive(Debug, Deserialize)]
    struct Shape {
        #[serde(default, deserialize_with = "document")]
        d: Option<Value>,
        #[serde(deserialize_with = "required")]
        inner: Option<Box<Shape>>,
    }
    for (json, expected) in [
        (r#""d": null"#, Some(Value::Null)),
        (r#""d": [null]"#, Some(Value::Array(vec![Value::Null]))),
        (r#""e": null"#, None),
    ] {
        // Because of the last member, the lenient reader reads it.
        for json in [format!("{{{json}}}"), format!(r#"{{{json}, "inner": 1, "inner": {{}}}}"#)] {
            let shape: Shape = from_slice(json.as_bytes()).unwrap();
            assert_eq!(shape.d, expected, "{json}");
            assert!(shape.inner.is_none_or(|it| it.d.is_none()));
        }
    }
}
