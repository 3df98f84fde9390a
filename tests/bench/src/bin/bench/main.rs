//! Compares the costs of client processes.
//!
//! Only the results of one run can be compared with each other. Each program runs once per round, and the tables show
//! medians. All processes, including the server, are pinned to one core, because waking another core costs more than a
//! call.

mod args;
mod compare;
mod component;
mod counts;
mod growth;
mod load;
mod plot;
mod process;
mod programs;
mod servers;
mod table;

use anyhow::Result;

use args::{Args, Section};
use programs::Programs;

fn main() -> Result<()> {
    let args = Args::read()?;
    let programs = Programs::build(&args)?;
    let mut text =
        format!("profile {}, {} rounds, core {}; medians\n", args.profile, args.rounds, args.core);
    for missing in &programs.missing {
        text.push_str(&format!("left out: {missing}\n"));
    }
    print!("{text}");
    for section in &args.sections {
        let part = match section {
            Section::Compare => compare::run(&args, &programs)?,
            Section::Counts => counts::run(&args, &programs)?,
            Section::Component => component::run(&args, &programs)?,
            Section::Servers => servers::run(&args, &programs)?,
            Section::Growth => growth::run(&args, &programs)?,
            Section::Load => load::run(&args, &programs)?,
        };
        print!("\n{part}");
        text.push_str(&format!("\n{part}"));
    }
    let path = programs.folder.join("report.txt");
    std::fs::write(&path, text)?;
    println!("\nwritten: {}", path.display());
    Ok(())
}
