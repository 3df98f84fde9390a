//! `cargo run -p codegen`: the bindings of this workspace, or of a model of your own.

mod args;
mod target;

use std::{
    io::{self, ErrorKind, IsTerminal, Write},
    process::ExitCode,
    time::Instant,
};

use anyhow::{Result, bail};
use args::{Args, UsageError, unknown, usage};
use codegen::{
    Color, Diagnostics, generate,
    program::{Changes, Lock, diff, lock, output_folder, read_models, show, sources},
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
    let (mut stderr, is_usage) = (io::stderr(), error.is::<UsageError>());
    // There is nobody to tell if standard error is closed.
    let _ = match (error.downcast_ref::<Diagnostics>(), error.downcast_ref::<io::Error>()) {
        (Some(diagnostics), _) => print(diagnostics),
        // The reader has seen enough, as `head` has.
        (_, Some(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        _ if is_usage => {
            writeln!(stderr, "error: {error}\n`cargo run -p codegen -- --help` shows the usage")
        }
        _ => writeln!(stderr, "error: {error}"),
    };
    ExitCode::from(if is_usage { 2 } else { 1 })
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
    match args.next_word().as_deref() {
        None => run_generate(args, stdout),
        Some("show") => run_show(args, stdout),
        Some("diff") => run_diff(args, stdout),
        Some(word) if args.has("model") => {
            usage(format!("repeat --model: each takes one path, and {word:?} is one more"))
        }
        Some(word) => unknown(word),
    }
}

fn run_show(mut args: Args, stdout: &mut impl Write) -> Result<bool> {
    let mut paths = args.take_paths("model");
    if paths.is_empty() {
        paths.push(root().join("model"));
    }
    let (service, words) = (args.take("service"), args.take_words()?);
    let name = args.next_word();
    args.finish()?;
    let models = read_models(&paths, root())?;
    match show(&sources(&models), service.as_deref(), &words, name.as_deref())? {
        Ok(text) => write!(stdout, "{text}")?,
        Err(hint) => bail!("there is no {} in the service: {hint}", name.unwrap_or_default()),
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
    let (service, words) = (args.take("service"), args.take_words()?);
    args.finish()?;
    let (old, new) = (read_models(&[old.into()], root())?, read_models(&[new.into()], root())?);
    let (changes, breaks) = diff(&sources(&old), &sources(&new), service.as_deref(), &words)?;
    write!(stdout, "{changes}")?;
    Ok(!breaks)
}

fn run_generate(mut args: Args, stdout: &mut impl Write) -> Result<bool> {
    let start = Instant::now();
    let is_check = args.take("check").is_some();
    let command = target::command(&args);
    let targets = Target::all(&mut args)?;
    args.finish()?;
    // Everything is generated before anything is written: if one model is refused, no folder changes.
    let outputs: Vec<_> =
        targets.iter().map(|it| Output::of(it, is_check)).collect::<Result<_>>()?;
    if is_check {
        return check(&outputs, &command, stdout);
    }
    for Output { title, summary, changes, .. } in &outputs {
        changes.apply()?;
        let Changes { write, delete, unchanged, .. } = changes;
        let (written, deleted) = (write.len(), delete.len());
        let files = format!("{written} written, {unchanged} unchanged, {deleted} deleted");
        writeln!(stdout, "{title}\n{summary}  files       {files}")?;
    }
    writeln!(stdout, "in {:.1} ms", start.elapsed().as_secs_f64() * 1e3)?;
    Ok(true)
}

fn check(outputs: &[Output], command: &str, stdout: &mut impl Write) -> Result<bool> {
    let mut is_up_to_date = true;
    for Output { title, changes, .. } in outputs {
        let left_over = changes.delete.iter().map(|path| ("left over", path));
        let write = changes.write.iter().map(|(why, path, _)| (*why, path));
        let differences: Vec<_> = write.chain(left_over).collect();
        is_up_to_date &= differences.is_empty();
        let state = if differences.is_empty() { "up to date" } else { "not up to date" };
        writeln!(stdout, "{title}: {state}")?;
        for (word, path) in differences {
            writeln!(stdout, "  {word}: {}", shown(path))?;
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
    _lock: Option<Lock>,
}

impl Output {
    fn of(target: &Target, is_check: bool) -> Result<Self> {
        let folder = output_folder(&target.out)?;
        let lock = (!is_check).then(|| lock(&folder.join(target.owned()))).transpose()?;
        let models = read_models(&target.models, root())?;
        let generated = generate(&target.config, &sources(&models))?;
        if !generated.warnings.is_empty() {
            print(&generated.warnings)?;
        }
        let names: Vec<_> = models.iter().map(|it| &*it.0).collect();
        let title = format!("{} -> {}", names.join(", "), shown(&target.out));
        let changes = Changes::new(folder, Some(target.owned()), generated.files)?;
        Ok(Self { title, summary: generated.summary, changes, _lock: lock })
    }
}

fn print(diagnostics: &Diagnostics) -> io::Result<()> {
    let mut stderr = io::stderr();
    let is_plain = !stderr.is_terminal() || std::env::var_os("NO_COLOR").is_some();
    let color = if is_plain { Color::Never } else { Color::Ansi };
    writeln!(stderr, "{}", diagnostics.render(color))
}
