//! Reports about messages that were lost with their connection.

use std::time::Duration;

use eventstream_rpc::{
    error::ConnectionError,
    protocol::client::{Connect, Core},
};

use crate::{
    client_outages::{come_back, returning, subscribed},
    support::*,
};

#[test]
fn pings_and_flushes_of_the_lost_connection_fail() {
    let mut core = returning(|_| {});
    let ping = core.ping().unwrap();
    call(&mut core);
    let queued = core.queued();
    core.fail(ConnectionError::ClosedByPeer);
    assert!(core.ping().is_err());
    come_back(&mut core);
    assert!(ready(core.poll_written(queued, &cx())).is_err(), "it was never written");
    assert!(ready(core.poll_pong(ping, &cx())).is_err());
    let next = core.ping().unwrap();
    assert!(core.poll_pong(next, &cx()).is_pending());
    receive(&mut core, bare(PING_RESPONSE, 0, 0));
    assert!(ready(core.poll_pong(next, &cx())).is_ok());
    let queued = core.queued();
    written(&mut core);
    assert!(ready(core.poll_written(queued, &cx())).is_ok());
}

#[test]
fn a_flush_says_what_was_discarded_before_and_says_it_once() {
    let flush = |core: &mut Core| {
        let queued = core.queued();
        written(core);
        core.poll_flushed(queued, &cx())
    };
    let mut core = returning(|_| {});
    let key = subscribed(&mut core, 1);
    assert!(ready(flush(&mut core)).is_ok());
    core.send_event(key, "test#Event", text("{}")).unwrap();
    core.fail(ConnectionError::ClosedByPeer);
    // A failed attempt to reconnect loses no message of the application.
    core.finish();
    assert!(core.reconnect(&Connect::default()).unwrap());
    core.fail(ConnectionError::FrameTimeout { after: Duration::ZERO });
    come_back(&mut core);
    assert!(matches!(ready(flush(&mut core)), Err(ConnectionError::ClosedByPeer)));
    assert!(ready(flush(&mut core)).is_ok());

    // Messages that were written do not count as lost.
    call(&mut core);
    written(&mut core);
    core.fail(ConnectionError::ClosedByPeer);
    core.finish();
    assert!(ready(flush(&mut core)).is_ok());
    come_back(&mut core);
    assert!(ready(flush(&mut core)).is_ok());

    // Also after more losses.
    call(&mut core);
    for _ in 0..100 {
        core.fail(ConnectionError::ClosedByPeer);
        come_back(&mut core);
        written(&mut core);
        call(&mut core);
    }
    let queued = core.queued();
    core.close();
    core.finish();
    assert!(ready(core.poll_flushed(queued, &cx())).is_err());
}

#[test]
fn closing_during_an_outage_says_what_was_discarded() {
    for is_written in [false, true] {
        let mut core = returning(|_| {});
        call(&mut core);
        if is_written {
            written(&mut core);
        }
        core.fail(ConnectionError::ClosedByPeer);
        core.finish();
        core.close();
        let queued = core.queued();
        match ready(core.poll_flushed(queued, &cx())) {
            Ok(()) => assert!(is_written),
            Err(error) => {
                assert!(!is_written && matches!(error, ConnectionError::ClosedByPeer), "{error:?}");
            }
        }
    }
}

#[test]
fn closing_after_an_outage_says_why_something_was_discarded() {
    let mut core = returning(|_| {});
    call(&mut core);
    core.fail(ConnectionError::ClosedByPeer);
    come_back(&mut core);
    core.close();
    let queued = core.queued();
    written(&mut core);
    let flushed = ready(core.poll_flushed(queued, &cx()));
    assert!(matches!(flushed, Err(ConnectionError::ClosedByPeer)), "{flushed:?}");
}

#[test]
fn what_was_lost_stays_lost_when_an_attempt_to_come_back_fails() {
    let mut core = returning(|_| {});
    let ping = core.ping().unwrap();
    let queued = core.queued();
    core.fail(ConnectionError::ClosedByPeer);
    for _ in 0..2 {
        core.reconnect(&Connect::default()).unwrap();
        written(&mut core);
        core.fail(ConnectionError::ClosedByPeer);
    }
    core.reconnect(&Connect::default()).unwrap();
    assert!(ready(core.poll_pong(ping, &cx())).is_err());
    assert!(ready(core.poll_written(queued, &cx())).is_err());
}
