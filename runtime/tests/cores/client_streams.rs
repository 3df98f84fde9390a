//! Subscriptions: events, queues, and the end of a stream from either side.

use std::{
    task::Context,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use eventstream_rpc::{
    client::{Overflow, SubscribeOptions},
    error::ConnectionError,
    protocol::{
        RpcMessage, SendError,
        client::{Core, Failure, Key, Request, SubscriptionItem},
    },
};

use crate::support::*;

const RESPONSE: &str = "test#CallResponse";
const EVENT: &str = "test#Event";

fn open(core: &mut Core, options: &SubscribeOptions) -> Key {
    let request = Request { subscribe: Some(options), ..CALL };
    let key = core.open(&request, text("{}")).unwrap();
    written(core);
    key
}

/// A client with a subscription on stream 1 that has its response.
fn subscribed(options: SubscribeOptions) -> (Core, Key) {
    let mut core = connected();
    let key = open(&mut core, &options);
    receive(&mut core, shaped(MESSAGE, 0, 1, RESPONSE, "{}"));
    reply(&mut core, key).unwrap();
    (core, key)
}

fn event(payload: &str) -> BytesMut {
    shaped(MESSAGE, 0, 1, EVENT, payload)
}

/// All items of a subscription, up to its end or until it has to wait.
fn events(core: &mut Core, key: Key) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        found.push(match core.poll_event(key, &cx()) {
            std::task::Poll::Pending => return found,
            std::task::Poll::Ready(None) => "end".to_owned(),
            std::task::Poll::Ready(Some(Ok(SubscriptionItem::Event(message)))) => {
                String::from_utf8(message.payload().to_vec()).unwrap()
            }
            std::task::Poll::Ready(Some(Ok(SubscriptionItem::Notice(notice)))) => {
                format!("{notice:?}")
            }
            std::task::Poll::Ready(Some(Err(failure))) => format!("Failed({failure:?})"),
        });
        if found.last().is_some_and(|it| it == "end") {
            return found;
        }
    }
}

#[test]
fn events_come_in_their_order_until_the_server_ends_the_stream() {
    let (mut core, key) = subscribed(SubscribeOptions::default());
    for payload in ["1", "2"] {
        receive(&mut core, event(payload));
    }
    assert_eq!(events(&mut core, key), ["1", "2"]);
    receive(&mut core, event("3"));
    receive(&mut core, bare(MESSAGE, END, 1));
    assert!(!core.is_open(key));
    assert_eq!(events(&mut core, key), ["3", "end"]);
    assert!(!core.is_closed());
}

#[test]
fn events_that_overtake_the_response_wait_for_it() {
    let mut core = connected();
    let key = open(&mut core, &SubscribeOptions::default());
    receive(&mut core, event("1"));
    receive(&mut core, event("2"));
    assert!(core.poll_reply(key, &cx()).is_pending());
    receive(&mut core, shaped(MESSAGE, 0, 1, RESPONSE, "{}"));
    receive(&mut core, event("3"));
    assert_eq!(reply(&mut core, key).unwrap().service_model_type(), Some(RESPONSE));
    assert_eq!(events(&mut core, key), ["1", "2", "3"]);
}

#[test]
fn a_first_message_without_a_shape_is_the_response() {
    let mut core = connected();
    let key = open(&mut core, &SubscribeOptions::default());
    receive(&mut core, encode(headers(MESSAGE, 0, 1, &[]), "{}"));
    assert_eq!(reply(&mut core, key).unwrap().payload(), b"{}");
    assert!(core.is_open(key));
}

#[test]
fn a_message_that_ends_the_stream_is_delivered_first() {
    let (mut core, key) = subscribed(SubscribeOptions::default());
    receive(&mut core, shaped(MESSAGE, END, 1, EVENT, "last"));
    assert_eq!(events(&mut core, key), ["last", "end"]);

    let mut core = connected();
    let key = open(&mut core, &SubscribeOptions::default());
    receive(&mut core, shaped(MESSAGE, END, 1, RESPONSE, "{}"));
    reply(&mut core, key).unwrap();
    assert_eq!(events(&mut core, key), ["end"]);
    core.forget(key);
    assert!(written(&mut core).is_empty());
}

#[test]
fn a_payload_of_no_shape_at_the_end_says_nothing() {
    let (mut core, key) = subscribed(SubscribeOptions::default());
    receive(&mut core, encode(headers(MESSAGE, END, 1, &[]), "{}"));
    assert_eq!(events(&mut core, key), ["end"]);
}

#[test]
fn an_error_in_the_place_of_an_event_is_delivered_as_such() {
    let (mut core, key) = subscribed(SubscribeOptions::default());
    receive(&mut core, event("1"));
    receive(&mut core, shaped(ERROR, END, 1, "test#E", "{}"));
    let mut next = || match ready(core.poll_event(key, &cx())) {
        Some(Ok(SubscriptionItem::Event(message))) => describe(&message),
        other => panic!("{other:?}"),
    };
    assert_eq!(next(), "ApplicationMessage 0 1 test#Event 1");
    assert_eq!(next(), "ApplicationError 2 1 test#E {}");
    assert_eq!(events(&mut core, key), ["end"]);
}

#[test]
fn an_error_in_the_place_of_the_response_ends_the_stream() {
    for (flags, answer) in [(END, &[][..]), (0, &["ApplicationMessage 2 1"])] {
        let mut core = connected();
        let key = open(&mut core, &SubscribeOptions::default());
        receive(&mut core, shaped(ERROR, flags, 1, "test#E", "{}"));
        assert_eq!(written(&mut core), answer);
        assert_eq!(reply(&mut core, key).unwrap().service_model_type(), Some("test#E"));
        assert_eq!(events(&mut core, key), ["end"]);
    }
}

#[test]
fn a_stream_is_never_ended_after_the_server_has_ended_it() {
    let (mut core, key) = subscribed(SubscribeOptions::default());
    receive(&mut core, bare(MESSAGE, END, 1));
    let refused = core.send_event(key, EVENT, text("{}"));
    assert!(matches!(refused, Err(SendError::StreamEnded)), "{refused:?}");
    core.end(key);
    core.forget(key);
    core.close();
    assert!(written(&mut core).is_empty());
}

#[test]
fn a_stream_is_ended_once_and_messages_that_cross_its_end_are_ignored() {
    let (mut core, key) = subscribed(SubscribeOptions::default());
    core.end(key);
    assert_eq!(written(&mut core), ["ApplicationMessage 2 1"]);
    assert_eq!(events(&mut core, key), ["end"]);
    for crossing in [event("late"), bare(MESSAGE, END, 1), shaped(ERROR, END, 1, "test#E", "{}")] {
        receive(&mut core, crossing);
        assert_eq!(events(&mut core, key), ["end"]);
    }
    core.end(key);
    core.forget(key);
    receive(&mut core, bare(MESSAGE, END, 1));
    assert!(written(&mut core).is_empty() && !core.is_closed());
}

#[test]
fn events_of_the_client_carry_no_operation() {
    let (mut core, key) = subscribed(SubscribeOptions::default());
    core.send_event(key, EVENT, text("{\"a\":1}")).unwrap();
    let [sent] = &messages(&mut core)[..] else { panic!() };
    assert_eq!(describe(sent), "ApplicationMessage 0 1 test#Event {\"a\":1}");
    assert_eq!((sent.operation(), sent.content_type()), (None, Some("application/json")));
    assert!(matches!(core.send_event(key, EVENT, unwritable), Err(SendError::Build(_))));
    assert!(written(&mut core).is_empty() && core.is_open(key));
}

#[test]
fn a_deadline_is_for_the_response_alone() {
    let (mut core, start) = (connected(), Instant::now());
    let options = SubscribeOptions::default();
    let mut open = || {
        let deadline = Some(start + Duration::from_secs(10));
        core.open(&Request { subscribe: Some(&options), deadline, ..CALL }, text("{}")).unwrap()
    };
    let [answered, late] = [open(), open()];
    written(&mut core);
    receive(&mut core, shaped(MESSAGE, 0, 1, RESPONSE, "{}"));
    core.expire(start + Duration::from_secs(10));
    assert_eq!(written(&mut core), ["ApplicationMessage 2 2"]);
    reply(&mut core, answered).unwrap();
    receive(&mut core, event("1"));
    assert_eq!(events(&mut core, answered), ["1"]);
    assert!(matches!(reply(&mut core, late), Err(Failure::Timeout)));
    assert_eq!(events(&mut core, late), ["end"]);
}

#[test]
fn when_the_connection_ends_what_had_arrived_is_delivered_and_then_the_reason() {
    let (mut core, key) = subscribed(SubscribeOptions::default());
    receive(&mut core, event("1"));
    core.fail(ConnectionError::ClosedByPeer);
    assert_eq!(
        events(&mut core, key),
        ["1", "Failed(Lost { error: ClosedByPeer, request_written: true })", "end"]
    );
}

#[test]
fn a_stream_that_had_ended_is_not_lost_with_the_connection() {
    let (mut core, key) = subscribed(SubscribeOptions::default());
    receive(&mut core, event("1"));
    receive(&mut core, bare(MESSAGE, END, 1));
    core.fail(ConnectionError::ClosedByPeer);
    assert_eq!(events(&mut core, key), ["1", "end"]);
}

/// Options with a queue for two long events, but not three.
fn room_for_two(overflow: Overflow) -> SubscribeOptions {
    SubscribeOptions::default().overflow(overflow).queue_limit(TWO_LONG)
}

/// Long events arrive.
fn receive_long(core: &mut Core, events: &[&str]) {
    for text in events {
        receive(core, event(&long(text)));
    }
}

/// As [`events`], with only the beginning of long payloads.
fn long_events(core: &mut Core, key: Key) -> Vec<String> {
    events(core, key).into_iter().map(|it| it.trim_end_matches('.').to_owned()).collect()
}

#[test]
fn a_full_queue_ends_the_subscription_after_what_was_queued() {
    let (mut core, key) = subscribed(room_for_two(Overflow::End));
    receive_long(&mut core, &["1", "2"]);
    assert!(written(&mut core).is_empty());
    receive_long(&mut core, &["3", "4"]);
    assert_eq!(written(&mut core), ["ApplicationMessage 2 1"], "ended once");
    let lagged = "Failed(Lagged { dropped: 2, bytes: 6000 })";
    assert_eq!(long_events(&mut core, key), ["1", "2", lagged, "end"]);
    receive(&mut core, event("5"));
    assert_eq!(events(&mut core, key), ["end"], "nothing comes after the end");
    core.forget(key);
    receive(&mut core, event("late"));
    assert!(written(&mut core).is_empty() && !core.is_closed());
}

#[test]
fn a_queue_that_is_full_before_the_response_ends_the_call() {
    let mut core = connected();
    let key = open(&mut core, &room_for_two(Overflow::End));
    receive_long(&mut core, &["1", "2"]);
    let (task, waker) = Task::new();
    assert!(core.poll_reply(key, &Context::from_waker(&waker)).is_pending());
    receive_long(&mut core, &["3"]);
    wake(&mut core);
    assert_eq!(task.woken(), 1);
    assert_eq!(written(&mut core), ["ApplicationMessage 2 1"]);
    // The response may still arrive, and is ignored.
    receive(&mut core, shaped(MESSAGE, 0, 1, RESPONSE, "{}"));
    let failure = reply(&mut core, key).unwrap_err();
    assert!(matches!(failure, Failure::Lagged { dropped: 3, bytes: 9_000 }), "{failure:?}");
    assert_eq!(events(&mut core, key), ["end"]);
    core.forget(key);
    assert!(written(&mut core).is_empty() && !core.is_closed());
}

#[test]
fn the_oldest_events_make_room() {
    let (mut core, key) = subscribed(room_for_two(Overflow::DropOldest));
    receive_long(&mut core, &["1", "2", "3", "4"]);
    assert_eq!(long_events(&mut core, key), ["Dropped(2)", "3", "4"]);
    receive_long(&mut core, &["5"]);
    assert_eq!(long_events(&mut core, key), ["5"], "what was dropped is told once");
}

#[test]
fn only_the_latest_event_is_kept() {
    let (mut core, key) = subscribed(room_for_two(Overflow::LatestOnly));
    for payload in ["1", "2", "3"] {
        receive(&mut core, event(payload));
    }
    assert_eq!(events(&mut core, key), ["Dropped(2)", "3"]);
}

#[test]
fn an_event_over_the_limit_is_delivered_if_nothing_else_waits() {
    for overflow in [Overflow::End, Overflow::DropOldest, Overflow::LatestOnly] {
        let (mut core, key) = subscribed(room_for_two(overflow));
        let long = "x".repeat(100_000);
        receive(&mut core, event(&long));
        assert_eq!(events(&mut core, key), [long], "{overflow:?}");
        assert!(core.is_open(key));
    }
}

#[test]
fn a_full_queue_holds_up_nothing_else() {
    for overflow in [Overflow::End, Overflow::DropOldest, Overflow::LatestOnly] {
        // The events arrive after the response to the subscription, or before it.
        for is_open in [true, false] {
            let mut core = connected();
            let key = open(&mut core, &room_for_two(overflow));
            if is_open {
                receive(&mut core, shaped(MESSAGE, 0, 1, RESPONSE, "{}"));
            }
            let other = call(&mut core);
            let mut input: BytesMut =
                ["1", "2", "3", "4"].map(|it| event(&long(it)).to_vec()).concat().as_slice().into();
            input.extend_from_slice(&shaped(MESSAGE, END, 2, RESPONSE, "{}"));
            core.receive(&mut input, Instant::now());
            assert!(core.wants_input() && input.is_empty(), "{overflow:?}");
            reply(&mut core, other).unwrap();
            core.forget(key);
        }
    }
}

#[test]
fn small_events_count_with_the_memory_that_they_take() {
    const LIMIT: usize = 1024 * 1024;
    for overflow in [Overflow::End, Overflow::DropOldest] {
        let options = SubscribeOptions::default().overflow(overflow).queue_limit(LIMIT);
        let (mut core, key) = subscribed(options);
        let most = LIMIT / (size_of::<RpcMessage>() + event("1").len());
        for _ in 0..most + 1_000 {
            receive(&mut core, event("1"));
        }
        let queued = events(&mut core, key).iter().filter(|it| *it == "1").count();
        assert!((most / 2..=most).contains(&queued), "{overflow:?}: {queued} of {most}");
    }
}

#[test]
fn events_that_share_a_buffer_count_it_once() {
    const BUFFER_LEN: usize = 64 * 1024;
    let options = SubscribeOptions::default().queue_limit(10 * BUFFER_LEN);
    let (mut core, key) = subscribed(options);
    let text = "x".repeat(20_000);
    for _ in 0..9 {
        // Three messages that are not copied, in a buffer with much free space.
        let mut input = BytesMut::with_capacity(BUFFER_LEN);
        input.extend_from_slice(&event(&text).repeat(3));
        core.receive_in(&mut input, BUFFER_LEN, Instant::now());
        assert!(input.is_empty());
    }
    assert!(core.is_open(key), "nine buffers fit");
    let mut input = event(&text);
    core.receive_in(&mut input, BUFFER_LEN, Instant::now());
    assert!(!core.is_open(key), "with the slots of the queue a tenth does not");
    let events = events(&mut core, key);
    assert_eq!(events.iter().filter(|it| **it == text).count(), 27);
}
