//! The handshake of a server.

use std::{
    task::Poll,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use eventstream_rpc::{
    error::ConnectionError,
    frame::{Header, HeaderValue},
    protocol::{
        MessageType,
        server::{Config, Core},
    },
};

use crate::support::*;

fn connect(version: HeaderValue) -> BytesMut {
    let own = vec![Header::new(":version", version), Header::new("client-name", "me".into())];
    encode([headers(CONNECT, 0, 0, &[]), own].concat(), "{}")
}

fn received(mut bytes: BytesMut) -> Core {
    let mut core = Core::new(Config::default(), Instant::now());
    core.receive(&mut bytes, Instant::now());
    core
}

/// A server that has received a connect message.
fn asked() -> Core {
    let mut core = received(connect("0.1.0".into()));
    let Poll::Ready(Some(_)) = core.poll_incoming(&cx()) else { panic!() };
    core
}

#[test]
fn the_service_sees_what_the_client_says_of_itself() {
    let mut core = received(connect("0.1.0".into()));
    match ready(core.poll_incoming(&cx())) {
        Some(message) => {
            assert_eq!(message.message_type, MessageType::Connect);
            assert_eq!(message.own_headers(), [Header::new("client-name", "me".into())]);
            assert_eq!(message.payload(), b"{}");
        }
        other => panic!("{other:?}"),
    }
    assert!(written(&mut core).is_empty(), "nothing is said before the service has decided");
    core.accept();
    assert_eq!(written(&mut core), ["ConnectAck 1 0"]);
    assert_eq!(core.next_deadline(), None);
    assert!(!core.is_closed());
}

#[test]
fn a_client_that_is_refused_has_time_to_read_that() {
    let mut core = asked();
    core.refuse();
    core.accept();
    assert!(core.is_closed() && !core.wants_input());
    assert_eq!(core.closing_grace(), Some(Duration::from_secs(1)));
    for ignored in [request(1), bare(PING, 0, 0), bare(8, 0, 0), unreadable_header()] {
        receive(&mut core, ignored);
    }
    assert_eq!(written(&mut core), ["ConnectAck 0 0"], "it hears no more");
    assert!(ready(core.poll_incoming(&cx())).is_none());
}

#[test]
fn another_version_is_refused_without_asking() {
    let without_version = encode(headers(CONNECT, 0, 0, &[]), "{}");
    for bytes in [
        without_version,
        connect("0.1.1".into()),
        connect("0.1".into()),
        connect("".into()),
        connect(HeaderValue::Int32(1)),
    ] {
        let mut core = received(bytes);
        assert!(matches!(core.poll_incoming(&cx()), Poll::Ready(None)));
        assert_eq!(written(&mut core), ["ConnectAck 0 0"]);
    }
}

#[test]
fn the_first_message_must_be_a_connect_message() {
    for (name, bytes) in [
        ("a request", request(1)),
        ("a ping", bare(PING, 0, 0)),
        ("an acknowledgement", bare(CONNECT_ACK, 1, 0)),
        ("a connect message on a stream", bare(CONNECT, 0, 1)),
        ("an unknown type", bare(8, 0, 0)),
        ("no headers", encode(Vec::new(), "{}")),
    ] {
        let mut core = received(bytes);
        let [answer] = &written(&mut core)[..] else { panic!("{name}") };
        assert!(answer.starts_with("ProtocolError 0 0 {"), "{name}: {answer}");
        assert!(matches!(core.ended(), Some(ConnectionError::Protocol(_))), "{name}");
        assert!(ready(core.poll_incoming(&cx())).is_none(), "{name}");
    }
}

#[test]
fn what_is_not_a_message_is_not_answered_and_bad_headers_are() {
    for (name, bytes) in lost_framings() {
        let mut core = received(bytes);
        assert!(matches!(core.ended(), Some(ConnectionError::Decode(_))), "{name}");
        assert!(written(&mut core).is_empty(), "{name}");
    }
    let mut core = received(unreadable_header());
    let [answer] = &written(&mut core)[..] else { panic!() };
    assert!(answer.starts_with("InternalError 0 0 {"), "{answer}");
    assert!(matches!(core.ended(), Some(ConnectionError::Decode(_))));
}

#[test]
fn what_is_sent_before_the_decision_is_read_after_it() {
    let now = Instant::now();
    let mut core = Core::new(Config::default(), now);
    let mut input = connect("0.1.0".into());
    input.unsplit(request(1));
    core.receive(&mut input, now);
    assert!(matches!(core.poll_incoming(&cx()), Poll::Ready(Some(_))));
    assert!(core.poll_incoming(&cx()).is_pending());
    assert!(!core.wants_input());
    assert_eq!(input, request(1));
    core.accept();
    assert!(core.wants_input());
    core.receive(&mut input, now);
    assert!(matches!(core.poll_incoming(&cx()), Poll::Ready(Some(_))));
}

#[test]
fn a_client_must_introduce_itself_in_time() {
    let start = Instant::now();
    let end = start + Duration::from_secs(10);
    let whole = connect("0.1.0".into());
    // Neither an incomplete message nor a slow authenticator extends the deadline.
    for len in [0, whole.len() / 2, whole.len()] {
        let mut core = Core::new(Config::default(), start);
        core.receive(&mut whole[..len].into(), end - Duration::from_secs(1));
        assert_eq!(core.next_deadline(), Some(end));
        core.expire(end - Duration::from_nanos(1));
        assert!(!core.is_closed());
        core.expire(end);
        assert!(core.is_closed());
        core.accept();
        assert!(written(&mut core).is_empty(), "it is too late to let it in");
    }
}

#[test]
fn a_client_introduces_itself_once() {
    let mut core = asked();
    core.accept();
    written(&mut core);
    receive(&mut core, connect("0.1.0".into()));
    let [answer] = &written(&mut core)[..] else { panic!() };
    assert!(answer.starts_with("ProtocolError 0 0 {"), "{answer}");
    assert!(core.is_closed());
}

#[test]
fn a_client_that_goes_away_while_it_is_decided_about_gets_no_answer() {
    let mut core = asked();
    core.fail(ConnectionError::ClosedByPeer);
    core.accept();
    core.refuse();
    assert!(written(&mut core).is_empty());
    assert!(ready(core.poll_incoming(&cx())).is_none());
}
