use std::task::Waker;

use bytes::BytesMut;

use super::*;
use crate::{
    frame::Limits,
    options::SubscribeOptions,
    protocol::{MessageFlags, SendError},
};

fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// A message without a shape.
fn message(message_type: MessageType, flags: i32, stream: i32, payload: &[u8]) -> BytesMut {
    let mut bytes = BytesMut::new();
    let (flags, stream_id) = (MessageFlags(flags), StreamId(stream));
    let message = Outgoing { message_type, flags, stream_id, ..Outgoing::default() };
    let mut frame = message.start(&mut bytes, Limits::DEFAULT, &[]).unwrap();
    frame.payload(payload);
    frame.finish().unwrap();
    bytes
}

fn arrive(core: &mut Core, message_type: MessageType, flags: i32, stream: i32) {
    core.receive(&mut message(message_type, flags, stream, b"{}"), Instant::now());
}

/// A client that can open so many streams more.
fn with_ids_left(count: i32, reconnects: bool) -> Core {
    let mut core =
        Core::new(Config { reconnects, ..Config::default() }, &Connect::default()).unwrap();
    arrive(&mut core, MessageType::ConnectAck, 1, 0);
    core.role.next_id = Some(i32::MAX - count + 1);
    core
}

fn open(core: &mut Core, subscribe: Option<&SubscribeOptions>) -> Result<Key, SendError> {
    let request = Request {
        operation: "test#Call",
        request_shape: "test#Request",
        response_shape: "test#Response",
        deadline: None,
        subscribe,
    };
    core.open(&request, |dst| {
        dst.extend_from_slice(b"{}");
        Ok(())
    })
}

#[test]
fn a_connection_whose_ids_are_used_up_ends_when_its_calls_are_answered() {
    for reconnects in [false, true] {
        let mut core = with_ids_left(3, reconnects);
        let options = SubscribeOptions::default();
        let subscription = open(&mut core, Some(&options)).unwrap();
        arrive(&mut core, MessageType::ApplicationMessage, 0, i32::MAX - 2);
        assert!(core.poll_reply(subscription, &cx()).is_ready());
        let calls = [(); 2].map(|()| open(&mut core, None).unwrap());

        // There is no id for another call, which waits.
        let mut place = super::super::SendTurn::default();
        assert!(core.poll_room(&mut place, &cx()).is_pending());
        assert!(matches!(open(&mut core, None), Err(SendError::Full)));
        arrive(&mut core, MessageType::ApplicationMessage, 2, i32::MAX);
        assert!(core.ended().is_none());
        // The last one is answered, or given up.
        if reconnects {
            arrive(&mut core, MessageType::ApplicationMessage, 2, i32::MAX - 1);
            assert!(matches!(core.poll_reply(calls[0], &cx()), Poll::Ready(Ok(_))));
        } else {
            core.forget(calls[0]);
        }
        assert!(matches!(core.ended(), Some(ConnectionError::StreamIdsUsedUp)));
        assert!(matches!(core.poll_reply(calls[1], &cx()), Poll::Ready(Ok(_))));
        assert!(core.poll_room(&mut place, &cx()).is_ready());
        core.leave(&mut place);
        let next = core.poll_event(subscription, &cx());
        if !reconnects {
            assert!(matches!(next, Poll::Ready(Some(Err(_)))), "{next:?}");
        } else {
            assert!(
                matches!(
                    next,
                    Poll::Ready(Some(Ok(SubscriptionItem::Notice(Notice::Disconnected))))
                ),
                "{next:?}"
            );
            core.finish();
            assert!(core.reconnect(&Connect::default()).unwrap());
            arrive(&mut core, MessageType::ConnectAck, 1, 0);
            assert_eq!(core.role.next_id, Some(2), "the subscription has the first");
            open(&mut core, None).unwrap();
        }
    }
}

#[test]
fn a_request_that_is_kept_to_be_sent_again_is_not_shown() {
    let mut core = with_ids_left(1, true);
    open(&mut core, Some(&SubscribeOptions::default())).unwrap();
    let shown = format!("{core:?}");
    assert!(shown.contains("Reopen") && !shown.contains("{}\""), "{shown}");
}

#[test]
fn a_stream_that_the_server_does_not_open_again_ends_once() {
    let mut core = with_ids_left(1000, true);
    core.role.next_id = Some(1);
    let subscription = open(&mut core, Some(&SubscribeOptions::default())).unwrap();
    arrive(&mut core, MessageType::ApplicationMessage, 0, 1);
    assert!(core.poll_reply(subscription, &cx()).is_ready());
    core.fail(ConnectionError::ClosedByPeer);
    core.finish();
    assert!(core.reconnect(&Connect::default()).unwrap());
    arrive(&mut core, MessageType::ConnectAck, 1, 0);
    let mut end = message(MessageType::ApplicationMessage, 2, 1, b"");
    core.receive(&mut end, Instant::now());
    core.expire(Instant::now() + std::time::Duration::from_secs(60));
    let next = core.poll_event(subscription, &cx());
    assert!(matches!(next, Poll::Ready(Some(Ok(_)))), "the outage: {next:?}");
    let next = core.poll_event(subscription, &cx());
    assert!(matches!(next, Poll::Ready(Some(Err(Failure::NoResponse)))), "{next:?}");
    assert!(matches!(core.poll_event(subscription, &cx()), Poll::Ready(None)));
}

#[test]
fn a_connect_message_that_is_too_large_loses_nothing() {
    let mut core = with_ids_left(1000, true);
    let mut output = BytesMut::new();
    core.take_output(&mut output);
    core.wrote(output.len());
    let mark = core.queued();
    core.fail(ConnectionError::ClosedByPeer);
    core.finish();
    let headers = vec![Header::new("a".repeat(256), 0.into())];
    let too_large = Connect { headers, ..Connect::default() };
    for _ in 0..2 {
        core.reconnect(&too_large).unwrap_err();
        assert!(matches!(core.poll_flushed(mark, &cx()), Poll::Ready(Ok(()))));
    }
    assert!(core.reconnect(&Connect::default()).unwrap());
    assert!(matches!(core.poll_flushed(mark, &cx()), Poll::Ready(Ok(()))));
}
