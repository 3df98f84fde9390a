//! The cost of the smallest component: size, memory, threads, crates and start time.

use std::{collections::BTreeSet, fs, process::Command, time::Instant};

use anyhow::Result;

use crate::{
    args::Args,
    process::{Server, median, pinned, results},
    programs::{Kind, Programs, build_client, here, succeed, target_folder},
    table::{Table, cell, times},
};

/// The components: title, feature and binary.
const COMPONENTS: [(&str, &str, &str); 2] = [
    ("ours, tokio", "tokio", "bench-component"),
    ("ours, blocking", "blocking", "bench-blocking-component"),
];

pub(crate) fn run(args: &Args, programs: &Programs) -> Result<String> {
    let server = Server::start(args, programs, "bench-server", &[], false)?;
    let target = target_folder()?;
    let title = "the smallest component: connects, publishes once, exits (stripped)";
    let columns =
        ["", "small, KiB", "release, KiB", "peak KiB (small)", "threads", "external crates"];
    let mut table = Table::new(title, &columns);
    for (name, side, binary) in COMPONENTS {
        let mut sizes = Vec::new();
        let profiles = if args.is_smoke { &["dev"][..] } else { &["small", "release"] };
        for profile in profiles {
            if !args.is_smoke {
                build_client(&target, profile, side)?;
            }
            let built = target.join(if *profile == "dev" { "debug" } else { profile }).join(binary);
            let stripped = programs.folder.join(format!("{binary}-{profile}"));
            succeed(Command::new("strip").arg("-o").arg(&stripped).arg(&built))?;
            sizes.push((fs::metadata(&stripped)?.len() as f64 / 1024.0, stripped));
        }
        let mut command = pinned(args, programs, &sizes[0].1);
        command.arg("report");
        server.set_environment(&mut command);
        let status = results(&mut command)?;
        table.row(vec![
            name.to_owned(),
            cell(sizes.first().map(|it| it.0)),
            cell(sizes.get(1).map(|it| it.0)),
            cell(status.get("peak_kib").copied()),
            status.get("threads").map(|it| it.to_string()).unwrap_or_default(),
            crates(side)?.to_string(),
        ]);
    }
    Ok(format!("{table}\n{}", start(args, programs, &server)?))
}

/// The number of external crates that are compiled for the client of a side, including those of the build only.
fn crates(side: &str) -> Result<usize> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["tree", "--package", "bench-client", "--no-default-features", "--features", side]);
    cargo.args(["--edges", "normal,build", "--prefix", "none"]);
    let output = cargo.args(["--format", "{p}"]).current_dir(here()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    // The names of workspace packages contain their folder.
    let lines = text.lines().filter(|it| !it.contains('/'));
    let names: BTreeSet<_> = lines.map(|it| it.split(" (").next().unwrap_or(it)).collect();
    Ok(names.iter().filter(|it| !it.is_empty()).count())
}

/// Measures the time from the start of a process to its exit after the first response.
fn start(args: &Args, programs: &Programs, server: &Server) -> Result<Table> {
    let clients: Vec<_> = programs.clients.iter().filter(|it| it.kind != Kind::Raw).collect();
    let mut runs: Vec<Vec<f64>> = clients.iter().map(|_| Vec::new()).collect();
    for _ in 0..args.rounds * 3 {
        for (client, runs) in clients.iter().zip(&mut runs) {
            let mut command = server.client(args, programs, client, &[]);
            let start = Instant::now();
            succeed(command.args(["first", "1", "1024"]))?;
            runs.push(start.elapsed().as_secs_f64() * 1000.0);
        }
    }
    let times_of: Vec<_> = runs.into_iter().map(median).collect();
    let hand = clients.iter().position(|it| it.name.contains("tokio")).and_then(|it| times_of[it]);
    let mut table = Table::new(
        "from the start of the process to its exit after one response",
        &["", "ms", "vs hand-written, tokio"],
    );
    for (client, time) in clients.iter().zip(&times_of) {
        table.row(vec![client.name.to_owned(), cell(*time), times(*time, hand)]);
    }
    Ok(table)
}
