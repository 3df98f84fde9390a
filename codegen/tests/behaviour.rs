//! Behaviour of generated types: `behaviour/uses/use_traits.rs` uses a crate generated from `behaviour/traits.json`.

use std::fs;

use crate::support::{Folder, Workspace, generated, tests};
use codegen::Config;

#[test]
fn types_do_what_the_traits_of_the_model_say() {
    let json = fs::read_to_string(tests("behaviour/traits.json")).unwrap();
    let generated = generated(&Config::new("traits"), &json);
    // The model has the trait on a member to show that it works there too.
    let warnings = generated.warnings.to_string();
    assert!(warnings.contains("memberSecret: the trait sensitive"), "{warnings}");
    assert_eq!(warnings.matches("warning: ").count(), 1, "{warnings}");

    let folder = Folder::new("behaviour");
    let mut workspace = Workspace::new(&folder);
    workspace.add("traits", generated.files.iter().map(|it| (&*it.path, &*it.contents)));
    let main = fs::read_to_string(tests("behaviour/uses/use_traits.rs")).unwrap();
    workspace.add_program("uses", ("traits", "traits"), &main);
    let run = workspace.cargo(&["run", "--package", "uses"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
}
