//! The tests of the generator, in one program, because linking takes seconds.

mod behaviour;
mod cli;
mod cli_concurrent;
mod cli_crate;
mod cli_failures;
#[cfg(unix)]
mod cli_paths;
mod diagnostics;
mod diff;
mod documentation;
mod edge_cases;
mod extend;
mod golden;
mod hostile;
mod modules;
mod mutations;
mod names;
mod reading;
mod recursion;
mod show;
mod stability;
mod words;

#[path = "support/mutate/mod.rs"]
mod mutate;
mod support;
