//! Tests sessions over connections with faults. See the README of the package.

use std::time::Instant;

use anyhow::{Result, bail};
use robustness::faults;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize, default: u64| match arguments.get(index) {
        Some(text) => text.parse(),
        None => Ok(default),
    };
    let start = Instant::now();
    let tally = match arguments.first().map(String::as_str) {
        Some("every") => faults::every::every(0, usize::try_from(number(1, 1)?)?)?,
        Some("random") => faults::random::random(number(1, 1)?, number(2, 100_000)?)?,
        Some("sockets") => faults::random::over_sockets(number(1, 1)?, number(2, 500)?)?,
        Some("blocking") => faults::blocking::random(number(1, 1)?, number(2, 2_000)?)?,
        Some("blocking-every") => faults::blocking::every(0, usize::try_from(number(1, 1)?)?)?,
        Some("reconnect") => faults::reconnect::random(number(1, 1)?, number(2, 2_000)?)?,
        Some("reconnect-every") => faults::reconnect::every(0, usize::try_from(number(1, 1)?)?)?,
        Some("replay") => faults::replay::replay(usize::try_from(number(1, 1)?)?, usize::MAX)?,
        _ => bail!(
            "every [STRIDE] | random [SEED [COUNT]] | sockets [SEED [COUNT]] | blocking [SEED [COUNT]] | \
             blocking-every [STRIDE] | reconnect [SEED [COUNT]] | reconnect-every [STRIDE] | replay [STRIDE]"
        ),
    };
    println!("{tally}\nin {:.1?}; no violations", start.elapsed());
    Ok(())
}
