//! What is to be measured.

use anyhow::{Context, Result, bail};

/// A part of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Compare,
    Counts,
    Component,
    Servers,
    Growth,
}

const SECTIONS: [(&str, Section); 5] = [
    ("compare", Section::Compare),
    ("counts", Section::Counts),
    ("component", Section::Component),
    ("servers", Section::Servers),
    ("growth", Section::Growth),
];

#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) sections: Vec<Section>,
    pub(crate) rounds: usize,
    /// The core that everything is pinned to.
    pub(crate) core: usize,
    /// The cargo profile of what is measured.
    pub(crate) profile: &'static str,
    /// Whether the published clients are installed and take part.
    pub(crate) published: bool,
    /// Everything takes a hundredth of its time: it shows that the program works, and nothing else.
    pub(crate) is_smoke: bool,
}

const USAGE: &str = "\
usage: bench [compare|counts|component|servers|growth]... [--rounds N] [--core N] [--no-published] [--smoke]

  compare    calls and events: ours, by hand, published, and the bare socket
  counts     instructions and system calls for each call and event; needs valgrind and strace
  component  size, memory, threads, crates and start of the smallest component
  servers    the local core beside a bare broker
  growth     what grows with connections, subscriptions and messages, as tables and plots
  --smoke    a few seconds of everything, to see that it works; builds the profile dev
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
                let number = words.next().with_context(|| format!("{word} takes a number"))?;
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
                    None => bail!("{name} is not a part\n\n{USAGE}"),
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

    /// How often something is done that should be done so often.
    pub(crate) fn count(&self, count: usize) -> usize {
        if self.is_smoke { (count / 100).max(64) } else { count }
    }
}
