//! Measures whole processes side by side, and prints what one costs as a multiple of another.
//!
//! Numbers of one run can be compared with each other, and with those of no other run: each table comes
//! from rounds in which every program had its turn, and shows the medians. All are pinned to one core,
//! server included, because waking another costs more than a call.

mod args;
mod compare;
mod component;
mod counts;
mod growth;
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
        };
        print!("\n{part}");
        text.push_str(&format!("\n{part}"));
    }
    let path = programs.folder.join("report.txt");
    std::fs::write(&path, text)?;
    println!("\nwritten: {}", path.display());
    Ok(())
}
