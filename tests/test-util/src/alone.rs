//! Tests that need a process of their own.

use std::{env, process::Command};

/// Tells the process that it runs one test.
const ALONE: &str = "TEST_ALONE";

/// Runs the body of a test in a process of its own, because it counts the threads of the process, or changes
/// what a process has once, such as its working directory.
///
/// The body must be a closure in the function of the test, from whose name the name of the test is taken.
///
/// # Panics
///
/// If the test fails.
pub fn alone<F: FnOnce()>(body: F) {
    if env::var_os(ALONE).is_some() {
        return body();
    }
    // CRATE::MODULE::TEST::{{closure}}
    let name = std::any::type_name::<F>();
    let name = name.split_once("::").map_or(name, |(_, test)| test);
    let name = name.trim_end_matches("::{{closure}}");
    let output = Command::new(env::current_exe().expect("the program of the tests"))
        .args(["--exact", name, "--nocapture"])
        .env(ALONE, "1")
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains(" 1 passed"), "{name}: {said}{errors}");
}
