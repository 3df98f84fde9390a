//! Short runs of the tests with connection faults.

use robustness::faults;

#[test]
fn each_fault_at_some_bytes() {
    let tally = faults::every::every(3, 101).unwrap();
    assert!(tally.sessions() > 500, "{tally}");
}

#[test]
fn many_random_faults() {
    faults::random::random(1, 300).unwrap();
}

#[test]
fn concurrent_sessions_over_sockets() {
    faults::random::over_sockets(1, 50).unwrap();
}

#[test]
fn recorded_messages_in_pieces() {
    let tally = faults::replay::replay(97, 4096).unwrap();
    assert!(tally.sessions() > 500, "{tally}");
}

#[test]
fn the_blocking_client_with_random_faults_and_each_fault_at_some_bytes() {
    faults::blocking::random(1, 60).unwrap();
    let tally = faults::blocking::every(5, 211).unwrap();
    assert!(tally.sessions() > 200, "{tally}");
}

#[test]
fn reconnecting_clients_with_random_faults_and_each_fault_at_some_bytes() {
    faults::reconnect::random(1, 40).unwrap();
    let tally = faults::reconnect::every(5, 101).unwrap();
    assert!(tally.sessions() > 200, "{tally}");
}
