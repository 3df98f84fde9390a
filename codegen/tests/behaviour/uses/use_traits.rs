//! What the types of `traits.json` do. It is compiled and run by `behaviour.rs`.

use eventstream_rpc::{
    operation::{ErrorShape, ModeledError, OperationError, Shape},
    serde::{error_from_slice, from_slice},
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

const REDACTED: &str = eventstream_rpc::REDACTED;

fn main() {
    defaults_fill_what_is_not_there();
    what_is_optional_for_clients_is_an_option();
    nothing_is_an_empty_object();
    values_travel_as_the_model_says();
    unions_hold_more_than_structures();
    secrets_are_not_shown();
    errors_say_what_they_are();
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
    assert_eq!(read::<PingResponse>(r#"{"more": 1}"#), PingResponse::builder().build());
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
    // Any form of a time is read, and a date that is none is not.
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
    // A value that is there twice, and one that is missing, cost no digit.
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
    let modeled = error.as_modeled().unwrap();
    assert!(modeled.is_retryable() && modeled.is_throttling());
    let broken: &dyn ModeledError = &Broken::builder().message("m").build().unwrap();
    assert!(broken.is_retryable() && !broken.is_throttling());
    let _ = Optional;
}
