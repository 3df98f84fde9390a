//! Publishes and events per second of the local core, which decodes, authorizes and matches topics, compared with a
//! minimal broker.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::{
    args::Args,
    process::{Results, Server, median, pinned, results},
    programs::Programs,
    table::{Table, cell, number, times},
};

/// The arguments of `bench-load`, which opens subscriptions and publishes; `matches` of the subscriptions match.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) connections: usize,
    pub(crate) subscriptions: usize,
    pub(crate) matches: usize,
    pub(crate) count: usize,
    pub(crate) window: usize,
    pub(crate) size: usize,
}

impl Load {
    /// The command of the program that generates the load on a server.
    pub(crate) fn command(
        &self,
        args: &Args,
        programs: &Programs,
        server: &Server,
        program: &str,
    ) -> Command {
        let mut command = pinned(args, programs, &programs.binary(program));
        let numbers = [
            self.connections,
            self.subscriptions,
            self.matches,
            self.count,
            self.window,
            self.size,
        ];
        command.args(numbers.map(|it| it.to_string()));
        server.set_environment(&mut command);
        command
    }
}

/// The servers: name, binary, arguments, and whether it prints a token.
const SERVERS: [(&str, &str, &[&str], bool); 2] = [
    ("minimal broker", "bench-server", &["broker"], false),
    ("local core, 100 patterns", "bench-core", &[], true),
];

pub(crate) fn run(args: &Args, programs: &Programs) -> Result<String> {
    let mut text = String::new();
    for subscribers in [0, 10] {
        let load = Load {
            connections: subscribers,
            subscriptions: subscribers,
            matches: subscribers,
            count: args.count(if subscribers == 0 { 25_600 } else { 6400 }),
            window: 64,
            size: 1024,
        };
        let mut runs: Vec<Vec<Results>> = SERVERS.iter().map(|_| Vec::new()).collect();
        let mut memory = [0.0_f64; SERVERS.len()];
        let mut servers = Vec::new();
        for (_, binary, arguments, prints_token) in SERVERS {
            servers.push(Server::start(args, programs, binary, arguments, prints_token)?);
        }
        for _ in 0..args.rounds {
            for (index, server) in servers.iter().enumerate() {
                let result = results(&mut load.command(args, programs, server, "bench-load"))?;
                ensure!(result.get("lost") == Some(&0.0), "events were lost: {result:?}");
                runs[index].push(result);
                memory[index] = server.memory()?.1;
            }
        }
        let rate = |index: usize, count: &'static str, time: &'static str| {
            let each = |it: &Results| Some(it.get(count)? / it.get(time)? * 1e9);
            median(runs[index].iter().filter_map(each).collect())
        };
        let mut table = Table::new(
            format!("server: publish 1 KiB, 64 in flight, {subscribers} subscribers"),
            &[
                "",
                "publishes per s",
                "vs minimal broker",
                "events per s",
                "vs minimal broker",
                "peak KiB",
            ],
        );
        for (index, (name, ..)) in SERVERS.iter().enumerate() {
            let of = |count, time| {
                (rate(index, count, time), times(rate(index, count, time), rate(0, count, time)))
            };
            let (publishes, share) = of("count", "total_ns");
            let (events, events_share) =
                if subscribers == 0 { (None, String::new()) } else { of("events", "events_ns") };
            table.row(vec![
                (*name).to_owned(),
                cell(publishes.map(f64::round)),
                share,
                cell(events.map(f64::round)),
                events_share,
                number(memory[index]),
            ]);
        }
        text.push_str(&format!("{table}\n"));
    }
    Ok(text)
}
