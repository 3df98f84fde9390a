//! Operations of an application: calls and subscriptions.

use std::{task::Poll, time::Duration};

use bytes::BufMut;
use eventstream_rpc::{
    client::{Overflow, SubscribeOptions},
    error::ConnectionError,
    protocol::{
        RpcMessage, SendError,
        client::{Failure, Key, Notice, Request, SubscriptionItem},
    },
};

use super::{Client, cx, is_application};
use crate::invariants::{
    Input,
    frames::{self, EVENT, RESPONSE},
    task::{Task, Wait},
};

/// The state of a stream that the checks need.
pub(super) struct Stream {
    pub(super) key: Key,
    pub(super) is_subscription: bool,
    pub(super) overflow: Overflow,
    /// The limit of the event queue in bytes, if it is small.
    pub(super) limit: Option<usize>,
    /// Whether the driver has taken the whole request.
    pub(super) is_sent: bool,
    pub(super) has_reply: bool,
    /// The number of the last event that was delivered.
    pub(super) last_event: Option<u32>,
    pub(super) is_forgotten: bool,
    pub(super) is_over: bool,
    /// The task that waits for the reply and the events.
    pub(super) task: Task,
    pub(super) reply: Wait,
    pub(super) event: Wait,
}

impl Client {
    pub(super) fn open(&mut self, input: &mut Input<'_>, is_subscription: bool) {
        let how = input.byte();
        let (mut options, mut limit) = (SubscribeOptions::default(), None);
        let overflow =
            [Overflow::End, Overflow::DropOldest, Overflow::LatestOnly][usize::from(how & 3) % 3];
        options = options.overflow(overflow);
        if how & 4 != 0 {
            let bytes = usize::from(how >> 4) * 256;
            limit = Some(bytes);
            options = options.queue_limit(bytes);
        }
        let deadline = (how & 8 == 0).then(|| self.now + Duration::from_secs(10));
        let request = Request {
            operation: "test#Operation",
            request_shape: "test#Request",
            response_shape: RESPONSE,
            deadline,
            subscribe: is_subscription.then_some(&options),
        };
        let queued = self.core.queued();
        let (index, text) = (self.streams.len(), input.bytes(usize::from(how >> 4)));
        let opened = self.core.open(&request, |dst| {
            dst.put_slice(format!("#{index} ").as_bytes());
            dst.put_slice(text);
            Ok(())
        });
        match opened {
            Ok(key) => {
                assert!(self.is_open());
                let len = (self.core.queued().0 - queued.0) as usize;
                assert!(len > 0 && len <= self.config.max_frame_len);
                self.opened += 1;
                self.streams.push(Stream {
                    key,
                    is_subscription,
                    overflow,
                    limit,
                    is_sent: false,
                    has_reply: false,
                    last_event: None,
                    is_forgotten: false,
                    is_over: false,
                    task: Task::default(),
                    reply: Wait::default(),
                    event: Wait::default(),
                });
            }
            Err(error) => {
                assert_eq!(self.core.queued(), queued, "nothing is queued: {error:?}");
                if let SendError::Closed(_) = error {
                    assert!(!self.is_open());
                }
            }
        }
    }

    pub(super) fn send_event(&mut self, input: &mut Input<'_>) {
        if self.streams.is_empty() {
            return;
        }
        let at = input.index(self.streams.len());
        let key = self.streams[at].key;
        let can = self.core.is_open(key) && self.is_open();
        let sent = self.core.send_event(key, EVENT, |dst| {
            dst.put_slice(b"{}");
            Ok(())
        });
        assert!(can || sent.is_err(), "an event was sent without an open stream");
        match sent {
            Err(SendError::Closed(_)) => assert!(!self.is_open()),
            Err(SendError::StreamEnded) => assert!(self.is_open() && !self.core.is_open(key)),
            _ => {}
        }
    }

    pub(super) fn poll_reply(&mut self, at: usize) {
        crate::invariants::task::wake(&mut self.core);
        let (core, stream) = (&mut self.core, &mut self.streams[at]);
        let reply = stream.task.poll(&mut stream.reply, |cx| core.poll_reply(stream.key, cx));
        let Poll::Ready(reply) = reply else {
            assert!(!stream.is_forgotten && !stream.has_reply);
            return;
        };
        match reply {
            Ok(message) => {
                assert!(!stream.has_reply, "a second reply");
                assert!(!stream.is_forgotten, "a reply for a forgotten call");
                assert!(is_application(&message));
                stream.has_reply = true;
            }
            Err(Failure::Lost { error, request_written }) => {
                // If this side closes the connection, the request may still be written.
                let is_ours = matches!(error, ConnectionError::Closed);
                assert!(is_ours || request_written == stream.is_sent, "{error:?}");
            }
            Err(Failure::Timeout | Failure::NoResponse) => {}
            Err(Failure::Lagged { dropped, .. }) => {
                assert!(dropped > 0 && stream.is_subscription);
                assert_eq!(stream.overflow, Overflow::End);
            }
        }
    }

    /// Polls an event. Returns the memory that it takes, if there is one.
    pub(super) fn poll_event(&mut self, at: usize) -> Option<usize> {
        crate::invariants::task::wake(&mut self.core);
        let (core, stream) = (&mut self.core, &mut self.streams[at]);
        let next = stream.task.poll(&mut stream.event, |cx| core.poll_event(stream.key, cx));
        let next = match next {
            Poll::Pending => {
                assert!(!stream.is_over, "the end of the stream is not reported");
                return None;
            }
            Poll::Ready(None) => return None,
            Poll::Ready(Some(next)) => next,
        };
        assert!(!stream.is_over, "an event after the end: {next:?}");
        assert!(stream.is_subscription, "a call has no events: {next:?}");
        match next {
            Ok(SubscriptionItem::Event(message)) => {
                assert!(is_application(&message));
                if let Some(number) = frames::number(message.payload()) {
                    assert!(stream.last_event < Some(number), "events are out of order");
                    stream.last_event = Some(number);
                }
                Some(frames::cost(&message))
            }
            Ok(SubscriptionItem::Notice(Notice::Dropped(count))) => {
                assert!(count > 0);
                assert!(matches!(stream.overflow, Overflow::DropOldest | Overflow::LatestOnly));
                Some(0)
            }
            Ok(SubscriptionItem::Notice(_)) => {
                assert!(self.config.reconnects);
                Some(0)
            }
            Err(failure) => {
                let is_lag = matches!(failure, Failure::Lagged { .. });
                assert!(!is_lag || stream.overflow == Overflow::End);
                Some(0)
            }
        }
    }

    /// Reads the remaining events of a stream and checks that the queue has kept its limit.
    pub(super) fn drain(&mut self, at: usize) {
        let mut waiting = 0;
        let mut count = 0;
        while let Some(len) = self.poll_event(at) {
            waiting += len;
            count += 1;
            assert!(count < 100_000, "the stream does not end");
        }
        let stream = &self.streams[at];
        if let Some(limit) = stream.limit {
            // A single event may exceed the limit, and an error may replace the last event.
            let one = self.largest + size_of::<RpcMessage>();
            assert!(
                waiting <= limit.max(one) + one,
                "{waiting} bytes are queued, the limit is {limit}"
            );
        }
        assert!(matches!(self.core.poll_event(stream.key, &cx()), Poll::Ready(None)));
    }
}
