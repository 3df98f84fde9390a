//! What is generated for each kind of shape, operation and trait: `golden/KIND/model.json` becomes
//! `golden/KIND/expected.rs`, one file after the other. All of it compiles, without a warning.
//!
//! `UPDATE_GOLDEN=1 cargo test -p codegen --test golden` writes the expected files anew.

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
};

use codegen::{Config, Generated, Source, generate};
use support::{Folder, Workspace};

/// The kinds that show every file.
const IN_WHOLE: [&str; 2] = ["unary", "bidirectional"];

/// Whether a file says something of the kind. What does not is in the goldens of [`IN_WHOLE`].
fn is_of_kind(path: &str) -> bool {
    let is_shared = path.ends_with("types/builders.rs") || path.ends_with("error/builders.rs");
    (path.starts_with("operation/") || path.starts_with("types/")) && !is_shared
}

#[test]
fn each_kind_is_generated_as_expected() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut differing = Vec::new();
    for kind in kinds() {
        let found: String = generated(&kind)
            .files
            .iter()
            .filter(|it| it.path.ends_with(".rs"))
            .filter(|it| IN_WHOLE.contains(&&*kind) || is_of_kind(&it.path))
            .map(|it| format!("// ---- {}\n\n{}\n", it.path, it.contents))
            .collect();
        let golden = folder().join(&kind).join("expected.rs");
        if update {
            fs::write(&golden, &found).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if found != expected {
            differing.push(format!("{kind}: {}", first_difference(&expected, &found)));
        }
    }
    assert!(
        differing.is_empty(),
        "{}\nIf that is right, UPDATE_GOLDEN=1 writes the expected files anew.",
        differing.join("\n")
    );
}

#[test]
fn each_kind_compiles_without_a_warning() {
    let folder = Folder::new("compiles");
    let mut workspace = Workspace::new(&folder);
    for kind in kinds() {
        let files = generated(&kind).files;
        workspace.add(&kind, files.iter().map(|it| (&*it.path, &*it.contents)));
    }
    let check = workspace.cargo(&["clippy", "--workspace", "--all-features", "--keep-going"]);
    assert_eq!(check.status, 0, "{}", check.stderr);
    let doc = workspace.cargo(&["doc", "--package", "documentation", "--no-deps"]);
    assert_eq!(doc.status, 0, "{}", doc.stderr);
}

/// The first line that differs, with what stands around it.
fn first_difference(expected: &str, found: &str) -> String {
    let (expected, found): (Vec<_>, Vec<_>) = (expected.lines().collect(), found.lines().collect());
    let at = expected.iter().zip(&found).take_while(|(a, b)| a == b).count();
    let around = |lines: &[&str]| lines[at.saturating_sub(3)..lines.len().min(at + 4)].join("\n");
    format!("line {}\nexpected\n{}\nfound\n{}", at + 1, around(&expected), around(&found))
}

fn generated(kind: &str) -> Generated {
    let json = fs::read_to_string(folder().join(kind).join("model.json")).unwrap();
    let sources = [Source { path: "model.json", json: &json }];
    generate(&Config::new(kind), &sources).unwrap_or_else(|error| panic!("{error}"))
}

fn kinds() -> Vec<String> {
    let entries = fs::read_dir(folder()).unwrap();
    let mut kinds: Vec<_> =
        entries.map(|it| it.unwrap().file_name().to_string_lossy().into_owned()).collect();
    kinds.sort();
    assert!(kinds.len() > 10, "the kinds are in tests/golden");
    kinds
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("golden")
}
