//! Scenarios that were recorded on a Java nucleus: requests, replies, events and closed connections.

mod compare;
mod connection;
mod deploy;
mod describe;
mod marks;
mod player;
mod recipe;
mod settle;
mod substitute;
mod timeline;
mod world;

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    thread,
};

use serde_json::Value;

/// What a scenario may need. Others need a plugin of the nucleus that queues updates.
const PLAYABLE: [&str; 8] =
    ["shadow", "cli", "services", "states", "cli-login", "deploy", "restart", "thing-name"];

/// The number of scenarios that are played at the same time. Most of the time is waiting for closed connections.
const CONCURRENT: usize = 48;

/// The prefix of a reason for a difference that does not count: requests that only the reader of a nucleus accepts.
const REFUSED: &str = "refused: ";

fn scenarios() -> Vec<Value> {
    let areas = [
        include_str!("data/scenarios/authz.json"),
        include_str!("data/scenarios/config.json"),
        include_str!("data/scenarios/connection.json"),
        include_str!("data/scenarios/lifecycle.json"),
        include_str!("data/scenarios/pubsub.json"),
        include_str!("data/scenarios/shadow.json"),
    ];
    let all = areas.iter().flat_map(|it| serde_json::from_str::<Vec<Value>>(it).unwrap());
    let mut all: Vec<_> = all.collect();
    all.iter_mut().for_each(timeline::leave_out_stops);
    all
}

/// The reason of each scenario whose outcome differs.
fn expected_differences() -> BTreeMap<&'static str, &'static str> {
    let lines = include_str!("data/scenarios/differences.txt").lines();
    let lines = lines.filter(|it| !it.is_empty() && !it.starts_with('#'));
    lines.map(|it| it.split_once(": ").expect("a scenario and a reason")).collect()
}

/// Plays scenarios and returns the differences of each.
fn play_all(scenarios: &[&Value]) -> Vec<Vec<String>> {
    let expected = expected_differences();
    let results = Mutex::new(vec![Vec::new(); scenarios.len()]);
    let next = Mutex::new(0..scenarios.len());
    let take = || next.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some(index) = take() {
            // One thread per scenario: its order of events does not depend on others.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let recorded = runtime.unwrap().block_on({
                let is_different = expected.contains_key(scenarios[index]["id"].as_str().unwrap());
                player::play(scenarios[index], is_different)
            });
            let differences = compare::compare(scenarios[index], &recorded);
            results.lock().unwrap_or_else(PoisonError::into_inner)[index] = differences;
        }
    };
    thread::scope(|scope| {
        for _ in 0..CONCURRENT {
            scope.spawn(work);
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn scenarios_have_the_outcome_that_a_nucleus_had() {
    let all = scenarios();
    let needs = |it: &Value| it["needs"].as_array().cloned().unwrap_or_default();
    let is_playable = |it: &&Value| {
        needs(it).iter().all(|it| PLAYABLE.contains(&it.as_str().unwrap()))
            && std::env::var("ONLY")
                .map_or(true, |only| it["id"].as_str().unwrap().starts_with(&only))
    };
    let playable: Vec<_> = all.iter().filter(is_playable).collect();
    let mut expected = expected_differences();
    let (mut wrong, mut same, mut counted) = (Vec::new(), 0, 0);
    for (scenario, differences) in playable.iter().zip(play_all(&playable)) {
        let id = scenario["id"].as_str().unwrap();
        let reason = expected.remove(id);
        match (reason, differences.first()) {
            (None, Some(difference)) => wrong.push(format!("{id}: {difference}")),
            (Some(reason), None) => wrong.push(format!("{id} is the same, but listed: {reason}")),
            _ => {}
        }
        let is_refused = reason.is_some_and(|it| it.starts_with(REFUSED));
        if scenario["nucleus_fault"].is_null() && !is_refused {
            counted += 1;
            same += usize::from(differences.is_empty());
        }
    }
    wrong.extend(expected.keys().map(|it| format!("{it} is listed, but not played")));
    assert!(
        wrong.is_empty(),
        "{} of {} scenarios:\n{}",
        wrong.len(),
        playable.len(),
        wrong.join("\n")
    );
    assert!(same * 100 >= counted * 95, "{same} of {counted} are the same");
}
