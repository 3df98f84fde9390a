//! The handshake of a client.

use std::time::Instant;

use bytes::{Bytes, BytesMut};
use eventstream_rpc::{
    error::{ConnectError, ConnectionError},
    frame::{Header, HeaderValue},
    protocol::{
        SendError,
        client::{Config, Connect, Core},
    },
};

use crate::support::*;

#[test]
fn the_connect_message_has_the_version_and_what_the_service_wants() {
    let connect = Connect {
        headers: vec![Header::new("client-name", "accepted.test".into())],
        payload: Bytes::from_static(b"{\"authToken\":\"T\"}"),
    };
    let mut core = Core::new(Config::default(), &connect).unwrap();
    let [message] = &messages(&mut core)[..] else { panic!() };
    let headers: Vec<_> =
        message.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
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
        // The acknowledgement may arrive in pieces.
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
fn an_error_instead_of_the_acknowledgement_is_reported() {
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
    assert!(matches!(core.open(&CALL, text("{}")), Err(SendError::Closed(_))));
    assert!(written(&mut core).is_empty());
    receive(&mut core, bare(CONNECT_ACK, 1, 0));
    call(&mut core);
    assert_eq!(written(&mut core), ["ApplicationMessage 0 1 test#CallRequest {}"]);
}

#[test]
fn nothing_that_is_sent_or_received_is_in_debug_output() {
    let payload = Bytes::from_static(b"{\"authToken\":\"SECRET\"}");
    let headers = vec![Header::new("x-token", "SECRET".into())];
    let connect = Connect { headers, payload };
    let core = Core::new(Config::default(), &connect).unwrap();
    assert!(!format!("{core:?}").contains("SECRET"));
    let mut core = connected();
    let key = call(&mut core);
    core.send_event(key, "test#Event", text("SECRET")).unwrap();
    receive(&mut core, shaped(MESSAGE, 0, 1, "test#CallResponse", "SECRET"));
    assert!(!format!("{core:?}").contains("SECRET"));
    let message = reply(&mut core, key).unwrap();
    assert!(!format!("{message:?} {:?}", *message).contains("SECRET"));
}
