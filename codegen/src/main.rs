//! `cargo run -p codegen`: the bindings of this workspace, or of a model of your own.

mod args;

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use args::{Args, Command, Target};
use codegen::{
    Diagnostics, Generated, Source, Summary,
    diagnostic::Color,
    files::{self, Plan},
    generate,
};

fn main() -> ExitCode {
    let args = match args::parse(std::env::args_os().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}\n\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<ExitCode> {
    let mut stdout = io::stdout().lock();
    if args.command == Command::Help {
        writeln!(stdout, "{}", args::USAGE)?;
        return Ok(ExitCode::SUCCESS);
    }
    // Everything is generated before anything is written: all targets change, or none.
    let mut outputs = Vec::new();
    for target in &args.targets {
        outputs.extend(Output::of(target)?);
    }
    if outputs.len() != args.targets.len() {
        return Ok(ExitCode::FAILURE);
    }
    if args.command == Command::Check {
        return check(&outputs, &args.repeat, &mut stdout);
    }
    let writing = Instant::now();
    let (plans, reports): (Vec<_>, Vec<_>) =
        outputs.into_iter().map(|it| (it.plan, it.report)).unzip();
    files::write(&plans)?;
    for (plan, report) in plans.iter().zip(reports) {
        report.print(plan, &mut stdout)?;
    }
    writeln!(stdout, "written in {}", milliseconds(writing.elapsed()))?;
    Ok(ExitCode::SUCCESS)
}

/// What is generated for one target.
struct Output {
    plan: Plan,
    report: Report,
}

impl Output {
    /// `None` if the model is refused, which has been said.
    fn of(target: &Target) -> Result<Option<Self>> {
        let start = Instant::now();
        let models = files::read_models(&target.models)?;
        let names: Vec<_> = models.iter().map(|it| args::relative(&it.path)).collect();
        let sources: Vec<_> = models
            .iter()
            .zip(&names)
            .map(|(model, path)| Source { path, json: &model.json })
            .collect();
        let Generated { files, warnings, summary, .. } = match generate(&target.config, &sources) {
            Ok(generated) => generated,
            Err(errors) => {
                print_diagnostics(&errors)?;
                return Ok(None);
            }
        };
        if !warnings.is_empty() {
            print_diagnostics(&warnings)?;
        }
        let plan = Plan::new(&target.out, &files)?;
        let title = format!("{} -> {}", names.join(", "), args::relative(&target.out));
        Ok(Some(Self { plan, report: Report { title, summary, time: start.elapsed() } }))
    }
}

fn check(outputs: &[Output], repeat: &str, stdout: &mut impl Write) -> Result<ExitCode> {
    let mut is_up_to_date = true;
    for Output { plan, report } in outputs {
        let differences = plan.differences();
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
    writeln!(stdout, "run `{repeat}`")?;
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
    fn print(&self, plan: &Plan, stdout: &mut impl Write) -> Result<()> {
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
        let (written, unchanged, deleted) = (plan.written(), plan.unchanged(), plan.deleted());
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
