//! Reading of models: merged files, mixins, versions and resources. `show` prints the results.

use codegen::{Config, Source, Words, generate, program::show};

/// A service with the operation `Op`, whose input is `In`.
const BASE: &str = r#"
    "a#Svc": { "type": "service", "operations": [{ "target": "a#Op" }] },
    "a#Op": { "type": "operation", "input": { "target": "a#In" } }"#;

const MIXIN: &str = r#""smithy.api#mixin": {}"#;

/// Reads files with these versions and shapes, and expects these lines of the description in this order.
#[track_caller]
fn check(files: &[(&str, &str)], name: &str, expected: &[&str]) {
    let files: Vec<_> = files
        .iter()
        .map(|(version, shapes)| format!(r#"{{"smithy": "{version}", "shapes": {{{shapes}}}}}"#))
        .collect();
    let names: Vec<_> = (1..=files.len()).map(|it| format!("{it}.json")).collect();
    let sources: Vec<_> =
        names.iter().zip(&files).map(|(path, json)| Source { path, json }).collect();
    let name = Some(name).filter(|it| !it.is_empty());
    let text = match show(&sources, None, &Words::default(), name) {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => panic!("{error}"),
        Err(diagnostics) => panic!("{diagnostics}"),
    };
    let mut lines = text.lines().map(str::trim);
    for part in expected {
        assert!(lines.any(|line| line == *part), "{part:?} is not in its place:\n{text}");
    }
}

#[test]
fn the_order_of_members_is_kept_and_that_of_keys_has_no_effect() {
    let shape = r#""a#In": {
        "traits": { "smithy.api#documentation": "D" },
        "members": { "z": { "traits": {}, "target": "smithy.api#String" }, "a": { "target": "a#In" } },
        "type": "structure" }"#;
    check(&[("2", &format!("{BASE}, {shape}"))], "In", &["D", "z: String", "a: a#In"]);
}

#[test]
fn definitions_in_two_files_are_one_with_the_traits_of_both() {
    let one = r#""a#In": { "type": "structure", "members": {
        "b": { "target": "smithy.api#String", "traits": { "smithy.api#required": {} } } } }"#;
    let other = r#""a#In": { "type": "structure",
        "members": { "b": { "target": "smithy.api#String" } },
        "traits": { "smithy.api#documentation": "D" } }"#;
    check(&[("2", &format!("{BASE}, {one}")), ("2", other)], "In", &["D", "b: String, required"]);
}

#[test]
fn traits_are_applied_to_shapes_and_members_in_any_file() {
    let apply = r#"
        "a#In": { "type": "apply", "traits": { "smithy.api#documentation": "S" } },
        "a#In$b": { "type": "apply", "traits": { "smithy.api#required": {} } },
        "a#L$member": { "type": "apply", "traits": { "smithy.api#documentation": "D" } }"#;
    let shapes = format!(
        r#"{BASE},
        "a#In": {{ "type": "structure", "members": {{ "b": {{ "target": "a#L" }} }} }},
        "a#L": {{ "type": "list", "member": {{ "target": "smithy.api#String" }} }}"#
    );
    check(&[("2", apply), ("2", &shapes)], "In", &["S", "b: a#L, required"]);
    check(&[("2", apply), ("2", &shapes)], "L", &["member: String", "D"]);
}

#[test]
fn mixins_come_first_and_the_own_traits_of_a_shape_win() {
    let shapes = format!(
        r#"{BASE},
        "a#In": {{
            "type": "structure",
            "mixins": [{{ "target": "a#One" }}, {{ "target": "a#Two" }}],
            "members": {{
                "own": {{ "target": "smithy.api#Blob" }},
                "one": {{ "target": "smithy.api#String", "traits": {{ "smithy.api#documentation": "S" }} }}
            }}
        }},
        "a#One": {{ "type": "structure", "mixins": [{{ "target": "a#Base" }}], "members": {{
            "one": {{ "target": "smithy.api#String", "traits": {{
                "smithy.api#documentation": "One", "smithy.api#required": {{}} }} }} }},
            "traits": {{ {MIXIN}, "smithy.api#documentation": "One" }} }},
        "a#Two": {{ "type": "structure", "members": {{ "two": {{ "target": "smithy.api#String" }} }},
            "traits": {{ {MIXIN}, "smithy.api#documentation": "Two" }} }},
        "a#Base": {{ "type": "structure", "members": {{ "base": {{ "target": "smithy.api#String" }} }},
            "traits": {{ {MIXIN}, "smithy.api#sensitive": {{}} }} }}"#
    );
    let expected = ["values    sensitive", "Two", "base: String", "one: String, required", "S"];
    check(&[("2", &shapes)], "In", &expected);
    check(&[("2", &shapes)], "In", &["one: String, required", "two: String", "own: Blob"]);
}

#[test]
fn traits_that_are_applied_to_a_copied_member_stay_with_the_copy() {
    let shapes = format!(
        r#"{BASE},
        "a#In$b": {{ "type": "apply", "traits": {{ "smithy.api#documentation": "S" }} }},
        "a#In": {{ "type": "structure", "mixins": [{{ "target": "a#M" }}],
            "members": {{ "t": {{ "target": "a#T" }} }} }},
        "a#T": {{ "type": "structure", "mixins": [{{ "target": "a#M" }}] }},
        "a#M": {{ "type": "structure", "members": {{ "b": {{ "target": "smithy.api#String",
            "traits": {{ "smithy.api#documentation": "M" }} }} }}, "traits": {{ {MIXIN} }} }},
        "a#M$b": {{ "type": "apply", "traits": {{ "smithy.api#required": {{}} }} }}"#
    );
    check(&[("2", &shapes)], "In", &["b: String, required", "S"]);
    check(&[("2", &shapes)], "T", &["b: String, required", "M"]);
}

#[test]
fn enums_lists_and_services_have_mixins_as_well() {
    let shapes = format!(
        r#"
        "a#In": {{ "type": "structure", "members": {{ "l": {{ "target": "a#L" }} }} }},
        "a#E": {{ "type": "enum", "mixins": [{{ "target": "a#EM" }}], "members": {{ "B": {{ "target": "smithy.api#Unit" }} }} }},
        "a#EM": {{ "type": "enum", "members": {{ "A": {{ "target": "smithy.api#Unit" }} }}, "traits": {{ {MIXIN} }} }},
        "a#L": {{ "type": "list", "mixins": [{{ "target": "a#LM" }}], "member": {{ "target": "a#E" }} }},
        "a#LM": {{ "type": "list", "member": {{ "target": "a#E" }}, "traits": {{ {MIXIN}, "smithy.api#length": {{ "max": 3 }} }} }},
        "a#Op": {{ "type": "operation", "input": {{ "target": "a#In" }} }},
        "a#Ping": {{ "type": "operation" }},
        "a#Svc": {{ "type": "service", "mixins": [{{ "target": "a#VM" }}], "version": "2",
            "operations": [{{ "target": "a#Ping" }}, {{ "target": "a#Op" }}], "rename": {{ "a#E": "X" }} }},
        "a#VM": {{ "type": "service", "version": "1", "operations": [{{ "target": "a#Op" }}],
            "rename": {{ "a#E": "Y", "a#L": "Z" }}, "traits": {{ {MIXIN} }} }}"#
    );
    check(&[("2", &shapes)], "a#E", &["in Rust   types::X", "A: \"A\"", "B: \"B\""]);
    check(&[("2", &shapes)], "a#L", &["values    length at most 3"]);
    check(&[("2", &shapes)], "", &["Op    op    call", "Ping  ping  call"]);
}

#[test]
fn a_long_chain_of_mixins_is_no_problem() {
    let shape = |index: usize| {
        format!(
            r#""a#M{index}": {{ "type": "structure", "mixins": [{{ "target": "a#M{}" }}], "traits": {{ {MIXIN} }} }},"#,
            index + 1
        )
    };
    let chain: String = (0..10_000).map(shape).collect();
    let ends = format!(
        r#""a#In": {{ "type": "structure", "mixins": [{{ "target": "a#M0" }}] }},
        "a#M10000": {{ "type": "structure", "members": {{ "a": {{ "target": "a#In" }} }}, "traits": {{ {MIXIN} }} }}"#
    );
    check(&[("2", &format!("{chain}{ends}, {BASE}"))], "In", &["a: a#In"]);
}

#[test]
fn each_file_is_read_by_the_rules_of_its_version() {
    let old = r#"
        "a#Old": { "type": "structure", "members": {
            "other": { "target": "a#Number" },
            "own": { "target": "a#Own" },
            "primitive": { "target": "smithy.api#PrimitiveInteger" },
            "boxed": { "target": "a#Own", "traits": { "smithy.api#box": {} } } } },
        "a#Own": { "type": "integer" },
        "a#Set": { "type": "set", "member": { "target": "smithy.api#String" } }"#;
    let new = format!(
        r#"{BASE},
        "a#In": {{ "type": "structure", "members": {{ "n": {{ "target": "a#Number" }},
            "o": {{ "target": "a#Old" }}, "s": {{ "target": "a#Set" }} }} }},
        "a#Number": {{ "type": "integer" }}"#
    );
    let files = [("1.0", old), ("2.0", &*new)];
    check(&files, "Old", &["in Rust other: Option<i32>", "in Rust own: i32"]);
    check(&files, "Old", &["in Rust primitive: i32", "in Rust boxed: Option<i32>"]);
    check(&files, "In", &["in Rust n: Option<i32>"]);
    check(&files, "Set", &["values    unique items"]);
}

#[test]
fn a_string_with_the_trait_enum_is_an_enum() {
    let shapes = format!(
        r#"{BASE},
        "a#In": {{ "type": "structure", "members": {{ "n": {{ "target": "a#Named" }}, "b": {{ "target": "a#Bare" }} }} }},
        "a#Named": {{ "type": "string", "traits": {{ "smithy.api#enum": [
            {{ "name": "A", "value": "a", "documentation": "D" }},
            {{ "name": "B", "value": "b b", "deprecated": true }}] }} }},
        "a#Bare": {{ "type": "string", "traits": {{ "smithy.api#enum": [
            {{ "value": "t2.nano" }}, {{ "value": "2xlarge" }}, {{ "value": "T2_nano" }}, {{ "value": "+" }}] }} }}"#
    );
    check(&[("1.0", &shapes)], "a#Named", &["A: \"a\"", "D", "B: \"b b\", deprecated"]);
    let names = ["t2_nano: \"t2.nano\"", "_2xlarge: \"2xlarge\"", "T2_nano_3: \"T2_nano\""];
    check(&[("1.0", &shapes)], "a#Bare", &names);
    check(&[("1.0", &shapes)], "a#Bare", &["VALUE: \"+\""]);
}

#[test]
fn operations_of_resources_follow_those_of_the_service_from_the_top_down() {
    let names = ["Collection", "Create", "Delete", "Inner", "Last", "Other", "Own"];
    let operations: String =
        names.iter().map(|it| format!(r#""a#{it}": {{ "type": "operation" }},"#)).collect();
    let shapes = r#"
        "a#V": { "type": "service", "operations": [{ "target": "a#Own" }],
            "resources": [{ "target": "a#R1" }, { "target": "a#R2" }] },
        "a#R2": { "type": "resource", "operations": [{ "target": "a#Last" }] },
        "a#R1": { "type": "resource", "resources": [{ "target": "a#R3" }],
            "collectionOperations": [{ "target": "a#Collection" }],
            "operations": [{ "target": "a#Other" }],
            "delete": { "target": "a#Delete" }, "create": { "target": "a#Create" } },
        "a#R3": { "type": "resource", "read": { "target": "a#Inner" } }"#;
    let expected = ["Own", "Create", "Delete", "Other", "Collection", "Inner", "Last"];
    let lines = expected.map(|it| format!("{it:10}  {:10}  call", it.to_lowercase()));
    check(&[("2", &format!("{operations}{shapes}"))], "", &lines.each_ref().map(|it| &**it));
}

#[test]
fn only_the_shapes_that_operations_use_are_generated() {
    let shapes = format!(
        r#"{BASE},
        "b#Unused": {{ "type": "structure", "members": {{ "also": {{ "target": "a#Alone" }} }} }},
        "a#Alone": {{ "type": "string" }},
        "a#In": {{ "type": "structure", "members": {{ "list": {{ "target": "a#List" }} }} }},
        "a#List": {{ "type": "list", "member": {{ "target": "a#Item" }} }},
        "a#Item": {{ "type": "union", "members": {{ "again": {{ "target": "a#List" }} }} }}"#
    );
    check(&[("2", &shapes)], "", &["structures: 1", "unions: 1", "lists: 1", "List  Vec<Item>"]);
    let sources =
        [Source { path: "1.json", json: &format!(r#"{{"smithy": "2", "shapes": {{{shapes}}}}}"#) }];
    let shown = show(&sources, None, &Words::default(), None).unwrap().unwrap();
    assert!(!shown.contains("Alone") && !shown.contains("Unused"), "{shown}");
}

#[test]
fn a_shape_that_cannot_be_read_is_not_reported_again_where_it_is_used() {
    let json = r#"{ "smithy": "2.0", "shapes": {
        "a#V": { "type": "service", "operations": [{ "target": "a#O" }] },
        "a#O": { "type": "operation", "input": { "target": "a#In" }, "errors": [{ "target": "a#In" }] },
        "a#In": { "type": "struct" },
        "a#M": { "type": "map", "key": { "target": "a#In" }, "value": { "target": "a#In" } } } }"#;
    let diagnostics = codegen::check(&[Source { path: "model.json", json }]);
    let messages: Vec<_> = diagnostics.iter().map(|it| &*it.message).collect();
    assert_eq!(messages, [r#""struct" is not a shape type"#]);
}

/// Generates code for a member with a default, and expects this value; `None` if the default is invalid.
#[track_caller]
fn check_default(target: &str, default: &str, expected: Option<&str>) {
    let json = format!(
        r#"{{"smithy": "2.0", "shapes": {{ {BASE}, "a#In": {{ "type": "structure", "members": {{ "m":
            {{ "target": "smithy.api#{target}", "traits": {{ "smithy.api#default": {default} }} }} }} }} }} }}"#
    );
    let sources = [Source { path: "1.json", json: &json }];
    let refused = codegen::check(&sources).iter().any(|it| it.message.starts_with("default: "));
    assert_eq!(refused, expected.is_none(), "{default}");
    let Some(expected) = expected else { return };
    let files = generate(&Config::new("example"), &sources).unwrap().files;
    let is_there = files.iter().any(|it| it.contents.contains(expected));
    assert!(is_there, "{default}: {expected} is not in the code");
}

#[test]
fn defaults_of_timestamps_are_exact() {
    for (default, expected) in [
        (r#""1985-04-12T23:20:50.52Z""#, Some("Timestamp::new(482196050, 520000000)")),
        (r#""2000-02-29T12:00:00+02:00""#, Some("Timestamp::new(951818400, 0)")),
        (r#""0000-03-01T00:00:00Z""#, Some("Timestamp::new(-62162035200, 0)")),
        ("-1.25", Some("Timestamp::new(-2, 750000000)")),
        ("1.5e3", Some("Timestamp::new(1500, 0)")),
        (r#""2001-02-29T12:00:00Z""#, None),
        (r#""2000-01-01""#, None),
        (r#""2000-01-01T00:00:00""#, None),
        (r#""2000-01-01T00:00:00+0200""#, None),
        (r#""2000-01-01T00:00:00é""#, None),
        ("99999999999999999999", None),
    ] {
        check_default("Timestamp", default, expected);
    }
}

#[test]
fn defaults_of_blobs_are_decoded() {
    for (default, expected) in [
        (r#""aGk=""#, Some(r#"b"hi""#)),
        (r#""aGk""#, Some(r#"b"hi""#)),
        (r#""+/8=""#, Some(r#"b"\xFB\xFF""#)),
        (r#""a""#, None),
        (r#""a*==""#, None),
    ] {
        check_default("Blob", default, expected);
    }
}

#[test]
fn defaults_of_numbers_are_expressions() {
    for (target, default, expected) in [
        ("BigInteger", "-5", Some("(-5i64).into()")),
        ("Document", "-1.5", Some("(-1.5f64).into()")),
        ("Document", "1e999", None),
        ("Double", "-0", Some("-0.0")),
        ("Float", "1e39", None),
        ("Short", "-32768", Some("-32768")),
        ("Short", "32768", None),
    ] {
        check_default(target, default, expected);
    }
}

#[test]
fn the_bounds_of_a_constraint_are_compared_exactly() {
    // These are equal as doubles.
    for (min, max, is_refused) in [
        ("9007199254740993", "9007199254740992", true),
        ("9007199254740992", "9007199254740993", false),
        ("0.5", "0.25", true),
    ] {
        let json = format!(
            r#"{{"smithy": "2", "shapes": {{ "a#N": {{ "type": "bigDecimal",
            "traits": {{ "smithy.api#range": {{ "min": {min}, "max": {max} }} }} }} }} }}"#
        );
        let diagnostics = codegen::check(&[Source { path: "1.json", json: &json }]);
        let message = format!("range: min {min} > max {max}");
        assert_eq!(diagnostics.iter().any(|it| it.message == message), is_refused, "{message}");
    }
}

#[test]
fn a_key_with_escapes_has_a_position() {
    let json = r#"{ "smithy": "2.0", "\u0062\"": {"c": null} }"#;
    let diagnostics = codegen::check(&[Source { path: "1.json", json }]);
    let position = diagnostics.iter().next().and_then(|it| it.position.as_ref()).unwrap();
    assert_eq!((position.line, position.column, &*position.pointer), (1, 20, "/b\""));
}
