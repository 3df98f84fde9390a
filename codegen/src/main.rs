//! `cargo run -p codegen`: the bindings of this workspace, or of a model of your own.

mod args;
mod target;

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Result;
use args::{Args, UsageError, unknown, usage};
use codegen::{
    Color, Diagnostics, generate,
    program::{Change, Changes, Folder, Models, ShowError, diff, render_changes, show},
};
use target::{Target, root, shown};

fn main() -> ExitCode {
    let mut stdout = io::stdout().lock();
    let args = Args::parse(std::env::args_os().skip(1));
    let error = match args.and_then(|args| run(args, &mut stdout)) {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => return ExitCode::FAILURE,
        Err(error) => error,
    };
    let mut stderr = io::stderr().lock();
    let is_broken_pipe = |it: &io::Error| matches!(it.kind(), io::ErrorKind::BrokenPipe);
    // There is nobody left to tell where standard error is closed.
    let _ = match error.downcast_ref::<Diagnostics>() {
        Some(diagnostics) => print(diagnostics),
        // The reader of what is printed has seen enough, as `head` has.
        None if error.downcast_ref().is_some_and(is_broken_pipe) => Ok(()),
        None => writeln!(stderr, "error: {error}"),
    };
    if error.is::<UsageError>() {
        let _ = writeln!(stderr, "`cargo run -p codegen -- --help` shows the usage");
        return ExitCode::from(2);
    }
    ExitCode::FAILURE
}

/// Does what the arguments say. False if the result is one that fails a script.
fn run(mut args: Args, stdout: &mut impl Write) -> Result<bool> {
    if args.take("help").is_some() {
        write!(stdout, "{}{}", args::USAGE, args::OPTIONS)?;
        return Ok(true);
    }
    if args.take("version").is_some() {
        writeln!(stdout, "codegen {}", env!("CARGO_PKG_VERSION"))?;
        return Ok(true);
    }
    match args.next_word() {
        None => run_generate(args, stdout),
        Some(word) if word == "show" => run_show(args, stdout),
        Some(word) if word == "diff" => run_diff(args, stdout),
        Some(word) if args.has("model") => {
            let word = word.to_string_lossy();
            usage(format!("repeat --model: each takes one path, and {word:?} is one more"))
        }
        Some(word) => unknown(&word),
    }
}

fn run_show(mut args: Args, stdout: &mut impl Write) -> Result<bool> {
    let mut paths = args.take_models();
    if paths.is_empty() {
        paths.push(root().join("model"));
    }
    let (service, words) = (args.take_text("service"), args.take_words()?);
    let name = args.next_word().map(|it| it.to_string_lossy().into_owned());
    args.finish()?;
    let models = Models::read(&paths, root())?;
    match show(&models.sources(), service.as_deref(), &words, name.as_deref()) {
        Ok(text) => write!(stdout, "{text}")?,
        Err(ShowError::Model(errors)) => return Err(errors.into()),
        Err(error) => return Err(error.into()),
    }
    Ok(true)
}

fn run_diff(mut args: Args, stdout: &mut impl Write) -> Result<bool> {
    let (Some(old), Some(new)) = (args.next_word(), args.next_word()) else {
        return usage("diff needs two models, the old one and the new one");
    };
    if old.is_empty() || new.is_empty() {
        return usage("a path is empty: name a file or a folder");
    }
    let (service, words) = (args.take_text("service"), args.take_words()?);
    args.finish()?;
    let read = |path| Models::read(&[PathBuf::from(path)], root());
    let (old, new) = (read(old)?, read(new)?);
    let changes = diff(&old.sources(), &new.sources(), service.as_deref(), &words)?;
    write!(stdout, "{}", render_changes(&changes))?;
    Ok(!changes.iter().any(Change::breaks))
}

fn run_generate(mut args: Args, stdout: &mut impl Write) -> Result<bool> {
    let is_check = args.take("check").is_some();
    let command = target::command(&args);
    let targets = Target::all(&mut args)?;
    args.finish()?;
    // Everything is generated before anything is written: all targets change, or none.
    let outputs: Vec<_> =
        targets.iter().map(|it| Output::of(it, is_check)).collect::<Result<_>>()?;
    if is_check {
        return check(&outputs, &command, stdout);
    }
    let start = Instant::now();
    for output in &outputs {
        output.changes.apply()?;
    }
    for output in &outputs {
        output.report(stdout)?;
    }
    writeln!(stdout, "written in {}", milliseconds(start.elapsed()))?;
    Ok(true)
}

fn check(outputs: &[Output], command: &str, stdout: &mut impl Write) -> Result<bool> {
    let mut is_up_to_date = true;
    for Output { title, changes, .. } in outputs {
        let differences: Vec<_> = changes.differences().collect();
        is_up_to_date &= differences.is_empty();
        let state = if differences.is_empty() { "up to date" } else { "not up to date" };
        writeln!(stdout, "{title}: {state}")?;
        for (word, path) in differences {
            writeln!(stdout, "  {word}: {}", shown(&path))?;
        }
    }
    if !is_up_to_date {
        writeln!(stdout, "run: {command}")?;
    }
    Ok(is_up_to_date)
}

/// What is generated for one target.
struct Output {
    title: String,
    summary: String,
    changes: Changes,
    /// For reading, generating and comparing with what is there.
    time: Duration,
}

impl Output {
    fn of(target: &Target, is_check: bool) -> Result<Self> {
        let start = Instant::now();
        let mut folder = Folder::new(&target.out, Some(target.owned()))?;
        if !is_check {
            folder = folder.lock()?;
        }
        let models = Models::read(&target.models, root())?;
        let sources = models.sources();
        let generated = generate(&target.config, &sources)?;
        if !generated.warnings.is_empty() {
            print(&generated.warnings)?;
        }
        let changes = folder.compare(generated.files)?;
        let names: Vec<_> = sources.iter().map(|it| it.path).collect();
        let title = format!("{} -> {}", names.join(", "), shown(&target.out));
        Ok(Self { title, summary: generated.summary, changes, time: start.elapsed() })
    }

    fn report(&self, stdout: &mut impl Write) -> Result<()> {
        writeln!(stdout, "{}", self.title)?;
        for line in self.summary.lines() {
            writeln!(stdout, "  {line}")?;
        }
        let [written, unchanged, deleted] = self.changes.counts();
        writeln!(
            stdout,
            "  files       {written} written, {unchanged} unchanged, {deleted} deleted"
        )?;
        writeln!(stdout, "  generated   in {}", milliseconds(self.time))?;
        Ok(())
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn print(diagnostics: &Diagnostics) -> io::Result<()> {
    let mut stderr = io::stderr();
    let is_plain = !stderr.is_terminal() || std::env::var_os("NO_COLOR").is_some();
    let color = if is_plain { Color::Never } else { Color::Ansi };
    writeln!(stderr, "{}", diagnostics.render(color))
}
