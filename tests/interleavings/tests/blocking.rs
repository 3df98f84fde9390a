//! Interleavings of the threads of a blocking client.

mod support;

use interleavings::blocking::interleavings as scenarios;
use support::explore;

#[test]
fn the_rest_of_a_request_is_written_by_a_thread_that_waits() {
    explore(scenarios::the_rest_of_a_request_is_written_by_a_thread_that_waits);
}

#[test]
fn the_rest_of_a_request_is_written_though_no_thread_waits() {
    explore(scenarios::the_rest_of_a_request_is_written_though_no_thread_waits);
}

#[test]
fn a_connection_is_closed_when_the_rest_is_written() {
    explore(scenarios::a_connection_is_closed_when_the_rest_is_written);
}

#[test]
fn the_lead_is_handed_over() {
    explore(scenarios::the_lead_is_handed_over);
}

#[test]
fn the_background_thread_leads_when_no_other_does() {
    explore(scenarios::the_background_thread_leads_when_no_other_does);
}

#[test]
fn closing_ends_what_other_threads_wait_for() {
    explore(scenarios::closing_ends_what_other_threads_wait_for);
}
