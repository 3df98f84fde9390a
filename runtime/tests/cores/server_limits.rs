//! Limits for the memory of a server that one client uses.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Instant,
};

use bytes::BytesMut;
use eventstream_rpc::protocol::{
    RpcMessage, SendError, SendTurn, StreamId,
    server::{Answer, Config, Core},
};

use crate::{
    server_streams::{Flag, error, error_with, event, streaming},
    support::*,
};

const RESPONSE: &str = "test#CallResponse";
const ID: StreamId = StreamId(1);

#[test]
fn a_client_that_asks_and_does_not_read_stops_being_heard() {
    let mut config = Config::default();
    config.write_queue_limit = 100;
    config.reply_queue_limit = 1_000;
    let mut core = accepted(config);
    for stream in 1..=3 {
        receive(&mut core, request(stream));
    }
    let mut pings = BytesMut::new();
    for _ in 0..1_000 {
        pings.extend_from_slice(&encode(headers(PING, 0, 0, &[]), "x"));
    }
    core.receive(&mut pings, Instant::now());
    assert!(!core.wants_input() && !pings.is_empty());
    assert_eq!(core.next_deadline(), None, "what is not looked at is not late");
    let mut place = SendTurn::of_reply();
    assert!(core.poll_room(&mut place, &cx()).is_pending());
    let respond = |core: &mut Core| core.send(ID, Answer::Response, RESPONSE, text("{}"));
    assert!(matches!(respond(&mut core), Err(SendError::Full)));
    // Messages of the stream are kept.
    core.terminate(StreamId(2));
    core.send_error(StreamId(3), &error()).unwrap();

    let flag = Arc::new(Flag(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&flag));
    core.set_driver(&Context::from_waker(&waker));
    let answered = written(&mut core).len();
    assert!((11..20).contains(&answered), "{answered}");
    core.take_woken().wake();
    assert!(flag.0.load(Ordering::Relaxed), "it is read from again");
    assert!(core.wants_input() && core.poll_room(&mut place, &cx()).is_ready());
    core.leave(&mut place);
    respond(&mut core).unwrap();
    let mut rest = written(&mut core).len() - 1;
    while !pings.is_empty() {
        core.receive(&mut pings, Instant::now());
        rest += written(&mut core).len();
    }
    assert_eq!(answered + rest, 1_002, "every ping is answered in the end");
}

#[test]
fn what_is_held_for_the_service_is_limited_in_all() {
    let mut config = Config::default();
    config.received_limit = TWO_LONG + long_request(1).len();
    let mut core = streaming(config);
    let events = |core: &mut Core| {
        receive(core, event(&long("1")));
        receive(core, event(&long("2")));
    };
    events(&mut core);
    receive(&mut core, long_request(2));
    let Poll::Ready(Some(_)) = core.poll_incoming(&cx()) else { panic!() };
    receive(&mut core, long_request(3));
    let refusal = "ApplicationError 2 3 InternalServerError";
    assert_eq!(written(&mut core), [refusal]);
    // Events that the service takes free memory, and so does a stream that ends.
    assert!(core.poll_event(ID, &cx()).is_ready() && core.poll_event(ID, &cx()).is_ready());
    events(&mut core);
    core.send(StreamId(2), Answer::Response, RESPONSE, text("{}")).unwrap();
    assert_eq!(written(&mut core).len(), 1);
    receive(&mut core, long_request(4));
    assert!(written(&mut core).is_empty());
    receive(&mut core, event(&long("3")));
    assert_eq!(written(&mut core), ["ApplicationError 2 1 InternalServerError"]);
    // The events of the stream are freed with its reader.
    core.stop_reading(ID);
    receive(&mut core, long_request(5));
    receive(&mut core, long_request(6));
    assert!(written(&mut core).is_empty());
}

#[test]
fn small_messages_count_with_the_memory_that_they_take() {
    const LIMIT: usize = 1024 * 1024;
    let most = LIMIT / (size_of::<RpcMessage>() + event("1").len());
    let mut config = Config::default();
    config.event_queue_limit = LIMIT;
    let mut core = streaming(config);
    let mut taken = 0;
    while written(&mut core).is_empty() {
        receive(&mut core, event("1"));
        taken += 1;
        assert!(taken <= most + 1, "{taken} events are taken");
    }
    assert!(taken > most / 2, "{taken} events are taken");

    let most = LIMIT / (size_of::<RpcMessage>() + request(1).len());
    let mut config = Config::default();
    config.received_limit = LIMIT;
    let mut core = accepted(config);
    let mut taken = 0;
    while written(&mut core).is_empty() {
        taken += 1;
        receive(&mut core, request(taken as i32));
        assert!(taken <= most + 1, "{taken} requests are taken");
    }
    assert!(taken > most / 2, "{taken} requests are taken");
}

#[test]
fn one_event_over_the_limit_is_taken_if_it_is_alone() {
    let mut config = Config::default();
    config.received_limit = 10;
    let mut core = streaming(config);
    receive(&mut core, event("1"));
    assert!(core.poll_event(ID, &cx()).is_ready());
    assert!(written(&mut core).is_empty());
}

#[test]
fn a_stranger_may_send_little() {
    let mut config = Config::default();
    config.max_connect_len = 1_000;
    let connect = |len| encode(headers(CONNECT, 0, 0, &[(":version", "0.1.0")]), &"x".repeat(len));
    let mut core = Core::new(config, Instant::now());
    receive(&mut core, connect(1_000));
    assert!(core.is_closed());

    let mut core = Core::new(config, Instant::now());
    receive(&mut core, connect(500));
    assert!(matches!(core.poll_incoming(&cx()), Poll::Ready(Some(_))));
    core.accept();
    receive(&mut core, encode(headers(MESSAGE, 0, 1, &[("operation", "O")]), &"x".repeat(2_000)));
    assert!(matches!(core.poll_incoming(&cx()), Poll::Ready(Some(_))));
}

#[test]
fn an_error_that_is_too_long_is_answered_with_a_short_one() {
    let long_payload = error_with("test#E", vec![b' '; 1_000].into());
    let long_shape = error_with(&"x".repeat(40_000), "{}".into());
    for (error, limit) in [(long_payload, 1_000), (long_shape, 24 * 1024 * 1024)] {
        let mut config = Config::default();
        config.max_frame_len = limit;
        let mut core = streaming(config);
        core.send_error(ID, &error).unwrap_err();
        assert_eq!(written(&mut core), ["ApplicationError 2 1 InternalServerError"]);
        assert!(core.poll_ended(ID, &cx()).is_ready());
    }
    let mut core = streaming(Config::default());
    let too_long = error_with("test#E", vec![b' '; 24 * 1024 * 1024].into());
    core.send_error(ID, &too_long).unwrap_err();
    assert_eq!(written(&mut core), ["ApplicationError 2 1 InternalServerError"]);
}

#[test]
fn the_answer_to_the_longest_ping_is_not_too_long() {
    for limit in [1_000, 24 * 1024 * 1024] {
        let mut config = Config::default();
        config.max_frame_len = limit;
        let mut core = accepted(config);
        let own = [("a", "b")];
        let empty = encode(headers(PING, 0, 0, &own), "").len();
        receive(&mut core, encode(headers(PING, 0, 0, &own), &"x".repeat(limit - empty)));
        let [answer] = &messages(&mut core)[..] else { panic!() };
        assert_eq!(answer.as_bytes().len(), limit);
    }
}
