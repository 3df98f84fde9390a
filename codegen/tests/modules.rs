//! Generated modules in crates that include them, as build scripts do.

use std::fs;

use crate::support::{Folder, Workspace, echo_model, generated, tests, workspace};
use codegen::{Config, GeneratedFile, Sides};

fn module(path: &str, sides: Sides, json: &str) -> GeneratedFile {
    let mut config = Config::module(path);
    config.sides = sides;
    let generated = generated(&config, json);
    let [file] = &generated.files[..] else { panic!("one module is one file") };
    file.clone()
}

const ALL_FEATURES: &str = r#"["tokio", "blocking", "server", "pattern"]"#;

/// A model with every trait that affects the output.
fn traits_model() -> String {
    fs::read_to_string(tests("behaviour/traits.json")).unwrap()
}

#[test]
fn modules_with_the_same_name_have_different_files() {
    let model = echo_model();
    for (path, file) in
        [("crate::lab", "lab.rs"), ("crate::v1::lab", "v1/lab.rs"), ("crate::v2::lab", "v2/lab.rs")]
    {
        assert_eq!(module(path, Sides::ALL, &model).path, file);
    }
}

#[test]
fn a_module_compiles_in_crates_of_each_edition_and_under_strict_lints() {
    let folder = Folder::new("editions");
    let mut workspace = Workspace::new(&folder);
    let (echo, traits) = (echo_model(), traits_model());
    for edition in ["2018", "2021", "2024"] {
        let modules = [
            module("crate::v1::lab", Sides::ALL, &echo),
            module("crate::v2::lab", Sides::ALL, &traits),
            module("crate::small", Sides::NONE.with_client(), &echo),
        ];
        workspace.add_modules(&format!("edition-{edition}"), edition, ALL_FEATURES, &modules);
    }
    workspace.check_code();
}

#[test]
fn a_missing_feature_is_the_only_error() {
    let folder = Folder::new("missing");
    let mut workspace = Workspace::new(&folder);
    let model = traits_model();
    let sides = [
        ("tokio", Sides::NONE.with_client(), r#"["blocking", "server", "pattern"]"#),
        ("blocking", Sides::ALL, r#"["tokio", "server", "pattern"]"#),
        ("server", Sides::NONE.with_blocking().with_server(), r#"["blocking", "pattern"]"#),
        ("pattern", Sides::NONE, "[]"),
    ];
    for (feature, sides, features) in sides {
        workspace.add_modules(
            &format!("no-{feature}"),
            "2024",
            features,
            &[module("crate::lab", sides, &model)],
        );
    }
    for (feature, ..) in sides {
        let run = workspace.cargo(&["check", "--package", &format!("no-{feature}")]);
        let errors: Vec<_> = run.stderr.lines().filter(|it| it.starts_with("error")).collect();
        let [missing, _could_not_compile] = errors[..] else { panic!("{feature}: {run:?}") };
        let expected = format!("error: the feature `{feature}` of eventstream-rpc is missing");
        assert!(missing.starts_with(&expected), "{missing}");
    }
}

#[test]
fn by_default_a_module_needs_only_the_default_features() {
    assert_eq!(Config::module("crate::lab").sides, Sides::NONE.with_client());
    let runtime = fs::read_to_string(workspace().join("runtime/Cargo.toml")).unwrap();
    assert!(runtime.contains("\ndefault = [\"tokio\"]\n"), "{runtime}");
}
