//! A part of what the program does, small enough to be tried each time.

use robustness::faults;

#[test]
fn any_fault_at_some_bytes() {
    let tally = faults::every::every(3, 101).unwrap();
    assert!(tally.sessions() > 500, "{tally}");
}

#[test]
fn many_faults_at_once() {
    faults::random::random(1, 300).unwrap();
}

#[test]
fn many_sessions_at_once_over_sockets() {
    faults::random::over_sockets(1, 50).unwrap();
}

#[test]
fn recorded_messages_in_pieces() {
    let tally = faults::replay::replay(97, 4096).unwrap();
    assert!(tally.sessions() > 500, "{tally}");
}

#[test]
fn the_blocking_client_with_many_faults_and_with_any_fault_at_some_bytes() {
    faults::blocking::random(1, 60).unwrap();
    let tally = faults::blocking::every(5, 211).unwrap();
    assert!(tally.sessions() > 200, "{tally}");
}

#[test]
fn clients_that_come_back_with_many_faults_and_with_any_fault_at_some_bytes() {
    faults::reconnect::random(1, 40).unwrap();
    let tally = faults::reconnect::every(5, 101).unwrap();
    assert!(tally.sessions() > 200, "{tally}");
}
