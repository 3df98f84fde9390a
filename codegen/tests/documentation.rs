//! Sanitizing of documentation in CommonMark and HTML.

use crate::support::{Folder, Workspace};
use codegen::{Config, Generated};
use serde_json::json;
use test_util::Random;

/// The crate of a service with this documentation, and with an enum `Thing` whose values have these documentations.
#[track_caller]
fn generated(service: &str, values: &[&str]) -> Generated {
    let values = values.iter().enumerate().map(|(index, text)| {
        let traits = json!({"smithy.api#documentation": text});
        (format!("V{index}"), json!({"target": "smithy.api#Unit", "traits": traits}))
    });
    let values: serde_json::Map<_, _> = values.collect();
    let model = json!({"smithy": "2.0", "shapes": {
        "a#S": {
            "type": "service",
            "version": "1",
            "operations": [{"target": "a#O"}],
            "traits": {"smithy.api#documentation": service},
        },
        "a#O": {"type": "operation", "input": {"target": "a#In"}},
        "a#In": {"type": "structure", "members": {"shape": {"target": "a#Thing"}}},
        "a#Thing": {"type": "enum", "members": values},
    }});
    crate::support::generated(&Config::new("documented"), &model.to_string())
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let generated = generated(text, &["A value."]);
    let library = generated.files.iter().find(|it| it.path == "lib.rs").expect("there is one");
    let lines = library.contents.lines().filter_map(|it| it.strip_prefix("//!"));
    let lines: Vec<_> = lines.map(|it| it.strip_prefix(' ').unwrap_or(it)).collect();
    let found = lines.join("\n");
    let found = found.split("\n\n# Quick start").next().unwrap();
    // Documentation that begins with code gets a first sentence.
    let found = if expected.starts_with("```") {
        found.strip_prefix("The service `a#S`.\n\n").expect("a sentence")
    } else {
        found
    };
    assert_eq!(found, expected);
}

#[test]
fn text_that_rustdoc_would_interpret_is_escaped() {
    check("see [Foo] and <Bar>", "see \\[Foo\\] and \\<Bar>");
    check("see \\[Foo] and \\<b>", "see \\[Foo\\] and \\<b>");
    check("`[Foo]` is `<T>`, ``a ` b`` too", "`[Foo]` is `<T>`, ``a ` b`` too");
    check(
        "an [AWS page](https://aws.amazon.com/x) and [not](here)",
        "an [AWS page](https://aws.amazon.com/x) and \\[not\\](here)",
    );
    check("[a\\](http://b.cd)", "\\[a\\](<http://b.cd>)");
    check("an open ` tick, and `` two", "an open \\` tick, and \\`\\` two");
    check(
        "go to https://x.y/z?a=b, or (http://q.r). https://x.y/a(b)",
        "go to <https://x.y/z?a=b>, or (<http://q.r>). <https://x.y/a(b)>",
    );
    check("<https://x.y> http:// h", "<https://x.y> http:// h");
}

#[test]
fn tags_within_lines_are_kept_and_closed() {
    check(
        "<b>bold</b> <code>a[0]</code> <a href=\"https://x.y\">z</a><br>w",
        "<b>bold</b> <code>a\\[0\\]</code> <a href=\"https://x.y\">z</a><br>w",
    );
    check("<b>a <i>b</b> c</i> <em>d", "<b>a <i>b</i></b> c\\</i> <em>d</em>");
    check("<b>\n`</b>`", "<b> `</b>`</b>");
    check("`<p>` is code", "`<p>` is code");
}

#[test]
fn code_blocks_are_not_doc_tests() {
    check("```\nlet x;\n```", "```text\nlet x;\n```");
    check("```json\n{\n", "```json\n{\n```");
    check("~~~ rust,no_run\nx\n```\n~~~\ny", "````text\nx\n```\n````\ny");
    check("a\n\n    let x;\n\n      y\n\nb", "a\n\n```text\nlet x;\n\n  y\n```\n\nb");
    check("    x", "```text\nx\n```");
    check("- a\n\n      code\n", "- a\n\n  ```text\n  code\n  ```");
    check("- ```\n  code\n  ```\n- b", "- ```text\n  code\n  ```\n- b");
    check("a\n    b", "a\nb");
}

#[test]
fn lists_are_indented_as_the_lints_require() {
    check("* a\nb\n* c\n    * d\n\n      e\n\nf", "* a\n  b\n* c\n  * d\n\n    e\n\nf");
    check("1. a\n   b\n10) c", "1. a\n   b\n10) c");
    check("- - -\n**b** c", "- - -\n**b** c");
    check("- - a\nb", "- - a\n    b");
    check(&format!("{}a", "- ".repeat(9)), &format!("{}\\- a", "- ".repeat(8)));
}

#[test]
fn every_line_of_a_quote_has_its_mark() {
    check("> a\nb\n\nc", "> a\n> b\n\nc");
    check(">a\n> > b\n> c\n# d", "> a\n> > b\n> > c\n\n# d");
    check("> - a\n> b\nc\n- d", "> - a\n>   b\n>   c\n\n- d");
    check("- > a\nb\n- c", "- > a\n  > b\n\n- c");
    check("> ```\n> [a]\n> ```\n\nb", "> ```text\n> [a]\n> ```\n\nb");
    check("- a\n> b\n- c\n# d", "- a\n> b\n\n- c\n# d");
    check(&format!("{}a", ">".repeat(10)), &format!("{}\\>>a", "> ".repeat(8)));
}

#[test]
fn code_spans_that_name_a_shape_are_links() {
    let definition = "\n\n[`Thing`]: crate::types::Thing";
    check("a `Thing`, not a `Things`", &format!("a [`Thing`], not a `Things`{definition}"));
    check("`Thing`: what it is for", &format!("[`Thing`]: what it is for{definition}"));
    // This would be the definition of a link.
    check("`Thing`: word", "`Thing`: word");
    check("`Thing`: word \"and more words\"", "`Thing`: word \"and more words\"");
    check("```\n`Thing`\n```", "```text\n`Thing`\n```");
}

#[test]
fn long_lines_are_broken_under_their_text() {
    let words = "word ".repeat(30).trim_end().to_owned();
    let line = "word ".repeat(18).trim_end().to_owned();
    let rest = "word ".repeat(12).trim_end().to_owned();
    check(&format!("- {words}"), &format!("- {line}\n  {rest}"));
    check(&format!("> > 1. {words}"), &format!("> > 1. {}\n> >    word {rest}", &line[5..]));
    check(&format!("{line} word - {rest}"), &format!("{line} word -\n{rest}"));
    check(&format!("| {words}"), &format!("| {words}"));
}

#[test]
fn html_is_kept() {
    check("<p>One\n   two.</p><p>Three</p>\n", "<p>One two.</p>\n\n<p>Three</p>");
    check("<p>a <b> bold</b> [x]<p>`b`", "<p>a <b> bold</b> [x]</p>\n\n<p>`b`</p>");
    check("a<ul><li>b<li>c</ul>d", "<p>a</p>\n\n<ul>\n<li>b\n<li>c</li></li></ul>\n\n<p>d</p>");
    check(
        "<p CLASS='x'>see <a target=\"_\" href=\"https://x.y/?a=1&b=2\">it</a>, <a href='#x'>y</a></p>",
        "<p>see <a href=\"https://x.y/?a=1&b=2\">it</a>, <code>y</code></p>",
    );
    check(
        "<p>1 < 2 <componentName></i> <!-- \n\n no --></p></p>",
        "<p>1 &lt; 2 &lt;componentName> </p>",
    );
    check("<script>x < y\n\n</script><p>z</p><!-- no", "<p>z</p>");
    check("<pre>a\n\n  <b>b</b></pre>c", "<pre>a<br><br>  <b>b</b></pre>\n\n<p>c</p>");
    check(
        "<fullname>T</fullname><note><p>mind</p></note>",
        "<div>T</div>\n\n<div class=\"warning\">\n<p>mind</p></div>",
    );
}

#[test]
fn the_example_of_an_operation_sets_what_is_required() {
    let member = |target: &str| json!({"target": target, "traits": {"smithy.api#required": {}}});
    let model = json!({"smithy": "2.0", "shapes": {
        "a#S": {"type": "service", "version": "1", "operations": [{"target": "a#O"}]},
        "a#O": {"type": "operation", "input": {"target": "a#In"}},
        "a#In": {"type": "structure", "members": {
            "empty": member("a#Gap"),
            "lists": member("a#Lists"),
            "map": member("a#Map"),
            "other": {"target": "smithy.api#String"},
        }},
        "a#Gap": {"type": "structure"},
        "a#Lists": {"type": "list", "member": {"target": "a#List"}},
        "a#List": {"type": "list", "member": {"target": "smithy.api#String"}},
        "a#Map": {
            "type": "map",
            "key": {"target": "smithy.api#String"},
            "value": {"target": "smithy.api#Blob"},
        },
    }});
    let files = crate::support::generated(&Config::new("shown"), &model.to_string()).files;
    let operation = files.iter().find(|it| it.path == "operation/o.rs").expect("there is one");
    let example = [
        "    .o()",
        "    .empty(Gap::default())",
        "    .lists([vec![\"lists\".into()]])",
        "    .map([(\"map\", \"map\")])",
        "    .send()",
    ];
    let example: String = example.iter().map(|it| format!("/// {it}\n")).collect();
    assert!(operation.contents.contains(&example), "{}", operation.contents);
    let folder = Folder::new("shown");
    let mut workspace = Workspace::new(&folder);
    workspace.add("shown", files.iter().map(|it| (&*it.path, &*it.contents)));
    workspace.check_examples();
}

#[test]
fn the_example_of_an_operation_is_the_first_one_in_the_model_that_shows_no_error() {
    let target = |target: &str| json!({"target": target});
    let model = json!({"smithy": "2.0", "shapes": {
        "a#S": {"type": "service", "version": "1", "operations": [target("a#O")]},
        "a#O": {"type": "operation", "input": target("a#In"), "errors": [target("a#E")], "traits": {
            "smithy.api#examples": [
                {"title": "It fails", "error": {"shapeId": "a#E"}},
                {"title": "Turns it on.", "documentation": "A `In` with <all>", "input": {
                    "bool": false,
                    "bytes": "AP8=",
                    "choice": {"b": {"s": "x"}},
                    "color": "r",
                    "document": {"a": [1, 5_000_000_000_i64, 0.5, null, "\"", {}], "b": true},
                    "double": 2,
                    "empty": [],
                    "json": "eyJhIjoxfQ==",
                    "map": {"k": {"s": "v"}},
                    "number": 1_000_000_000_000_i64,
                    "pem": "-----BEGIN X-----\nAA==\n-----END X-----\n",
                    "sparse": [null, "x"],
                    "text": "é\n\"",
                    "time": 1,
                }},
                {"title": "Another"},
            ],
        }},
        "a#E": {"type": "structure", "traits": {"smithy.api#error": "client"}},
        "a#In": {"type": "structure", "members": {
            "bool": target("smithy.api#Boolean"),
            "bytes": target("smithy.api#Blob"),
            "choice": target("a#Choice"),
            "color": target("a#Color"),
            "document": target("smithy.api#Document"),
            "double": target("smithy.api#Double"),
            "empty": target("a#Sparse"),
            "json": target("smithy.api#Blob"),
            "map": target("a#Map"),
            "number": target("smithy.api#BigInteger"),
            "pem": {"target": "smithy.api#String", "traits": {"smithy.api#jsonName": "p"}},
            "sparse": target("a#Sparse"),
            "text": target("smithy.api#String"),
            "time": target("smithy.api#Timestamp"),
        }},
        "a#Choice": {"type": "union", "members": {
            "a": target("smithy.api#String"), "b": target("a#T"), "c": target("a#T"),
        }},
        "a#Color": {"type": "enum", "members": {
            "GREEN": {"target": "smithy.api#Unit", "traits": {"smithy.api#enumValue": "g"}},
            "RED": {"target": "smithy.api#Unit", "traits": {"smithy.api#enumValue": "r"}},
        }},
        "a#Map": {"type": "map", "key": target("smithy.api#String"), "value": target("a#T")},
        "a#Sparse": {
            "type": "list",
            "member": target("smithy.api#String"),
            "traits": {"smithy.api#sparse": {}},
        },
        "a#T": {"type": "structure", "members": {"s": target("smithy.api#String")}},
    }});
    let files = crate::support::generated(&Config::new("given"), &model.to_string()).files;
    let operation = files.iter().find(|it| it.path == "operation/o.rs").expect("there is one");
    let example = [
        "# Example",
        "",
        "Turns it on. A `In` with \\<all>.",
        "",
        "```no_run",
        "# #[cfg(feature = \"tokio\")]",
        "# async fn example(client: given::Client) -> Result<(), Box<dyn std::error::Error>> {",
        "use given::types::Choice;",
        "use given::types::Color;",
        "use given::types::T;",
        "",
        "let response = client",
        "    .o()",
        "    .bool(false)",
        "    .bytes(b\"\\0\\xFF\")",
        "    .choice(Choice::B(T::builder().s(\"x\").build()))",
        "    .color(Color::Red)",
        r##"    .document(serde_json::json!({ "a": [1, 5000000000i64, 0.5, null, r#"""#, {}], "b": true }))"##,
        "    .double(2.0)",
        "    .set_empty(Some(Default::default()))",
        r##"    .json(r#"{"a":1}"#)"##,
        "    .map([(\"k\", T::builder().s(\"v\").build())])",
        "    .number(1000000000000i64)",
        "    .pem(\"-----BEGIN X-----",
        "AA==",
        "-----END X-----",
        "\")",
        "    .sparse([None, Some(\"x\".into())])",
        "    .text(\"é\\n\\\"\")",
        "    .time(std::time::SystemTime::now())",
        "    .send()",
    ];
    let comment = |it: &&str| format!("///{}{it}\n", if it.is_empty() { "" } else { " " });
    let example: String = example.iter().map(comment).collect();
    assert!(operation.contents.contains(&example), "{}", operation.contents);
    let folder = Folder::new("given");
    let mut workspace = Workspace::new(&folder);
    workspace.add("given", files.iter().map(|it| (&*it.path, &*it.contents)));
    workspace.check_examples();
}

#[test]
fn only_invented_examples_are_left_out_if_they_are_long() {
    let target = |target: &str| json!({"target": target});
    let given = json!([{"title": "Many", "input": {"items": vec![json!({"n": 1}); 20]}}]);
    let model = json!({"smithy": "2.0", "shapes": {
        "a#S": {"type": "service", "version": "1", "operations": [target("a#O")]},
        "a#O": {
            "type": "operation", "input": target("a#In"), "traits": {"smithy.api#examples": given},
        },
        "a#In": {"type": "structure", "members": {"items": target("a#Items")}},
        "a#Items": {"type": "list", "member": target("a#Item")},
        "a#Item": {"type": "structure", "members": {"n": target("smithy.api#Integer")}},
    }});
    let files = crate::support::generated(&Config::new("long"), &model.to_string()).files;
    let operation = files.iter().find(|it| it.path == "operation/o.rs").expect("there is one");
    assert_eq!(operation.contents.matches("Item::builder().n(1).build()").count(), 20);
}

/// rustdoc and Clippy report no warning, and no doc test fails.
#[test]
fn no_text_causes_a_warning() {
    let parts = [
        "a",
        "[Foo]",
        "[a](b)",
        "[a]: b",
        "`Thing`",
        "`",
        "``",
        "```",
        "~~~",
        "    let x = 1;",
        "- a",
        "1. b",
        "> c",
        "# d",
        "| e | f |",
        "| - | - |",
        "---",
        "<b>",
        "</b>",
        "<p>",
        "</li>",
        "<Vec<u8>>",
        "<br/>",
        "http://a.bc",
        "https://d.ef.",
        "\\",
        "\\[",
        "*",
        "_",
        "&",
        "\u{202e}",
        "<!--",
        "-->",
        "\t",
        "\u{a0}",
    ];
    let mut texts = Vec::new();
    for first in parts {
        for second in parts {
            let lines = format!("{first}\n{second}\n\n  {first}\n      {second}\ny");
            texts.push(format!("{first} {second}\n\n{lines}"));
        }
    }
    // The same parts in any order.
    let mut random = Random::new(1);
    let gaps = ["", "", " ", "\n", "\n\n", "    "];
    for _ in 0..1_000 {
        let len = 1 + random.below(20);
        let piece = |_| format!("{}{}", random.pick(&parts), random.pick(&gaps));
        texts.push((0..len).map(piece).collect());
    }
    let texts: Vec<_> = texts.iter().map(|it| &**it).collect();
    let folder = Folder::new("documented");
    let mut workspace = Workspace::new(&folder);
    let files = generated("A service.", &texts).files;
    workspace.add("documented", files.iter().map(|it| (&*it.path, &*it.contents)));
    workspace.check_documentation();
    workspace.check_examples();
}
