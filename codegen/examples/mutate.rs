//! Runs the generator on changed models for as long as it is told, and prints what came of it.
//!
//! `cargo run --release -p codegen --example mutate -- [--seconds N] [--seed N]`. The model that is being
//! read is in `target/mutate/last.json`, in case the process ends with it; one that failed is kept beside it. The
//! exit status is 1 if one did.

#[path = "../tests/support/mutate/mod.rs"]
mod mutate;

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use mutate::{Corpus, Outcome, Random, run};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let seconds = argument("--seconds")?.unwrap_or(60);
    let seed = argument("--seed")?.unwrap_or(1);
    let codegen = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = codegen.with_file_name("target").join("mutate");
    fs::create_dir_all(&folder)?;
    let models = mutate::models(codegen)?;
    let corpus = Corpus::new(models.iter().map(|it| &**it));
    let mut random = Random::new(seed);
    let (mut refused, mut accepted, mut bytes) = (0u64, 0u64, 0u64);
    let mut failed: Vec<(String, PathBuf)> = Vec::new();
    let mut slowest = Duration::ZERO;
    let start = Instant::now();
    let mut count = 0u64;
    while start.elapsed() < Duration::from_secs(seconds) {
        let model = corpus.model(&mut random);
        fs::write(folder.join("last.json"), &model)?;
        let begin = Instant::now();
        match run(&model, "mutated") {
            Outcome::Refused => refused += 1,
            Outcome::Accepted(generated) => {
                accepted += 1;
                bytes += generated.files.iter().map(|it| it.contents.len() as u64).sum::<u64>();
            }
            Outcome::Failed(reason) => {
                let path = folder.join(format!("failed-{seed}-{count}.json"));
                fs::write(&path, &model)?;
                eprintln!("{reason}: {}", path.display());
                failed.push((reason, path));
            }
        }
        if begin.elapsed() > slowest {
            slowest = begin.elapsed();
            fs::write(folder.join("slowest.json"), &model)?;
        }
        count += 1;
    }
    println!("seed {seed}, {seconds} s: {count} models from {} others", models.len());
    println!("  refused   {refused}");
    println!("  accepted  {accepted}: {bytes} bytes of code, all of it Rust");
    println!("  failed    {}", failed.len());
    println!("  slowest   {:.3} s", slowest.as_secs_f64());
    if let Some(peak) = peak_memory() {
        println!("  memory    {peak} at most");
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn argument(name: &str) -> Result<Option<u64>, Box<dyn Error>> {
    let mut args = std::env::args().skip_while(|it| it != name).skip(1);
    Ok(args.next().map(|it| it.parse()).transpose()?)
}

/// The most memory that the process has had, on Linux.
fn peak_memory() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"))?;
    Some(line.trim().to_owned())
}
