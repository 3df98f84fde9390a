//! Models at the boundary of what is valid. `edge-cases/README.md` describes the files.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use crate::support::{Folder, Workspace};
use codegen::{Config, Diagnostic, Diagnostics, GeneratedFile, Severity, Source, generate};
use serde_json::{Map, Value, json};

/// Cases with another outcome than they should have, and the reason.
const KNOWN_FAILING: [(&str, &str); 1] = [(
    "L04",
    "300 nested lists: rustc accepts them only with a higher recursion limit, which every crate that uses the types \
     would also need. They are rejected beyond 32 levels, with a reason and a hint.",
)];

/// The number of crates for the accepted cases: as many as compile at the same time.
const BATCHES: usize = 2;

#[test]
fn each_case_has_the_expected_outcome() {
    let mut failures = Vec::new();
    for (case, found) in runs() {
        let has_warning = found.diagnostics.iter().any(|it| it.severity == Severity::Warning);
        let read = match (found.is_read, has_warning) {
            (false, _) => "error",
            (true, true) if case.expect == "warn" => "warn",
            // `expected.json` lists the warnings of accepted cases.
            (true, _) => "ok",
        };
        let generated = if found.files.is_some() { "ok" } else { "error" };
        let is_as_wanted = (read, generated) == (&*case.expect, &*case.generate);
        if is_as_wanted == is_known_failing(&case.id) {
            failures.push(format!(
                "{}: {read} when read, {generated} when generated, not {} and {}\n{}",
                case, case.expect, case.generate, found.text
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn each_case_has_the_expected_diagnostics_and_no_others() {
    let mut failures = Vec::new();
    for (case, found) in runs().iter().filter(|(it, _)| !is_known_failing(&it.id)) {
        let expected = list(&case.expected, "says");
        let mut left: Vec<&Diagnostic> = found.diagnostics.iter().collect();
        for expected in &expected {
            match left.iter().position(|found| is_meant(expected, found)) {
                Some(index) => drop(left.remove(index)),
                None => {
                    failures.push(format!("{case}: no diagnostic like {expected}\n{}", found.text))
                }
            }
        }
        let is_utf8 = !found.text.contains("is not UTF-8");
        if !left.is_empty() || (expected.is_empty() && !found.is_read && is_utf8) {
            failures.push(format!("{case}: a diagnostic that is not expected\n{}", found.text));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn each_accepted_case_generates_the_expected_code() {
    let squeeze = |text: &str| text.split_whitespace().collect::<String>();
    let mut failures = Vec::new();
    for (case, found) in runs() {
        let Some(files) = &found.files else { continue };
        let code: String = files.iter().map(|it| squeeze(&it.contents)).collect();
        let parts = |key: &str| {
            let parts = list(&case.expected, key);
            parts.into_iter().map(|it| it.as_str().expect("a string").to_owned())
        };
        for part in parts("code").filter(|it| !code.contains(&squeeze(it))) {
            failures.push(format!("{case}: {part:?} is not in the code"));
        }
        for part in parts("not_code").filter(|it| code.contains(&squeeze(it))) {
            failures.push(format!("{case}: {part:?} is in the code"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Compiling, linting and documenting the crates causes no warning, and the examples compile.
#[test]
fn each_accepted_case_compiles_without_a_warning() {
    let folder = Folder::new("edge cases");
    let mut workspace = Workspace::new(&folder);
    let mut batches: [Vec<(String, &[GeneratedFile])>; BATCHES] = Default::default();
    let accepted = runs().iter().filter_map(|(case, found)| Some((case, found.files.as_ref()?)));
    for (case, files) in accepted {
        batches[case.batch].push((case.module(), files));
    }
    let count: usize = batches.iter().map(Vec::len).sum();
    assert!(count > 50, "{count} cases are accepted");
    for (index, modules) in batches.iter().enumerate() {
        workspace.add_batch(&batch(index), modules);
    }
    workspace.check_documentation();
    workspace.check_examples();
}

#[test]
fn the_index_and_the_expectations_list_the_same_cases() {
    let cases: Vec<_> = runs().iter().map(|(case, _)| case).collect();
    let ids: BTreeSet<_> = cases.iter().map(|it| &*it.id).collect();
    assert_eq!(ids.len(), cases.len(), "an ID occurs twice");
    let expected = json("expected.json");
    for id in expected.as_object().unwrap().keys() {
        assert!(ids.contains(&**id), "{id} is expected and not in an index");
    }
    for (id, _) in KNOWN_FAILING {
        assert!(ids.contains(id), "{id} is known to fail and not in an index");
    }
    let listed: BTreeSet<_> = cases.iter().filter_map(|it| it.path()).collect();
    for folder in ["cases", "more"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            assert!(listed.contains(&*path), "{path:?} is in no index");
        }
    }
}

fn is_known_failing(id: &str) -> bool {
    KNOWN_FAILING.iter().any(|(known, _)| *known == id)
}

/// Whether a diagnostic is the one that an entry of `says` describes.
fn is_meant(expected: &Value, found: &Diagnostic) -> bool {
    let text = |key: &str| expected.get(key).and_then(Value::as_str);
    let severity =
        if text("severity") == Some("warning") { Severity::Warning } else { Severity::Error };
    let pointer = found.position.as_ref().map(|it| &*it.pointer);
    let mut words = list(expected, "message").into_iter();
    severity == found.severity
        && text("shape") == found.shape.as_deref()
        && text("pointer") == pointer
        && words.all(|it| found.message.contains(it.as_str().expect("a string")))
        && text("hint").is_none_or(|it| found.hint.as_ref().is_some_and(|hint| hint.contains(it)))
}

/// The result of a case.
struct Found {
    /// Whether the model can be read and checked without errors.
    is_read: bool,
    /// All diagnostics.
    diagnostics: Vec<Diagnostic>,
    files: Option<Vec<GeneratedFile>>,
    text: String,
}

struct Case {
    id: String,
    /// The crate that contains the case as a module, if it is accepted.
    batch: usize,
    title: String,
    model: Files,
    expect: String,
    generate: String,
    expected: Value,
}

/// The files of a model.
enum Files {
    /// A file or folder.
    At(PathBuf),
    /// The texts of the files, in order.
    Texts(Vec<String>),
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.id, self.title)
    }
}

impl Case {
    fn path(&self) -> Option<&Path> {
        match &self.model {
            Files::At(path) => Some(path),
            Files::Texts(_) => None,
        }
    }

    /// The files by their names.
    fn read(&self) -> Result<Vec<(String, String)>, String> {
        let path = match &self.model {
            Files::At(path) => path,
            Files::Texts(texts) => {
                let names = (1..).map(|it| format!("{it}.json"));
                return Ok(names.zip(texts.iter().cloned()).collect());
            }
        };
        let mut paths = vec![path.clone()];
        if path.is_dir() {
            paths = fs::read_dir(path).unwrap().map(|it| it.unwrap().path()).collect();
            paths.sort();
        }
        let read = |path: PathBuf| {
            let json = String::from_utf8(fs::read(&path).unwrap());
            let json = json.map_err(|_| "the model is not UTF-8".to_owned())?;
            Ok((path.file_name().unwrap().to_string_lossy().into_owned(), json))
        };
        paths.into_iter().map(read).collect()
    }

    fn run(&self) -> Found {
        let models = match self.read() {
            Ok(models) => models,
            Err(text) => {
                return Found { is_read: false, diagnostics: Vec::new(), files: None, text };
            }
        };
        let sources: Vec<_> = models.iter().map(|(path, json)| Source { path, json }).collect();
        let checked = codegen::check(&sources);
        let (diagnostics, files) = match generate(&self.config(), &sources) {
            Ok(generated) => (generated.warnings, Some(generated.files)),
            Err(diagnostics) => (diagnostics, None),
        };
        Found {
            is_read: checked.count(Severity::Error) == 0,
            diagnostics: diagnostics.iter().cloned().collect(),
            files,
            text: Diagnostics::to_string(&diagnostics),
        }
    }

    fn config(&self) -> Config {
        Config::new(format!("{}::{}", batch(self.batch), self.module()))
    }

    fn module(&self) -> String {
        format!("case_{}", self.id.to_ascii_lowercase().replace('-', "_"))
    }
}

/// The crate that holds every `BATCHES`th case.
fn batch(index: usize) -> String {
    format!("batch{index}")
}

/// Every case with its result.
fn runs() -> &'static [(Case, Found)] {
    static RUNS: LazyLock<Vec<(Case, Found)>> = LazyLock::new(|| {
        let run = |case: Case| {
            let found = case.run();
            (case, found)
        };
        cases().into_iter().map(run).collect()
    });
    &RUNS
}

fn cases() -> Vec<Case> {
    let mut expected = json("expected.json");
    let mut cases = Vec::new();
    for (index, folder) in [("index.json", "cases"), ("more.json", "more")] {
        for entry in json(index).as_array().expect("an array") {
            let text = |key: &str| entry[key].as_str().expect("a string").to_owned();
            let id = text("id");
            let expected = expected.get_mut(&id).map(Value::take).unwrap_or_default();
            cases.push(Case {
                batch: cases.len() % BATCHES,
                title: text("title"),
                model: Files::At(root().join(folder).join(text("path").trim_end_matches('/'))),
                expect: text("expect"),
                generate: text("generate"),
                expected,
                id,
            });
        }
    }
    for entry in json("rules.json").as_array().expect("an array") {
        let text = |key: &str| entry[key].as_str().expect("a string").to_owned();
        cases.push(Case {
            batch: cases.len() % BATCHES,
            title: text("title"),
            model: Files::Texts(texts(entry)),
            expect: text("expect"),
            generate: text("generate"),
            expected: entry.clone(),
            id: text("id"),
        });
    }
    assert!(cases.len() > 250, "the cases are in tests/edge-cases");
    cases
}

/// The files that an entry of `rules.json` describes.
fn texts(case: &Value) -> Vec<String> {
    if let Some(text) = case["text"].as_str() {
        return vec![text.to_owned()];
    }
    let mut files = list(case, "files");
    // The files are texts where the order of keys matters.
    if files.iter().all(Value::is_string) && !files.is_empty() {
        return files.iter().map(|it| it.as_str().expect("a string").to_owned()).collect();
    }
    if files.is_empty() {
        let keys = ["smithy", "shapes"].map(|it| (it.to_owned(), case[it].clone()));
        files.push(Value::Object(keys.into_iter().filter(|it| !it.1.is_null()).collect()));
    }
    let shapes = |it: &Value| it["shapes"].as_object().cloned().unwrap_or_default();
    let defined: BTreeSet<String> = files.iter().flat_map(shapes).map(|(id, _)| id).collect();
    let mut texts = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let mut all = Map::new();
        if index == 0 {
            let base = json!({
                "t.edge#Svc": { "type": "service", "version": "1", "operations": [{ "target": "t.edge#Op" }] },
                "t.edge#Op": { "type": "operation", "input": { "target": "t.edge#In" } },
                "t.edge#In": { "type": "structure" },
            });
            let base = base.as_object().expect("an object").clone();
            all.extend(base.into_iter().filter(|(id, _)| !defined.contains(id)));
        }
        all.extend(shapes(file));
        let mut model = json!({ "smithy": "2.0" });
        let others = file.as_object().expect("an object").clone();
        model.as_object_mut().expect("an object").extend(others);
        model["shapes"] = all.into();
        texts.push(model.to_string());
    }
    texts
}

fn json(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(root().join(name)).unwrap()).expect(name)
}

fn list(value: &Value, key: &str) -> Vec<Value> {
    value.get(key).and_then(Value::as_array).cloned().unwrap_or_default()
}

fn root() -> PathBuf {
    crate::support::tests("edge-cases")
}
