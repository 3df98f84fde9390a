//! Every asynchronous function says what happens when its future is dropped.

use std::{fs, path::Path};

use crate::sources;

/// The folders that are checked, from the root of the repository. They include the builders of the operations.
const FOLDERS: [&str; 4] =
    ["runtime/src", "generated/src", "tests/echo/src", "tests/local-core/src"];

/// The public asynchronous functions of a file: how many there are, and the lines of those whose documentation
/// does not have the section.
fn check(source: &str) -> (usize, Vec<usize>) {
    let mut count = 0;
    let mut without = Vec::new();
    let mut has_section = false;
    for (index, line) in source.lines().map(str::trim_start).enumerate() {
        if line.starts_with("///") {
            has_section |= line == "/// # Cancel safety";
        } else if line.starts_with("pub async fn") {
            count += 1;
            if !has_section {
                without.push(index + 1);
            }
            has_section = false;
        } else if !line.starts_with("#[") {
            has_section = false;
        }
    }
    (count, without)
}

#[test]
fn the_section_is_looked_for() {
    let with = "/// It does.\n///\n/// # Cancel safety\n///\n/// None.\n#[must_use]\npub async fn f() {}\n";
    assert_eq!(check(with), (1, vec![]));
    assert_eq!(check(&format!("{with}\n/// It does.\npub async fn g() {{}}\n")), (2, vec![10]));
}

#[test]
fn every_asynchronous_function_has_the_section() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut count = 0;
    let mut without = Vec::new();
    for file in FOLDERS.iter().flat_map(|folder| sources(&root.join(folder))) {
        let (found, lines) = check(&fs::read_to_string(&file).unwrap());
        count += found;
        without.extend(lines.into_iter().map(|line| format!("{}:{line}", file.display())));
    }
    // The builders of all operations share theirs in two macros.
    assert!(count > 20, "only {count} functions were found");
    assert!(without.is_empty(), "no section \"Cancel safety\": {without:#?}");
}
