//! What a model becomes, in a notation close to Smithy's own.

use super::{Member, Model, Property, ShapeKind, parse};
use crate::{
    Source,
    diagnostic::Reporter,
    traits::{DefaultValue, Traits},
};

/// Reads files of these versions and shapes and compares what comes out of them.
#[track_caller]
fn check(files: &[(&str, &str)], expected: &[&str]) {
    let files: Vec<_> = files
        .iter()
        .map(|(version, shapes)| format!(r#"{{"smithy": "{version}", "shapes": {{{shapes}}}}}"#))
        .collect();
    let names: Vec<_> = (1..=files.len()).map(|it| format!("{it}.json")).collect();
    let sources: Vec<_> =
        names.iter().zip(&files).map(|(path, json)| Source { path, json }).collect();
    let mut reporter = Reporter::new(&sources);
    let model = parse(&sources, &mut reporter);
    let diagnostics = reporter.finish();
    assert_eq!(diagnostics.count(crate::Severity::Error), 0, "{diagnostics}");
    assert_eq!(show(&model), expected);
}

fn show(model: &Model) -> Vec<String> {
    let shapes = model.shapes().iter().filter(|it| !it.traits.mixin);
    shapes
        .map(|it| {
            let members = it.members.iter().map(show_member).collect::<Vec<_>>();
            let more = match it.kind {
                ShapeKind::Service => {
                    let list = |property: Property| {
                        let references = it.references([property]);
                        let shown = references.map(|it| match &it.name {
                            Some(name) => format!("{}={name}", it.target.name()),
                            None => it.target.name().to_owned(),
                        });
                        shown.collect::<Vec<_>>().join(" ")
                    };
                    format!(
                        " {} [{}] [{}] [{}]",
                        it.version.clone().unwrap_or_default(),
                        list(Property::Operation),
                        list(Property::Error),
                        list(Property::Rename)
                    )
                }
                _ if members.is_empty() => String::new(),
                _ => format!(" {{ {} }}", members.join(", ")),
            };
            format!("{}{} {}{more}", show_traits(&it.traits), it.kind.name(), it.id.name())
        })
        .collect()
}

fn show_member(member: &Member) -> String {
    let Member { name, target, traits, .. } = member;
    format!("{}{name}: {}", show_traits(traits), target.name())
}

fn show_traits(traits: &Traits) -> String {
    let default = traits.default.as_ref().map(|it| match &it.value {
        DefaultValue::Null => "null".to_owned(),
        DefaultValue::Bool(value) => value.to_string(),
        DefaultValue::Number(text) => text.clone(),
        DefaultValue::String(text) => format!("{text:?}"),
        DefaultValue::EmptyList | DefaultValue::EmptyObject => "empty".to_owned(),
    });
    let length = traits.length.map(|it| format!("{:?}..{:?}", it.min, it.max));
    let shown = [
        traits.documentation.as_ref().map(|it| format!("doc({it})")),
        traits.required.then(|| "required".to_owned()),
        traits.sensitive.then(|| "sensitive".to_owned()),
        traits.deprecated.as_ref().map(|_| "deprecated".to_owned()),
        traits.unique_items.then(|| "uniqueItems".to_owned()),
        traits.enum_value.clone().map(|it| format!("value({it})")),
        traits.int_enum_value.map(|it| format!("value({it})")),
        length.map(|it| format!("length({it})")),
        default.map(|it| format!("default({it})")),
    ];
    shown.into_iter().flatten().map(|it| format!("@{it} ")).collect()
}

const MIXIN: &str = r#""smithy.api#mixin": {}"#;

#[test]
fn the_order_of_keys_means_nothing_and_that_of_members_is_kept() {
    let shape = r#""a#S": {
        "traits": { "smithy.api#documentation": "D" },
        "members": { "z": { "traits": {}, "target": "smithy.api#String" }, "a": { "target": "a#S" } },
        "type": "structure"
    }"#;
    check(&[("2", shape)], &["@doc(D) structure S { z: String, a: S }"]);
}

#[test]
fn applies_traits_to_shapes_and_members_wherever_they_stand() {
    let apply = r#"
        "a#S": { "type": "apply", "traits": { "smithy.api#sensitive": {} } },
        "a#S$b": { "type": "apply", "traits": { "smithy.api#required": {} } },
        "a#L$member": { "type": "apply", "traits": { "smithy.api#documentation": "D" } }"#;
    let shapes = r#"
        "a#S": { "type": "structure", "members": { "b": { "target": "smithy.api#String" } } },
        "a#L": { "type": "list", "member": { "target": "smithy.api#String" } }"#;
    let expected =
        ["@sensitive structure S { @required b: String }", "list L { @doc(D) member: String }"];
    check(&[("2", apply), ("2", shapes)], &expected);
}

#[test]
fn definitions_in_two_files_are_one_with_the_traits_of_both() {
    let one = r#""a#S": { "type": "structure", "members": {
        "b": { "target": "smithy.api#String", "traits": { "smithy.api#required": {} } } } }"#;
    let other = r#""a#S": { "type": "structure",
        "members": { "b": { "target": "smithy.api#String" } },
        "traits": { "smithy.api#documentation": "D" } }"#;
    check(&[("2", one), ("2", other)], &["@doc(D) structure S { @required b: String }"]);
}

#[test]
fn mixins_come_first_and_what_is_written_in_the_shape_wins() {
    let shapes = format!(
        r#"
        "a#S": {{
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
    let expected = "@doc(Two) @sensitive structure S \
        { base: String, @doc(S) @required one: String, two: String, own: Blob }";
    check(&[("2", &shapes)], &[expected]);
}

#[test]
fn what_is_applied_to_a_copied_member_stays_with_the_copy() {
    let shapes = format!(
        r#"
        "a#S$b": {{ "type": "apply", "traits": {{ "smithy.api#documentation": "S" }} }},
        "a#S": {{ "type": "structure", "mixins": [{{ "target": "a#M" }}] }},
        "a#T": {{ "type": "structure", "mixins": [{{ "target": "a#M" }}] }},
        "a#M": {{ "type": "structure", "members": {{ "b": {{ "target": "smithy.api#String",
            "traits": {{ "smithy.api#documentation": "M" }} }} }}, "traits": {{ {MIXIN} }} }},
        "a#M$b": {{ "type": "apply", "traits": {{ "smithy.api#required": {{}} }} }}"#
    );
    check(
        &[("2", &shapes)],
        &[
            "structure S { @doc(S) @required b: String }",
            "structure T { @doc(M) @required b: String }",
        ],
    );
}

#[test]
fn local_traits_of_a_mixin_are_not_copied() {
    let shapes = r#"
        "a#S": { "type": "structure", "mixins": [{ "target": "a#M" }] },
        "a#M": { "type": "structure", "traits": {
            "smithy.api#mixin": { "localTraits": ["smithy.api#documentation"] },
            "smithy.api#documentation": "M", "smithy.api#sensitive": {} } }"#;
    check(&[("2", shapes)], &["@sensitive structure S"]);
}

#[test]
fn every_type_of_shape_can_have_mixins() {
    let shapes = format!(
        r#"
        "a#E": {{ "type": "enum", "mixins": [{{ "target": "a#EM" }}], "members": {{ "B": {{ "target": "smithy.api#Unit" }} }} }},
        "a#EM": {{ "type": "enum", "members": {{ "A": {{ "target": "smithy.api#Unit" }} }}, "traits": {{ {MIXIN} }} }},
        "a#U": {{ "type": "union", "mixins": [{{ "target": "a#UM" }}] }},
        "a#UM": {{ "type": "union", "members": {{ "a": {{ "target": "a#L" }} }}, "traits": {{ {MIXIN} }} }},
        "a#L": {{ "type": "list", "mixins": [{{ "target": "a#LM" }}], "member": {{ "target": "a#E" }} }},
        "a#LM": {{ "type": "list", "member": {{ "target": "a#E" }}, "traits": {{ {MIXIN}, "smithy.api#length": {{ "max": 3 }} }} }},
        "a#V": {{ "type": "service", "mixins": [{{ "target": "a#VM" }}], "version": "2",
            "operations": [{{ "target": "a#P" }}, {{ "target": "a#O" }}], "rename": {{ "a#E": "X" }} }},
        "a#VM": {{ "type": "service", "version": "1", "operations": [{{ "target": "a#O" }}],
            "errors": [{{ "target": "a#F" }}], "rename": {{ "a#E": "Y", "a#L": "Z" }}, "traits": {{ {MIXIN} }} }}"#
    );
    check(
        &[("2", &shapes)],
        &[
            "enum E { @value(A) A: Unit, @value(B) B: Unit }",
            "union U { a: L }",
            "@length(None..Some(3)) list L { member: E }",
            "service V 2 [O P] [F] [E=X L=Z]",
        ],
    );
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
        r#""a#S": {{ "type": "structure", "mixins": [{{ "target": "a#M0" }}] }},
        "a#M10000": {{ "type": "structure", "members": {{ "a": {{ "target": "a#S" }} }}, "traits": {{ {MIXIN} }} }}"#
    );
    check(&[("2", &format!("{chain}{ends}"))], &["structure S { a: S }"]);
}

/// Smithy 2.0 spec, section "Upgrading from 1.0 to 2.0".
#[test]
fn numbers_of_version_1_are_there_unless_they_are_boxed() {
    let shapes = r#"
        "a#S": { "type": "structure", "members": {
            "boxed": { "target": "smithy.api#Integer" },
            "primitive": { "target": "smithy.api#PrimitiveInteger" },
            "both": { "target": "smithy.api#PrimitiveBoolean", "traits": { "smithy.api#box": {} } },
            "own": { "target": "a#Own" },
            "ownBoxed": { "target": "a#OwnBoxed" },
            "long": { "target": "smithy.api#Long", "traits": { "smithy.api#required": {} } } } },
        "a#Own": { "type": "integer" },
        "a#OwnBoxed": { "type": "integer", "traits": { "smithy.api#box": {} } }"#;
    let members = "boxed: Integer, @default(0) primitive: PrimitiveInteger, \
        @default(null) both: PrimitiveBoolean, @default(0) own: Own, ownBoxed: OwnBoxed, \
        @required long: Long";
    check(
        &[("1.0", shapes)],
        &[&format!("structure S {{ {members} }}"), "@default(0) integer Own", "integer OwnBoxed"],
    );
}

#[test]
fn each_file_is_read_by_the_rules_of_its_version() {
    let old = r#"
        "a#Old": { "type": "structure", "members": { "n": { "target": "a#Number" } } },
        "a#Set": { "type": "set", "member": { "target": "smithy.api#String" } }"#;
    let new = r#"
        "a#New": { "type": "structure", "members": { "n": { "target": "a#Number" } } },
        "a#Number": { "type": "integer" }"#;
    check(
        &[("1.0", old), ("2.0", new)],
        &[
            "structure Old { n: Number }",
            "@uniqueItems list Set { member: String }",
            "structure New { n: Number }",
            "integer Number",
        ],
    );
}

#[test]
fn a_string_with_the_trait_enum_is_an_enum() {
    let shapes = r#"
        "a#Named": { "type": "string", "traits": { "smithy.api#enum": [
            { "name": "A", "value": "a", "documentation": "D" },
            { "name": "B", "value": "b b", "deprecated": true }] } },
        "a#Bare": { "type": "string", "traits": { "smithy.api#enum": [
            { "value": "t2.nano" }, { "value": "2xlarge" }, { "value": "T2_nano" }, { "value": "+" }] } }"#;
    check(
        &[("1.0", shapes)],
        &[
            "enum Named { @doc(D) @value(a) A: Unit, @deprecated @value(b b) B: Unit }",
            "enum Bare { @value(t2.nano) t2_nano: Unit, @value(2xlarge) _2xlarge: Unit, \
             @value(T2_nano) T2_nano_3: Unit, @value(+) VALUE: Unit }",
        ],
    );
}

#[test]
fn an_enum_value_is_the_name_where_there_is_no_other() {
    let shapes = r#"
        "a#E": { "type": "enum", "members": {
            "A": { "target": "smithy.api#Unit" },
            "B": { "target": "smithy.api#Unit", "traits": { "smithy.api#enumValue": "b" } } } },
        "a#I": { "type": "intEnum", "members": {
            "A": { "target": "smithy.api#Unit", "traits": { "smithy.api#enumValue": -1 } } } }"#;
    check(
        &[("2", shapes)],
        &["enum E { @value(A) A: Unit, @value(b) B: Unit }", "intEnum I { @value(-1) A: Unit }"],
    );
}
