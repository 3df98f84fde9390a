//! The numbers of instructions and system calls per operation: those of a long run less those of a short run, divided
//! by the difference in operations.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{
    args::Args,
    process::Server,
    programs::{Kind, Programs, has},
    table::{Table, cell},
};

pub(crate) fn run(args: &Args, programs: &Programs) -> Result<String> {
    let server = Server::start(args, programs, "bench-server", &[], false)?;
    let mut text = String::new();
    let mut tools: Vec<(&str, Tool)> =
        vec![("instructions", instructions), ("system calls", calls)];
    for (program, name) in [("valgrind", "instructions"), ("strace", "system calls")] {
        if !has_tool(program) {
            tools.retain(|(it, _)| *it != name);
            text.push_str(&format!("no {name}: {program} is missing\n"));
        }
    }
    for (name, tool) in tools {
        let title = format!("user {name} per operation").replace("user system", "system");
        let columns =
            ["", "call, one at a time", "call, 64 in flight", "event, 1 KiB", "event, 64 KiB"];
        let mut table = Table::new(title, &columns);
        let own = programs.of_kind(Kind::Hand).chain(programs.of_kind(Kind::Ours));
        let rust = programs.of_kind(Kind::Published).filter(|it| it.command.len() == 1);
        for client in own.chain(rust) {
            let mut cells = vec![client.name.to_owned()];
            let modes = [
                ("sequential", 1280, 1024),
                ("in-flight", 1280, 1024),
                ("events", 1280, 1024),
                ("events", 128, 65_536),
            ];
            for (mode, count, size) in modes {
                let count = if args.is_smoke { 64 } else { count };
                let of = |count: usize| {
                    tool(programs, &mut |tool| {
                        let mut command = server.client(args, programs, client, tool);
                        command.args([mode, &count.to_string(), &size.to_string()]);
                        command.stdout(Stdio::null());
                        command
                    })
                };
                let (less, more) = (of(count)?, of(3 * count)?);
                cells.push(cell(Some((more - less) / (2 * count) as f64)));
            }
            table.row(cells);
        }
        text.push_str(&format!("{table}\n"));
    }
    Ok(text)
}

/// A function that runs a client with `valgrind` or `strace`, and returns the number of instructions or system calls.
type Tool = fn(&Programs, &mut dyn FnMut(&[&str]) -> Command) -> Result<f64>;

fn has_tool(program: &str) -> bool {
    // Old versions of strace support only -V.
    has(program) || Command::new(program).arg("-V").output().is_ok()
}

fn instructions(programs: &Programs, client: &mut dyn FnMut(&[&str]) -> Command) -> Result<f64> {
    let out = format!("--callgrind-out-file={}", programs.folder.join("callgrind.out").display());
    let output = client(&["valgrind", "--tool=callgrind", &out]).output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find_map(|it| it.split_once("Collected :"));
    let (_, number) =
        line.with_context(|| format!("no count in the output of callgrind: {text}"))?;
    Ok(number.trim().parse()?)
}

fn calls(programs: &Programs, client: &mut dyn FnMut(&[&str]) -> Command) -> Result<f64> {
    let out = programs.folder.join("strace.out");
    if !client(&["strace", "-c", "-f", "-o", &out.display().to_string()]).status()?.success() {
        bail!("strace failed");
    }
    let text = std::fs::read_to_string(&out)?;
    let total = text.lines().rfind(|it| it.ends_with("total")).context("no total")?;
    // The columns are % time, seconds, usecs/call, calls and optionally errors.
    Ok(total.split_whitespace().nth(3).context("no number of calls")?.parse()?)
}
