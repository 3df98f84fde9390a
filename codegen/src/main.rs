//! The command-line program of the generator.

mod args;
mod target;

use std::{
    io::{self, ErrorKind, IsTerminal, Write},
    process::ExitCode,
    time::Instant,
};

use anyhow::{Result, bail};
use args::Args;
use codegen::{
    Color, Diagnostics, generate,
    program::{Changes, diff, lock, output_folder, read_models, show, sources},
};
use target::{Target, root, shown};

fn main() -> ExitCode {
    let mut stdout = io::stdout().lock();
    let args = Args::new(std::env::args_os().skip(1));
    let error = match args.and_then(|args| run(args, &mut stdout)) {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => return ExitCode::FAILURE,
        Err(error) => error,
    };
    let mut stderr = io::stderr();
    // Nothing can be reported if standard error is closed.
    let _ = match (error.downcast_ref::<Diagnostics>(), error.downcast_ref::<io::Error>()) {
        (Some(diagnostics), _) => print(diagnostics),
        // The reader, such as `head`, has closed the pipe.
        (_, Some(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        (_, Some(error)) => writeln!(stderr, "error: {error}"),
        // Every other error is about the arguments.
        (None, None) => {
            let hint = "`cargo run -p codegen -- --help` shows the usage";
            let _ = writeln!(stderr, "error: {error}\n{hint}");
            return ExitCode::from(2);
        }
    };
    ExitCode::FAILURE
}

/// Runs the command. Returns `false` for results that should fail a script.
fn run(mut args: Args, stdout: &mut impl Write) -> Result<bool> {
    if args.flag("--help") || args.flag("-h") {
        write!(stdout, "{}", args::USAGE)?;
    } else if args.flag("--version") {
        writeln!(stdout, "codegen {}", env!("CARGO_PKG_VERSION"))?;
    } else {
        return match args.0.first().map(String::as_str) {
            Some("show") => run_show(args, stdout),
            Some("diff") => run_diff(args, stdout),
            _ => run_generate(args, stdout),
        };
    }
    Ok(true)
}

fn run_show(mut args: Args, stdout: &mut impl Write) -> Result<bool> {
    let mut paths = args.values("--model")?;
    if paths.is_empty() {
        paths.push(format!("{}/model", root().display()));
    }
    let (service, words) = (args.value("--service")?, args.words()?);
    let (_show, name) = (args.next(), args.next());
    args.finish()?;
    let models = read_models(&paths, root())?;
    let text = show(&sources(&models), service.as_deref(), &words, name.as_deref())?;
    let text = text.map_err(|hint| {
        let name = name.unwrap_or_default();
        io::Error::other(format!("the service has no {name}: {hint}"))
    });
    write!(stdout, "{}", text?)?;
    Ok(true)
}

fn run_diff(mut args: Args, stdout: &mut impl Write) -> Result<bool> {
    let (service, words) = (args.value("--service")?, args.words()?);
    let (Some(_diff), Some(old), Some(new)) = (args.next(), args.next(), args.next()) else {
        bail!("diff needs two models: the old one and the new one");
    };
    if old.is_empty() || new.is_empty() {
        bail!("a path is empty: name a file or a folder");
    }
    args.finish()?;
    let (old, new) = (read_models(&[old], root())?, read_models(&[new], root())?);
    let (changes, breaks) = diff(&sources(&old), &sources(&new), service.as_deref(), &words)?;
    write!(stdout, "{changes}")?;
    Ok(!breaks)
}

fn run_generate(mut args: Args, stdout: &mut impl Write) -> Result<bool> {
    let start = Instant::now();
    let is_check = args.flag("--check");
    let command = target::command(&args);
    let targets = Target::all(args)?;
    let mut outputs = Vec::new();
    // Everything is generated before anything is written: if one model has errors, no folder changes.
    for Target { models, out, config } in &targets {
        let owned = if config.runtime.is_some() { "src" } else { "" };
        let folder = output_folder(out)?;
        let lock = (!is_check).then(|| lock(&folder.join(owned))).transpose()?;
        let models = read_models(models, root())?;
        let generated = generate(config, &sources(&models))?;
        if !generated.warnings.is_empty() {
            print(&generated.warnings)?;
        }
        let names: Vec<_> = models.iter().map(|it| &*it.0).collect();
        let title = format!("{} -> {}", names.join(", "), shown(out));
        let changes = Changes::new(folder, Some(owned), generated.files)?;
        outputs.push((title, generated.summary, changes, lock));
    }
    let mut is_up_to_date = true;
    for (title, summary, changes, _) in &outputs {
        let Changes { write, delete, unchanged, .. } = changes;
        if !is_check {
            changes.apply()?;
            let (written, deleted) = (write.len(), delete.len());
            let files = format!("{written} written, {unchanged} unchanged, {deleted} deleted");
            writeln!(stdout, "{title}\n{summary}  files       {files}")?;
            continue;
        }
        let is_same = write.is_empty() && delete.is_empty();
        is_up_to_date &= is_same;
        writeln!(stdout, "{title}: {}", if is_same { "up to date" } else { "not up to date" })?;
        let write = write.iter().map(|(why, path, _)| (*why, path));
        for (why, path) in write.chain(delete.iter().map(|path| ("left over", path))) {
            writeln!(stdout, "  {why}: {}", shown(path))?;
        }
    }
    match (is_check, is_up_to_date) {
        (false, _) => writeln!(stdout, "in {:.1} ms", start.elapsed().as_secs_f64() * 1e3)?,
        (true, false) => writeln!(stdout, "run: {command}")?,
        (true, true) => {}
    }
    Ok(is_up_to_date)
}

fn print(diagnostics: &Diagnostics) -> io::Result<()> {
    let mut stderr = io::stderr();
    let is_plain = !stderr.is_terminal() || std::env::var_os("NO_COLOR").is_some();
    let color = if is_plain { Color::Never } else { Color::Ansi };
    writeln!(stderr, "{}", diagnostics.render(color))
}
