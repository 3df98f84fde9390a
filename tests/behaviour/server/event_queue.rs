//! The event queue between a service and a subscriber: its behaviour when full, and how it ends the stream.

use echo::{
    operation::{
        echo_message::{EchoMessageError, EchoMessageRequest, EchoMessageResponse},
        echo_stream_messages::{EchoStreamMessages, EchoStreamMessagesError},
    },
    server::{
        EchoTestRpc, EventSender, OnFull, RequestContext, StreamingRequest, StreamingResponse,
        event_queue,
    },
    types::EchoStreamingResponse,
};
use eventstream_rpc::error::Unhandled;
use test_util::{Pair, event, in_time};

/// A service that puts events into the queue of a subscriber before it responds.
struct SendsEarly(OnFull<EchoStreamMessagesError>, fn(&EventSender<EchoStreamMessages>));

impl EchoTestRpc for SendsEarly {
    async fn echo_message(
        &self,
        request: EchoMessageRequest,
        _context: RequestContext,
    ) -> Result<EchoMessageResponse, EchoMessageError> {
        Ok(EchoMessageResponse::builder().set_message(request.message).build())
    }

    async fn echo_stream_messages(
        &self,
        _request: StreamingRequest<EchoStreamMessages>,
        _context: RequestContext,
    ) -> Result<StreamingResponse<EchoStreamMessages>, EchoStreamMessagesError> {
        let (sender, events) = event_queue(1_400, self.0.clone());
        (self.1)(&sender);
        // Lets other tasks run before the response is sent.
        tokio::task::yield_now().await;
        Ok(StreamingResponse::queued(EchoStreamingResponse::default(), events))
    }
}

#[track_caller]
fn check_queue(
    on_full: OnFull<EchoStreamMessagesError>,
    send: fn(&EventSender<EchoStreamMessages>),
    expected: &[&str],
) {
    test_util::run(async {
        let pair = Pair::start(SendsEarly(on_full, send)).await;
        for _ in 0..3 {
            let mut stream = pair.client.echo_stream_messages().send().await.unwrap();
            let mut items = Vec::new();
            // The sender was dropped, so the stream ends.
            while let Some(item) = in_time("the stream ends", stream.next()).await {
                items.push(match item {
                    Ok(item) => expected
                        .iter()
                        .find(|it| event(it) == item)
                        .map_or_else(|| format!("{item:?}"), |it| (*it).to_owned()),
                    Err(error) => error.service_error().unwrap().message().unwrap().to_owned(),
                });
            }
            assert_eq!(items, expected);
            pair.assert_healthy(0).await;
        }
    });
}

fn send_ten(sender: &EventSender<EchoStreamMessages>) {
    for number in 0..10 {
        // Ignored: the queue is full after a few events.
        let _ = sender.send(&event(&format!("{number}{}", "x".repeat(300))));
    }
}

fn fail() -> OnFull<EchoStreamMessagesError> {
    OnFull::Fail(Unhandled::internal().into())
}

#[test]
fn events_sent_before_the_response_follow_it() {
    check_queue(
        fail(),
        |events| {
            events.send(&event("1")).unwrap();
            events.send(&event("2")).unwrap();
        },
        &["1", "2"],
    );
}

#[test]
fn the_sender_ends_or_fails_the_stream() {
    check_queue(
        fail(),
        |events| {
            events.send(&event("1")).unwrap();
            events.end();
            events.send(&event("2")).unwrap_err();
            assert!(!events.is_open());
        },
        &["1"],
    );
    check_queue(
        fail(),
        |events| {
            events.send(&event("1")).unwrap();
            events.fail(Unhandled::internal());
            events.end();
        },
        &["1", "InternalServerError"],
    );
}

#[test]
fn a_full_queue_applies_its_policy() {
    let nth = |number: usize| format!("{number}{}", "x".repeat(300));
    let texts: Vec<_> = (0..10).map(nth).collect();
    let text = |index: usize| texts[index].as_str();
    let full = |it: &EventSender<EchoStreamMessages>| {
        send_ten(it);
        assert!(it.dropped() > 0 && !it.is_open());
    };
    check_queue(fail(), full, &[text(0), text(1), text(2), "InternalServerError"]);
    let drops = |it: &EventSender<EchoStreamMessages>| {
        send_ten(it);
        assert!(it.dropped() == 7 && it.is_open());
    };
    check_queue(OnFull::DropOldest, drops, &[text(7), text(8), text(9)]);
    let replaces = |it: &EventSender<EchoStreamMessages>| {
        send_ten(it);
        assert!(it.dropped() == 9 && it.is_open());
    };
    check_queue(OnFull::LatestOnly, replaces, &[text(9)]);
}
