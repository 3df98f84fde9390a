//! The connection of a client: pings, errors, broken rules and the end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Wake, Waker},
};

use eventstream_rpc::{
    error::{ConnectError, ConnectionError},
    frame::{Header, HeaderValue},
    protocol::{
        SendError,
        client::{Connect, ConnectionEvent, Core, Failure},
    },
};

use crate::{client_outages::returning, support::*};

#[test]
fn the_end_of_the_connection_ends_every_call() {
    let mut core = connected();
    let first = call(&mut core);
    written(&mut core);
    let second = call(&mut core);
    core.fail(ConnectionError::ClosedByPeer);
    core.fail(ConnectionError::Closed);
    for (key, expected) in [(first, true), (second, false)] {
        match reply(&mut core, key) {
            Err(Failure::Lost { error: ConnectionError::ClosedByPeer, request_written }) => {
                assert_eq!(request_written, expected);
            }
            other => panic!("{other:?}"),
        }
    }
    let refused = core.open(&CALL, text("{}"));
    assert!(matches!(refused, Err(SendError::Closed(ConnectionError::ClosedByPeer))));
}

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn only_the_task_that_waits_is_woken() {
    let mut core = connected();
    let keys = [call(&mut core), call(&mut core)];
    let counts = [0, 1].map(|_| Arc::new(Count(AtomicUsize::new(0))));
    let wakers = counts.clone().map(Waker::from);
    for (key, waker) in keys.iter().zip(&wakers) {
        assert!(core.poll_reply(*key, &Context::from_waker(waker)).is_pending());
    }
    let woken = |core: &mut Core| {
        core.take_woken().wake();
        [0, 1].map(|it: usize| counts[it].0.swap(0, Ordering::Relaxed))
    };
    woken(&mut core);
    receive(&mut core, shaped(MESSAGE, END, 2, "test#CallResponse", "{}"));
    assert_eq!(woken(&mut core), [0, 1]);
    core.fail(ConnectionError::ClosedByPeer);
    assert_eq!(woken(&mut core), [1, 0]);
}

#[test]
fn closing_ends_every_stream_on_the_wire_in_order() {
    let mut core = connected();
    core.record_events();
    let [_, second, _] = [call(&mut core), call(&mut core), call(&mut core)];
    core.forget(second);
    written(&mut core);
    core.close();
    assert_eq!(written(&mut core), ["ApplicationMessage 2 1", "ApplicationMessage 2 3"]);
    assert!(matches!(core.ended(), Some(ConnectionError::Closed)));
    let end = ready(core.poll_connection_event(&cx()));
    assert!(matches!(end, Some(ConnectionEvent::Disconnected(None))), "{end:?}");
    assert!(ready(core.poll_connection_event(&cx())).is_none());
}

#[test]
fn a_ping_is_answered_with_its_payload_and_its_own_headers() {
    let mut core = connected();
    core.record_events();
    let mut ping = headers(PING, 0, 0, &[("note", "n"), (":content-type", "text/plain")]);
    ping.push(Header::new("count", HeaderValue::Int64(7)));
    receive(&mut core, encode(ping, "payload"));
    let [pong] = &messages(&mut core)[..] else { panic!() };
    assert_eq!(describe(pong), "PingResponse 0 0 payload");
    let own: Vec<_> = pong.headers().filter(|(name, _)| !name.starts_with(':')).collect();
    assert_eq!(own.len(), 2);
    assert_eq!(own[0].1.to_owned(), "n".into());
    assert_eq!(own[1].1.to_owned(), HeaderValue::Int64(7));
    match ready(core.poll_connection_event(&cx())) {
        Some(ConnectionEvent::Ping(ping)) => {
            assert_eq!((ping.own_headers().len(), ping.payload()), (2, &b"payload"[..]));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn pings_are_answered_in_their_order_and_answers_to_nothing_are_passed_over() {
    let mut core = connected();
    receive(&mut core, bare(PING_RESPONSE, 0, 0));
    let (first, second) = (core.ping().unwrap(), core.ping().unwrap());
    assert_eq!(written(&mut core), ["Ping 0 0 client 1", "Ping 0 0 client 2"]);
    assert!(core.poll_pong(first, &cx()).is_pending());
    receive(&mut core, bare(PING_RESPONSE, 0, 0));
    ready(core.poll_pong(first, &cx())).unwrap();
    assert!(core.poll_pong(second, &cx()).is_pending());
    core.fail(ConnectionError::ClosedByPeer);
    ready(core.poll_pong(first, &cx())).unwrap();
    ready(core.poll_pong(second, &cx())).unwrap_err();
    assert!(core.ping().is_err());
}

#[test]
fn a_ping_has_a_header_of_its_own_and_a_payload() {
    let mut core = connected();
    core.ping().unwrap();
    let [ping] = &messages(&mut core)[..] else { panic!() };
    let own = ping.headers().filter(|(name, _)| !name.starts_with(':')).count();
    assert_eq!((own, ping.payload().is_empty()), (1, false), "a Java nucleus dies of others");
}

#[test]
fn an_answer_that_a_java_client_sends_as_a_ping_is_one() {
    let mut core = connected();
    core.record_events();
    let numbers = [core.ping().unwrap(), core.ping().unwrap()];
    let pings = messages(&mut core);
    let with =
        |header: &str, payload: &str| encode(headers(PING, 0, 0, &[("ping", header)]), payload);
    // The answer to the second ping, and pings of the other side that look like it.
    for it in [("client 2", "client 2"), ("client 1", "client 2"), ("client 2", "client 1")] {
        receive(&mut core, with(it.0, it.1));
        assert_eq!(written(&mut core), [format!("PingResponse 0 0 {}", it.1)]);
    }
    for (number, ping) in numbers.into_iter().zip(pings) {
        assert!(core.poll_pong(number, &cx()).is_pending());
        let own = ping.headers().filter(|(name, _)| !name.starts_with(':'));
        let mut echo = headers(PING, 0, 0, &[]);
        echo.extend(own.map(|(name, value)| Header::new(name, value.to_owned())));
        receive(&mut core, encode(echo, std::str::from_utf8(ping.payload()).unwrap()));
        ready(core.poll_pong(number, &cx())).unwrap();
    }
    assert!(written(&mut core).is_empty(), "an answer is not answered");
    receive(&mut core, with("client 2", "client 2"));
    assert_eq!(written(&mut core), ["PingResponse 0 0 client 2"], "nothing waits for it");
}

#[test]
fn an_error_from_the_server_ends_the_connection_whatever_its_payload() {
    let cases = [
        (PROTOCOL_ERROR, r#"{"message":"because"}"#, Some("because")),
        (INTERNAL_ERROR, r#"{"message":"because"}"#, Some("because")),
        (PROTOCOL_ERROR, r#"{"message":"because";}"#, None),
        (INTERNAL_ERROR, r#"{"message":"because"},"more":1"#, None),
        (PROTOCOL_ERROR, "not JSON", None),
        (PROTOCOL_ERROR, "", None),
        (PROTOCOL_ERROR, r#"{"message":7}"#, None),
    ];
    for (kind, payload, expected) in cases {
        let mut core = connected();
        let key = call(&mut core);
        written(&mut core);
        receive(&mut core, encode(headers(kind, 0, 0, &[]), payload));
        match reply(&mut core, key) {
            Err(Failure::Lost {
                error: ConnectionError::PeerError { internal, message }, ..
            }) => {
                assert_eq!((internal, message.as_deref()), (kind == INTERNAL_ERROR, expected));
            }
            other => panic!("{payload}: {other:?}"),
        }
        assert!(core.is_closed() && written(&mut core).is_empty(), "{payload}");
    }
}

#[test]
fn a_closing_server_differs_from_one_that_fails() {
    let peer_error = |internal| ConnectionError::PeerError { internal, message: None };
    let refused = || Arc::new(ConnectError::Rejected);
    let gone = [
        ConnectionError::ClosedByPeer,
        std::io::Error::from(std::io::ErrorKind::ConnectionReset).into(),
        peer_error(true),
        ConnectionError::ReconnectFailed(refused()),
        ConnectionError::ReconnectRejected(refused()),
    ];
    assert!(gone.iter().all(ConnectionError::is_peer_gone));
    let others = [ConnectionError::Closed, peer_error(false), ConnectionError::Protocol("rule")];
    assert!(!others.iter().any(ConnectionError::is_peer_gone));
}

#[test]
fn the_error_callback_decides_about_the_connection() {
    let mut core = connected();
    core.record_events();
    receive(&mut core, bare(PROTOCOL_ERROR, 0, 0));
    assert!(!core.is_closed());
    let event = ready(core.poll_connection_event(&cx()));
    assert!(
        matches!(event, Some(ConnectionEvent::Error(ConnectionError::PeerError { .. }))),
        "{event:?}"
    );
    core.fail(ConnectionError::ClosedByPeer);
    let event = ready(core.poll_connection_event(&cx()));
    assert!(
        matches!(
            event,
            Some(ConnectionEvent::Disconnected(Some(ConnectionError::PeerError { .. })))
        ),
        "{event:?}"
    );
}

#[test]
fn a_server_that_breaks_a_rule_gets_an_error_and_the_connection_ends() {
    let without = |at: usize| {
        let mut headers = headers(MESSAGE, 0, 1, &[]);
        headers.remove(at);
        encode(headers, "{}")
    };
    let with = |at: usize, value: HeaderValue| {
        let mut headers = headers(MESSAGE, 0, 1, &[]);
        headers[at].value = value;
        encode(headers, "{}")
    };
    for (name, bytes) in [
        ("a stream that was never opened", bare(MESSAGE, 0, 2)),
        ("the end of a stream that was never opened", bare(MESSAGE, END, 99)),
        ("a negative stream", bare(MESSAGE, 0, -1)),
        ("a message on stream 0", bare(MESSAGE, 0, 0)),
        ("an error on stream 0", bare(ERROR, END, 0)),
        ("a second acknowledgement", bare(CONNECT_ACK, 1, 0)),
        ("a ping on a stream", bare(PING, 0, 1)),
        ("a protocol error on a stream", bare(PROTOCOL_ERROR, 0, 1)),
        ("an unknown type", bare(8, 0, 1)),
        ("a negative type", bare(-1, 0, 0)),
        ("no type", without(0)),
        ("no flags", without(1)),
        ("no stream", without(2)),
        ("type as byte", with(0, HeaderValue::Byte(0))),
        ("flags as text", with(1, "0".into())),
        ("stream as int64", with(2, HeaderValue::Int64(1))),
    ] {
        let mut core = connected();
        let key = call(&mut core);
        written(&mut core);
        receive(&mut core, [bytes, bare(PING, 0, 0)].concat().as_slice().into());
        let [answer] = &messages(&mut core)[..] else { panic!("{name}") };
        assert!(describe(answer).starts_with("ProtocolError 0 0 {"), "{name}: {answer:?}");
        assert_eq!(answer.content_type(), Some("application/json"), "as the official clients");
        let error = reply(&mut core, key).unwrap_err();
        assert!(
            matches!(error, Failure::Lost { error: ConnectionError::Protocol(_), .. }),
            "{name}: {error:?}"
        );
    }
}

#[test]
fn a_connect_message_from_the_server_is_passed_over() {
    let mut core = connected();
    receive(&mut core, bare(CONNECT, 0, 0));
    assert!(!core.is_closed() && written(&mut core).is_empty());
}

#[test]
fn lost_framing_ends_the_connection_without_a_word() {
    for (name, bytes) in lost_framings() {
        let mut core = connected();
        let key = call(&mut core);
        written(&mut core);
        receive(&mut core, bytes);
        let error = reply(&mut core, key).unwrap_err();
        assert!(
            matches!(error, Failure::Lost { error: ConnectionError::Decode(_), .. }),
            "{name}: {error:?}"
        );
        assert!(written(&mut core).is_empty(), "{name}");
    }
}

#[test]
fn headers_that_cannot_be_read_are_reported_as_an_internal_error() {
    let mut core = connected();
    receive(&mut core, unreadable_header());
    let [answer] = &messages(&mut core)[..] else { panic!() };
    assert!(describe(answer).starts_with("InternalError 0 0 {"), "{answer:?}");
    assert!(matches!(core.ended(), Some(ConnectionError::Decode(_))));
}

#[test]
fn nothing_follows_half_a_message_that_was_written_directly() {
    for (directly, reported) in [(0, true), (5, false), (usize::MAX, true)] {
        let mut core = connected();
        call(&mut core);
        let len = core.direct_output().len();
        assert!(len > 5);
        core.wrote_directly(directly.min(len));
        // The server breaks a rule.
        receive(&mut core, bare(CONNECT_ACK, 1, 0));
        assert!(core.is_closed());
        let is_reported = written(&mut core).iter().any(|it| it.starts_with("ProtocolError"));
        assert_eq!(is_reported, reported, "{directly} bytes");
    }
}

#[test]
fn closing_reports_no_failed_attempt() {
    let mut core = returning(|_| {});
    core.fail(ConnectionError::ClosedByPeer);
    core.finish();
    core.close();
    assert!(!core.reconnect(&Connect::default()).unwrap());
    core.reconnect_failed(&Arc::new(ConnectError::Handshake(ConnectionError::Closed)));
    let mut events = Vec::new();
    while let Some(event) = ready(core.poll_connection_event(&cx())) {
        events.push(format!("{event:?}"));
    }
    assert_eq!(events, ["Connected", "Disconnected(Some(ClosedByPeer))"]);
}
