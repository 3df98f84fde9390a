//! `cargo run -p codegen`: the bindings of this workspace, or of a model of your own.

mod args;

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
    slice::from_ref,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use args::{Command, Target};
use codegen::{
    Color, Diagnostics, Source, Summary, generate,
    program::{self, Change, ModelFile, Plan, ShowError, read_models, show},
};

fn main() -> ExitCode {
    let command = match args::parse(std::env::args_os().skip(1)) {
        Ok(command) => command,
        Err(error) => {
            let help = "`cargo run -p codegen -- --help` shows the usage";
            let _ = writeln!(io::stderr(), "error: {error}\n{help}");
            return ExitCode::from(2);
        }
    };
    match run(&command, &mut io::stdout().lock()) {
        Ok(code) => code,
        // Whoever reads what is shown has seen enough, as `head` has.
        Err(error) if is_broken_pipe(&error) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|it| it.kind() == io::ErrorKind::BrokenPipe)
}

fn run(command: &Command, stdout: &mut impl Write) -> Result<ExitCode> {
    match command {
        Command::Help => {
            writeln!(stdout, "{}", args::USAGE)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Version => {
            writeln!(stdout, "codegen {}", env!("CARGO_PKG_VERSION"))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Generate { targets, is_check, repeat } => {
            // Everything is generated before anything is written: all targets change, or none.
            let mut outputs = Vec::new();
            for target in targets {
                outputs.extend(Output::of(target)?);
            }
            if outputs.len() != targets.len() {
                return Ok(ExitCode::FAILURE);
            }
            match is_check {
                true => check(&outputs, repeat, stdout),
                false => write(outputs, stdout),
            }
        }
        Command::Show { models, service, words, name } => {
            let input = Input::read(models)?;
            match show(&input.sources(), service.as_deref(), words, name.as_deref()) {
                Ok(text) => {
                    write!(stdout, "{text}")?;
                    Ok(ExitCode::SUCCESS)
                }
                Err(ShowError::Model(errors)) => {
                    print_diagnostics(&errors)?;
                    Ok(ExitCode::FAILURE)
                }
                Err(error) => Err(error.into()),
            }
        }
        Command::Diff { old, new, service, words } => {
            let (old, new) = (Input::read(from_ref(old))?, Input::read(from_ref(new))?);
            match program::diff(&old.sources(), &new.sources(), service.as_deref(), words) {
                Ok(changes) => {
                    write!(stdout, "{}", program::render_changes(&changes))?;
                    let breaks = changes.iter().any(Change::breaks);
                    Ok(if breaks { ExitCode::FAILURE } else { ExitCode::SUCCESS })
                }
                Err(errors) => {
                    print_diagnostics(&errors)?;
                    Ok(ExitCode::FAILURE)
                }
            }
        }
    }
}

/// A model that has been read, and what its files are called.
struct Input {
    models: Vec<ModelFile>,
    names: Vec<String>,
}

impl Input {
    fn read(paths: &[PathBuf]) -> Result<Self> {
        let models = read_models(paths)?;
        let names = models.iter().map(|it| args::relative(&it.path)).collect();
        Ok(Self { models, names })
    }

    fn sources(&self) -> Vec<Source<'_>> {
        let sources = self.models.iter().zip(&self.names);
        sources.map(|(model, path)| Source { path, json: &model.json }).collect()
    }
}

fn write(outputs: Vec<Output>, stdout: &mut impl Write) -> Result<ExitCode> {
    let start = Instant::now();
    let (plans, reports): (Vec<_>, Vec<_>) =
        outputs.into_iter().map(|it| (it.plans, it.report)).unzip();
    let counts: Vec<_> = plans.iter().map(Vec::len).collect();
    let plans: Vec<_> = plans.into_iter().flatten().collect();
    program::write(&plans)?;
    let mut plans = &plans[..];
    for (count, report) in counts.into_iter().zip(reports) {
        let (own, others) = plans.split_at(count);
        report.print(own, stdout)?;
        plans = others;
    }
    writeln!(stdout, "written in {}", milliseconds(start.elapsed()))?;
    Ok(ExitCode::SUCCESS)
}

/// What is generated for one target.
struct Output {
    plans: Vec<Plan>,
    report: Report,
}

impl Output {
    /// `None` if the model is refused, which has been said.
    fn of(target: &Target) -> Result<Option<Self>> {
        let start = Instant::now();
        let input = Input::read(&target.models)?;
        let generated = match generate(&target.config, &input.sources()) {
            Ok(generated) => generated,
            Err(errors) => {
                print_diagnostics(&errors)?;
                return Ok(None);
            }
        };
        if !generated.warnings.is_empty() {
            print_diagnostics(&generated.warnings)?;
        }
        let mut plans = vec![Plan::new(&target.sources, &generated.files)?];
        if let Some(manifest) = &target.manifest {
            let file = program::manifest(&target.config, &generated, &manifest.runtime);
            plans.push(Plan::of_file(&manifest.folder, &file)?);
        }
        let out = target.manifest.as_ref().map_or(&target.sources, |it| &it.folder);
        let title = format!("{} -> {}", input.names.join(", "), args::relative(out));
        let report = Report { title, summary: generated.summary, time: start.elapsed() };
        Ok(Some(Self { plans, report }))
    }
}

fn check(outputs: &[Output], repeat: &str, stdout: &mut impl Write) -> Result<ExitCode> {
    let mut is_up_to_date = true;
    for Output { plans, report } in outputs {
        let differences: Vec<_> = plans.iter().flat_map(Plan::differences).collect();
        is_up_to_date &= differences.is_empty();
        let state = if differences.is_empty() { "up to date" } else { "not up to date" };
        writeln!(stdout, "{}: {state}", report.title)?;
        for (word, path) in differences {
            writeln!(stdout, "  {word}: {}", args::relative(&path))?;
        }
    }
    if is_up_to_date {
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(stdout, "run: {repeat}")?;
    Ok(ExitCode::FAILURE)
}

/// What is said about a target when it is done.
struct Report {
    title: String,
    summary: Summary,
    /// For reading, generating and comparing with what is there.
    time: Duration,
}

impl Report {
    fn print(&self, plans: &[Plan], stdout: &mut impl Write) -> Result<()> {
        let Summary { service, unary, subscriptions, client_streams, shapes, .. } = &self.summary;
        let operations = unary + subscriptions + client_streams;
        let kinds = [
            (*unary, "unary"),
            (*subscriptions, "subscriptions"),
            (*client_streams, "with events from the client"),
        ];
        let kinds =
            kinds.iter().filter(|it| it.0 > 0).map(|(count, kind)| format!("{count} {kind}"));
        let kinds = kinds.collect::<Vec<_>>().join(", ");
        let count = |of: fn(&Plan) -> usize| plans.iter().map(of).sum::<usize>();
        let (written, unchanged, deleted) =
            (count(Plan::written), count(Plan::unchanged), count(Plan::deleted));
        let time = milliseconds(self.time);
        writeln!(stdout, "{}", self.title)?;
        writeln!(stdout, "  service     {service}")?;
        writeln!(stdout, "  operations  {operations}: {kinds}")?;
        writeln!(stdout, "  shapes      {shapes}")?;
        writeln!(
            stdout,
            "  files       {written} written, {unchanged} unchanged, {deleted} deleted"
        )?;
        writeln!(stdout, "  generated   in {time}")?;
        Ok(())
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn print_diagnostics(diagnostics: &Diagnostics) -> Result<()> {
    let stderr = io::stderr().lock();
    let is_plain = !stderr.is_terminal() || std::env::var_os("NO_COLOR").is_some();
    let color = if is_plain { Color::Never } else { Color::Ansi };
    let mut stderr = stderr;
    writeln!(stderr, "{}", diagnostics.render(color)).context("cannot write to standard error")
}
