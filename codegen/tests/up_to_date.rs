//! What is generated in this workspace is what the generator gives now.

mod support;

use support::{run_in, workspace};

#[test]
fn the_generated_crates_are_up_to_date() {
    let check = run_in(&workspace().to_string_lossy(), &["--check"]);
    assert_eq!(check.status, 0, "{}{}", check.stdout, check.stderr);
}
