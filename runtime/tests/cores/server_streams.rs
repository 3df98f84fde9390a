//! Streams of a server: responses, and events in both directions.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use bytes::{Bytes, BytesMut};
use eventstream_rpc::{
    error::Unhandled,
    frame::HeaderValue,
    protocol::{
        SendError, SendTurn, StreamId,
        server::{Answer, Config, Core},
    },
};

use crate::support::*;

const RESPONSE: &str = "test#CallResponse";
const EVENT: &str = "test#Event";
const ID: StreamId = StreamId(1);

/// A server with a request on stream 1.
pub(crate) fn requested(config: Config) -> Core {
    let mut core = accepted(config);
    receive(&mut core, request(1));
    let Poll::Ready(Some(_)) = core.poll_incoming(&cx()) else { panic!() };
    core
}

/// A server that has answered the request on stream 1 and may send events.
pub(crate) fn streaming(config: Config) -> Core {
    let mut core = requested(config);
    core.expect_events(ID, true);
    core.send(ID, Answer::OpenResponse, RESPONSE, text("{}")).unwrap();
    assert_eq!(written(&mut core), ["ApplicationMessage 0 1 test#CallResponse {}"]);
    core
}

pub(crate) fn event(payload: &str) -> BytesMut {
    shaped(MESSAGE, 0, 1, EVENT, payload)
}

pub(crate) fn next_event(core: &mut Core) -> Option<String> {
    ready(core.poll_event(ID, &cx()))
        .map(|message| String::from_utf8(message.payload().to_vec()).unwrap())
}

pub(crate) fn error() -> Unhandled {
    error_with("test#E", "{}".into())
}

pub(crate) fn error_with(shape: &str, payload: Bytes) -> Unhandled {
    Unhandled::from_reply(Some(shape), Some("application/json"), payload)
}

#[test]
fn requests_arrive_in_their_order() {
    let mut core = accepted(Config::default());
    let upper_case = encode(headers(MESSAGE, 0, 2, &[("OPERATION", "test#Other")]), "two");
    let as_error = encode(headers(ERROR, 0, 3, &[("operation", "test#Call")]), "three");
    for bytes in [request(1), upper_case, as_error] {
        receive(&mut core, bytes);
    }
    for (id, operation, payload) in
        [(1, "test#Call", "{}"), (2, "test#Other", "two"), (3, "test#Call", "three")]
    {
        match ready(core.poll_incoming(&cx())) {
            Some(request) => {
                assert_eq!(request.stream_id, StreamId(id));
                assert_eq!(request.operation(), Some(operation));
                assert_eq!(request.to_payload(), payload);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_request_that_is_over_already_is_not_served_and_uses_its_id() {
    let mut core = accepted(Config::default());
    receive(&mut core, encode(headers(MESSAGE, END, 1, &[("operation", "test#Call")]), "{}"));
    assert!(core.poll_incoming(&cx()).is_pending());
    assert!(written(&mut core).is_empty());
    receive(&mut core, request(2));
    assert!(matches!(core.poll_incoming(&cx()), Poll::Ready(Some(_))));
}

#[test]
fn a_response_ends_its_stream_and_has_its_headers_in_the_official_order() {
    let mut core = requested(Config::default());
    core.send(ID, Answer::Response, RESPONSE, text("{}")).unwrap();
    let [response] = &messages(&mut core)[..] else { panic!() };
    let headers: Vec<_> =
        response.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let expected = [
        (":content-type", HeaderValue::from("application/json")),
        ("service-model-type", RESPONSE.into()),
        (":message-type", 0.into()),
        (":message-flags", 2.into()),
        (":stream-id", 1.into()),
    ];
    assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value)));
    assert_eq!(response.payload(), b"{}");

    assert!(core.poll_ended(ID, &cx()).is_ready());
    assert!(matches!(
        core.send(ID, Answer::Response, RESPONSE, text("{}")),
        Err(SendError::StreamEnded)
    ));
    core.send_error(ID, &error()).unwrap();
    core.terminate(ID);
    assert!(written(&mut core).is_empty(), "a stream ends once");
}

#[test]
fn an_error_ends_its_stream() {
    let text = "InternalServerError";
    let plain = Unhandled::from_reply(None, Some("text/plain"), text.into());
    for (error, shape) in [(error(), Some("test#E")), (plain, None)] {
        let mut core = requested(Config::default());
        core.send_error(ID, &error).unwrap();
        core.send_error(ID, &error).unwrap();
        core.terminate(ID);
        let [sent] = &messages(&mut core)[..] else { panic!() };
        assert!(describe(sent).starts_with("ApplicationError 2 1"), "{sent:?}");
        assert_eq!(sent.service_model_type(), shape);
        assert_eq!(sent.content_type(), error.content_type());
        assert_eq!(sent.payload(), error.payload());
        assert!(core.poll_ended(ID, &cx()).is_ready());
    }
}

#[test]
fn a_response_that_cannot_be_written_leaves_room_for_an_error() {
    let mut config = Config::default();
    config.max_frame_len = 1_000;
    let too_long = |dst: &mut BytesMut| {
        dst.resize(dst.len() + 1_000, b' ');
        Ok(())
    };
    let mut core = requested(config);
    assert!(matches!(
        core.send(ID, Answer::Response, RESPONSE, unwritable),
        Err(SendError::Build(_))
    ));
    assert!(matches!(
        core.send(ID, Answer::OpenResponse, RESPONSE, too_long),
        Err(SendError::Build(_))
    ));
    assert!(written(&mut core).is_empty());
    core.send_error(ID, &error()).unwrap();
    assert_eq!(written(&mut core), ["ApplicationError 2 1 test#E {}"]);
}

#[test]
fn events_follow_the_response_until_the_server_ends_the_stream() {
    let mut core = streaming(Config::default());
    for payload in ["1", "2"] {
        core.send(ID, Answer::Event, EVENT, text(payload)).unwrap();
    }
    core.terminate(ID);
    core.terminate(ID);
    assert_eq!(
        written(&mut core),
        [
            "ApplicationMessage 0 1 test#Event 1",
            "ApplicationMessage 0 1 test#Event 2",
            "ApplicationMessage 2 1"
        ]
    );
    assert!(matches!(core.send(ID, Answer::Event, EVENT, text("3")), Err(SendError::StreamEnded)));
    assert!(written(&mut core).is_empty());
}

#[test]
fn a_client_that_ends_a_stream_needs_no_answer() {
    for mut core in [requested(Config::default()), streaming(Config::default())] {
        assert!(core.poll_ended(ID, &cx()).is_pending());
        receive(&mut core, bare(MESSAGE, END, 1));
        assert!(core.poll_ended(ID, &cx()).is_ready());
        assert!(matches!(
            core.send(ID, Answer::Response, RESPONSE, text("{}")),
            Err(SendError::StreamEnded)
        ));
        assert!(matches!(
            core.send(ID, Answer::Event, EVENT, text("{}")),
            Err(SendError::StreamEnded)
        ));
        core.send_error(ID, &error()).unwrap();
        core.terminate(ID);
        assert!(written(&mut core).is_empty() && !core.is_closed());
    }
}

#[test]
fn messages_that_cross_the_end_of_their_stream_are_passed_over() {
    type End = fn(&mut Core);
    let ends: [End; 4] = [
        |core| core.terminate(ID),
        |core| core.send_error(ID, &error()).unwrap(),
        |core| core.send(ID, Answer::Response, RESPONSE, text("{}")).unwrap(),
        |core| receive(core, bare(MESSAGE, END, 1)),
    ];
    for end in ends {
        let mut core = requested(Config::default());
        end(&mut core);
        written(&mut core);
        for crossing in [event("late"), bare(MESSAGE, END, 1), bare(MESSAGE, END, 1)] {
            receive(&mut core, crossing);
        }
        assert!(written(&mut core).is_empty() && !core.is_closed());
        assert_eq!(next_event(&mut core), None);
        receive(&mut core, request(2));
        assert!(matches!(core.poll_incoming(&cx()), Poll::Ready(Some(_))));
    }
}

#[test]
fn a_strict_server_refuses_messages_at_and_after_the_end_of_their_stream() {
    let mut config = Config::default();
    config.strict_stream_ends = true;
    let mut core = streaming(config);
    core.expect_events(ID, false);
    receive(&mut core, encode(headers(MESSAGE, END, 1, &[]), "{}"));
    assert_eq!(written(&mut core).last().unwrap(), "ApplicationError 2 1 InternalServerError");
    assert!(!core.is_closed());

    let mut core = requested(config);
    receive(&mut core, bare(MESSAGE, END, 1));
    receive(&mut core, bare(MESSAGE, END, 1));
    assert!(!core.is_closed(), "a message that ends the stream is not refused");
    receive(&mut core, event("late"));
    let [answer] = &written(&mut core)[..] else { panic!() };
    assert!(answer.starts_with("ProtocolError 0 0 {"), "{answer}");
    assert!(core.is_closed());
}

#[test]
fn events_of_the_client_wait_until_it_is_known_that_they_are_wanted() {
    let mut core = requested(Config::default());
    receive(&mut core, event("1"));
    // Events may name the operation again, but do not have to.
    receive(&mut core, encode(headers(MESSAGE, 0, 1, &[("operation", "test#Call")]), "2"));
    core.expect_events(ID, true);
    assert_eq!(next_event(&mut core).as_deref(), Some("1"));
    assert_eq!(next_event(&mut core).as_deref(), Some("2"));
    assert!(core.poll_event(ID, &cx()).is_pending());
    receive(&mut core, event("3"));
    assert_eq!(next_event(&mut core).as_deref(), Some("3"));
    receive(&mut core, bare(MESSAGE, END, 1));
    assert_eq!(next_event(&mut core), None);
    assert!(written(&mut core).is_empty());
}

#[test]
fn events_that_the_operation_does_not_take_are_answered() {
    for is_early in [true, false] {
        let mut core = requested(Config::default());
        if is_early {
            receive(&mut core, event("1"));
        }
        core.expect_events(ID, false);
        if !is_early {
            assert!(written(&mut core).is_empty());
            receive(&mut core, event("1"));
        }
        let [answer] = &messages(&mut core)[..] else { panic!() };
        assert_eq!(describe(answer), "ApplicationError 2 1 InternalServerError");
        assert_eq!(answer.content_type(), Some("text/plain"));
        assert!(core.poll_ended(ID, &cx()).is_ready() && !core.is_closed());
    }
}

#[test]
fn events_that_there_is_no_room_for_end_their_stream() {
    let mut config = Config::default();
    config.event_queue_limit = TWO_LONG;
    let mut core = streaming(config);
    for payload in ["1", "2"] {
        receive(&mut core, event(&long(payload)));
    }
    assert_eq!(next_event(&mut core), Some(long("1")));
    receive(&mut core, event(&long("3")));
    assert!(written(&mut core).is_empty());
    receive(&mut core, event(&long("4")));
    assert_eq!(written(&mut core), ["ApplicationError 2 1 InternalServerError"]);
    for expected in [Some("2"), Some("3"), None] {
        assert_eq!(next_event(&mut core), expected.map(long));
    }
    assert!(!core.is_closed());
}

#[test]
fn an_event_over_the_limit_is_taken_if_nothing_else_waits() {
    let mut config = Config::default();
    config.event_queue_limit = 100;
    let mut core = streaming(config);
    let long = "x".repeat(1_000);
    receive(&mut core, event(&long));
    assert_eq!(next_event(&mut core), Some(long));
}

#[test]
fn events_wait_for_a_client_that_does_not_read_and_responses_do_not() {
    let mut config = Config::default();
    config.write_queue_limit = 1_000;
    let mut core = streaming(config);
    receive(&mut core, request(2));
    let mut sent = 0;
    let mut place = SendTurn::default();
    while core.poll_room(&mut place, &cx()).is_ready() {
        core.send(ID, Answer::Event, EVENT, text("{}")).unwrap();
        sent += 1;
    }
    assert!(matches!(core.send(ID, Answer::Event, EVENT, text("{}")), Err(SendError::Full)));
    core.send(StreamId(2), Answer::Response, RESPONSE, text("{}")).unwrap();

    let mut bytes = BytesMut::new();
    core.take_output(&mut bytes);
    assert!(
        core.poll_room(&mut place, &cx()).is_pending(),
        "it has been taken, and not written yet"
    );
    core.wrote(bytes.len());
    assert!(core.poll_room(&mut place, &cx()).is_ready());
    core.leave(&mut place);
    core.send(ID, Answer::Event, EVENT, text("{}")).unwrap();
    assert!(sent > 1);
}

pub(crate) struct Flag(pub(crate) AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn the_task_of_a_stream_is_woken_by_its_events_and_its_end() {
    let mut core = streaming(Config::default());
    let flag = Arc::new(Flag(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&flag));
    let cx = Context::from_waker(&waker);
    let woken = |core: &mut Core| {
        core.take_woken().wake();
        flag.0.swap(false, Ordering::Relaxed)
    };
    receive(&mut core, request(2));
    assert!(core.poll_event(ID, &cx).is_pending());
    receive(&mut core, shaped(MESSAGE, 0, 2, EVENT, "of another stream"));
    assert!(!woken(&mut core));
    receive(&mut core, event("1"));
    assert!(woken(&mut core));
    assert!(core.poll_ended(ID, &cx).is_pending());
    receive(&mut core, bare(MESSAGE, END, 1));
    assert!(woken(&mut core));
}

#[test]
fn requests_that_were_given_up_before_anyone_looked_count_until_someone_does() {
    let mut config = Config::default();
    config.max_streams = 2;
    let mut core = accepted(config);
    for stream in [1, 2] {
        receive(&mut core, request(stream));
        receive(&mut core, bare(MESSAGE, END, stream));
    }
    receive(&mut core, request(3));
    let [refused] = &written(&mut core)[..] else { panic!() };
    assert!(refused.starts_with("ApplicationError 2 3"), "{refused}");
    for stream in [1, 2] {
        let Poll::Ready(Some(message)) = core.poll_incoming(&cx()) else {
            panic!("it is served all the same");
        };
        assert_eq!(message.stream_id.0, stream);
        core.expect_events(message.stream_id, false);
    }
    receive(&mut core, request(4));
    assert!(matches!(core.poll_incoming(&cx()), Poll::Ready(Some(_))));
    assert!(written(&mut core).is_empty());
}
