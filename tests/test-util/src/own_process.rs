//! Running a test in its own process.

use std::{env, ffi::OsStr, process::Command};

/// The environment variable that is set in a process that runs a single test.
const SINGLE_TEST: &str = "SINGLE_TEST";

/// Runs the body of a test in its own process. This is for tests that count the threads of the process or change
/// global state such as the working directory.
///
/// The body must be a closure in the test's function: the name of the test is taken from the closure's type name.
///
/// # Panics
///
/// If the test fails.
pub fn in_own_process<F: FnOnce()>(body: F) {
    in_own_process_with(&[], body);
}

/// As [`in_own_process`], with environment variables.
///
/// # Panics
///
/// If the test fails.
pub fn in_own_process_with<F: FnOnce()>(variables: &[(&str, &OsStr)], body: F) {
    if env::var_os(SINGLE_TEST).is_some() {
        return body();
    }
    // The type name has the form CRATE::MODULE::TEST::{{closure}}.
    let name = std::any::type_name::<F>();
    let name = name.split_once("::").map_or(name, |(_, test)| test);
    let name = name.trim_end_matches("::{{closure}}");
    let output = Command::new(env::current_exe().expect("the path of the test binary is known"))
        .args(["--exact", name, "--nocapture"])
        .env(SINGLE_TEST, "1")
        .envs(variables.iter().copied())
        .output()
        .expect("the test binary starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stdout.contains(" 1 passed"), "{name}: {stdout}{stderr}");
}
