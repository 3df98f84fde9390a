//! Tests of each fault at each byte.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::faults::{
    Tally,
    check::check,
    session::{Faults, Report, Setup},
    tally::{panics, watch_panics},
    wire::{Direction, Fault, Kind},
};

/// The faults to test.
const KINDS: [Kind; 12] = [
    Kind::Split,
    Kind::Merge,
    Kind::Delay(Duration::from_secs(1)),
    Kind::Delay(Duration::from_secs(30)),
    Kind::Corrupt(0x01),
    Kind::Corrupt(0x80),
    Kind::Corrupt(0xff),
    Kind::Drop,
    Kind::Double,
    Kind::Cut,
    Kind::HalfClose,
    Kind::Stall,
];

/// Tests each fault at each `stride`th byte of a session in both directions, beginning with byte `start`.
///
/// # Errors
///
/// If a session violates a rule.
pub fn every(start: u64, stride: usize) -> Result<Tally> {
    watch_panics();
    let mut tally = Tally::default();
    with_virtual_time(async {
        let setup = Setup::default();
        let clean = clean(&setup).await;
        for (index, direction) in Direction::BOTH.into_iter().enumerate() {
            for offset in (start..clean.bytes[index]).step_by(stride) {
                for kind in KINDS {
                    let faults = Faults::one(direction, Fault { offset, kind });
                    let report = run_checked(&setup, &clean, &faults).await?;
                    tally.add(format!("{direction:?} {kind:?}"), &report);
                }
                setup.check_another_client().await;
            }
        }
        Ok(tally)
    })
}

/// Runs a future on a runtime with one thread and a paused clock, which advances only when all tasks are idle.
pub(crate) fn with_virtual_time<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    runtime.block_on(future)
}

/// Runs a session without faults, in which each step succeeds.
pub(crate) async fn clean(setup: &Setup) -> Report {
    let report = setup.run(&Faults::default()).await;
    for step in &report.steps {
        assert!(step.outcome.is_ok(), "{step:?}");
    }
    assert!(report.ended.is_none() && report.steps.len() > 20, "{report:?}");
    report
}

/// Runs a session and checks it.
pub(crate) async fn run_checked(setup: &Setup, clean: &Report, faults: &Faults) -> Result<Report> {
    let before = panics();
    let report = setup.run(faults).await;
    if let Err(problem) = check(clean, &report, faults) {
        bail!("{faults:?}: {problem}\n{report:#?}");
    }
    if panics() > before {
        bail!("{faults:?}: a task panicked");
    }
    Ok(report)
}
