//! Tests with any text: the reader ends, and does not panic.

use proptest::prelude::*;

use super::*;

/// Reads a text in both formats.
fn read_any(text: &str) {
    for file in ["x.yaml", "x.json"] {
        let (_, diagnostics) = Recipe::read(Path::new(file), text, &linux());
        for it in diagnostics {
            assert!(!it.to_string().is_empty());
        }
    }
}

/// Text made of the tokens of both formats, most of it invalid.
fn tokens() -> impl Strategy<Value = String> {
    let words = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ": ",
        ",",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "\"",
        "'",
        "#",
        "|",
        ">",
        "&a ",
        "*a",
        "!!str ",
        "? ",
        "%",
        "---\n",
        "...\n",
        "\t",
        "\\",
        "\u{feff}",
        "\u{2028}",
        "é",
        "\0",
        "1",
        "-1.5",
        "null",
        "RecipeFormatVersion",
        "ComponentName",
        "Manifests",
        "Lifecycle",
        "Run",
        "Skipif",
        "exists x",
        "Platform",
        "Selections",
        "all",
        "{artifacts:path}",
        "Artifacts",
        "Uri",
        "s3://b/f",
        "<<",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..60).prop_map(|it| it.concat())
}

fn value() -> impl Strategy<Value = Value> {
    let names = [
        "RecipeFormatVersion",
        "ComponentName",
        "ComponentVersion",
        "ComponentType",
        "ComponentConfiguration",
        "DefaultConfiguration",
        "accessControl",
        "ComponentDependencies",
        "VersionRequirement",
        "DependencyType",
        "Manifests",
        "Platform",
        "os",
        "Selections",
        "Lifecycle",
        "Setenv",
        "Install",
        "Run",
        "Script",
        "Timeout",
        "Skipif",
        "Artifacts",
        "Uri",
        "Unarchive",
        "Permission",
        "Read",
        "all",
        "a",
    ];
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(names.to_vec()).prop_map(Value::from),
    ];
    scalar.prop_recursive(8, 64, 8, move |inner| {
        let key = prop_oneof![4 => prop::sample::select(names.to_vec()).prop_map(str::to_owned), 1 => any::<String>()];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..8)
                .prop_map(|it| Value::Object(it.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_read(text in any::<String>()) {
        read_any(&text);
    }

    #[test]
    fn any_tokens_are_read(text in tokens()) {
        read_any(&text);
        read_any(&format!("{START}{text}"));
    }

    #[test]
    fn any_json_has_its_value(value in value()) {
        let text = value.to_string();
        read_any(&text);
        let mut report = diagnostic::Report::new(Path::new("x.json"));
        let node = document::parse(Format::Json, &text, &mut report);
        prop_assert_eq!(node.map(|it| it.to_value()), serde_json::from_str(&text).ok());
        let (_, found) = Recipe::read(Path::new("x.json"), &format!("{value:#}"), &linux());
        prop_assert!(found.iter().all(|it| it.position.is_some()), "{:?}", found);
    }

    #[test]
    fn json_is_accepted_as_serde_json_does(text in tokens()) {
        let mut report = diagnostic::Report::new(Path::new("x.json"));
        let is_read = document::parse(Format::Json, &text, &mut report).is_some();
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        prop_assert_eq!(is_read, serde_json::from_str::<Value>(text).is_ok());
    }
}

#[test]
fn nesting_and_size_are_limited() {
    for (text, message) in [
        ("[".repeat(200) + &"]".repeat(200), "x.yaml:1:101: error: nested deeper than 100 levels"),
        ("- ".repeat(200), "x.yaml:1:201: error: nested deeper than 100 levels"),
        ("x".repeat(2 << 20), "x.yaml: error: a recipe has at most 1048576 bytes, this has more"),
    ] {
        let (recipe, found) = Recipe::read(Path::new("x.yaml"), &text, &linux());
        assert!(recipe.is_none());
        assert_eq!(found[0].to_string(), message);
    }
    let text = "[".repeat(120) + &"]".repeat(120);
    let (_, found) = Recipe::read(Path::new("x.json"), &text, &linux());
    assert_eq!(found[0].to_string(), "x.json:1:101: error: nested deeper than 100 levels");
    read_any(&"[".repeat(100_000));
    read_any(&"{\"a\":".repeat(100_000));
}

/// In superlinear time, these would take minutes.
#[test]
fn repetitions_are_read_in_linear_time() {
    let lists = "a: &a [x,x]\n".to_owned() + "b: &b [*a,*a]\n";
    let numbered = |line: &str| (0..10_000).map(|it| line.replace('N', &it.to_string())).collect();
    let cases: [String; 20] = [
        lists.repeat(5_000),
        "[".repeat(50_000),
        "- ".repeat(50_000),
        "? ".repeat(50_000),
        "a: ".repeat(50_000),
        format!("[{}]", "a,".repeat(20_000)),
        format!("{{{}}}", "a: b,".repeat(20_000)),
        numbered("kN: v\n"),
        numbered("kN: &aN v\n"),
        "k: v\n".repeat(20_000),
        "a: b".to_owned() + &"\n  c".repeat(20_000),
        "a: \"".to_owned() + &"c\\n\n ".repeat(20_000),
        "%TAG ! tag:x\n".repeat(20_000),
        "{a:b}".repeat(20_000),
        "a: {a:b}x\n".repeat(20_000),
        "a".repeat(50_000) + ": b",
        format!("{START}Manifests:\n{}Lifecycle: {{Run: x}}", numbered("- {Selections: [aN]}\n")),
        format!("{START}Manifests:\n- Lifecycle:\n    Setenv:\n{}", numbered("      kN: v\n")),
        format!("[{}0]", "0,".repeat(50_000)),
        format!("{{{}\"x\":1}}", numbered("\"aN\":0,")),
    ];
    for text in cases {
        read_any(&text);
    }
}
