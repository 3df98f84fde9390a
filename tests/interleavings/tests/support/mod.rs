//! Running a scenario.

/// Half of the schedules are random; in the other half few changes of thread decide. `SCHEDULES` says how many
/// there are.
pub(crate) fn explore(scenario: fn()) {
    let schedules = std::env::var("SCHEDULES").map_or(1000, |it| it.parse().expect("a number"));
    shuttle::check_random(scenario, schedules / 2);
    shuttle::check_pct(scenario, schedules / 2, 3);
}
