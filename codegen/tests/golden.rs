//! The generated code for each kind of shape, operation and trait: `golden/KIND/model.json` generates the files in
//! `golden/KIND/expected.rs`. All of them compile without a warning.
//!
//! `UPDATE_GOLDEN=1 cargo test -p codegen golden` rewrites the expected files.

use std::fs;

use crate::support::{Folder, Workspace, check_golden, tests};
use codegen::{Config, GeneratedFile};

/// The kinds whose golden contains every file.
const IN_WHOLE: [&str; 2] = ["unary", "bidirectional"];

/// Whether a file differs between kinds. The other files are in the goldens of [`IN_WHOLE`].
fn is_of_kind(path: &str) -> bool {
    let is_shared = path.ends_with("types/builders.rs") || path.ends_with("error/builders.rs");
    (path.starts_with("operation/") || path.starts_with("types/")) && !is_shared
}

#[test]
fn each_kind_is_generated_as_expected() {
    for (kind, files) in kinds() {
        let files = files.iter().filter(|file| {
            file.path.ends_with(".rs") && (IN_WHOLE.contains(&&*kind) || is_of_kind(&file.path))
        });
        let found = files.map(|it| format!("// ---- {}\n\n{}\n", it.path, it.contents));
        check_golden(&format!("golden/{kind}/expected.rs"), &found.collect::<String>());
    }
}

#[test]
fn each_kind_compiles_without_a_warning() {
    let folder = Folder::new("compiles");
    let mut workspace = Workspace::new(&folder);
    for (kind, files) in kinds() {
        workspace.add(&kind, files.iter().map(|it| (&*it.path, &*it.contents)));
    }
    let check = workspace.cargo(&["check", "--workspace", "--all-features", "--keep-going"]);
    assert_eq!(check.status, 0, "{}", check.stderr);
    let doc = workspace.cargo(&["doc", "--package", "documentation", "--no-deps"]);
    assert_eq!(doc.status, 0, "{}", doc.stderr);
}

/// The kinds with the generated files of each.
fn kinds() -> Vec<(String, Vec<GeneratedFile>)> {
    let kinds: Vec<_> = fs::read_dir(tests("golden"))
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let kind = entry.file_name().to_string_lossy().into_owned();
            let json = fs::read_to_string(entry.path().join("model.json")).unwrap();
            let files = crate::support::generated(&Config::new(&*kind), &json).files;
            (kind, files)
        })
        .collect();
    assert!(kinds.len() > 10, "the kinds are in tests/golden");
    kinds
}
