//! Messages per second of the local core by number of subscribers, beside a bare fan-out of bytes and a minimal broker.

use anyhow::{Result, ensure};

use crate::{
    args::Args,
    process::{Server, median, results},
    programs::Programs,
    servers::Load,
    table::{Table, cell, times},
};

/// The numbers of connections, of subscriptions (some match), and of keys in the configuration.
const CONNECTIONS: usize = 50;
const SUBSCRIPTIONS: usize = 500;
const KEYS: &str = "1000";

/// The servers: title, server with its arguments, whether it prints a token, and the program that generates the load.
const SERVERS: [(&str, &str, &[&str], bool, &str); 3] = [
    ("bare sockets", "bench-fan-out", &["serve"], false, "bench-fan-out"),
    ("minimal broker", "bench-server", &["broker"], false, "bench-load"),
    ("local core", "bench-core", &[KEYS], true, "bench-load"),
];

pub(crate) fn run(args: &Args, programs: &Programs) -> Result<String> {
    let mut columns = vec!["subscribers"];
    columns.extend(SERVERS.iter().map(|it| it.0));
    columns.extend(["vs bare sockets", "vs minimal broker"]);
    let title = format!(
        "messages of 1 KiB to subscribers per second: {CONNECTIONS} connections, {SUBSCRIPTIONS} subscriptions, {KEYS} \
         configuration keys"
    );
    let mut table = Table::new(title, &columns);
    let servers = SERVERS.map(|(_, name, arguments, prints_token, _)| {
        Server::start(args, programs, name, arguments, prints_token)
    });
    let numbers: &[usize] = if args.is_smoke { &[1, 10] } else { &[1, 5, 10, 50, 100, 500] };
    for &matches in numbers {
        let count = args.count((64_000 / matches).max(640));
        let load = Load {
            connections: CONNECTIONS,
            subscriptions: SUBSCRIPTIONS,
            matches,
            count,
            window: 64,
            size: 1024,
        };
        let mut rates = SERVERS.map(|_| Vec::new());
        for _ in 0..args.rounds {
            for (index, server) in servers.iter().enumerate() {
                let server = server.as_ref().map_err(|it| anyhow::anyhow!("{it:#}"))?;
                let result = results(&mut load.command(args, programs, server, SERVERS[index].4))?;
                ensure!(result.get("lost") == Some(&0.0), "messages were lost: {result:?}");
                let rate = |it: &crate::process::Results| {
                    Some(it.get("events")? / it.get("events_ns")? * 1e9)
                };
                rates[index].extend(rate(&result));
            }
        }
        let [bare, broker, core] = rates.map(median);
        table.row(vec![
            matches.to_string(),
            cell(bare),
            cell(broker),
            cell(core),
            times(core, bare),
            times(core, broker),
        ]);
    }
    Ok(format!("{table}\n"))
}
