//! Randomly mutated models are rejected with a reason or generate crates. `examples/mutate.rs` runs for longer.

use std::path::Path;

use crate::mutate::{Corpus, Outcome, Random, models, run};
use crate::support::{Folder, Workspace};
use codegen::GeneratedFile;

/// The number of models.
const MODELS: usize = 600;

/// The interval between accepted models that are compiled.
const COMPILED: usize = 12;

#[test]
fn each_changed_model_is_refused_or_becomes_a_crate() {
    let number = |name: &str, otherwise: usize| {
        std::env::var(name).map_or(otherwise, |it| it.parse().expect("a number"))
    };
    let models = models(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    // Large models take most of the time and add little.
    let corpus = Corpus::new(models.iter().map(|it| &**it).filter(|it| it.len() < 20_000));
    let seed = number("MUTATE_SEED", 7);
    let mut random = Random::new(seed as u64);
    let mut accepted: Vec<(String, Vec<GeneratedFile>)> = Vec::new();
    let mut refused = 0;
    for index in 0..number("MUTATE_MODELS", MODELS) {
        let model = corpus.model(&mut random);
        let module = format!("model_{index}");
        match run(&model, &format!("mutated::{module}")) {
            Outcome::Refused => refused += 1,
            Outcome::Accepted(generated) => accepted.push((module, generated.files)),
            Outcome::Failed(reason) => panic!("seed {seed}, model {index}: {reason}\n{model}"),
        }
    }
    assert!(refused > 100 && accepted.len() > 100, "{refused} refused, {}", accepted.len());
    let folder = Folder::new("accepted");
    let mut workspace = Workspace::new(&folder);
    let some = accepted.iter().step_by(number("MUTATE_COMPILED", COMPILED));
    let modules: Vec<_> = some.map(|(name, files)| (name.clone(), &files[..])).collect();
    workspace.add_batch("mutated", &modules);
    workspace.check_code();
}
