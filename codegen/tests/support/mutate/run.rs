//! Runs of the whole generator and their outcomes.

use std::panic::{self, AssertUnwindSafe};

use codegen::{Config, Generated, Source, generate};

/// The outcome of a run.
pub enum Outcome {
    /// The model was rejected.
    Refused,
    /// Code was generated, and it is valid Rust.
    Accepted(Generated),
    /// A panic or invalid code.
    Failed(String),
}

/// Generates a crate from a model, and reads the code.
pub fn run(json: &str, crate_name: &str) -> Outcome {
    let sources = [Source { path: "model.json", json }];
    let checked = panic::catch_unwind(|| codegen::check(&sources).to_string());
    let run = || generate(&Config::new(crate_name), &sources);
    match panic::catch_unwind(AssertUnwindSafe(run)) {
        _ if checked.is_err() => Outcome::Failed("a panic while it was checked".to_owned()),
        Err(_) => Outcome::Failed("a panic".to_owned()),
        Ok(Err(errors)) if errors.is_empty() => Outcome::Failed("no reason given".to_owned()),
        Ok(Err(errors)) => {
            // Diagnostics can be printed for any names.
            let _ = errors.render(codegen::Color::Ansi);
            Outcome::Refused
        }
        Ok(Ok(generated)) => {
            let refused = generated.files.iter().filter(|it| it.path.ends_with(".rs"));
            let mut refused = refused
                .filter_map(|it| syn::parse_file(&it.contents).err().map(|error| (it, error)));
            match refused.next() {
                Some((file, error)) => {
                    Outcome::Failed(format!("{} is not Rust: {error}", file.path))
                }
                None => Outcome::Accepted(generated),
            }
        }
    }
}
