//! Handlers of the server that read the client's events until the stream or the connection ends.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::BytesMut;
use echo::{
    operation::echo_stream_messages::{EchoStreamMessages, EchoStreamMessagesError},
    server::{
        Config, EchoTestRpc, EchoTestRpcService, EventStream, RequestContext, Server,
        StreamingRequest, StreamingResponse,
    },
    types::{EchoStreamingMessage, EchoStreamingResponse},
};
use eventstream_rpc::operation::Operation;
use futures_core::Stream;
use test_util::{CONNECT, END, MESSAGE, event, frame, in_time, serve, socket_path};
use tokio::{
    io::AsyncWriteExt,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{Instant, sleep},
};

/// How a handler processes the events of its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Style {
    /// It reads all events before it responds.
    Collects,
    /// It responds immediately with a stream that sends each event back.
    Echoes,
    /// It passes the events to another task and responds immediately.
    Spawns,
    /// It passes the events to another task and responds immediately with a stream that is always ready.
    Floods,
}

const STYLES: [Style; 4] = [Style::Collects, Style::Echoes, Style::Spawns, Style::Floods];

/// A step of a handler, as it reports it to the test.
#[derive(Debug, PartialEq)]
enum Step {
    Started,
    Event(String),
    /// The client's events have ended.
    Ended,
    /// The handler has completed the work that follows.
    Finished,
    Dropped,
}

#[derive(Clone)]
struct Recorder {
    style: Style,
    /// The duration of the work after the end of the events.
    finish: Duration,
    steps: UnboundedSender<Step>,
}

impl Recorder {
    fn new(style: Style, finish: Duration) -> (Self, UnboundedReceiver<Step>) {
        let (steps, receiver) = unbounded_channel();
        (Self { style, finish, steps }, receiver)
    }

    fn report(&self, step: Step) {
        // Ignored: the test may have ended.
        let _ = self.steps.send(step);
    }

    async fn read_all(&self, mut events: EventStream<EchoStreamingMessage>) {
        while let Some(event) = std::future::poll_fn(|cx| events.as_mut().poll_next(cx)).await {
            self.report(Step::Event(text(&event)));
        }
        self.report(Step::Ended);
        sleep(self.finish).await;
        self.report(Step::Finished);
    }
}

/// Reports when it is dropped.
struct ReportsDrop(Recorder);

impl Drop for ReportsDrop {
    fn drop(&mut self) {
        self.0.report(Step::Dropped);
    }
}

fn text(event: &EchoStreamingMessage) -> String {
    match event {
        EchoStreamingMessage::StreamMessage(message) => message.string_message.clone().unwrap(),
        other => panic!("{other:?}"),
    }
}

impl EchoTestRpc for Recorder {
    async fn echo_stream_messages(
        &self,
        request: StreamingRequest<EchoStreamMessages>,
        _: RequestContext,
    ) -> Result<StreamingResponse<EchoStreamMessages>, EchoStreamMessagesError> {
        let recorder = ReportsDrop(self.clone());
        self.report(Step::Started);
        let response = EchoStreamingResponse::default();
        let events = request.events;
        Ok(match self.style {
            Style::Collects => {
                recorder.0.read_all(events).await;
                StreamingResponse::new(response, Never)
            }
            Style::Echoes => StreamingResponse::new(response, Echoes { recorder, events }),
            Style::Spawns => {
                tokio::spawn(async move { recorder.0.read_all(events).await });
                StreamingResponse::new(response, Never)
            }
            Style::Floods => {
                tokio::spawn(async move { recorder.0.read_all(events).await });
                StreamingResponse::new(response, Flood)
            }
        })
    }
}

/// A stream that never produces an event.
struct Never;

impl Stream for Never {
    type Item = Result<EchoStreamingMessage, EchoStreamMessagesError>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Pending
    }
}

/// A stream that sends the client's events back.
struct Echoes {
    recorder: ReportsDrop,
    events: EventStream<EchoStreamingMessage>,
}

impl Stream for Echoes {
    type Item = Result<EchoStreamingMessage, EchoStreamMessagesError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let event = ready!(self.events.as_mut().poll_next(cx));
        let recorder = &self.recorder.0;
        match &event {
            Some(event) => recorder.report(Step::Event(text(event))),
            None => {
                recorder.report(Step::Ended);
                recorder.report(Step::Finished);
            }
        }
        Poll::Ready(event.map(Ok))
    }
}

/// A stream that is always ready.
struct Flood;

impl Stream for Flood {
    type Item = Result<EchoStreamingMessage, EchoStreamMessagesError>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(Some(Ok(event("flood"))))
    }
}

/// The steps until the handler is dropped.
async fn steps(receiver: &mut UnboundedReceiver<Step>) -> Vec<Step> {
    let mut steps = Vec::new();
    loop {
        let step = in_time("the handler is dropped", receiver.recv()).await.unwrap();
        if step == Step::Dropped {
            return steps;
        }
        steps.push(step);
    }
}

fn expected(events: usize) -> Vec<Step> {
    let mut steps = vec![Step::Started];
    steps.extend((0..events).map(|it| Step::Event(it.to_string())));
    steps.extend([Step::Ended, Step::Finished]);
    steps
}

/// The bytes of a scripted client: its connect message, the request that opens a stream, and events.
fn connect_and_send(events: usize) -> BytesMut {
    let mut bytes = frame(CONNECT, 0, 0, &[(":version", "0.1.0")], "");
    let operation = [("operation", EchoStreamMessages::ID)];
    bytes.unsplit(frame(MESSAGE, 0, 1, &operation, "{}"));
    for number in 0..events {
        bytes.unsplit(event_frame(0, number));
    }
    bytes
}

fn event_frame(flags: i32, number: usize) -> BytesMut {
    let payload = format!("{{\"streamMessage\":{{\"stringMessage\":\"{number}\"}}}}");
    frame(MESSAGE, flags, 1, &[("service-model-type", "awstest#EchoStreamingMessage")], &payload)
}

/// How the client ends its stream.
#[derive(Clone, Copy, Debug)]
enum Ending {
    /// By an empty message.
    Empty,
    /// By its last event.
    WithEvent,
    /// By closing the connection.
    Lost,
}

#[tokio::test(start_paused = true)]
async fn events_before_the_end_are_delivered_and_the_handler_finishes() {
    for style in STYLES {
        for ending in [Ending::Empty, Ending::WithEvent, Ending::Lost] {
            let (recorder, mut receiver) = Recorder::new(style, Duration::from_secs(5));
            let (mut io, server) = serve(recorder, Config::default());
            let mut bytes = connect_and_send(99);
            bytes.unsplit(match ending {
                Ending::WithEvent => event_frame(END, 99),
                Ending::Empty | Ending::Lost => event_frame(0, 99),
            });
            if matches!(ending, Ending::Empty) {
                bytes.unsplit(frame(MESSAGE, END, 1, &[], ""));
            }
            in_time("the server reads", io.write_all(&bytes)).await.unwrap();
            if matches!(ending, Ending::Lost) {
                drop(io);
                assert_eq!(steps(&mut receiver).await, expected(100), "{style:?}, {ending:?}");
            } else {
                assert_eq!(steps(&mut receiver).await, expected(100), "{style:?}, {ending:?}");
                assert!(!server.is_finished());
                drop(io);
            }
            in_time("the connection ends", server).await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_stays_until_its_handlers_have_finished() {
    let (recorder, mut receiver) = Recorder::new(Style::Collects, Duration::from_secs(5));
    let (mut io, server) = serve(recorder, Config::default());
    io.write_all(&connect_and_send(1)).await.unwrap();
    drop(io);
    server.await.unwrap();
    drop(receiver.try_recv().unwrap());
    assert_eq!(steps(&mut receiver).await, expected(1)[1..]);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_does_not_finish_is_dropped() {
    let mut config = Config::default();
    config.finish_timeout = Duration::from_secs(7);
    for lost in [false, true] {
        let (recorder, mut receiver) = Recorder::new(Style::Collects, Duration::from_secs(60));
        let (mut io, server) = serve(recorder, config);
        io.write_all(&connect_and_send(1)).await.unwrap();
        let began = Instant::now();
        let io = if lost {
            drop(io);
            None
        } else {
            io.write_all(&frame(MESSAGE, END, 1, &[], "")).await.unwrap();
            Some(io)
        };
        let steps = steps(&mut receiver).await;
        assert_eq!(steps.last(), Some(&Step::Ended));
        assert_eq!(began.elapsed().as_secs(), 7);
        drop(io);
        in_time("the connection ends", server).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_the_server_drops_its_handlers() {
    let (recorder, mut receiver) = Recorder::new(Style::Collects, Duration::from_secs(5));
    let (mut io, server) = serve(recorder, Config::default());
    let mut bytes = connect_and_send(1);
    bytes.unsplit(frame(MESSAGE, END, 1, &[], ""));
    io.write_all(&bytes).await.unwrap();
    while receiver.recv().await.unwrap() != Step::Ended {}
    server.abort();
    assert_eq!(steps(&mut receiver).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_reads_no_events_is_dropped_immediately() {
    /// A handler that drops the client's events and never responds.
    struct DropsEvents(UnboundedSender<Step>);

    impl EchoTestRpc for DropsEvents {
        async fn echo_stream_messages(
            &self,
            request: StreamingRequest<EchoStreamMessages>,
            _: RequestContext,
        ) -> Result<StreamingResponse<EchoStreamMessages>, EchoStreamMessagesError> {
            let recorder =
                Recorder { style: Style::Collects, finish: Duration::ZERO, steps: self.0.clone() };
            let _dropped = ReportsDrop(recorder);
            drop(request.events);
            std::future::pending().await
        }
    }

    let (steps, mut receiver) = unbounded_channel();
    let (mut io, _server) = serve(DropsEvents(steps), Config::default());
    // Unread events do not fill a queue.
    let mut bytes = connect_and_send(1_000);
    bytes.unsplit(frame(MESSAGE, END, 1, &[], ""));
    let began = Instant::now();
    io.write_all(&bytes).await.unwrap();
    assert_eq!(receiver.recv().await, Some(Step::Dropped));
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_stopping_server_lets_handlers_finish_within_its_grace_period() {
    for (finish, is_in_time) in [(4, true), (60, false)] {
        let (recorder, mut receiver) = Recorder::new(Style::Echoes, Duration::from_secs(finish));
        let recorder = Recorder { style: Style::Collects, ..recorder };
        let path = socket_path();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let server = Server::bind(&path).unwrap().allow_all().grace(Duration::from_secs(5));
        let server = tokio::spawn(server.serve(EchoTestRpcService::new(recorder), stopped));
        let mut io = tokio::net::UnixStream::connect(&path).await.unwrap();
        let mut bytes = connect_and_send(1);
        bytes.unsplit(frame(MESSAGE, END, 1, &[], ""));
        io.write_all(&bytes).await.unwrap();
        while receiver.recv().await.unwrap() != Step::Ended {}
        let began = Instant::now();
        drop(stop);
        drop(io);
        server.await.unwrap().unwrap();
        let last = if is_in_time { vec![Step::Finished] } else { Vec::new() };
        assert_eq!(steps(&mut receiver).await, last);
        assert_eq!(began.elapsed().as_secs(), finish.min(5));
    }
}
