//! Handlers that read their client's events, and the end of the stream or the connection.

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

/// How a handler treats the events of its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Style {
    /// It reads all of them, finishes, and only then answers.
    Collects,
    /// It answers at once, with a stream that sends each of them back.
    Echoes,
    /// It hands them to a task of its own and answers at once.
    HandsOver,
    /// It answers at once, with a stream that never waits and reads nothing, while a task reads them.
    Floods,
}

const STYLES: [Style; 4] = [Style::Collects, Style::Echoes, Style::HandsOver, Style::Floods];

/// What a handler says about itself.
#[derive(Debug, PartialEq)]
enum Note {
    Started,
    Event(String),
    /// The events have ended.
    Ended,
    /// It has done what takes a while after that.
    Finished,
    Dropped,
}

#[derive(Clone)]
struct Recorder {
    style: Style,
    /// How long it takes to finish.
    finish: Duration,
    notes: UnboundedSender<Note>,
}

impl Recorder {
    fn new(style: Style, finish: Duration) -> (Self, UnboundedReceiver<Note>) {
        let (notes, receiver) = unbounded_channel();
        (Self { style, finish, notes }, receiver)
    }

    fn say(&self, note: Note) {
        let _ = self.notes.send(note);
    }

    async fn read_all(&self, mut events: EventStream<EchoStreamingMessage>) {
        while let Some(event) = std::future::poll_fn(|cx| events.as_mut().poll_next(cx)).await {
            self.say(Note::Event(text(&event)));
        }
        self.say(Note::Ended);
        sleep(self.finish).await;
        self.say(Note::Finished);
    }
}

struct Dropped(Recorder);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.say(Note::Dropped);
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
        let recorder = Dropped(self.clone());
        self.say(Note::Started);
        let response = EchoStreamingResponse::default();
        let events = request.events;
        Ok(match self.style {
            Style::Collects => {
                recorder.0.read_all(events).await;
                StreamingResponse::new(response, Nothing)
            }
            Style::Echoes => StreamingResponse::new(response, Echoes { recorder, events }),
            Style::HandsOver => {
                tokio::spawn(async move { recorder.0.read_all(events).await });
                StreamingResponse::new(response, Nothing)
            }
            Style::Floods => {
                tokio::spawn(async move { recorder.0.read_all(events).await });
                StreamingResponse::new(response, Flood)
            }
        })
    }
}

struct Nothing;

impl Stream for Nothing {
    type Item = Result<EchoStreamingMessage, EchoStreamMessagesError>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Pending
    }
}

struct Echoes {
    recorder: Dropped,
    events: EventStream<EchoStreamingMessage>,
}

impl Stream for Echoes {
    type Item = Result<EchoStreamingMessage, EchoStreamMessagesError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let event = ready!(self.events.as_mut().poll_next(cx));
        let recorder = &self.recorder.0;
        match &event {
            Some(event) => recorder.say(Note::Event(text(event))),
            None => {
                recorder.say(Note::Ended);
                recorder.say(Note::Finished);
            }
        }
        Poll::Ready(event.map(Ok))
    }
}

struct Flood;

impl Stream for Flood {
    type Item = Result<EchoStreamingMessage, EchoStreamMessagesError>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(Some(Ok(event("flood"))))
    }
}

/// The notes until the handler is dropped.
async fn notes(receiver: &mut UnboundedReceiver<Note>) -> Vec<Note> {
    let mut notes = Vec::new();
    loop {
        let note = in_time("the handler is dropped", receiver.recv()).await.unwrap();
        if note == Note::Dropped {
            return notes;
        }
        notes.push(note);
    }
}

fn expected(events: usize) -> Vec<Note> {
    let mut notes = vec![Note::Started];
    notes.extend((0..events).map(|it| Note::Event(it.to_string())));
    notes.extend([Note::Ended, Note::Finished]);
    notes
}

/// Everything that a client by hand says from its first message on.
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

#[derive(Clone, Copy, Debug)]
enum Ending {
    /// An empty message ends the stream.
    Empty,
    /// The last event does.
    WithEvent,
    /// The connection is lost.
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
            in_time("it is read", io.write_all(&bytes)).await.unwrap();
            if matches!(ending, Ending::Lost) {
                drop(io);
                assert_eq!(notes(&mut receiver).await, expected(100), "{style:?}, {ending:?}");
            } else {
                assert_eq!(notes(&mut receiver).await, expected(100), "{style:?}, {ending:?}");
                assert!(!server.is_finished());
                drop(io);
            }
            in_time("the connection ends", server).await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_goes_on_until_its_handlers_have_finished() {
    let (recorder, mut receiver) = Recorder::new(Style::Collects, Duration::from_secs(5));
    let (mut io, server) = serve(recorder, Config::default());
    io.write_all(&connect_and_send(1)).await.unwrap();
    drop(io);
    server.await.unwrap();
    drop(receiver.try_recv().unwrap());
    assert_eq!(notes(&mut receiver).await, expected(1)[1..]);
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
        let notes = notes(&mut receiver).await;
        assert_eq!(notes.last(), Some(&Note::Ended));
        assert_eq!(began.elapsed().as_secs(), 7);
        drop(io);
        in_time("the connection ends", server).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_dropped_leaves_no_handler_running() {
    let (recorder, mut receiver) = Recorder::new(Style::Collects, Duration::from_secs(5));
    let (mut io, server) = serve(recorder, Config::default());
    let mut bytes = connect_and_send(1);
    bytes.unsplit(frame(MESSAGE, END, 1, &[], ""));
    io.write_all(&bytes).await.unwrap();
    while receiver.recv().await.unwrap() != Note::Ended {}
    server.abort();
    assert_eq!(notes(&mut receiver).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_reads_no_events_is_dropped_at_once() {
    /// Keeps neither the events nor anything to finish.
    struct Deaf(UnboundedSender<Note>);

    impl EchoTestRpc for Deaf {
        async fn echo_stream_messages(
            &self,
            request: StreamingRequest<EchoStreamMessages>,
            _: RequestContext,
        ) -> Result<StreamingResponse<EchoStreamMessages>, EchoStreamMessagesError> {
            let recorder =
                Recorder { style: Style::Collects, finish: Duration::ZERO, notes: self.0.clone() };
            let _dropped = Dropped(recorder);
            drop(request.events);
            std::future::pending().await
        }
    }

    let (notes, mut receiver) = unbounded_channel();
    let (mut io, _server) = serve(Deaf(notes), Config::default());
    // Events that nobody reads do not fill a queue either.
    let mut bytes = connect_and_send(1_000);
    bytes.unsplit(frame(MESSAGE, END, 1, &[], ""));
    let began = Instant::now();
    io.write_all(&bytes).await.unwrap();
    assert_eq!(receiver.recv().await, Some(Note::Dropped));
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_lets_handlers_finish_within_its_grace_period() {
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
        while receiver.recv().await.unwrap() != Note::Ended {}
        let began = Instant::now();
        drop(stop);
        drop(io);
        server.await.unwrap().unwrap();
        let last = if is_in_time { vec![Note::Finished] } else { Vec::new() };
        assert_eq!(notes(&mut receiver).await, last);
        assert_eq!(began.elapsed().as_secs(), finish.min(5));
    }
}
