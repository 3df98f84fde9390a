//! A queue between a service and one of its subscribers: when it is full, and how it ends.

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

/// A service whose subscribers get what is sent into a queue before they are answered.
struct Early(OnFull<EchoStreamMessagesError>, fn(&EventSender<EchoStreamMessages>));

impl EchoTestRpc for Early {
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
        let (sender, events) = event_queue(1_500, self.0.clone());
        (self.1)(&sender);
        // Others have their turn before the response goes out.
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
        let pair = Pair::start(Early(on_full, send)).await;
        for _ in 0..3 {
            let mut stream = pair.client.echo_stream_messages().send().await.unwrap();
            let mut items = Vec::new();
            // The sender is gone, and so the stream ends.
            while let Some(item) = in_time("the end", stream.next()).await {
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
        // Which of them there is room for is for the queue to decide.
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
        |it| {
            it.send(&event("1")).unwrap();
            it.send(&event("2")).unwrap();
        },
        &["1", "2"],
    );
}

#[test]
fn a_queue_ends_as_its_sender_says() {
    check_queue(
        fail(),
        |it| {
            it.send(&event("1")).unwrap();
            it.end();
            it.send(&event("2")).unwrap_err();
            assert!(!it.is_open());
        },
        &["1"],
    );
    check_queue(
        fail(),
        |it| {
            it.send(&event("1")).unwrap();
            it.fail(Unhandled::internal());
            it.end();
        },
        &["1", "InternalServerError"],
    );
}

#[test]
fn a_queue_that_is_full_does_as_it_was_told() {
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
