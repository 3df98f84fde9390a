//! The rules for sessions with faults.

use crate::faults::{
    outcome::Failure,
    session::{Faults, Report},
    wire::Kind,
};

/// Compares a session with one without faults.
///
/// # Errors
///
/// A description of the rule that the session violates.
pub(crate) fn check(clean: &Report, report: &Report, faults: &Faults) -> Result<(), String> {
    let all: Vec<_> = faults.all().collect();
    let is_harmless = all.iter().all(|(_, it)| it.kind.is_harmless());
    let is_silent = all.iter().any(|(_, it)| it.kind.is_silent());
    for (step, expected) in report.steps.iter().zip(&clean.steps) {
        let problem = |text: &str| Err(format!("{}: {text}: {:?}", step.name, step.outcome));
        if step.name != expected.name {
            return problem("an unexpected step");
        }
        match &step.outcome {
            Ok(_) if step.outcome == expected.outcome => {}
            Ok(_) => return problem("a wrong result"),
            Err(Failure::Wrong(_)) => return problem("a wrong error"),
            Err(_) if is_harmless => return problem("the step failed although all bytes arrived"),
            Err(Failure::Connection(text) | Failure::Deadline(text)) if text.is_empty() => {
                return problem("an error without a text");
            }
            Err(Failure::NoEvent | Failure::Deadline(_)) if !is_silent => {
                return problem("the end of the connection was not detected");
            }
            // A step that ended before the first fault cannot fail.
            Err(_) if all.iter().all(|(index, it)| expected.at[*index] <= it.offset) => {
                return problem("the step failed before the first fault");
            }
            Err(_) => {}
        }
    }
    if !clean.requests.starts_with(&report.requests) {
        return Err(format!("the server received other requests: {:?}", report.requests));
    }
    if is_harmless && (report.ended.is_some() || report.steps.len() != clean.steps.len()) {
        return Err(format!("the connection ended: {:?}", report.ended));
    }
    let is_detected = report.ended.is_some() || report.steps.iter().any(|it| it.outcome.is_err());
    let must_be_detected = |&(index, it): &(usize, crate::faults::wire::Fault)| {
        let last = clean.steps.last().map_or(0, |it| it.at[index]);
        matches!(it.kind, Kind::Corrupt(_)) && it.offset < last
    };
    if !is_detected && all.iter().any(must_be_detected) {
        return Err("a changed byte was not detected".to_owned());
    }
    Ok(())
}
