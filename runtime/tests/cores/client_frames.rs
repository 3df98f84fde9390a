//! Messages that do not become complete in time.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use eventstream_rpc::{
    client::{Overflow, SubscribeOptions},
    error::ConnectionError,
    protocol::client::{Config, Connect, Core, Failure, Key, Request, SubscriptionItem},
};

use crate::support::*;

const TIMEOUT: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);

/// The part of the timeout that counts while the driver does not read.
const PART: Duration = Duration::from_millis(1_875);

fn event(len: usize) -> BytesMut {
    shaped(MESSAGE, 0, 1, "test#Event", &"x".repeat(len))
}

fn subscribed(core: &mut Core, overflow: Overflow) -> Key {
    let options = SubscribeOptions::default().overflow(overflow).queue_limit(100);
    let request = Request { subscribe: Some(&options), ..CALL };
    let key = core.open(&request, text("{}")).unwrap();
    receive(core, shaped(MESSAGE, 0, 1, "test#CallResponse", "{}"));
    reply(core, key).unwrap();
    written(core);
    key
}

#[test]
fn a_small_event_leaves_the_large_buffer_that_a_driver_reads_into() {
    let sizes = [(1024 * 1024, false), (64 * 1024, true)];
    for (buffer_len, is_shared) in sizes {
        let mut core = connected();
        let key = subscribed(&mut core, Overflow::End);
        let mut input = event(20_000);
        let at = input.as_ptr_range();
        core.receive_in(&mut input, buffer_len, Instant::now());
        let next = ready(core.poll_event(key, &cx()));
        let Some(Ok(SubscriptionItem::Event(event))) = next else { panic!("{next:?}") };
        assert_eq!(at.contains(&event.payload().as_ptr()), is_shared, "{buffer_len}");
    }
}

#[test]
fn half_a_message_ends_the_connection_and_says_so() {
    let whole = event(1_000);
    for len in [1, 11, 12, 500, whole.len() - 1] {
        let mut core = connected();
        let key = subscribed(&mut core, Overflow::End);
        let mut input = BytesMut::from(&whole[..len]);
        let began = Instant::now();
        core.receive(&mut input, began);
        assert_eq!(core.next_deadline(), Some(began + PART), "{len}");
        pass(&mut core, began + TIMEOUT - SECOND);
        assert!(!core.is_closed(), "{len}");
        pass(&mut core, began + TIMEOUT);
        let ended = core.ended().expect("the deadline has passed");
        assert!(matches!(ended, ConnectionError::FrameTimeout { after } if *after == TIMEOUT));
        assert_eq!(
            ended.to_string(),
            "the other side began a message and did not finish it within 30s"
        );
        assert_eq!(core.next_deadline(), None);
        assert!(matches!(
            ready(core.poll_event(key, &cx())),
            Some(Err(Failure::Lost { error: ConnectionError::FrameTimeout { .. }, .. }))
        ));
        assert!(written(&mut core).is_empty(), "nothing is said to who has stalled");
    }
}

#[test]
fn a_byte_now_and_then_gains_no_time_and_a_large_message_within_it_arrives() {
    let whole = event(100_000);
    for (step, arrives) in [(SECOND, true), (2 * SECOND, false)] {
        let mut core = connected();
        subscribed(&mut core, Overflow::End);
        let mut input = BytesMut::new();
        let mut now = Instant::now();
        for piece in whole.chunks(whole.len() / 28) {
            now += step;
            pass(&mut core, now);
            if core.is_closed() {
                break;
            }
            input.extend_from_slice(piece);
            core.receive(&mut input, now);
        }
        assert_eq!(!core.is_closed(), arrives);
        assert_eq!(input.is_empty(), arrives);
        assert_eq!(core.next_deadline(), None);
    }
}

#[test]
fn time_without_reads_counts_in_part() {
    let whole = event(100);
    let mut core = connected();
    subscribed(&mut core, Overflow::End);
    let mut input = BytesMut::from(&whole[..50]);
    let mut now = Instant::now();
    core.receive(&mut input, now);
    // Any number of times, while time is left.
    for _ in 0..15 {
        now += 10 * TIMEOUT;
        core.expire(now);
        assert!(!core.is_closed());
        // A driver that returns has to wait again.
        assert_eq!(core.next_deadline(), Some(now + PART));
        // More bytes that do not complete the message do not extend the deadline.
        core.receive(&mut input, now + PART / 2);
        assert_eq!(core.next_deadline(), Some(now + PART));
    }
    pass(&mut core, now + PART);
    assert!(core.is_closed());
}

#[test]
fn each_message_has_its_own_time() {
    let mut core = connected();
    subscribed(&mut core, Overflow::DropOldest);
    let mut now = Instant::now();
    let mut input = BytesMut::new();
    let whole = event(10);
    let half = whole.len() / 2;
    input.extend_from_slice(&whole[..half]);
    // The end of each message arrives with the beginning of the next.
    for _ in 0..10 {
        core.receive(&mut input, now);
        assert_eq!(core.next_deadline(), Some(now + PART));
        now += TIMEOUT - SECOND;
        pass(&mut core, now);
        assert!(!core.is_closed());
        input.extend_from_slice(&whole[half..]);
        input.extend_from_slice(&whole[..half]);
    }
    input.truncate(whole.len());
    core.receive(&mut input, now);
    assert!(input.is_empty());
    assert_eq!(core.next_deadline(), None, "between messages the server may take its time");
}

#[test]
fn a_connection_that_came_back_begins_anew() {
    let mut config = Config::default();
    config.reconnects = true;
    config.frame_timeout = SECOND;
    let mut core = Core::new(config, &Connect::default()).unwrap();
    written(&mut core);
    receive(&mut core, bare(CONNECT_ACK, 1, 0));
    let now = Instant::now();
    core.receive(&mut BytesMut::from(&event(10)[..20]), now);
    pass(&mut core, now + SECOND);
    assert!(matches!(core.ended(), Some(ConnectionError::FrameTimeout { .. })));
    core.finish();
    assert!(core.reconnect(&Connect::default()).unwrap());
    // The handshake timeout covers an incomplete acknowledgement.
    let mut ack = bare(CONNECT_ACK, 1, 0);
    let rest = ack.split_off(10);
    core.receive(&mut ack, now + 2 * SECOND);
    assert_eq!(core.next_deadline(), None);
    ack.extend_from_slice(&rest);
    core.receive(&mut ack, now + 10 * SECOND);
    assert!(core.ended().is_none());
    core.expire(now + 100 * SECOND);
    assert!(core.ended().is_none());
}

#[test]
fn a_time_that_never_comes_is_none() {
    let mut config = Config::default();
    config.frame_timeout = Duration::MAX;
    let mut core = Core::new(config, &Connect::default()).unwrap();
    receive(&mut core, bare(CONNECT_ACK, 1, 0));
    receive(&mut core, BytesMut::from(&event(10)[..20]));
    assert_eq!(core.next_deadline(), None);
}
