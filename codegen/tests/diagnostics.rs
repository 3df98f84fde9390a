//! The text of each diagnostic. The models and the expected texts are in `diagnostics/`.
//!
//! `UPDATE_GOLDEN=1 cargo test -p codegen diagnostics` rewrites the texts.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::support::{check_golden, tests};
use codegen::{Config, Diagnostics, Severity, Source, generate};

#[test]
fn each_case_has_the_expected_text() {
    let cases = cases();
    assert!(cases.len() > 60, "the cases are in tests/diagnostics");
    for case in cases {
        let found = diagnostics(&case.files).render(codegen::Color::Never) + "\n";
        check_golden(&format!("diagnostics/{}.txt", case.name), &found);
    }
}

/// Cases with a diagnostic about the model as a whole, or about a file without shapes.
const WITHOUT_A_SHAPE: [&str; 12] = [
    "file-twice",
    "metadata-conflict",
    "not-a-model",
    "not-json",
    "not-json-end",
    "not-json-escape",
    "service-none",
    "shapes-not-an-object",
    "too-deep",
    "version-missing",
    "version-not-a-string",
    "version-unknown",
];

#[test]
fn each_diagnostic_has_position_shape_and_hint() {
    for case in cases() {
        let diagnostics = diagnostics(&case.files);
        assert!(!diagnostics.is_empty(), "{}", case.name);
        for diagnostic in diagnostics.iter() {
            let says = format!("{}: {}", case.name, diagnostic.message);
            assert!(diagnostic.hint.is_some(), "no hint: {says}");
            assert_eq!(
                diagnostic.position.is_none(),
                case.name == "service-none",
                "position: {says}"
            );
            let is_about_shape = !WITHOUT_A_SHAPE.contains(&&*case.name);
            assert_eq!(diagnostic.shape.is_some(), is_about_shape, "shape: {says}");
        }
    }
}

#[test]
fn errors_come_before_warnings_and_both_in_the_order_of_the_files() {
    for case in cases() {
        let diagnostics = diagnostics(&case.files);
        let key = |diagnostic: &codegen::Diagnostic| {
            let position =
                diagnostic.position.as_ref().map(|it| (it.path.clone(), it.line, it.column));
            (diagnostic.severity == Severity::Warning, position)
        };
        let keys: Vec<_> = diagnostics.iter().map(key).collect();
        assert!(keys.is_sorted(), "{}: {keys:?}", case.name);
    }
}

#[test]
fn color_does_not_change_the_text() {
    let case = cases().into_iter().find(|it| it.name == "target-dangling").unwrap();
    let diagnostics = diagnostics(&case.files);
    let coloured = diagnostics.render(codegen::Color::Ansi);
    assert!(coloured.starts_with("\x1b[1;31merror\x1b[0m"), "{coloured:?}");
    let mut plain = String::new();
    let mut rest = &*coloured;
    while let Some((before, escape)) = rest.split_once('\x1b') {
        plain.push_str(before);
        rest = escape.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, diagnostics.to_string());
}

#[test]
fn a_model_in_one_line_is_shown_in_part() {
    let padding = "x".repeat(100_000);
    let json = format!(
        r#"{{"smithy": "2.0", "metadata": {{"ü": "{padding}"}}, "shapes": {{"a#B": {{"type": "strng"}}, "a#C": {{"type": "string", "traits": {{"smithy.api#documentation": "{padding}"}}}}}}}}"#
    );
    let sources = [Source { path: "model.json", json: &json }];
    let diagnostics = generate(&Config::new("example"), &sources).unwrap_err();
    let text = diagnostics.to_string();
    let column = json[..json.find("\"strng\"").unwrap()].chars().count() + 1;
    assert!(text.contains(&format!("model.json:1:{column}\n")), "{text}");
    assert!(text.len() < 1_000, "{text}");
    let lines: Vec<_> = text.lines().collect();
    let (excerpt, caret) = (lines[3], lines[4]);
    assert_eq!(&excerpt[caret.find('^').unwrap()..][..7], "\"strng\"");
}

struct Case {
    name: String,
    /// The name and text of each model file.
    files: Vec<(String, String)>,
}

/// The cases: each file, and each folder with several files.
fn cases() -> Vec<Case> {
    let mut cases: Vec<_> = models(&tests("diagnostics"))
        .into_iter()
        .map(|path| {
            let files = if path.is_dir() { models(&path) } else { vec![path.clone()] };
            let name = |it: &Path| it.file_name().unwrap().to_string_lossy().into_owned();
            let files = files.iter().map(|it| (name(it), fs::read_to_string(it).unwrap()));
            Case {
                name: path.file_stem().unwrap().to_string_lossy().into(),
                files: files.collect(),
            }
        })
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

fn models(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let is_model = |it: &PathBuf| it.is_dir() || it.extension().is_some_and(|it| it == "json");
    let mut models: Vec<_> = entries.filter(is_model).collect();
    models.sort();
    models
}

/// The diagnostics of a model, whether it is rejected or accepted.
fn diagnostics(files: &[(String, String)]) -> Diagnostics {
    let sources: Vec<_> = files.iter().map(|(path, json)| Source { path, json }).collect();
    match generate(&Config::new("example"), &sources) {
        Ok(generated) => generated.warnings,
        Err(errors) => errors,
    }
}
