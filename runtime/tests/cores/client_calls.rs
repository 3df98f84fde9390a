//! Calls: one request, one reply.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use eventstream_rpc::{
    error::ConnectionError,
    frame::HeaderValue,
    protocol::{
        SendError, SendTurn,
        client::{Config, Connect, Core, Failure, Request},
    },
};

use crate::support::*;

#[test]
fn a_request_has_its_headers_in_the_official_order() {
    let mut core = connected();
    call(&mut core);
    let [request] = &messages(&mut core)[..] else { panic!() };
    let headers: Vec<_> =
        request.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
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

    assert!(matches!(core.open(&CALL, unwritable), Err(SendError::Build(_))));
    let too_long = |dst: &mut BytesMut| {
        dst.resize(dst.len() + 1_000, b' ');
        Ok(())
    };
    assert!(matches!(core.open(&CALL, too_long), Err(SendError::Build(_))));
    assert!(written(&mut core).is_empty());

    let mut sent = 0;
    let mut place = SendTurn::default();
    while core.poll_room(&mut place, &cx()).is_ready() {
        call(&mut core);
        sent += 1;
    }
    assert!(matches!(core.open(&CALL, text("{}")), Err(SendError::Full)));
    assert_eq!(written(&mut core).len(), sent);
    assert!(core.poll_room(&mut place, &cx()).is_ready(), "what has been written makes room");
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
fn a_dropped_call_ends_its_stream_and_its_late_response_is_ignored() {
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
    assert!(matches!(error, Failure::Timeout), "{error:?}");
    assert!(core.poll_reply(slow, &cx()).is_pending());
    assert_eq!(core.next_deadline(), Some(start + Duration::from_secs(20)));

    receive(&mut core, shaped(MESSAGE, END, 2, "test#CallResponse", "{}"));
    receive(&mut core, shaped(MESSAGE, END, 1, "test#CallResponse", "{}"));
    assert!(reply(&mut core, slow).is_ok());
    assert!(!core.is_closed());
}

#[test]
fn a_failure_says_whether_the_request_had_been_handed_to_the_socket() {
    let mut core = connected();
    let taken = [call(&mut core), call(&mut core)];
    let mut output = BytesMut::new();
    core.take_output(&mut output);
    let waiting = call(&mut core);
    core.fail(ConnectionError::ClosedByPeer);
    let mut written = |key| match reply(&mut core, key) {
        Err(Failure::Lost { request_written, .. }) => request_written,
        other => panic!("{other:?}"),
    };
    // A request that was being written may have arrived.
    assert_eq!(taken.map(&mut written), [true, true]);
    assert!(!written(waiting));
    // The last request, which counts as not written, is not written later.
    let mut output = BytesMut::new();
    core.take_output(&mut output);
    assert!(output.is_empty());
}
