//! Runs the generator on mutated models for a given time, and prints the numbers of outcomes.
//!
//! `cargo run --release -p codegen --example mutate -- [--seconds N] [--seed N]`. On Linux, the seconds are processor
//! time. The current model is in `target/mutate/last.json`, in case the process crashes; models that fail are kept
//! beside it. The exit status is 1 if a model failed.

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
    let mut used = elapsed(start);
    let mut count = 0u64;
    while used < Duration::from_secs(seconds) {
        let model = corpus.model(&mut random);
        fs::write(folder.join("last.json"), &model)?;
        let before = elapsed(start);
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
        used = elapsed(start);
        if used.saturating_sub(before) > slowest {
            slowest = used.saturating_sub(before);
            fs::write(folder.join("slowest.json"), &model)?;
        }
        count += 1;
    }
    println!("seed {seed}: {count} models from {} others", models.len());
    let of = if processor_time().is_some() { "processor time" } else { "the clock" };
    println!("  time      {:.1} s of {of}", used.as_secs_f64());
    println!("            {:.1} s from beginning to end", start.elapsed().as_secs_f64());
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

/// The processor time, or the time since `start` where that is not available.
fn elapsed(start: Instant) -> Duration {
    processor_time().unwrap_or_else(|| start.elapsed())
}

/// The processor time of the process so far, in steps of 10 ms, on Linux.
fn processor_time() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program is in parentheses and may contain spaces. The third field follows it; the fourteenth and
    // fifteenth are user time and system time.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let (program, kernel) = (ticks()?, ticks()?);
    // There are 100 clock ticks per second on all architectures.
    Some(Duration::from_millis((program + kernel) * 10))
}

/// The peak memory of the process, on Linux.
fn peak_memory() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"))?;
    Some(line.trim().to_owned())
}
