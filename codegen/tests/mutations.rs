//! Models that are changed at random are refused with a reason or become crates. What runs for longer is
//! `examples/mutate.rs`.

use std::path::Path;

use crate::mutate::{Corpus, Outcome, Random, models, run};
use crate::support::{Folder, Workspace};
use codegen::GeneratedFile;

/// How many models are made.
const MODELS: usize = 600;

/// Every how many of those that are accepted one is compiled.
const COMPILED: usize = 12;

#[test]
fn each_changed_model_is_refused_or_becomes_a_crate() {
    let number = |name: &str, otherwise: usize| {
        std::env::var(name).map_or(otherwise, |it| it.parse().expect("a number"))
    };
    let models = models(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    // The large ones take most of the time, and have little of their own.
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
