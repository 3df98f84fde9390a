//! The client's side of a connection as a value: handshake, calls, and the connection as a whole.

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use eventstream_rpc::{
    error::{ConnectError, ConnectionError},
    frame::{Header, HeaderValue},
    protocol::{
        Endpoint, RpcMessage,
        client::{Config, Connect, ConnectionEvent, Core, Failure, Key, OpenError, Request},
    },
};
use support::*;

const CALL: Request<'_> = Request {
    operation: "test#Call",
    request_shape: "test#CallRequest",
    response_shape: "test#CallResponse",
    deadline: None,
    subscribe: None,
};

fn connecting() -> Core {
    let mut core = Core::new(Config::default(), &Connect::default()).unwrap();
    assert_eq!(written(&mut core), ["Connect 0 0"]);
    core
}

fn connected() -> Core {
    let mut core = connecting();
    receive(&mut core, bare(CONNECT_ACK, 1, 0));
    assert!(matches!(core.poll_connected(&cx()), Poll::Ready(Ok(()))));
    core
}

fn receive(core: &mut Core, mut bytes: BytesMut) {
    core.receive(&mut bytes, Instant::now());
}

fn call(core: &mut Core) -> Key {
    core.open(&CALL, text("{}")).unwrap()
}

fn reply(core: &mut Core, key: Key) -> Result<RpcMessage, Failure> {
    ready(core.poll_reply(key, &cx()))
}

// The handshake

#[test]
fn the_connect_message_has_the_version_and_what_the_service_wants() {
    let connect = Connect {
        headers: vec![Header::new("client-name", "accepted.test".into())],
        payload: Bytes::from_static(b"{\"authToken\":\"T\"}"),
    };
    let mut core = Core::new(Config::default(), &connect).unwrap();
    let [message] = &messages(&mut core)[..] else { panic!() };
    let headers: Vec<_> =
        message.headers().map(|it| (it.name.to_owned(), it.value.to_owned())).collect();
    let expected = [
        (":version", HeaderValue::from("0.1.0")),
        (":message-type", 4.into()),
        (":message-flags", 0.into()),
        (":stream-id", 0.into()),
        ("client-name", "accepted.test".into()),
    ];
    assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value)));
    assert_eq!(message.payload(), connect.payload);
}

#[test]
fn acknowledgements_of_every_official_form_let_the_client_in() {
    let upper_case = vec![
        Header::new(":MESSAGE-TYPE", CONNECT_ACK.into()),
        Header::new(":Message-Flags", 1.into()),
        Header::new(":STREAM-ID", 0.into()),
    ];
    let with_token = headers(CONNECT_ACK, 1, 0, &[("svcuid", "0123456789abcdef")]);
    let of_all_types = [
        headers(CONNECT_ACK, 1, 0, &[]),
        vec![Header::new("b", HeaderValue::Bool(true)), Header::new("n", HeaderValue::Byte(1))],
    ];
    for ack in [
        bare(CONNECT_ACK, 1, 0),
        bare(CONNECT_ACK, -1, 0),
        encode(upper_case, ""),
        encode(with_token, ""),
        encode(of_all_types.concat(), "{}"),
    ] {
        let mut core = connecting();
        assert!(core.poll_connected(&cx()).is_pending());
        // It may arrive in pieces.
        let mut input = BytesMut::new();
        for byte in &ack[..ack.len() - 1] {
            input.extend_from_slice(&[*byte]);
            core.receive(&mut input, Instant::now());
            assert!(core.poll_connected(&cx()).is_pending());
        }
        input.extend_from_slice(&ack[ack.len() - 1..]);
        core.receive(&mut input, Instant::now());
        ready(core.poll_connected(&cx())).unwrap();
        assert!(written(&mut core).is_empty() && !core.is_closed());
    }
}

#[test]
fn a_refusal_is_a_refusal_even_if_the_server_closes_right_after_it() {
    let mut core = connecting();
    receive(&mut core, bare(CONNECT_ACK, 2, 0));
    core.fail(ConnectionError::ClosedByPeer);
    assert!(matches!(ready(core.poll_connected(&cx())), Err(ConnectError::Rejected)));
    assert!(written(&mut core).is_empty());
}

#[test]
fn a_server_that_closes_without_an_answer_has_not_accepted() {
    let mut core = connecting();
    core.fail(ConnectionError::ClosedByPeer);
    let error = ready(core.poll_connected(&cx())).unwrap_err();
    assert!(matches!(error, ConnectError::ClosedDuringHandshake), "{error:?}");
}

#[test]
fn anything_else_before_the_acknowledgement_ends_the_connection_without_a_word() {
    let wrong_type = vec![
        Header::new(":message-type", HeaderValue::Int16(5)),
        Header::new(":message-flags", 1.into()),
        Header::new(":stream-id", 0.into()),
    ];
    let mut cases = vec![
        ("an event", shaped(MESSAGE, 0, 1, "test#Event", "{}")),
        ("a ping", bare(PING, 0, 0)),
        ("a connect message", bare(CONNECT, 0, 0)),
        ("on a stream", bare(CONNECT_ACK, 1, 1)),
        ("type as int16", encode(wrong_type, "")),
        ("no flags and stream", encode(vec![Header::new(":message-type", 5.into())], "")),
        ("unknown type", bare(8, 1, 0)),
        ("an unreadable header", unreadable_header()),
    ];
    cases.extend(lost_framings());
    for (name, bytes) in cases {
        let mut core = connecting();
        receive(&mut core, bytes);
        receive(&mut core, bare(CONNECT_ACK, 1, 0));
        let error = ready(core.poll_connected(&cx())).unwrap_err();
        assert!(matches!(error, ConnectError::Handshake(_)), "{name}: {error:?}");
        assert!(core.is_closed() && written(&mut core).is_empty(), "{name}");
    }
}

#[test]
fn an_error_in_the_place_of_the_acknowledgement_is_told() {
    let mut core = connecting();
    receive(&mut core, encode(headers(PROTOCOL_ERROR, 0, 0, &[]), r#"{"message":"no"}"#));
    match ready(core.poll_connected(&cx())) {
        Err(ConnectError::Handshake(ConnectionError::PeerError { internal, message })) => {
            assert_eq!((internal, message.as_deref()), (false, Some("no")));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_is_sent_before_the_acknowledgement() {
    let mut core = connecting();
    assert!(matches!(core.open(&CALL, text("{}")), Err(OpenError::Closed(_))));
    assert!(written(&mut core).is_empty());
    receive(&mut core, bare(CONNECT_ACK, 1, 0));
    call(&mut core);
    assert_eq!(written(&mut core), ["ApplicationMessage 0 1 test#CallRequest {}"]);
}

// Calls

#[test]
fn a_request_has_its_headers_in_the_official_order() {
    let mut core = connected();
    call(&mut core);
    let [request] = &messages(&mut core)[..] else { panic!() };
    let headers: Vec<_> =
        request.headers().map(|it| (it.name.to_owned(), it.value.to_owned())).collect();
    let expected = [
        (":content-type", HeaderValue::from("application/json")),
        ("service-model-type", "test#CallRequest".into()),
        (":message-type", 0.into()),
        (":message-flags", 0.into()),
        (":stream-id", 1.into()),
        ("operation", "test#Call".into()),
    ];
    assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value)));
}

#[test]
fn a_request_that_is_not_sent_uses_no_id_and_leaves_no_bytes() {
    let mut config = Config::default();
    config.max_frame_len = 1_000;
    config.write_queue_limit = 1_000;
    let mut core = Core::new(config, &Connect::default()).unwrap();
    written(&mut core);
    receive(&mut core, bare(CONNECT_ACK, 1, 0));

    assert!(matches!(core.open(&CALL, unwritable), Err(OpenError::Build(_))));
    let too_long = |dst: &mut BytesMut| {
        dst.resize(dst.len() + 1_000, b' ');
        Ok(())
    };
    assert!(matches!(core.open(&CALL, too_long), Err(OpenError::Build(_))));
    assert!(written(&mut core).is_empty());

    let mut sent = 0;
    while core.poll_room(&cx()).is_ready() {
        call(&mut core);
        sent += 1;
    }
    assert!(matches!(core.open(&CALL, text("{}")), Err(OpenError::Full)));
    assert_eq!(written(&mut core).len(), sent);
    assert!(core.poll_room(&cx()).is_ready(), "what has been written makes room");
    call(&mut core);
    let next = format!("ApplicationMessage 0 {} test#CallRequest {{}}", sent + 1);
    assert_eq!(written(&mut core), [next]);
}

#[test]
fn a_response_that_ends_its_stream_needs_no_answer_and_another_does() {
    for (flags, answer) in [(END, &[][..]), (-1, &[]), (0, &["ApplicationMessage 2 1"])] {
        let mut core = connected();
        let key = call(&mut core);
        written(&mut core);
        assert!(core.poll_reply(key, &cx()).is_pending());
        receive(&mut core, shaped(MESSAGE, flags, 1, "test#CallResponse", "{\"a\":1}"));
        assert_eq!(written(&mut core), answer, "flags {flags}");
        assert_eq!(reply(&mut core, key).unwrap().payload(), b"{\"a\":1}");
        core.forget(key);
        assert!(written(&mut core).is_empty(), "the stream is ended once: flags {flags}");
    }
}

#[test]
fn replies_find_their_calls_in_any_order() {
    let mut core = connected();
    let keys = [call(&mut core), call(&mut core), call(&mut core)];
    for (stream, payload) in [(2, "two"), (3, "three"), (1, "one")] {
        receive(&mut core, shaped(MESSAGE, END, stream, "test#CallResponse", payload));
    }
    for (key, payload) in keys.into_iter().zip(["one", "two", "three"]) {
        assert_eq!(reply(&mut core, key).unwrap().payload(), payload.as_bytes());
    }
}

#[test]
fn errors_of_every_official_form_are_replies() {
    let modeled = r#"{"message":"m","_service":"test#S","_message":"m","_errorCode":"E"}"#;
    let plain = headers(ERROR, END, 1, &[(":content-type", "text/plain")]);
    let bare_json = headers(ERROR, END, 1, &[(":content-type", "application/json")]);
    for (error, shape, content_type, payload) in [
        (shaped(ERROR, END, 1, "test#E", modeled), Some("test#E"), "application/json", modeled),
        (
            shaped(ERROR, END, 1, "test#E", r#"{"_message":"","_errorCode":"E"}"#),
            Some("test#E"),
            "application/json",
            r#"{"_message":"","_errorCode":"E"}"#,
        ),
        (encode(plain, "InternalServerError"), None, "text/plain", "InternalServerError"),
        (
            encode(bare_json, r#"{"error":"Unsupported Operation","message":"?"}"#),
            None,
            "application/json",
            r#"{"error":"Unsupported Operation","message":"?"}"#,
        ),
    ] {
        let mut core = connected();
        let key = call(&mut core);
        written(&mut core);
        receive(&mut core, error);
        let error = reply(&mut core, key).unwrap();
        assert_eq!(describe(&error).split(' ').next(), Some("ApplicationError"));
        assert_eq!((error.service_model_type(), error.content_type()), (shape, Some(content_type)));
        assert_eq!(error.payload(), payload.as_bytes());
        assert!(written(&mut core).is_empty());
    }
}

#[test]
fn an_error_that_does_not_end_its_stream_is_answered_with_the_end() {
    let mut core = connected();
    let key = call(&mut core);
    written(&mut core);
    receive(&mut core, shaped(ERROR, 0, 1, "test#E", "{}"));
    assert_eq!(written(&mut core), ["ApplicationMessage 2 1"]);
    reply(&mut core, key).unwrap();
}

#[test]
fn a_stream_that_ends_without_a_response_has_none() {
    let mut core = connected();
    let key = call(&mut core);
    written(&mut core);
    receive(&mut core, bare(MESSAGE, END, 1));
    assert!(matches!(reply(&mut core, key), Err(Failure::NoResponse)));
    core.forget(key);
    assert!(written(&mut core).is_empty());
}

#[test]
fn a_call_that_is_dropped_ends_its_stream_and_its_late_response_is_nobodys() {
    let mut core = connected();
    let key = call(&mut core);
    written(&mut core);
    core.forget(key);
    assert_eq!(written(&mut core), ["ApplicationMessage 2 1"]);
    receive(&mut core, shaped(MESSAGE, 0, 1, "test#CallResponse", "{}"));
    receive(&mut core, shaped(MESSAGE, END, 1, "test#CallResponse", "{}"));
    receive(&mut core, shaped(ERROR, END, 1, "test#E", "{}"));
    assert!(written(&mut core).is_empty() && !core.is_closed());
}

#[test]
fn calls_end_when_their_time_is_up_and_no_earlier() {
    let (mut core, start) = (connected(), Instant::now());
    let mut due = |seconds| {
        let deadline = Some(start + Duration::from_secs(seconds));
        core.open(&Request { deadline, ..CALL }, text("{}")).unwrap()
    };
    let (slow, fast, answered) = (due(20), due(10), due(5));
    written(&mut core);
    receive(&mut core, shaped(MESSAGE, END, 3, "test#CallResponse", "{}"));

    core.expire(start + Duration::from_secs(10) - Duration::from_nanos(1));
    assert!(core.poll_reply(fast, &cx()).is_pending());
    assert!(reply(&mut core, answered).is_ok(), "it was in time");
    assert_eq!(core.next_deadline(), Some(start + Duration::from_secs(10)));

    core.expire(start + Duration::from_secs(10));
    assert_eq!(written(&mut core), ["ApplicationMessage 2 2"]);
    let error = reply(&mut core, fast).unwrap_err();
    assert!(matches!(error, Failure::Timeout { request_written: true }), "{error:?}");
    assert!(core.poll_reply(slow, &cx()).is_pending());
    assert_eq!(core.next_deadline(), Some(start + Duration::from_secs(20)));

    receive(&mut core, shaped(MESSAGE, END, 2, "test#CallResponse", "{}"));
    receive(&mut core, shaped(MESSAGE, END, 1, "test#CallResponse", "{}"));
    assert!(reply(&mut core, slow).is_ok());
    assert!(!core.is_closed());
}

#[test]
fn a_failure_says_whether_the_whole_request_had_been_written() {
    let (mut core, start) = (connected(), Instant::now());
    let request = Request { deadline: Some(start), ..CALL };
    let mut open = || core.open(&request, text("{}")).unwrap();
    let keys = [open(), open(), open()];
    let mut output = BytesMut::new();
    core.take_output(&mut output);
    // All of the first, and all but one byte of the second.
    core.wrote(output.len() / 3 * 2 - 1);
    core.expire(start);
    let written = keys.map(|key| match reply(&mut core, key) {
        Err(Failure::Timeout { request_written }) => request_written,
        other => panic!("{other:?}"),
    });
    assert_eq!(written, [true, false, false]);
}

// The connection as a whole

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
    assert!(matches!(refused, Err(OpenError::Closed(ConnectionError::ClosedByPeer))));
}

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn whoever_waits_is_woken_and_nobody_else() {
    let mut core = connected();
    let keys = [call(&mut core), call(&mut core)];
    let counts = [0, 1].map(|_| Arc::new(Count(AtomicUsize::new(0))));
    let wakers = counts.clone().map(Waker::from);
    for (key, waker) in keys.iter().zip(&wakers) {
        assert!(core.poll_reply(*key, &Context::from_waker(waker)).is_pending());
    }
    let mut woken = |core: &mut Core| {
        core.take_woken().into_iter().for_each(Waker::wake);
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
