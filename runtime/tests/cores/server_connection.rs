//! The connection of a server: rules, pings, limits and the end.

use std::{
    task::Poll,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use eventstream_rpc::{
    error::ConnectionError,
    frame::{Header, HeaderValue},
    protocol::{
        StreamId,
        server::{Answer, Config},
    },
};

use crate::support::*;

#[test]
fn a_client_that_breaks_a_rule_gets_an_error_and_the_connection_ends() {
    let operation = |operation: HeaderValue| {
        let own = vec![Header::new("operation", operation)];
        encode([headers(MESSAGE, 0, 3, &[]), own].concat(), "{}")
    };
    let without_flags =
        vec![Header::new(":message-type", 0.into()), Header::new(":stream-id", 3.into())];
    for (name, bytes) in [
        ("a gap between stream ids", request(4)),
        ("an id that has been used", request(1)),
        ("a negative id", request(-1)),
        ("a request on stream 0", request(0)),
        ("the end of a stream that never was", bare(MESSAGE, END, 3)),
        ("the end of stream 0", bare(MESSAGE, END, 0)),
        ("no operation", bare(MESSAGE, 0, 3)),
        ("an empty operation", operation("".into())),
        ("an operation that is no text", operation(1.into())),
        ("a ping on a stream", bare(PING, 0, 2)),
        ("a connect message on a stream", bare(CONNECT, 0, 3)),
        ("an unknown type", bare(8, 0, 0)),
        ("a negative type", bare(-1, 0, 2)),
        ("no flags", encode(without_flags, "{}")),
    ] {
        let mut core = accepted(Config::default());
        for id in [1, 2] {
            receive(&mut core, request(id));
            ready(core.poll_incoming(&cx())).unwrap();
        }
        receive(&mut core, bare(MESSAGE, END, 1));
        receive(&mut core, [bytes, bare(PING, 0, 0)].concat().as_slice().into());
        let [answer] = &written(&mut core)[..] else { panic!("{name}") };
        assert!(answer.starts_with("ProtocolError 0 0 {"), "{name}: {answer}");
        assert!(matches!(core.ended(), Some(ConnectionError::Protocol(_))), "{name}");
        assert!(core.poll_ended(StreamId(2), &cx()).is_ready(), "{name}");
        assert!(ready(core.poll_incoming(&cx())).is_none(), "{name}");
    }
}

#[test]
fn the_first_stream_has_the_id_1() {
    for id in [2, i32::MAX, i32::MIN] {
        let mut core = accepted(Config::default());
        receive(&mut core, request(id));
        assert!(core.is_closed(), "{id}");
    }
}

#[test]
fn an_acknowledgement_from_a_client_is_an_internal_error() {
    let mut core = accepted(Config::default());
    receive(&mut core, bare(CONNECT_ACK, 1, 0));
    let [answer] = &written(&mut core)[..] else { panic!() };
    assert!(answer.starts_with("InternalError 0 0 {"), "{answer}");
    assert!(core.is_closed());
}

#[test]
fn an_error_from_the_client_is_answered_by_an_internal_error() {
    for (kind, payload, expected) in [
        (PROTOCOL_ERROR, r#"{"message":"because"}"#, Some("because")),
        (INTERNAL_ERROR, r#"{"message":"because";}"#, None),
        (PROTOCOL_ERROR, "", None),
    ] {
        let mut core = accepted(Config::default());
        receive(&mut core, encode(headers(kind, 0, 0, &[]), payload));
        match core.ended() {
            Some(ConnectionError::PeerError { internal, message }) => {
                assert_eq!((*internal, message.as_deref()), (kind == INTERNAL_ERROR, expected));
            }
            other => panic!("{other:?}"),
        }
        let [answer] = &written(&mut core)[..] else { panic!() };
        assert!(answer.starts_with("InternalError 0 0 {"), "{answer}");
    }
}

#[test]
fn a_ping_is_answered_with_its_payload_and_its_own_headers() {
    let mut core = accepted(Config::default());
    receive(&mut core, bare(PING_RESPONSE, 0, 0));
    let mut ping = headers(PING, 0, 0, &[("note", "n"), (":content-type", "text/plain")]);
    ping.push(Header::new("count", HeaderValue::Int64(7)));
    receive(&mut core, encode(ping, "payload"));
    let [pong] = &messages(&mut core)[..] else { panic!() };
    assert_eq!(describe(pong), "PingResponse 0 0 payload");
    let own: Vec<_> = pong.headers().filter(|(name, _)| !name.starts_with(':')).collect();
    assert_eq!(own.len(), 2);
    assert_eq!(own[0].1.to_owned(), "n".into());
    assert_eq!(own[1].1.to_owned(), HeaderValue::Int64(7));
}

#[test]
fn a_message_must_become_whole_in_time() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let mut core = accepted(Config::default());
    let whole = request(1);
    let mut input = BytesMut::from(&whole[..5]);
    core.receive(&mut input, start);
    let part = Duration::from_millis(625);
    assert_eq!(core.next_deadline(), Some(start + part));
    // A byte from time to time does not extend the deadline.
    pass(&mut core, after(9));
    input.extend_from_slice(&whole[5..6]);
    core.receive(&mut input, after(9));
    assert_eq!(core.next_deadline(), Some(start + 15 * part));
    // A complete message ends the deadline; the next message has its own.
    input.extend_from_slice(&whole[6..]);
    input.extend_from_slice(&request(2)[..1]);
    core.receive(&mut input, after(9));
    assert_eq!(core.next_deadline(), Some(after(9) + part));
    input.extend_from_slice(&request(2)[1..]);
    core.receive(&mut input, after(18));
    assert_eq!(core.next_deadline(), None);

    core.receive(&mut request(3)[..1].into(), after(20));
    // The driver did not read in this time.
    core.expire(after(300));
    assert!(!core.is_closed());
    pass(&mut core, after(300) + 15 * part - Duration::from_nanos(1));
    assert!(!core.is_closed());
    pass(&mut core, after(300) + 15 * part);
    assert!(core.is_closed() && written(&mut core).is_empty());
}

#[test]
fn a_request_over_the_number_of_streams_is_answered_and_others_go_on() {
    let mut config = Config::default();
    config.max_streams = 2;
    let mut core = accepted(config);
    for id in [1, 2, 3] {
        receive(&mut core, request(id));
    }
    assert_eq!(written(&mut core), ["ApplicationError 2 3 InternalServerError"]);
    for _ in [1, 2] {
        ready(core.poll_incoming(&cx())).unwrap();
    }
    assert!(core.poll_incoming(&cx()).is_pending());
    core.expect_events(StreamId(1), false);
    core.send(StreamId(1), Answer::Response, "test#CallResponse", text("{}")).unwrap();
    receive(&mut core, request(4));
    assert!(matches!(core.poll_incoming(&cx()), Poll::Ready(Some(_))));
}

#[test]
fn a_message_over_the_length_that_was_chosen_ends_the_connection() {
    let mut config = Config::default();
    config.max_frame_len = 10_000;
    let of_len = |len: usize| {
        let overhead = encode(headers(PING, 0, 0, &[]), "").len();
        encode(headers(PING, 0, 0, &[]), &"x".repeat(len - overhead))
    };
    let mut core = accepted(config);
    receive(&mut core, of_len(10_000));
    assert_eq!(written(&mut core).len(), 1);
    // The prelude is enough for the error.
    receive(&mut core, of_len(10_001)[..12].into());
    assert!(matches!(core.ended(), Some(ConnectionError::Decode(_))));
}

#[test]
fn a_server_that_is_about_to_stop_finishes_what_it_is_doing() {
    let mut core = accepted(Config::default());
    for id in [1, 2, 3] {
        receive(&mut core, request(id));
        ready(core.poll_incoming(&cx())).unwrap();
    }
    for id in [3, 1] {
        core.send(StreamId(id), Answer::OpenResponse, "test#CallResponse", text("{}")).unwrap();
    }
    written(&mut core);
    core.drain();
    assert_eq!(written(&mut core), ["ApplicationMessage 2 1", "ApplicationMessage 2 3"]);
    receive(&mut core, request(4));
    assert_eq!(written(&mut core), ["ApplicationError 2 4 InternalServerError"]);
    assert!(core.poll_idle(&cx()).is_pending());
    core.send(StreamId(2), Answer::Response, "test#CallResponse", text("{}")).unwrap();
    assert_eq!(written(&mut core), ["ApplicationMessage 2 2 test#CallResponse {}"]);
    assert!(core.poll_idle(&cx()).is_ready());
    assert!(!core.is_closed(), "the response must still be written");
}

#[test]
fn a_server_with_nothing_to_do_stops_at_once() {
    let mut core = accepted(Config::default());
    core.drain();
    assert!(matches!(core.ended(), Some(ConnectionError::Closed)));
    assert!(core.poll_finished(&cx()).is_pending());
    core.finish();
    assert!(core.poll_finished(&cx()).is_ready());
}

#[test]
fn the_end_of_the_connection_ends_every_stream() {
    let mut core = accepted(Config::default());
    for id in [1, 2] {
        receive(&mut core, request(id));
    }
    assert!(core.poll_ended(StreamId(1), &cx()).is_pending());
    core.fail(ConnectionError::ClosedByPeer);
    core.fail(ConnectionError::Closed);
    assert!(matches!(core.ended(), Some(ConnectionError::ClosedByPeer)));
    for id in [1, 2].map(StreamId) {
        assert!(core.poll_ended(id, &cx()).is_ready());
        assert!(core.send(id, Answer::Response, "test#CallResponse", text("{}")).is_err());
    }
    for id in [1, 2] {
        let Poll::Ready(Some(request)) = core.poll_incoming(&cx()) else {
            panic!("what arrived is served");
        };
        assert_eq!(request.stream_id, StreamId(id));
    }
    assert!(ready(core.poll_incoming(&cx())).is_none());
    assert!(written(&mut core).is_empty());
}

#[test]
fn a_client_that_gets_an_error_has_time_to_close_first() {
    let second = Some(Duration::from_secs(1));
    let ends: [(BytesMut, Option<Duration>); 5] = [
        (request(7), second),
        (unreadable_header(), second),
        (bare(CONNECT_ACK, 1, 0), second),
        (bare(PROTOCOL_ERROR, 0, 0), second),
        // Only the end can be read.
        (BytesMut::from("GET / HTTP/1.1\r\n\r\n"), Some(Duration::ZERO)),
    ];
    for (bytes, grace) in ends {
        let mut core = accepted(Config::default());
        receive(&mut core, bytes.clone());
        assert!(core.is_closed());
        assert_eq!(core.closing_grace(), grace, "{bytes:?}");
    }
    for (error, grace) in [
        (ConnectionError::Closed, Some(Duration::ZERO)),
        (ConnectionError::FrameTimeout { after: Duration::ZERO }, Some(Duration::ZERO)),
        (ConnectionError::ClosedByPeer, None),
        (std::io::Error::other("broken").into(), None),
    ] {
        let mut core = accepted(Config::default());
        core.fail(error);
        assert_eq!(core.closing_grace(), grace);
    }
}
