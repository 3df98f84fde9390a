//! The public items of the published crates: a file for each crate, so that a change of its interface is seen.
//!
//! `UPDATE_GOLDEN=1 cargo test -p sources` writes the files anew. Hidden items are not listed. rustdoc gives the items
//! in a form that changes with the compiler: the test is skipped, unless the environment has `REQUIRE_TOOLS`, where the
//! crate `public-api` cannot read it.

use std::{fs, path::Path, process::Command};

#[test]
fn public_items_are_those_of_the_lists() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    // The option for JSON is not stable. In a folder of its own, so that nothing else is built again because of it.
    let target = workspace.join("target/public");
    let mut changed = Vec::new();
    for package in ["codegen", "eventstream-rpc", "greengrass-core-ipc"] {
        let status = Command::new(env!("CARGO"))
            .args(["rustdoc", "--quiet", "--lib", "--all-features", "--package", package])
            .args(["--", "-Zunstable-options", "--output-format=json"])
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_DIR", &target)
            .current_dir(workspace)
            .status();
        assert!(status.unwrap().success(), "rustdoc of {package}");
        let json = target.join("doc").join(package.replace('-', "_")).with_extension("json");
        let Some(items) = items(&json) else { return };
        let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("public").join(package);
        let list = list.with_extension("txt");
        if fs::read_to_string(&list).is_ok_and(|it| it == items) {
            continue;
        }
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&list, items).unwrap();
        } else {
            let new = target.join(package).with_extension("txt");
            fs::write(&new, items).unwrap();
            changed.push(format!("diff -u {} {}", list.display(), new.display()));
        }
    }
    assert!(
        changed.is_empty(),
        "the interface has changed. Set UPDATE_GOLDEN=1 if that is meant. What has changed:\n{}",
        changed.join("\n")
    );
}

/// The items, one a line; `None` if the form is that of another compiler.
fn items(json: &Path) -> Option<String> {
    let builder = public_api::Builder::from_rustdoc_json(json)
        .omit_auto_derived_impls(true)
        .omit_auto_trait_impls(true)
        .omit_blanket_impls(true);
    match builder.build() {
        Ok(api) => Some(api.items().map(|it| format!("{it}\n")).collect()),
        Err(error) => {
            let needs = format!("needs the compiler whose JSON public-api reads: {error}");
            assert!(std::env::var_os("REQUIRE_TOOLS").is_none(), "{needs}");
            eprintln!("skipped: {needs}");
            None
        }
    }
}
