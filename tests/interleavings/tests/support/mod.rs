//! Runs a scenario.

/// Runs a scenario with `SCHEDULES` schedules, by default 1,000. Half of them are random; in the other half few context
/// switches are decisive.
pub(crate) fn explore(scenario: fn()) {
    let schedules = std::env::var("SCHEDULES").map_or(1000, |it| it.parse().expect("a number"));
    shuttle::check_random(scenario, schedules / 2);
    shuttle::check_pct(scenario, schedules / 2, 3);
}
