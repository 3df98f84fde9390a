//! Interleavings of the callers of an asynchronous connection and its driver.

mod support;

use interleavings::client::interleavings as scenarios;
use support::explore;

#[test]
fn callers_share_a_connection() {
    explore(scenarios::callers_share_a_connection);
}

#[test]
fn one_closes_while_others_call() {
    explore(scenarios::one_closes_while_others_call);
}

#[test]
fn waits_are_dropped_while_others_wait() {
    explore(scenarios::waits_are_dropped_while_others_wait);
}
