//! Operations of a service on the requests that it receives.

use std::task::Poll;

use bytes::{BufMut, BytesMut};
use eventstream_rpc::protocol::{MessageType, SendError, StreamId, server::Answer};

use super::Server;
use crate::invariants::{
    frames::{self, EVENT, RESPONSE},
    task::{Task, Wait, wake},
};

/// A request that was delivered to the service.
pub(super) struct Served {
    pub(super) id: StreamId,
    has_responded: bool,
    is_streaming: bool,
    /// The number of the last event that was read.
    last_event: Option<u32>,
    /// The task that waits for events and for the end of the request.
    task: Task,
    pub(super) event: Wait,
    pub(super) ended: Wait,
}

impl Server {
    /// Polls the connect message or a request. Returns whether there was one.
    pub(super) fn poll_incoming(&mut self) -> bool {
        wake(&mut self.core);
        let core = &mut self.core;
        match self.service.poll(&mut self.incoming, |cx| core.poll_incoming(cx)) {
            Poll::Pending => {
                assert!(!self.core.is_closed());
                false
            }
            Poll::Ready(None) => {
                assert!(self.core.is_closed());
                false
            }
            Poll::Ready(Some(message)) if message.message_type == MessageType::Connect => {
                assert!(!self.has_connect, "a second connect message");
                self.has_connect = true;
                true
            }
            Poll::Ready(Some(message)) => {
                assert!(self.has_connect);
                let id = message.stream_id;
                assert!(message.operation().is_some_and(|it| !it.is_empty()));
                assert!(
                    self.served.last().is_none_or(|it| it.id < id),
                    "stream ids are out of order"
                );
                assert!(id.0 > 0 && id.0 <= self.wire.last_id);
                self.served.push(Served {
                    id,
                    has_responded: false,
                    is_streaming: false,
                    last_event: None,
                    task: Task::default(),
                    event: Wait::default(),
                    ended: Wait::default(),
                });
                true
            }
        }
    }

    pub(super) fn respond(&mut self, at: usize) {
        let served = &mut self.served[at];
        if served.has_responded {
            return;
        }
        let payload = |dst: &mut BytesMut| {
            dst.put_slice(b"{}");
            Ok(())
        };
        served.is_streaming = served.id.0 % 2 == 0;
        let sent = if served.is_streaming {
            self.core.send(served.id, Answer::OpenResponse, RESPONSE, payload)
        } else {
            self.core.send(served.id, Answer::Response, RESPONSE, payload)
        };
        match sent {
            Ok(()) => served.has_responded = true,
            Err(SendError::Full) => assert!(self.unwritten > self.reply_limit()),
            Err(SendError::StreamEnded | SendError::Build(_)) => {}
            Err(SendError::Closed(error)) => panic!("{error:?}"),
        }
    }

    pub(super) fn send_event(&mut self, at: usize) {
        let served = &self.served[at];
        if !served.has_responded || !served.is_streaming {
            return;
        }
        let sent = self.core.send(served.id, Answer::Event, EVENT, |dst| {
            dst.put_slice(b"{\"text\":\"An event that is not quite short.\"}");
            Ok(())
        });
        if let Err(SendError::Full) = sent {
            assert!(self.unwritten > self.config.write_queue_limit);
        }
    }

    /// Polls an event. Returns the memory that it takes, if there is one.
    pub(super) fn poll_event(&mut self, at: usize) -> Option<usize> {
        wake(&mut self.core);
        let (core, served) = (&mut self.core, &mut self.served[at]);
        let _ = served.task.poll(&mut served.ended, |cx| core.poll_ended(served.id, cx));
        let event = served.task.poll(&mut served.event, |cx| core.poll_event(served.id, cx));
        let Poll::Ready(Some(event)) = event else { return None };
        assert_eq!(event.stream_id, served.id);
        if let Some(number) = frames::number(event.payload()) {
            assert!(served.last_event < Some(number), "events are out of order");
            served.last_event = Some(number);
        }
        Some(frames::cost(&event))
    }
}
