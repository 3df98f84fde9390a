//! Models that could exhaust resources: no panic, no stack overflow, and time and memory in proportion to the size. A
//! test thread has 2 MiB of stack, and a step with quadratic time would take too long.

use codegen::{Config, Diagnostics, Generated, Source, generate};

#[track_caller]
fn run(shapes: &str) -> Result<Generated, Diagnostics> {
    let json = format!(
        r#"{{"smithy": "2.0", "shapes": {{
        "a#S": {{"type": "service", "operations": [{{"target": "a#O"}}]}},
        "a#O": {{"type": "operation", "input": {{"target": "a#In"}}, "output": {{"target": "a#Out"}}}},
        "a#Out": {{"type": "structure"}},
        {shapes} }} }}"#
    );
    generate(&Config::new("hostile"), &[Source { path: "model.json", json: &json }])
}

#[track_caller]
fn check_accepted(shapes: &str) -> Generated {
    run(shapes).unwrap_or_else(|error| panic!("{}", &error.to_string()[..1_000]))
}

#[track_caller]
fn check_refused(shapes: &str, reason: &str) {
    let errors = run(shapes).expect_err("it is refused");
    assert!(errors.iter().any(|it| it.message.contains(reason)), "{}", errors.to_string());
}

/// `text` for each number below `count`, with the number in place of `#`.
fn repeat(count: usize, text: impl Fn(usize) -> String) -> String {
    (0..count).map(text).collect::<Vec<_>>().join(",\n")
}

const IN: &str = r#""a#In": {"type": "structure"}"#;

#[test]
fn values_that_are_nested_deep() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [90, 101, 127, 128, 100_000] {
            let value = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let shapes = format!(
                r#""a#In": {{"type": "structure", "traits": {{"my.own#trait": {value}}}}}"#
            );
            match depth {
                90 => drop(check_accepted(&shapes)),
                _ => check_refused(&shapes, "nested deeper than"),
            }
        }
    }
}

#[test]
fn documentation_of_a_megabyte_of_anything() {
    let long = ["a b ", "\\n", "[", "<http", "`", "</b>"];
    let short = [
        "a",
        "\\r",
        "\\t",
        "](",
        "<",
        "<b>",
        "<ul><li>",
        "<!--",
        "&",
        "&amp;",
        "```\\n",
        "*",
        "_",
        "~",
        "|",
        "#",
        ">",
        "> ",
        "\\\\",
        "    a\\n",
        "- \\n",
        "1. ",
        "http://a ",
        "[a:",
        "ü",
        "\\u202e",
    ];
    let long = long.into_iter().map(|it| (it, 1_000_000));
    for (part, length) in long.chain(short.into_iter().map(|it| (it, 50_000))) {
        let text = part.repeat(length / part.len());
        let shapes = format!(
            r#""a#In": {{"type": "structure", "traits": {{"smithy.api#documentation": "{text}"}}}}"#
        );
        check_accepted(&shapes);
    }
}

#[test]
fn more_cycles_than_can_be_counted() {
    let members = |_| repeat(60, |it| format!(r#""m{it}": {{"target": "a#N{it}"}}"#));
    let shapes = repeat(60, |index| {
        format!(r#""a#N{index}": {{"type": "structure", "members": {{{}}}}}"#, members(index))
    });
    let first = r#""a#In": {"type": "structure", "members": {"a": {"target": "a#N0"}}}"#;
    check_accepted(&format!("{first}, {shapes}"));
}

#[test]
fn a_chain_of_structures_longer_than_the_stack_is_deep() {
    let shapes = repeat(20_000, |index| {
        format!(
            r#""a#N{index}": {{"type": "structure", "members": {{"m": {{"target": "a#N{}"}}}}}}"#,
            index + 1
        )
    });
    let ends = r#""a#In": {"type": "structure"}, "a#N20000": {"type": "structure"}"#;
    check_accepted(&format!("{ends}, {shapes}"));
    let lists = repeat(20_000, |index| {
        format!(r#""a#L{index}": {{"type": "list", "member": {{"target": "a#L{}"}}}}"#, index + 1)
    });
    let ends = r#""a#In": {"type": "structure", "members": {"a": {"target": "a#L0"}}}, "a#L20000": {"type": "string"}"#;
    check_refused(&format!("{ends}, {lists}"), "nested deeper");
}

#[test]
fn mixins_that_double_at_every_step() {
    let shapes = repeat(300, |index| {
        let below = format!(r#"{{"target": "a#M{}"}}"#, index + 1);
        format!(
            r#""a#M{index}": {{"type": "structure", "mixins": [{below}, {below}], "traits": {{"smithy.api#mixin": {{}}}},
            "members": {{"m{index}": {{"target": "smithy.api#String"}}}}}}"#
        )
    });
    let ends = r#""a#In": {"type": "structure", "mixins": [{"target": "a#M0"}]},
        "a#M300": {"type": "structure", "traits": {"smithy.api#mixin": {}}}"#;
    check_accepted(&format!("{ends}, {shapes}"));
    let shapes = shapes.replace(
        "\"members\": {",
        &format!(
            "\"members\": {{{},",
            repeat(20, |it| { format!(r#""x{it}": {{"target": "smithy.api#String"}}"#) })
        ),
    );
    let more = shapes.replace("#M", "#N").replace("\"x", "\"y");
    let _ = run(&format!("{ends}, {shapes}, {more}"));
    let service = repeat(3_000, |index| {
        format!(
            r#""a#M{index}": {{"type": "structure", "mixins": [{{"target": "a#M{}"}}], "traits": {{"smithy.api#mixin": {{}}}},
            "members": {{"m{index}": {{"target": "smithy.api#String"}}}}}}"#,
            index + 1
        )
    });
    let ends = ends.replace("M300", "M3000");
    check_refused(&format!("{ends}, {service}"), "mixins copy more than");
}

#[test]
fn very_many_members_values_traits_and_references() {
    let members = repeat(3_000, |it| format!(r#""m{it}": {{"target": "smithy.api#String"}}"#));
    check_accepted(&format!(r#""a#In": {{"type": "structure", "members": {{{members}}}}}"#));
    let values = repeat(20_000, |it| format!(r#""V{it}": {{"target": "smithy.api#Unit"}}"#));
    check_accepted(&format!(r#"{IN}, "a#E": {{"type": "enum", "members": {{{values}}}}}"#));
    let traits = repeat(20_000, |it| format!(r#""my.own#t{it}": {{}}"#));
    let shape = format!(r#""a#In": {{"type": "structure", "traits": {{{traits}}}}}"#);
    check_refused(&shape, "more than 500 traits");
    let applies = repeat(20_000, |index| {
        format!(
            r#""a#In$m{index}": {{"type": "apply", "traits": {{"smithy.api#required": {{}}}}}}"#
        )
    });
    check_refused(&format!("{IN}, {applies}"), "apply target a#In$m0 is not defined");
    let list = repeat(20_000, |it| format!(r#"{{"target": "a#Nope{it}"}}"#));
    check_refused(
        &format!(r#"{IN}, "a#T": {{"type": "service", "operations": [{list}]}}"#),
        "target a#Nope0 is not defined",
    );
    let twice = repeat(20_000, |_| r#"{"target": "a#O"}"#.to_owned());
    let service = format!(r#"{IN}, "a#T": {{"type": "service", "operations": [{twice}]}}"#);
    check_refused(&service, "the model has 2 services");
}

#[test]
fn very_many_names_that_become_the_same() {
    // One or two underscores at each of twelve places.
    let name = |index: usize| {
        let gap = |place: usize| if index >> place & 1 == 0 { "_" } else { "__" };
        (0..12).map(|place| format!("a{}", gap(place))).collect::<String>()
    };
    let members =
        repeat(1 << 12, |it| format!(r#""{}b": {{"target": "smithy.api#Unit"}}"#, name(it)));
    let shapes = format!(
        r#""a#In": {{"type": "structure", "members": {{"e": {{"target": "a#E"}}}}}},
        "a#E": {{"type": "enum", "members": {{{members}}}}}"#
    );
    let generated = check_accepted(&shapes);
    assert_eq!(generated.warnings.count(codegen::Severity::Warning), (1 << 12) - 1);
}

#[test]
fn names_that_no_file_can_have() {
    let long = "A".repeat(1_000_000);
    let shapes = format!(
        r#""a#In": {{"type": "structure", "members": {{"a": {{"target": "a#{long}"}}}}}}, "a#{long}": {{"type": "structure"}}"#
    );
    check_refused(&shapes, "1000000 characters");
    let misspelt = shapes.replace("A\"}", "B\"}");
    check_refused(&misspelt, "is not defined");
    let member = format!(
        r#""a#In": {{"type": "structure", "members": {{"{long}": {{"target": "smithy.api#String"}}}}}}"#
    );
    check_accepted(&member);
}

#[test]
fn the_same_key_very_often() {
    let keys = repeat(50_000, |index| {
        format!(r#""a#K": {{"type": "string", "traits": {{"my.own#t": {index}}}}}"#)
    });
    check_refused(&format!("{IN}, {keys}"), "occurs twice");
}
