//! The command line arguments.

use anyhow::{Context, Result, bail};

/// A part of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Compare,
    Counts,
    Component,
    Servers,
    Growth,
    Load,
}

const SECTIONS: [(&str, Section); 6] = [
    ("compare", Section::Compare),
    ("counts", Section::Counts),
    ("component", Section::Component),
    ("servers", Section::Servers),
    ("growth", Section::Growth),
    ("load", Section::Load),
];

#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) sections: Vec<Section>,
    pub(crate) rounds: usize,
    /// The CPU core that all processes are pinned to.
    pub(crate) core: usize,
    /// The cargo profile of the measured programs.
    pub(crate) profile: &'static str,
    /// Whether to include the published clients.
    pub(crate) published: bool,
    /// Whether to run with a hundredth of the counts, only to test the program.
    pub(crate) is_smoke: bool,
}

const USAGE: &str = "\
usage: bench [compare|counts|component|servers|growth|load]... [--rounds N] [--core N] [--no-published] [--smoke]

  compare    calls and events of this project's, hand-written and published clients and of the raw socket
  counts     instructions and system calls per call and event; needs valgrind and strace
  component  size, memory, threads, crates and start time of the smallest component
  servers    the local core compared with a minimal broker
  growth     the effect of connections, subscriptions and message sizes, as tables and plots
  load       messages per second of the local core by number of subscribers, beside bare sockets
  --smoke    runs all parts for a few seconds to test the program, with the profile dev
";

impl Args {
    pub(crate) fn read() -> Result<Self> {
        let mut args = Self {
            sections: Vec::new(),
            rounds: 9,
            core: 0,
            profile: "release",
            published: true,
            is_smoke: false,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number = || -> Result<usize> {
                let number = words.next().with_context(|| format!("{word} needs a number"))?;
                number.parse().with_context(|| format!("{number} is not a number"))
            };
            match word.as_str() {
                "--rounds" => args.rounds = number()?.max(1),
                "--core" => args.core = number()?,
                "--no-published" => args.published = false,
                "--smoke" => args.is_smoke = true,
                "--help" | "-h" => bail!(USAGE),
                name => match SECTIONS.iter().find(|(it, _)| *it == name) {
                    Some((_, section)) => args.sections.push(*section),
                    None => bail!("unknown part {name}\n\n{USAGE}"),
                },
            }
        }
        if args.sections.is_empty() {
            args.sections = SECTIONS.iter().map(|(_, section)| *section).collect();
        }
        if args.is_smoke {
            (args.rounds, args.profile, args.published) = (1, "dev", false);
        }
        Ok(args)
    }

    /// Reduces a count for `--smoke`.
    pub(crate) fn count(&self, count: usize) -> usize {
        if self.is_smoke { (count / 100).max(64) } else { count }
    }
}
