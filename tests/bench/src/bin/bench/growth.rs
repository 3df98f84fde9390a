//! The cost of a publish for growing numbers of connections, subscriptions and matches, and for growing messages.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::Stdio,
};

use anyhow::{Context, Result, ensure};

use crate::{
    args::Args,
    plot::{Plot, Series},
    process::{Server, median, parse, results},
    programs::{Kind, Programs},
    servers::Load,
    table::{Table, cell},
};

pub(crate) fn run(args: &Args, programs: &Programs) -> Result<String> {
    let mut text = String::new();
    text.push_str(&servers(args, programs)?);
    text.push_str(&messages(args, programs)?);
    Ok(text)
}

/// Measures the time and the memory of the local core for growing numbers of connections and subscriptions.
fn servers(args: &Args, programs: &Programs) -> Result<String> {
    let load = |connections, subscriptions, matches| Load {
        connections,
        subscriptions,
        matches,
        count: args.count(if matches > 10 { 640 } else { 6400 }),
        window: 64,
        size: 1024,
    };
    let sizes: &[usize] = if args.is_smoke { &[1, 10] } else { &[1, 10, 100, 500] };
    let counts: &[usize] = if args.is_smoke { &[1, 10] } else { &[1, 10, 100, 1000, 5000] };
    let groups = [
        (
            "connections with one subscription each, one of them matching",
            sizes.iter().map(|it| (*it, load(*it, *it, 1))).collect::<Vec<_>>(),
        ),
        (
            "subscriptions on up to 500 connections, one of them matching",
            counts.iter().map(|it| (*it, load((*it).min(500), *it, 1))).collect(),
        ),
        (
            "subscriptions, one per connection, all of them matching",
            sizes.iter().map(|it| (*it, load(*it, *it, *it))).collect(),
        ),
    ];
    let mut text = String::new();
    let mut plot = Plot::new(
        "Cost of a publish in the local core",
        "connections or subscriptions",
        "server time in us",
    );
    for (name, loads) in groups {
        let columns = ["", "server us", "us per event", "KiB per connection", "peak KiB"];
        let mut table = Table::new(format!("local core: {name}"), &columns);
        let mut series = Series::new(name);
        for (size, load) in loads {
            let (time, memory, peak) = cost(args, programs, load)?;
            series.points.push((size as f64, time));
            table.row(vec![
                size.to_string(),
                cell(Some(time)),
                cell(Some(time / load.matches as f64)),
                cell(Some(memory / load.connections as f64)),
                cell(Some(peak)),
            ]);
        }
        plot.series.push(series);
        text.push_str(&format!("{table}\n"));
    }
    let path = programs.folder.join("growth-server.svg");
    fs::write(&path, plot.to_svg())?;
    text.push_str(&format!("plot: {}\n\n", path.display()));
    Ok(text)
}

/// Measures the server's time per publish in microseconds, the memory of the connections and the peak memory in KiB.
fn cost(args: &Args, programs: &Programs, load: Load) -> Result<(f64, f64, f64)> {
    let mut times = Vec::new();
    let mut memory = Vec::new();
    let mut peaks = Vec::new();
    for _ in 0..args.rounds.div_ceil(2) {
        let server = Server::start(args, programs, "bench-core", &[], true)?;
        let before = server.memory()?.0;
        let mut command = load.command(args, programs, &server, "bench-load");
        command.env("BENCH_WAIT", "1").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let mut output =
            BufReader::new(child.stdout.take().context("the stream is piped")?).lines();
        ensure!(output.next().transpose()?.as_deref() == Some("ready"), "the load is not ready");
        memory.push(server.memory()?.0 - before);
        let start = server.run_time()?;
        child.stdin.take().context("the stream is piped")?.write_all(b"go\n")?;
        let result = parse(&output.next().transpose()?.unwrap_or_default());
        ensure!(child.wait()?.success(), "the load failed");
        ensure!(result.get("lost") == Some(&0.0), "events were lost: {result:?}");
        times.push((server.run_time()? - start) / 1000.0 / load.count as f64);
        peaks.push(server.memory()?.1);
    }
    let all = [times, memory, peaks].map(|it| median(it).unwrap_or_default());
    Ok((all[0], all[1], all[2]))
}

/// Measures calls with growing messages, compared with the raw socket.
fn messages(args: &Args, programs: &Programs) -> Result<String> {
    // In base64, the largest message is just below the limit of 24 MiB.
    let sizes: &[usize] = if args.is_smoke {
        &[100, 10_000]
    } else {
        &[100, 1000, 10_000, 100_000, 1_000_000, 4_000_000, 17 * 1024 * 1024]
    };
    let server = Server::start(args, programs, "bench-server", &[], false)?;
    let raw = Server::start(args, programs, "bench-raw", &["serve"], false)?;
    let kinds = [Kind::Raw, Kind::Hand, Kind::Ours];
    let clients: Vec<_> = programs.clients.iter().filter(|it| kinds.contains(&it.kind)).collect();
    let mut columns = vec!["bytes"];
    columns.extend(clients.iter().map(|it| it.name));
    let mut table = Table::new("publish messages of growing size, one at a time: p50 us", &columns);
    let mut plot = Plot::new("A call with a message of growing size", "bytes", "p50 us");
    plot.series = clients.iter().map(|it| Series::new(it.name)).collect();
    for size in sizes {
        let count = args.count((20_000_000 / (size + 10_000)).clamp(3, 1000));
        let mut runs: Vec<Vec<f64>> = clients.iter().map(|_| Vec::new()).collect();
        for _ in 0..args.rounds.div_ceil(2) {
            for (client, runs) in clients.iter().zip(&mut runs) {
                let server = if client.kind == Kind::Raw { &raw } else { &server };
                let mut command = server.client(args, programs, client, &[]);
                command.args(["sequential", &count.to_string(), &size.to_string()]);
                runs.push(results(&mut command)?.get("p50_ns").context("no median")? / 1000.0);
            }
        }
        let mut cells = vec![size.to_string()];
        for (runs, series) in runs.into_iter().zip(&mut plot.series) {
            let time = median(runs);
            cells.push(cell(time));
            series.points.push((*size as f64, time.unwrap_or_default()));
        }
        table.row(cells);
    }
    let path = programs.folder.join("growth-messages.svg");
    fs::write(&path, plot.to_svg())?;
    Ok(format!("{table}\nplot: {}\n", path.display()))
}
