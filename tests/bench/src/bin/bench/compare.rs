//! The times of calls and events, compared with the raw socket and with hand-written and published clients.

use anyhow::Result;

use crate::{
    args::Args,
    process::{Results, Server, median, results},
    programs::{Client, Kind, Programs},
    table::{Table, cell, number, times},
};

/// A measurement that all clients run.
struct Scenario {
    title: &'static str,
    mode: &'static str,
    count: usize,
    size: usize,
}

const SCENARIOS: [Scenario; 4] = [
    Scenario { title: "publish 1 KiB, one at a time", mode: "sequential", count: 5000, size: 1024 },
    Scenario { title: "publish 1 KiB, 64 in flight", mode: "in-flight", count: 25_600, size: 1024 },
    Scenario { title: "events of 1 KiB", mode: "events", count: 50_000, size: 1024 },
    Scenario { title: "events of 64 KiB", mode: "events", count: 1500, size: 65_536 },
];

pub(crate) fn run(args: &Args, programs: &Programs) -> Result<String> {
    let server = Server::start(args, programs, "bench-server", &[], false)?;
    let raw = Server::start(args, programs, "bench-raw", &["serve"], false)?;
    let mut text = String::new();
    for scenario in &SCENARIOS {
        let clients: Vec<&Client> = programs
            .clients
            .iter()
            .filter(|it| it.kind != Kind::Raw || scenario.mode != "in-flight")
            .collect();
        let mut runs: Vec<Vec<Results>> = clients.iter().map(|_| Vec::new()).collect();
        for _ in 0..args.rounds {
            for (client, runs) in clients.iter().zip(&mut runs) {
                let server = if client.kind == Kind::Raw { &raw } else { &server };
                let count = args.count(scenario.count / client.share);
                let mut command = server.client(args, programs, client, &[]);
                command.args([scenario.mode, &count.to_string(), &scenario.size.to_string()]);
                runs.push(results(&mut command)?);
            }
        }
        text.push_str(&table(scenario, &clients, &runs));
        text.push('\n');
    }
    Ok(text)
}

fn table(scenario: &Scenario, clients: &[&Client], runs: &[Vec<Results>]) -> String {
    let is_sequential = scenario.mode == "sequential";
    let of = |index: usize, result: &dyn Fn(&Results) -> Option<f64>| {
        median(runs[index].iter().filter_map(result).collect())
    };
    let key = |name: &'static str| move |it: &Results| it.get(name).copied();
    let per_operation =
        |it: &Results| Some(it.get("total_ns")? / 1000.0 / it.get("count")?.max(1.0));
    // The compared value: the time per operation, in microseconds.
    let time = |index: usize| {
        if is_sequential {
            of(index, &key("p50_ns")).map(|it| it / 1000.0)
        } else {
            of(index, &per_operation)
        }
    };
    let best = |kind: Kind, prefer: &str| {
        let all = clients.iter().enumerate().filter(|(_, it)| it.kind == kind);
        let matching = all.filter(|(_, it)| it.name.contains(prefer));
        matching.filter_map(|(index, _)| time(index)).min_by(f64::total_cmp)
    };
    let (raw, hand) = (best(Kind::Raw, ""), best(Kind::Hand, "tokio"));
    let published = best(Kind::Published, "");
    let first = if is_sequential { "p50 us" } else { "us per operation" };
    let columns = [
        "",
        first,
        "p99 us",
        "per s",
        "vs raw",
        "vs hand-written, tokio",
        "fastest published vs this",
        "peak KiB",
        "threads",
    ];
    let mut table = Table::new(scenario.title, &columns);
    for (index, client) in clients.iter().enumerate() {
        let rate = of(index, &per_operation).map(|it| 1e6 / it);
        table.row(vec![
            client.name.to_owned(),
            cell(time(index)),
            cell(of(index, &key("p99_ns")).map(|it| it / 1000.0)),
            rate.map(|it| number(it.round())).unwrap_or_default(),
            times(time(index), raw),
            times(time(index), hand),
            times(published, time(index)),
            cell(of(index, &key("peak_kib"))),
            of(index, &key("threads")).map(|it| it.to_string()).unwrap_or_default(),
        ]);
    }
    table.to_string()
}
