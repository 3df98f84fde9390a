//! Connections that are lost and reopened.

use std::{
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use eventstream_rpc::{
    client::{Overflow, SubscribeOptions},
    error::{ConnectError, ConnectionError},
    protocol::{
        SendError, SendTurn,
        client::{Config, Connect, ConnectionEvent, Core, Failure, Key, Request, SubscriptionItem},
    },
};

use crate::support::*;

pub(crate) fn returning(change: impl FnOnce(&mut Config)) -> Core {
    let mut config = Config::default();
    config.reconnects = true;
    change(&mut config);
    let mut core = Core::new(config, &Connect::default()).unwrap();
    core.record_events();
    written(&mut core);
    receive(&mut core, bare(CONNECT_ACK, 1, 0));
    core
}

fn subscribe(core: &mut Core, options: &SubscribeOptions) -> Key {
    let request = Request { subscribe: Some(options), ..CALL };
    core.open(&request, text("{\"topic\":1}")).unwrap()
}

/// A subscription whose response has been read.
pub(crate) fn subscribed(core: &mut Core, stream: i32) -> Key {
    let key = subscribe(core, &SubscribeOptions::default());
    receive(core, shaped(MESSAGE, 0, stream, "test#CallResponse", "{}"));
    reply(core, key).unwrap();
    written(core);
    key
}

fn event(core: &mut Core, stream: i32, payload: &str) {
    receive(core, shaped(MESSAGE, 0, stream, "test#Event", payload));
}

/// All items that can be read from a subscription now.
fn read(core: &mut Core, key: Key) -> Vec<String> {
    let mut items = Vec::new();
    while let Poll::Ready(next) = core.poll_event(key, &cx()) {
        items.push(match next {
            Some(Ok(SubscriptionItem::Event(message))) => {
                String::from_utf8_lossy(message.payload()).into_owned()
            }
            Some(Err(Failure::Lost { error, .. })) => format!("lost: {error:?}"),
            Some(Ok(SubscriptionItem::Notice(notice))) => format!("{notice:?}"),
            Some(Err(failure)) => format!("Failed({failure:?})"),
            None => {
                items.push("end".to_owned());
                return items;
            }
        });
    }
    items
}

pub(crate) fn come_back(core: &mut Core) {
    core.finish();
    assert!(core.reconnect(&Connect::default()).unwrap());
    assert_eq!(written(core), ["Connect 0 0"]);
    receive(core, bare(CONNECT_ACK, 1, 0));
}

#[test]
fn subscriptions_are_opened_again_in_their_order_under_new_ids() {
    let mut core = returning(|_| {});
    let first = subscribed(&mut core, 1);
    let gone = subscribed(&mut core, 2);
    let second = subscribed(&mut core, 3);
    core.forget(gone);
    event(&mut core, 1, "before");
    core.fail(ConnectionError::ClosedByPeer);
    assert!(core.poll_closed(&cx()).is_pending(), "an outage is not the end");

    come_back(&mut core);
    let request = "test#CallRequest {\"topic\":1}";
    let expected = [1, 2].map(|id| format!("ApplicationMessage 0 {id} {request}"));
    assert_eq!(written(&mut core), expected);
    receive(&mut core, shaped(MESSAGE, 0, 2, "test#CallResponse", "{}"));
    event(&mut core, 2, "after");
    assert_eq!(read(&mut core, first), ["before", "Disconnected"]);
    assert_eq!(read(&mut core, second), ["Disconnected", "Resubscribed", "after"]);
    receive(&mut core, shaped(MESSAGE, 0, 1, "test#CallResponse", "{}"));
    assert_eq!(read(&mut core, first), ["Resubscribed"]);
    core.forget(second);
    assert_eq!(written(&mut core), ["ApplicationMessage 2 2"], "it ends under its new id");
}

#[test]
fn an_event_that_overtakes_the_response_again_comes_after_the_notice() {
    let mut core = returning(|_| {});
    let key = subscribed(&mut core, 1);
    core.fail(ConnectionError::ClosedByPeer);
    come_back(&mut core);
    event(&mut core, 1, "early");
    receive(&mut core, shaped(MESSAGE, 0, 1, "test#CallResponse", "{}"));
    event(&mut core, 1, "later");
    assert_eq!(read(&mut core, key), ["Disconnected", "Resubscribed", "early", "later"]);
}

#[test]
fn a_queue_that_is_full_before_the_response_comes_again_ends_the_subscription_once() {
    let mut core = returning(|it| it.resubscribe_timeout = Duration::from_secs(10));
    let options = SubscribeOptions::default().queue_limit(1);
    let key = subscribe(&mut core, &options);
    receive(&mut core, shaped(MESSAGE, 0, 1, "test#CallResponse", "{}"));
    reply(&mut core, key).unwrap();
    core.fail(ConnectionError::ClosedByPeer);
    come_back(&mut core);
    event(&mut core, 1, "first");
    event(&mut core, 1, "second");
    // The response arrived long before its deadline passes.
    core.expire(Instant::now() + Duration::from_secs(60));
    let lagged = "Failed(Lagged { dropped: 1, bytes: 6 })";
    let expected = ["Disconnected", "Resubscribed", "first", lagged, "end"];
    assert_eq!(read(&mut core, key), expected);
}

#[test]
fn a_subscription_that_is_denied_now_ends_with_the_denial() {
    let mut core = returning(|_| {});
    let key = subscribed(&mut core, 1);
    let other = subscribed(&mut core, 2);
    core.fail(ConnectionError::ClosedByPeer);
    come_back(&mut core);
    written(&mut core);
    receive(&mut core, shaped(ERROR, END, 1, "test#Denied", "denied"));
    receive(&mut core, bare(MESSAGE, END, 2));
    assert_eq!(read(&mut core, key), ["Disconnected", "denied", "end"]);
    assert_eq!(read(&mut core, other), ["Disconnected", "Failed(NoResponse)", "end"]);
    assert!(written(&mut core).is_empty());
}

#[test]
fn a_subscription_that_is_not_answered_in_time_ends() {
    let mut core = returning(|it| it.resubscribe_timeout = Duration::from_secs(5));
    let key = subscribed(&mut core, 1);
    core.fail(ConnectionError::ClosedByPeer);
    come_back(&mut core);
    written(&mut core);
    core.expire(Instant::now() + Duration::from_secs(6));
    assert_eq!(written(&mut core), ["ApplicationMessage 2 1"]);
    assert_eq!(read(&mut core, key), ["Disconnected", "Failed(Timeout)", "end"]);
}

#[test]
fn a_subscription_that_is_ended_while_it_is_opened_again_has_no_more_to_say() {
    let mut core = returning(|_| {});
    let key = subscribed(&mut core, 1);
    core.fail(ConnectionError::ClosedByPeer);
    come_back(&mut core);
    written(&mut core);
    core.end(key);
    assert_eq!(written(&mut core), ["ApplicationMessage 2 1"]);
    core.expire(Instant::now() + Duration::from_secs(60));
    assert_eq!(read(&mut core, key), ["end"]);
    assert!(written(&mut core).is_empty());
}

#[test]
fn an_outage_is_noted_once_however_many_attempts_it_takes() {
    let mut core = returning(|_| {});
    let key = subscribed(&mut core, 1);
    core.fail(ConnectionError::ClosedByPeer);
    assert_eq!(read(&mut core, key), ["Disconnected"]);
    for _ in 0..2 {
        core.finish();
        assert!(core.reconnect(&Connect::default()).unwrap());
        receive(&mut core, bare(CONNECT_ACK, 0, 0));
        assert!(core.is_closed() && read(&mut core, key).is_empty());
    }
    // A reopened connection that is lost before the server answers is not a second outage.
    come_back(&mut core);
    core.fail(ConnectionError::ClosedByPeer);
    assert!(read(&mut core, key).is_empty());
    come_back(&mut core);
    receive(&mut core, shaped(MESSAGE, 0, 1, "test#CallResponse", "{}"));
    assert_eq!(read(&mut core, key), ["Resubscribed"]);
}

#[test]
fn the_time_of_the_first_request_says_nothing_about_the_second() {
    let mut core = returning(|it| it.resubscribe_timeout = Duration::from_secs(60));
    let now = Instant::now();
    let deadline = Some(now + Duration::from_secs(5));
    let options = SubscribeOptions::default();
    let request = Request { subscribe: Some(&options), deadline, ..CALL };
    let key = core.open(&request, text("{}")).unwrap();
    receive(&mut core, shaped(MESSAGE, 0, 1, "test#CallResponse", "{}"));
    reply(&mut core, key).unwrap();
    core.fail(ConnectionError::ClosedByPeer);
    come_back(&mut core);
    core.expire(now + Duration::from_secs(6));
    receive(&mut core, shaped(MESSAGE, 0, 1, "test#CallResponse", "{}"));
    event(&mut core, 1, "1");
    assert_eq!(read(&mut core, key), ["Disconnected", "Resubscribed", "1"]);
    assert!(core.is_open(key));
}

#[test]
fn calls_in_flight_fail_and_new_ones_say_that_the_connection_is_down() {
    let mut core = returning(|_| {});
    let pending = call(&mut core);
    let unanswered = subscribe(&mut core, &SubscribeOptions::default());
    core.fail(ConnectionError::ClosedByPeer);
    for key in [pending, unanswered] {
        assert!(matches!(reply(&mut core, key), Err(Failure::Lost { .. })));
    }
    let refused = |core: &mut Core| {
        let error = core.open(&CALL, text("{}")).unwrap_err();
        assert!(matches!(error, SendError::Closed(ConnectionError::Reconnecting)), "{error:?}");
    };
    refused(&mut core);
    core.finish();
    assert!(core.reconnect(&Connect::default()).unwrap());
    refused(&mut core);
    assert_eq!(written(&mut core), ["Connect 0 0"], "what had not been sent is not sent now");
    receive(&mut core, bare(CONNECT_ACK, 1, 0));
    assert!(written(&mut core).is_empty());
    call(&mut core);
}

#[test]
fn calls_wait_if_they_are_told_to() {
    let mut core = returning(|it| it.calls_wait = true);
    core.fail(ConnectionError::ClosedByPeer);
    assert!(matches!(core.open(&CALL, text("{}")), Err(SendError::Full)));
    let mut place = SendTurn::default();
    assert!(core.poll_room(&mut place, &cx()).is_pending());
    come_back(&mut core);
    assert!(core.poll_room(&mut place, &cx()).is_ready());
    call(&mut core);

    core.fail(ConnectionError::ClosedByPeer);
    let error = Arc::new(ConnectError::Rejected);
    core.give_up(ConnectionError::ReconnectRejected(error));
    assert!(
        core.poll_room(&mut place, &cx()).is_ready(),
        "senders do not wait on a connection that has ended"
    );
    let refused = core.open(&CALL, text("{}"));
    assert!(matches!(refused, Err(SendError::Closed(ConnectionError::ReconnectRejected(_)))));
}

#[test]
fn streams_that_have_sent_events_end() {
    let mut core = returning(|_| {});
    let key = subscribed(&mut core, 1);
    core.send_event(key, "test#Event", text("{}")).unwrap();
    core.fail(ConnectionError::ClosedByPeer);
    assert_eq!(read(&mut core, key), ["lost: ClosedByPeer", "end"]);
    come_back(&mut core);
    assert!(written(&mut core).is_empty());
}

#[test]
fn what_is_closed_or_dropped_during_an_outage_is_not_opened_again() {
    let mut core = returning(|_| {});
    let (ended, dropped) = (subscribed(&mut core, 1), subscribed(&mut core, 2));
    core.fail(ConnectionError::ClosedByPeer);
    core.end(ended);
    core.forget(dropped);
    assert_eq!(read(&mut core, ended), ["end"]);
    come_back(&mut core);
    assert!(written(&mut core).is_empty());
}

#[test]
fn closing_ends_an_outage_without_an_error() {
    let mut core = returning(|_| {});
    let key = subscribed(&mut core, 1);
    core.fail(ConnectionError::ClosedByPeer);
    core.close();
    assert!(matches!(core.poll_closed(&cx()), Poll::Ready(ConnectionError::Closed)));
    assert_eq!(read(&mut core, key), ["Disconnected", "end"]);
    assert!(!core.reconnect(&Connect::default()).unwrap());
}

#[test]
fn the_last_failure_ends_every_subscription() {
    let mut core = returning(|_| {});
    let key = subscribed(&mut core, 1);
    core.fail(ConnectionError::ClosedByPeer);
    assert_eq!(read(&mut core, key), ["Disconnected"]);
    core.give_up(ConnectionError::ReconnectFailed(Arc::new(ConnectError::Rejected)));
    assert_eq!(read(&mut core, key), ["lost: ReconnectFailed(Rejected)", "end"]);
    assert!(core.poll_closed(&cx()).is_ready());
}

#[test]
fn unread_outages_are_reported_once() {
    let mut core = returning(|_| {});
    let key = subscribed(&mut core, 1);
    for _ in 0..3 {
        core.fail(ConnectionError::ClosedByPeer);
        come_back(&mut core);
        receive(&mut core, shaped(MESSAGE, 0, 1, "test#CallResponse", "{}"));
    }
    core.fail(ConnectionError::ClosedByPeer);
    come_back(&mut core);
    assert_eq!(read(&mut core, key), ["Disconnected"]);
    receive(&mut core, shaped(MESSAGE, 0, 1, "test#CallResponse", "{}"));
    assert_eq!(read(&mut core, key), ["Resubscribed"]);
}

#[test]
fn dropping_the_oldest_events_keeps_the_notices_between_the_others() {
    let mut core = returning(|_| {});
    let options = SubscribeOptions::default().overflow(Overflow::LatestOnly);
    let key = subscribe(&mut core, &options);
    receive(&mut core, shaped(MESSAGE, 0, 1, "test#CallResponse", "{}"));
    reply(&mut core, key).unwrap();
    for name in ["one", "two", "three"] {
        event(&mut core, 1, name);
        core.fail(ConnectionError::ClosedByPeer);
        come_back(&mut core);
        receive(&mut core, shaped(MESSAGE, 0, 1, "test#CallResponse", "{}"));
    }
    event(&mut core, 1, "four");
    assert_eq!(read(&mut core, key), ["Dropped(3)", "Disconnected", "Resubscribed", "four"]);
}

#[test]
fn half_a_message_of_the_old_server_is_forgotten() {
    let mut core = returning(|_| {});
    let mut half = shaped(MESSAGE, 0, 1, "test#CallResponse", "{}").split_to(30);
    core.receive(&mut half, Instant::now());
    core.fail(ConnectionError::ClosedByPeer);
    come_back(&mut core);
    let key = call(&mut core);
    receive(&mut core, shaped(MESSAGE, END, 1, "test#CallResponse", "{}"));
    assert!(reply(&mut core, key).is_ok());
}

#[test]
fn events_of_the_connection_come_in_order() {
    let mut core = returning(|_| {});
    core.fail(ConnectionError::ClosedByPeer);
    core.finish();
    let refusal = Arc::new(ConnectError::Rejected);
    assert!(core.reconnect(&Connect::default()).unwrap());
    receive(&mut core, bare(CONNECT_ACK, 0, 0));
    assert!(matches!(ready(core.poll_connected(&cx())), Err(ConnectError::Rejected)));
    core.reconnect_failed(&refusal);
    come_back(&mut core);
    core.close();
    let mut names = Vec::new();
    while let Some(event) = ready(core.poll_connection_event(&cx())) {
        names.push(match event {
            ConnectionEvent::Connected => "connected",
            ConnectionEvent::Disconnected(Some(_)) => "lost",
            ConnectionEvent::Disconnected(None) => "closed",
            ConnectionEvent::ReconnectFailed(_) => "failed",
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(names, ["connected", "lost", "failed", "connected", "closed"]);
}

#[test]
fn a_verdict_that_comes_too_late_does_not_end_the_next_connection() {
    let mut core = returning(|_| {});
    let error = || encode(headers(PROTOCOL_ERROR, 0, 0, &[]), "{}");
    receive(&mut core, error());
    core.fail(ConnectionError::ClosedByPeer);
    come_back(&mut core);
    core.judge(ConnectionError::ClosedByPeer);
    assert!(!core.is_closed());
    receive(&mut core, error());
    core.judge(ConnectionError::ClosedByPeer);
    assert!(core.is_closed());
}

#[test]
fn an_error_before_the_end_is_the_reason_for_it() {
    for is_last in [true, false] {
        let mut core = returning(|it| it.reconnects = false);
        receive(&mut core, encode(headers(PROTOCOL_ERROR, 0, 0, &[]), "{}"));
        if !is_last {
            receive(&mut core, encode(headers(PING, 0, 0, &[]), ""));
        }
        core.fail(ConnectionError::ClosedByPeer);
        let Poll::Ready(error) = core.poll_closed(&cx()) else { panic!("it has ended") };
        let is_reason = matches!(error, ConnectionError::PeerError { internal: false, .. });
        assert_eq!(is_reason, is_last, "{error:?}");
    }
}

#[test]
fn a_connection_that_was_never_open_does_not_come_back() {
    let mut config = Config::default();
    config.reconnects = true;
    let mut core = Core::new(config, &Connect::default()).unwrap();
    let mut output = BytesMut::new();
    core.take_output(&mut output);
    core.fail(ConnectionError::ClosedByPeer);
    assert!(core.poll_closed(&cx()).is_ready());
}
