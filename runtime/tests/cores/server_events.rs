//! Events that a client sent before its stream or connection ended.

use std::{task::Poll, time::Duration};

use bytes::BytesMut;
use eventstream_rpc::{
    error::ConnectionError,
    protocol::{
        StreamId,
        server::{Config, Core, Phase},
    },
};

use crate::{
    server_streams::{event, next_event, requested, streaming},
    support::*,
};

const ID: StreamId = StreamId(1);

fn take_request(core: &mut Core) {
    let Poll::Ready(Some(_)) = core.poll_incoming(&cx()) else { panic!() };
}

/// The ways in which a client ends a stream or connection after its last event.
const ENDS: [fn(&mut Core); 5] = [
    |core| receive(core, bare(MESSAGE, END, 1)),
    |core| core.fail(ConnectionError::ClosedByPeer),
    |core| core.fail(std::io::Error::other("reset").into()),
    // The client breaks a rule.
    |core| receive(core, bare(PING, 0, 2)),
    |core| receive(core, encode(headers(INTERNAL_ERROR, 0, 0, &[]), "")),
];

#[test]
fn events_that_a_client_sent_before_the_end_are_delivered_first() {
    for (index, end) in ENDS.into_iter().enumerate() {
        let mut core = streaming(Config::default());
        for number in 0..100 {
            receive(&mut core, event(&number.to_string()));
        }
        end(&mut core);
        assert!(core.poll_ended(ID, &cx()).is_ready());
        for number in 0..100 {
            assert_eq!(next_event(&mut core), Some(number.to_string()), "end {index}");
        }
        assert_eq!(next_event(&mut core), None, "end {index}");
        core.stop_reading(ID);
        assert_eq!(next_event(&mut core), None, "end {index}");
    }
}

#[test]
fn the_message_that_ends_a_stream_may_carry_an_event() {
    let mut core = streaming(Config::default());
    receive(&mut core, event("1"));
    receive(&mut core, shaped(MESSAGE, END, 1, "test#Event", "2"));
    for expected in [Some("1"), Some("2"), None] {
        assert_eq!(next_event(&mut core).as_deref(), expected);
    }
    assert!(written(&mut core).is_empty());
}

#[test]
fn events_that_come_with_the_request_and_the_end_are_delivered() {
    for end in ENDS {
        let mut core = accepted(Config::default());
        let mut bytes = BytesMut::new();
        for part in [request(1), event("1"), event("2")] {
            bytes.unsplit(part);
        }
        receive(&mut core, bytes);
        end(&mut core);
        take_request(&mut core);
        core.expect_events(ID, true);
        for expected in [Some("1"), Some("2"), None] {
            assert_eq!(next_event(&mut core).as_deref(), expected);
        }
    }
}

#[test]
fn a_server_that_closes_serves_nothing_more() {
    let mut core = accepted(Config::default());
    receive(&mut core, request(1));
    core.fail(ConnectionError::Closed);
    assert!(matches!(core.poll_incoming(&cx()), Poll::Ready(None)));
}

#[test]
fn events_that_wait_for_a_reader_after_the_end_count() {
    let mut config = Config::default();
    config.received_limit = TWO_LONG;
    let frees: [fn(&mut Core); 4] = [
        |core| drop(next_event(core)),
        |core| core.stop_reading(ID),
        Core::abandon,
        |core| core.expect_events(ID, false),
    ];
    for free in frees {
        let mut core = streaming(config);
        receive(&mut core, event(&long("1")));
        receive(&mut core, bare(MESSAGE, END, 1));
        receive(&mut core, long_request(2));
        assert!(written(&mut core).is_empty());
        receive(&mut core, long_request(3));
        assert_eq!(written(&mut core), ["ApplicationError 2 3 InternalServerError"]);
        free(&mut core);
        receive(&mut core, long_request(4));
        assert!(written(&mut core).is_empty());
    }
}

#[test]
fn a_request_that_is_denied_leaves_no_events_behind() {
    let mut config = Config::default();
    config.max_streams = 1;
    let mut core = accepted(config);
    for id in 1..10 {
        receive(&mut core, request(id));
        receive(&mut core, shaped(MESSAGE, END, id, "test#Event", "1"));
        take_request(&mut core);
        core.stop_reading(StreamId(id));
        assert!(written(&mut core).is_empty(), "there is room for it");
    }
}

#[test]
fn a_request_that_is_dropped_before_its_answer_leaves_no_stream_behind() {
    let mut config = Config::default();
    config.max_streams = 1;
    let mut core = accepted(config);
    for id in 1..10 {
        receive(&mut core, request(id));
        take_request(&mut core);
        // As after a panic before the handler runs.
        core.stop_reading(StreamId(id));
        receive(&mut core, shaped(MESSAGE, 0, id, "test#Event", "1"));
        assert!(written(&mut core).is_empty(), "there is room for it");
        core.terminate(StreamId(id));
        written(&mut core);
    }
}

#[test]
fn unread_events_are_dropped() {
    let mut config = Config::default();
    config.event_queue_limit = 10;
    let mut core = streaming(config);
    receive(&mut core, event("1"));
    core.stop_reading(ID);
    for _ in 0..10 {
        receive(&mut core, event("2"));
    }
    assert!(written(&mut core).is_empty(), "no queue fills up");
    receive(&mut core, bare(MESSAGE, END, 1));
    assert_eq!(next_event(&mut core), None);
}

#[test]
fn a_handler_may_finish_after_the_end_if_it_reads_events() {
    let timeout = Duration::from_secs(7);
    let mut config = Config::default();
    config.finish_timeout = timeout;
    for end in ENDS {
        let mut core = streaming(config);
        core.set_handler(ID, true);
        receive(&mut core, event("1"));
        let (task, waker) = Task::new();
        let cx = std::task::Context::from_waker(&waker);
        assert_eq!(core.poll_phase(ID, &cx), Phase::Open);
        end(&mut core);
        wake(&mut core);
        assert_eq!(task.woken(), 1);
        assert_eq!(core.poll_phase(ID, &cx), Phase::Finishing(timeout));
        assert!(core.poll_idle(&cx).is_pending() && core.has_reader(ID));
        assert_eq!(next_event(&mut core).as_deref(), Some("1"));
        assert!(core.has_reader(ID));
        assert!(next_event(&mut core).is_none() && !core.has_reader(ID));
        assert_eq!(core.poll_phase(ID, &cx), Phase::Finishing(timeout), "it has been told");
        core.set_handler(ID, false);
        wake(&mut core);
        assert!(task.woken() > 0 && core.poll_idle(&cx).is_ready());
        assert_eq!(core.poll_phase(ID, &cx), Phase::Over);
    }
}

#[test]
fn a_handler_is_over_at_once_if_it_does_not_read_events() {
    let dropped = |core: &mut Core| core.stop_reading(ID);
    let done = |core: &mut Core| core.set_handler(ID, false);
    for leave in [dropped, done] {
        let mut core = streaming(Config::default());
        core.set_handler(ID, true);
        leave(&mut core);
        assert_eq!(core.poll_phase(ID, &cx()), Phase::Open);
        receive(&mut core, bare(MESSAGE, END, 1));
        assert_eq!(core.poll_phase(ID, &cx()), Phase::Over);
        assert!(core.poll_idle(&cx()).is_ready());
    }
    let mut core = requested(Config::default());
    core.expect_events(ID, false);
    receive(&mut core, bare(MESSAGE, END, 1));
    assert_eq!(core.poll_phase(ID, &cx()), Phase::Over);
}

#[test]
fn handlers_that_do_not_finish_are_given_up() {
    let mut core = streaming(Config::default());
    core.set_handler(ID, true);
    receive(&mut core, event("1"));
    core.drain();
    assert!(core.is_closed(), "no stream is open");
    let (task, waker) = Task::new();
    let cx = std::task::Context::from_waker(&waker);
    assert!(matches!(core.poll_phase(ID, &cx), Phase::Finishing(_)));
    core.abandon();
    wake(&mut core);
    assert_eq!(task.woken(), 1);
    assert_eq!(core.poll_phase(ID, &cx), Phase::Over);
    assert!(core.poll_idle(&cx).is_ready() && next_event(&mut core).is_none());
    core.set_handler(ID, false);
    core.stop_reading(ID);
}
