//! Checks of the types of `traits.json`, compiled and run by `behaviour.rs`.

use eventstream_rpc::{
    operation::{NoEvents, Operation, StreamingOperation},
    error::{ErrorMetadata, ErrorShape, OperationError, error_from_slice}, json::{Shape, from_slice},
};
use traits::{
    error::BuildError,
    operation::{
        defaults::DefaultsRequest,
        optional::{Optional, OptionalError, OptionalRequest, OptionalResponse},
        ping::{PingError, PingRequest, PingResponse},
        values::{ValuesRequest, ValuesResponse},
    },
    primitives::{BigInteger, Blob, Document, Timestamp},
    types::{
        Choice, ForeignWidget, Kind, Level, SecretKind,
        error::{Broken, Busy},
    },
};

use std::os::unix::net::UnixStream;

use eventstream_rpc::{blocking, client::Connection};
use tokio_stream::StreamExt;
use traits::{
    error::SdkError,
    operation::{
        checked::{CheckedError, CheckedRequest, CheckedResponse},
        talk::{Talk, TalkError, TalkResponse},
        watch::{Watch, WatchError, WatchRequest, WatchResponse},
    },
    server::{
        Authenticator, BoxFuture, ConnectRequest, Identity, IncomingCall, InvalidRequest, Rejected,
        RequestContext, Service, StreamingRequest, StreamingResponse, Traits, TraitsService,
        Violation, serve_connection,
    },
    types::{CheckedInner, Events, Said, Tick, Word, error::Failed},
};

const REDACTED: &str = eventstream_rpc::REDACTED;

fn main() {
    defaults_fill_what_is_not_there();
    what_is_optional_for_clients_is_an_option();
    nothing_is_an_empty_object();
    values_travel_as_the_model_says();
    unions_hold_more_than_structures();
    secrets_are_not_shown();
    errors_say_what_they_are();
    values_are_checked();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        servers_and_clients_check_requests().await;
        errors_among_events_end_the_stream().await;
        servers_check_events().await;
    });
    blocking_clients_do_the_same();
}

fn read<T: Shape>(json: &str) -> T {
    from_slice(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn defaults_fill_what_is_not_there() {
    for request in [
        DefaultsRequest::builder().build().unwrap(),
        DefaultsRequest::default(),
        read("{}"),
        read(r#"{"flag": null, "count": null, "name": null, "any": null, "nothing": null}"#),
    ] {
        assert!(request.flag && request.nothing.is_nan());
        assert_eq!((request.count, request.byte, request.ratio), (3, -128, 0.1));
        assert_eq!(request.name, "a \"b\" \\c");
        assert_eq!(request.data, Blob::from("hi"));
        assert_eq!(request.at, Timestamp::from_millis(482_196_050_520));
        assert_eq!((&request.kind, request.level), (&Kind::B, Level::Loud));
        assert!(request.list.is_empty() && request.map.is_empty());
        assert!(request.any == Document::Object(Default::default()) && request.none.is_none());
        assert_eq!(request.big.as_str(), "12345678901234567890123");
        assert_eq!((request.price.as_str(), request.counted), ("1.25", 7));
        let json = request.to_json().unwrap();
        assert!(json.contains(r#""count":3,"byte":-128"#) && !json.contains("nothing"), "{json}");
        assert!(json.contains(r#""big":12345678901234567890123"#), "{json}");
    }
    let request = DefaultsRequest::builder().set_count(None).counted(0).build().unwrap();
    assert_eq!((request.count, request.counted), (3, 0));
    // Another number that JSON does not have is not the default.
    assert!(DefaultsRequest::builder().nothing(f64::INFINITY).build().unwrap().to_json().is_err());
}

fn what_is_optional_for_clients_is_an_option() {
    let request = OptionalRequest::builder().build().unwrap();
    assert_eq!((&request.topic, request.retries), (&None, None));
    let token = request.token.clone().unwrap();
    assert_eq!((token.len(), &token[14..15]), (36, "4"));
    assert_eq!(request.to_json().unwrap(), format!("{{\"token\":\"{token}\"}}"));
    assert_ne!(OptionalRequest::builder().build().unwrap().token, Some(token));
    let request = OptionalRequest::builder().token("mine").build().unwrap();
    assert_eq!(request.token.as_deref(), Some("mine"));
    assert_eq!(read::<OptionalRequest>("{}").retries, Some(3));
    assert_eq!(read::<OptionalRequest>("{}").token, None);

    let response: Result<_, BuildError> = OptionalResponse::builder().build();
    assert!(response.unwrap_err().to_string().contains("id"));
    assert_eq!(OptionalResponse::builder().id("1").build().unwrap().note, None);
    let response: OptionalResponse = read(r#"{"note": null}"#);
    assert_eq!((response.id.as_str(), response.note), ("", None));
}

fn nothing_is_an_empty_object() {
    assert_eq!((PingRequest::ID, PingResponse::ID), ("smithy.api#Unit", "smithy.api#Unit"));
    assert_eq!(PingRequest::builder().build().unwrap().to_json().unwrap(), "{}");
    assert_eq!(read::<PingResponse>(r#"{"more": 1}"#), PingResponse::default());
    assert!(PingError::from_payload("a#Busy", b"{}").is_some_and(|it| it.is_ok()));
}

fn values_travel_as_the_model_says() {
    let time = Timestamp::from_secs(784_111_777);
    let request = ValuesRequest::builder()
        .level(Level::from(7))
        .sparse([Some("a".to_owned()), None])
        .sparse_map([("x", Some(1.5)), ("y", None)])
        .date(Timestamp::from_millis(1_500))
        .http(time)
        .https([time])
        .plain(time)
        .big("18446744073709551616".parse::<BigInteger>().unwrap())
        .price(5)
        .renamed("r")
        .must("m")
        .build()
        .unwrap();
    let json = request.to_json().unwrap();
    assert_eq!(
        json,
        r#"{"level":7,"sparse":["a",null],"sparseMap":{"x":1.5,"y":null},"date":"1970-01-01T00:00:01.500Z","http":"Sun, 06 Nov 1994 08:49:37 GMT","https":["Sun, 06 Nov 1994 08:49:37 GMT"],"plain":784111777.0,"big":18446744073709551616,"price":5,"$name":"r","must":"m"}"#
    );
    assert_eq!(read::<ValuesRequest>(&json), request);
    assert_eq!(request.level, Some(Level::Unknown(7)));
    assert_eq!((Level::values(), Level::Loud.as_i32()), (&[1, 2][..], 2));
    // Every format of a timestamp is accepted, but not an invalid date.
    assert_eq!(read::<ValuesRequest>(r#"{"date": 784111777, "must": ""}"#).date, Some(time));
    assert!(from_slice::<ValuesRequest>(br#"{"date": "yesterday"}"#).is_err());
    assert!(
        ValuesRequest::builder()
            .date(Timestamp::from_secs(i64::MAX))
            .must("m")
            .build()
            .unwrap()
            .to_json()
            .is_err()
    );
    assert!(
        ValuesRequest::builder()
            .sparse_map([("x", Some(f64::NAN))])
            .must("m")
            .build()
            .unwrap()
            .to_json()
            .is_err()
    );
    // The last of duplicate values is used, with all of its digits.
    let twice = r#"{"big": 1, "must": "m", "big": 18446744073709551616}"#;
    assert_eq!(read::<ValuesRequest>(twice).big.unwrap().as_str(), "18446744073709551616");
    let renamed = ForeignWidget::builder().size(1).build();
    assert_eq!(ForeignWidget::ID, "b#Widget");
    assert_eq!(ValuesResponse::builder().widget(renamed).build().own, None);
}

fn unions_hold_more_than_structures() {
    for (choice, json) in [
        (Choice::Nothing, r#"{"nothing":{}}"#),
        (Choice::At(Timestamp::from_secs(1)), r#"{"at":"1970-01-01T00:00:01Z"}"#),
        (Choice::Number(0.5), r#"{"number":0.5}"#),
        (Choice::Big(5.into()), r#"{"BIG":5}"#),
    ] {
        assert_eq!(choice.to_json().unwrap(), json);
        assert_eq!(read::<Choice>(json), choice);
    }
    assert!(Choice::Nothing.is_nothing());
    assert_eq!(read::<Choice>(r#"{"nothing":null,"BIG":6}"#), Choice::Big(6.into()));
    assert!(Choice::Number(f64::NAN).to_json().is_err());
}

fn secrets_are_not_shown() {
    let builder = ValuesRequest::builder()
        .secrets(["s3cret"])
        .member_secret("s3cret")
        .color(SecretKind::from("s3cret"))
        .choice(Choice::Secret("s3cret".to_owned()))
        .must("shown");
    let request = builder.clone().build().unwrap();
    for text in [format!("{request:?}"), format!("{builder:?}")] {
        assert!(
            !text.contains("s3cret") && text.contains(REDACTED) && text.contains("shown"),
            "{text}"
        );
    }
    assert_eq!(
        format!("{:?} {}", SecretKind::Red, SecretKind::Red),
        format!("{REDACTED} {REDACTED}")
    );
    assert_eq!(SecretKind::Red.as_str(), "red");
    assert!(request.to_json().unwrap().contains("s3cret"));
    let error = Broken::builder().message("s3cret").build().unwrap();
    assert_eq!(
        (error.to_string(), format!("{error:?}").contains("s3cret")),
        ("Broken".to_owned(), false)
    );
}

fn errors_say_what_they_are() {
    let busy: Busy = error_from_slice(br#"{"_message": "slow down"}"#).unwrap();
    assert_eq!(ErrorShape::message(&busy), Some("slow down"));
    assert_eq!(busy.to_string(), "Busy: slow down");
    let error = OptionalError::from(busy);
    let modeled = error.metadata();
    assert!(modeled.is_retryable() && modeled.is_throttling());
    let broken: &dyn ErrorMetadata = &Broken::builder().message("m").build().unwrap();
    assert!(broken.is_retryable() && !broken.is_throttling());
    let _ = Optional;
}

fn bad_request() -> CheckedRequest {
    let inner = CheckedInner::builder().name("long name").build();
    CheckedRequest::builder()
        .name("")
        .count(11)
        .ratio(0.1)
        .price("0.2499999999999999999999999999".parse::<traits::primitives::BigDecimal>().unwrap())
        .names(["a", "\u{e4}\u{e4}", "a", "abc"])
        .map([("ok", 0), ("not ok", -1)])
        .choice(CheckedInner::builder().again(inner).build())
        .bytes(b"abc")
        .build()
        .unwrap()
}

const FOUND: [&str; 13] = [
    "name has a length that the model does not allow",
    "count is out of range",
    "price is out of range",
    "names has a length that the model does not allow",
    "names holds equal elements",
    "names[1] does not match the pattern of the model",
    "names[3] has a length that the model does not allow",
    "map[\"not ok\"] does not match the pattern of the model",
    "map[\"not ok\"] has a length that the model does not allow",
    "map[\"not ok\"] is out of range",
    "choice.inner.again.inner.name does not match the pattern of the model",
    "choice.inner.again.inner.name has a length that the model does not allow",
    "bytes has a length that the model does not allow",
];

fn values_are_checked() {
    let found = bad_request().validate().unwrap_err();
    assert_eq!(found.iter().map(Violation::to_string).collect::<Vec<_>>(), FOUND);
    let good = CheckedRequest::builder().name("\u{5f}abcd").count(1).price(1).names(["a", "b"]);
    assert!(good.build().unwrap().validate().is_ok());
}

struct Server {
    accepts: bool,
}

impl Traits for Server {
    fn invalid_request(&self, _: &str, _: &[Violation]) -> InvalidRequest {
        if self.accepts { InvalidRequest::Accept } else { InvalidRequest::Reject }
    }

    async fn checked(
        &self,
        _: CheckedRequest,
        context: RequestContext,
    ) -> Result<CheckedResponse, CheckedError> {
        let found = context.violations().iter().map(Violation::to_string);
        Ok(CheckedResponse::builder().found(found).build())
    }

    async fn talk(
        &self,
        request: StreamingRequest<Talk>,
        _: RequestContext,
    ) -> Result<StreamingResponse<Talk>, TalkError> {
        let events = request.events.map(|event| {
            let length = event.as_word().map_or(0, |it| it.text.len());
            Ok(Events::Tick(Tick::builder().n(length as i32).build()))
        });
        Ok(StreamingResponse::new(TalkResponse::default(), events))
    }

    async fn watch(
        &self,
        _: StreamingRequest<Watch>,
        _: RequestContext,
    ) -> Result<StreamingResponse<Watch>, WatchError> {
        let events = vec![
            Ok(Events::Tick(Tick::builder().n(1).build())),
            Err(Failed::builder().message("no more").build().into()),
            Ok(Events::Tick(Tick::builder().n(2).build())),
        ];
        Ok(StreamingResponse::new(WatchResponse::default(), tokio_stream::iter(events)))
    }
}

async fn client(accepts: bool) -> traits::Client {
    client_of(TraitsService::new(Server { accepts })).await
}

struct Anyone;

impl Authenticator for Anyone {
    async fn authenticate(&self, _: &ConnectRequest) -> Result<Identity, Rejected> {
        Ok(Identity("client".to_owned()))
    }
}

async fn client_of(service: impl Service) -> traits::Client {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    tokio::spawn(serve_connection(theirs, service, Anyone, Default::default()));
    let connection = Connection::builder().connect_over(ours).await.unwrap();
    traits::Client::new(connection)
}

async fn servers_and_clients_check_requests() {
    let lenient = client(true).await;
    let send = || {
        let request = bad_request();
        lenient
            .checked()
            .name(request.name)
            .set_count(request.count)
            .set_price(request.price)
            .set_names(request.names)
            .set_map(request.map)
            .set_choice(request.choice)
            .set_bytes(request.bytes)
    };
    assert_eq!(send().send().await.unwrap().found.unwrap(), FOUND);
    match send().validate_request(true).send().await.unwrap_err() {
        SdkError::ConstructionFailure(error) => assert_eq!(error.violations().len(), FOUND.len()),
        other => panic!("{other}"),
    }
    let strict = client(false).await;
    assert!(strict.checked().name("").send().await.is_err());
    assert_eq!(strict.checked().name("a").send().await.unwrap().found.unwrap(), [""; 0]);
}

/// A server that sends errors as events.
struct Unaware;

impl Service for Unaware {
    const ID: &'static str = "a#Traits";

    fn call(&self, call: IncomingCall) -> BoxFuture<'static, ()> {
        call.streaming(PlainWatch, |_, _| async {
            let event = |json: &str| Ok(PlainEvent(json.parse().unwrap()));
            let events = vec![
                event(r#"{"tick": {"n": 1}}"#),
                event(r#"{"tick": null, "FAILED": {"message": "no more"}}"#),
                event(r#"{"tick": {"n": 2}}"#),
            ];
            Ok(StreamingResponse::new(WatchResponse::default(), tokio_stream::iter(events)))
        })
    }
}

struct PlainWatch;

impl Operation for PlainWatch {
    const SERVICE: &'static str = Watch::SERVICE;
    const ID: &'static str = Watch::ID;
    type Request = WatchRequest;
    type Response = WatchResponse;
    type Error = WatchError;
}

impl StreamingOperation for PlainWatch {
    type RequestEvent = NoEvents;
    type ResponseEvent = PlainEvent;
}

#[derive(serde::Deserialize, serde::Serialize)]
struct PlainEvent(Document);

impl Shape for PlainEvent {
    const ID: &'static str = Events::ID;
}

async fn errors_among_events_end_the_stream() {
    for client in [client(true).await, client_of(Unaware).await] {
        check_error_event(&client).await;
    }
}

async fn check_error_event(client: &traits::Client) {
    let mut events = client.watch().send().await.unwrap();
    assert_eq!(events.next().await.unwrap().unwrap(), Events::Tick(Tick::builder().n(1).build()));
    match events.next().await.unwrap().unwrap_err() {
        SdkError::ServiceError { error: WatchError::Failed(error), .. } => {
            assert_eq!(error.message.as_deref(), Some("no more"));
        }
        other => panic!("{other}"),
    }
    assert!(events.next().await.is_none());
}

async fn servers_check_events() {
    let word = |text: &str| Said::Word(Word::builder().text(text).build().unwrap());
    let tick = |n| Events::Tick(Tick::builder().n(n).build());
    for accepts in [true, false] {
        let client = client(accepts).await;
        let mut stream = client.talk().send().await.unwrap();
        stream.send_event(word("abc")).await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap(), tick(3));
        stream.send_event(word("abcd")).await.unwrap();
        match stream.next().await.unwrap() {
            Ok(event) => assert!(accepts && event == tick(4)),
            Err(error) => {
                assert!(!accepts && matches!(error, SdkError::ServiceError { error: TalkError::Unhandled(_), .. }));
                assert!(stream.next().await.is_none());
            }
        }
    }
}

/// A blocking client with a server on its own thread.
fn blocking_client(accepts: bool) -> traits::blocking::Client {
    let (ours, theirs) = UnixStream::pair().unwrap();
    theirs.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let socket = tokio::net::UnixStream::from_std(theirs).unwrap();
            let service = TraitsService::new(Server { accepts });
            let _ = serve_connection(socket, service, Anyone, Default::default()).await;
        });
    });
    let connection = blocking::Connection::builder().connect_over(ours).unwrap();
    traits::blocking::Client::new(connection)
}

fn blocking_clients_do_the_same() {
    let client = blocking_client(true);
    let name = |name: &str| client.checked().name(name);
    assert_eq!(name("").send().unwrap().found.unwrap().len(), 1);
    match name("").validate_request(true).send().unwrap_err() {
        SdkError::ConstructionFailure(error) => assert_eq!(error.violations().len(), 1),
        other => panic!("{other}"),
    }
    assert!(blocking_client(false).checked().name("").send().is_err());

    let mut events = client.watch().send().unwrap();
    assert_eq!(events.next().unwrap().unwrap(), Events::Tick(Tick::builder().n(1).build()));
    match events.next().unwrap().unwrap_err() {
        SdkError::ServiceError { error: WatchError::Failed(error), .. } => {
            assert_eq!(error.message.as_deref(), Some("no more"));
        }
        other => panic!("{other}"),
    }
    assert!(events.next().is_none());
}
