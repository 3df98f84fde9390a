//! Framing, compared byte for byte with the library of the official SDKs.

mod message;

use bytes::{Bytes, BytesMut};
use eventstream_rpc::frame::{
    DecodeError, Decoder, EncodeError, FrameEncoder, Header, HeaderError, HeaderValue,
    HeaderValueRef, Limits,
};
use message::{Message, decode, parse};
use serde_json::Value;

fn data() -> Value {
    serde_json::from_str(include_str!("data/framing.json")).unwrap()
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap()
}

fn bytes(recorded: &Value) -> Vec<u8> {
    let unhex = |hex: &str| -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    };
    match recorded {
        Value::String(hex) => unhex(hex),
        parts => parts
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|part| {
                unhex(part[0].as_str().unwrap())
                    .repeat(usize::try_from(part[1].as_u64().unwrap()).unwrap())
            })
            .collect(),
    }
}

fn header(recorded: &Value) -> Header {
    let value = bytes(&recorded[2]);
    let number = |len| {
        assert_eq!(value.len(), len);
        value.iter().fold(i128::from(value[0] as i8) >> 8, |sum, it| (sum << 8) | i128::from(*it))
    };
    let value = match recorded[1].as_str().unwrap() {
        "bool_true" => HeaderValue::Bool(true),
        "bool_false" => HeaderValue::Bool(false),
        "byte" => HeaderValue::Byte(number(1) as i8),
        "int16" => HeaderValue::Int16(number(2) as i16),
        "int32" => HeaderValue::Int32(number(4) as i32),
        "int64" => HeaderValue::Int64(number(8) as i64),
        "byte_buf" => HeaderValue::ByteArray(value.into()),
        "string" => HeaderValue::String(String::from_utf8(value).unwrap()),
        "timestamp" => HeaderValue::Timestamp(number(8) as i64),
        "uuid" => HeaderValue::Uuid(value.try_into().unwrap()),
        other => panic!("{other}"),
    };
    Header { name: recorded[0].as_str().unwrap().to_owned(), value }
}

#[test]
fn messages_are_written_and_read_byte_for_byte() {
    for case in data()["positive"].as_array().unwrap() {
        let name = text(case, "name");
        let headers = case["headers"].as_array().unwrap().iter().map(header).collect();
        let message = Message { headers, payload: bytes(&case["payload"]).into() };
        let recorded = bytes(&case["hex"]);

        let mut written = BytesMut::new();
        message.encode(&mut written).unwrap();
        assert_eq!(written, recorded, "{name}");

        let frame = parse(&written).unwrap();
        assert_eq!(frame.payload(), message.payload, "{name}");
        assert_eq!(frame.as_bytes(), recorded, "{name}");
        assert_eq!(Message::from(frame), message, "{name}");
    }
}

/// Messages that this crate refuses and the official whole-message decoder accepts.
const STRICTER: [(&str, &str); 5] = [
    ("header_type_10", "the length of a value of an unknown type is unknown"),
    ("header_type_255", "the length of a value of an unknown type is unknown"),
    ("header_type_10_before_reserved", "the length of a value of an unknown type is unknown"),
    ("header_string_invalid_utf8", "a text is UTF-8"),
    ("header_name_invalid_utf8", "a name is UTF-8"),
];

/// The number of decoded messages, and then an error or the number of bytes left.
fn decode_all(mut pieces: impl Iterator<Item = Vec<u8>>) -> (usize, Result<usize, DecodeError>) {
    let mut decoder = Decoder::default();
    let mut buffer = BytesMut::new();
    let mut messages = 0;
    loop {
        match decode(&mut decoder, &mut buffer) {
            Ok(Some(_)) => messages += 1,
            Err(error) => return (messages, Err(error)),
            Ok(None) => match pieces.next() {
                Some(piece) => buffer.extend_from_slice(&piece),
                None => return (messages, Ok(buffer.len())),
            },
        }
    }
}

#[test]
fn broken_messages_have_the_official_outcome_or_a_stricter_one() {
    let data = data();
    let cases = data["negative"].as_array().unwrap();
    for (name, _) in STRICTER {
        assert!(cases.iter().any(|it| it["name"] == name), "{name}");
    }
    for case in cases {
        let name = text(case, "name");
        let recorded = bytes(&case["hex"]);
        let (messages, end) = decode_all(std::iter::once(recorded.clone()));
        if STRICTER.iter().any(|it| it.0 == name) {
            assert_eq!((text(case, "whole"), text(case, "headers")), ("OK", "OK"), "{name}");
            assert!(matches!(end, Err(DecodeError::Headers(_))), "{name}: {end:?}");
            continue;
        }
        let official = u64::try_from(messages).unwrap() == case["messages"].as_u64().unwrap();
        match (text(case, "whole"), text(case, "headers"), text(case, "stream_error")) {
            ("OK", "OK", _) => assert_eq!((messages, end), (1, Ok(0)), "{name}"),
            ("OK", _, _) => assert!(matches!(end, Err(DecodeError::Headers(_))), "{name}: {end:?}"),
            (_, _, "") => assert!(official && end.is_ok(), "{name}: {messages} {end:?}"),
            _ => assert!(end.is_err(), "{name}: {messages} {end:?}"),
        }
        // A slice must be exactly one message.
        let whole = parse(&recorded);
        let is_one = text(case, "whole") == "OK" && text(case, "headers") == "OK";
        assert_eq!(whole.is_ok(), is_one, "{name}: {whole:?}");
    }
}

#[test]
fn it_does_not_matter_how_bytes_arrive() {
    let data = data();
    let cases =
        data["positive"].as_array().unwrap().iter().chain(data["negative"].as_array().unwrap());
    for case in cases {
        let name = text(case, "name");
        let recorded = bytes(&case["hex"]);
        if recorded.len() > 2_000 {
            continue;
        }
        let at_once = decode_all(std::iter::once(recorded.clone()));
        for at in 0..=recorded.len() {
            let pieces = [recorded[..at].to_vec(), recorded[at..].to_vec()];
            assert_eq!(decode_all(pieces.into_iter()), at_once, "{name} split at {at}");
        }
        assert_eq!(
            decode_all(recorded.chunks(1).map(<[u8]>::to_vec)),
            at_once,
            "{name} byte by byte"
        );
    }
}

#[test]
fn errors_say_what_is_wrong() {
    let named = |name: &str| {
        let data = data();
        let case = data["negative"].as_array().unwrap().iter().find(|it| it["name"] == name);
        decode_all(std::iter::once(bytes(&case.unwrap()["hex"]))).1.unwrap_err()
    };
    assert!(matches!(named("bad_prelude_crc_lowest_bit"), DecodeError::PreludeChecksum { .. }));
    assert!(matches!(named("bad_payload_byte"), DecodeError::MessageChecksum { .. }));
    assert_eq!(named("total_length_15"), DecodeError::TooShort { len: 15 });
    let (len, limit) = (25_165_825, 25_165_824);
    assert_eq!(named("total_length_24MiB_plus_1"), DecodeError::TooLong { len, limit });
    assert!(matches!(
        named("headers_length_larger_than_message"),
        DecodeError::HeadersTooLong { message_len: 73, .. }
    ));
    assert_eq!(named("header_uuid_truncated"), DecodeError::Headers(HeaderError::Truncated));
    let too_many = HeaderError::TooMany { limit: 1024 };
    assert_eq!(named("headers_1025"), DecodeError::Headers(too_many));
}

/// A message with these bytes as headers and correct checksums.
fn framed(headers: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(u32::try_from(headers.len() + 16).unwrap().to_be_bytes());
    bytes.extend(u32::try_from(headers.len()).unwrap().to_be_bytes());
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    bytes.extend(headers);
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    bytes
}

#[test]
fn values_over_the_limit_are_not_read_although_their_length_has_room_for_them() {
    for value_type in [6, 7] {
        for len in [32_767_u16, 32_768, u16::MAX] {
            let mut headers = vec![1, b'n', value_type];
            headers.extend(len.to_be_bytes());
            headers.resize(headers.len() + usize::from(len), b'v');
            let (messages, end) = decode_all(std::iter::once(framed(&headers)));
            if len == 32_767 {
                assert_eq!((messages, end), (1, Ok(0)));
                continue;
            }
            let error = HeaderError::ValueTooLong { len: len.into(), limit: 32_767 };
            assert_eq!(end, Err(DecodeError::Headers(error)));
        }
    }
}

#[test]
fn a_character_across_the_end_of_a_header_is_none() {
    // The value ends with the first byte of a character; the length of the next name is the second byte.
    let name = vec![b'n'; 0xa9];
    let headers = |value_type: u8| {
        let first = [1, b'a', value_type, 0, 1, 0xc3, 0xa9];
        framed(&[&first, &name[..], &[7, 0, 2], "ö".as_bytes()].concat())
    };
    let frame = headers(6);
    let frame = parse(&frame).unwrap();
    let read: Vec<_> = frame.headers().collect();
    assert_eq!(read.len(), 2);
    assert_eq!(read[0].1, HeaderValueRef::ByteArray(&[0xc3]));
    assert_eq!(read[1].0.as_bytes(), name);
    assert_eq!(read[1].1, HeaderValueRef::String("ö"));
    let error = DecodeError::Headers(HeaderError::NotUtf8);
    assert_eq!(parse(&headers(7)).unwrap_err(), Some(error));
}

#[test]
fn after_bad_headers_reading_can_go_on() {
    let mut buffer = BytesMut::from(&framed(b"\x01n\xff")[..]);
    let next = Message { headers: Vec::new(), payload: "next".into() };
    next.encode(&mut buffer).unwrap();
    let mut decoder = Decoder::default();
    let error = DecodeError::Headers(HeaderError::UnknownType { value_type: 0xff });
    assert_eq!(decode(&mut decoder, &mut buffer), Err(error));
    assert_eq!(decode(&mut decoder, &mut buffer), Ok(Some(next)));
}

#[test]
fn limits_that_were_chosen_hold_in_both_directions() {
    let limits = Limits::DEFAULT.with_max_message_len(10_000);
    let write = |len: usize| {
        let mut buffer = BytesMut::new();
        let mut frame = FrameEncoder::with_limits(&mut buffer, limits);
        frame.payload(&vec![0; len - 16]);
        (frame.finish(), buffer)
    };
    let (written, mut buffer) = write(10_000);
    assert_eq!(written, Ok(10_000));
    assert!(decode(&mut Decoder::with_limits(limits), &mut buffer).unwrap().is_some());

    let (len, limit) = (10_001, 10_000);
    let (written, buffer) = write(len);
    assert_eq!(written, Err(EncodeError::TooLong { len, limit }));
    assert!(buffer.is_empty());
    let mut longer = BytesMut::new();
    Message { headers: Vec::new(), payload: vec![0; len - 16].into() }.encode(&mut longer).unwrap();
    let error = DecodeError::TooLong { len, limit };
    // The prelude is enough for the error.
    assert_eq!(decode(&mut Decoder::with_limits(limits), &mut longer.split_to(12)), Err(error));
}

#[test]
fn a_header_is_found_whatever_its_case_and_the_last_of_several_counts() {
    let header = |name: &str, value: i32| Header::new(name, value.into());
    let message = Message {
        headers: vec![header("Name", 1), header("nAME", 2), header("other", 3)],
        payload: Bytes::new(),
    };
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes).unwrap();
    let borrowed = parse(&bytes).unwrap();
    assert_eq!(message.header("name"), Some(&HeaderValue::Int32(2)));
    assert_eq!(borrowed.header("name"), Some(HeaderValueRef::Int32(2)));
    assert_eq!((message.header("nam"), borrowed.header("nam")), (None, None));
}

#[test]
fn the_payload_of_a_frame_shares_its_memory_and_no_frame_keeps_the_buffer() {
    for len in [100, 5_000, 100_000] {
        let mut buffer = BytesMut::new();
        Message { headers: Vec::new(), payload: vec![b'p'; len].into() }
            .encode(&mut buffer)
            .unwrap();
        let read_into = buffer.as_ptr_range();
        let frame = Decoder::default().decode(&mut buffer).unwrap().unwrap();
        assert_eq!(frame.to_payload().as_ptr(), frame.payload().as_ptr());
        assert!(!read_into.contains(&frame.as_bytes().as_ptr()), "{len} bytes");
    }
}

#[test]
fn headers_show_no_texts() {
    let values: [(HeaderValue, &str); 5] = [
        (HeaderValue::from("TOPSECRET"), "String(9 bytes)"),
        (HeaderValue::ByteArray("TOPSECRET".into()), "ByteArray(9 bytes)"),
        (HeaderValue::Uuid(*b"TOPSECRETTOPSECR"), "Uuid(16 bytes)"),
        (HeaderValue::Int32(5), "Int32(5)"),
        (HeaderValue::Bool(true), "Bool(true)"),
    ];
    for (value, expected) in values {
        assert_eq!(format!("{value:?}"), expected);
        let headers =
            vec![Header::new("first", HeaderValue::from("é")), Header::new("name", value)];
        assert_eq!(
            format!("{:?}", headers[1]),
            format!("Header {{ name: \"name\", value: {expected} }}")
        );
        let mut bytes = BytesMut::new();
        Message { headers, payload: Bytes::new() }.encode(&mut bytes).unwrap();
        let frame = parse(&bytes).unwrap();
        let mut headers = frame.headers();
        let last = headers.clone().last().unwrap();
        assert_eq!(format!("{:?}", last.1), expected);
        // The same for headers that have been read in part.
        assert!(headers.next().is_some());
        assert_eq!(format!("{headers:?}"), format!("{{\"name\": {expected}}}"));
    }
}

#[test]
fn limits_hold_when_writing() {
    let mut buffer = BytesMut::from("before");
    let mut check = |message: Message, expected: EncodeError| {
        assert_eq!(message.encode(&mut buffer).unwrap_err(), expected);
        assert_eq!(buffer, "before", "nothing of a refused message is left");
    };
    let of = |name: &str, value: HeaderValue| Message {
        headers: vec![Header::new(name, value)],
        payload: Bytes::new(),
    };
    check(
        of("s", HeaderValue::String("a".repeat(32_768))),
        EncodeError::ValueTooLong { len: 32_768, limit: 32_767 },
    );
    check(
        of("b", HeaderValue::ByteArray(vec![0; 65_536].into())),
        EncodeError::ValueTooLong { len: 65_536, limit: 32_767 },
    );
    check(of(&"n".repeat(256), HeaderValue::Bool(true)), EncodeError::NameTooLong { len: 256 });
    check(
        Message {
            headers: vec![Header::new("", HeaderValue::Bool(true)); 1025],
            payload: Bytes::new(),
        },
        EncodeError::TooManyHeaders { limit: 1024 },
    );
    check(
        Message { headers: Vec::new(), payload: vec![0; 24 * 1024 * 1024 - 15].into() },
        EncodeError::TooLong { len: 24 * 1024 * 1024 + 1, limit: 24 * 1024 * 1024 },
    );
    let largest =
        Message { headers: Vec::new(), payload: vec![b'z'; 24 * 1024 * 1024 - 16].into() };
    let mut buffer = BytesMut::new();
    largest.encode(&mut buffer).unwrap();
    assert_eq!(&buffer[..12], [0x01, 0x80, 0, 0, 0, 0, 0, 0, 0x21, 0x9e, 0x35, 0x05]);
    assert_eq!(&buffer[buffer.len() - 4..], [0x08, 0x42, 0x3f, 0xa1]);
    assert_eq!(decode(&mut Decoder::default(), &mut buffer).unwrap(), Some(largest));
}

#[test]
fn an_encoder_that_is_dropped_leaves_nothing() {
    let mut buffer = BytesMut::from("before");
    let mut frame = FrameEncoder::new(&mut buffer);
    frame.header("name", &HeaderValueRef::Int32(1)).unwrap();
    frame.payload(b"payload");
    drop(frame);
    assert_eq!(buffer, "before");
}

#[test]
fn a_header_that_is_refused_leaves_the_frame_as_it_was() {
    let mut buffer = BytesMut::new();
    let mut frame = FrameEncoder::new(&mut buffer);
    let long = "x".repeat(usize::from(u16::MAX) + 1);
    assert!(frame.header("long", &HeaderValueRef::String(&long)).is_err());
    assert!(frame.header("long", &HeaderValueRef::ByteArray(long.as_bytes())).is_err());
    assert!(frame.header(&long, &HeaderValueRef::Int32(1)).is_err());
    frame.header("name", &HeaderValueRef::Int32(1)).unwrap();
    frame.finish().unwrap();
    let headers = vec![Header::new("name", HeaderValue::Int32(1))];
    let expected = Message { headers, payload: Default::default() };
    assert_eq!(decode(&mut Decoder::default(), &mut buffer), Ok(Some(expected)));
}

#[test]
fn a_claim_costs_no_memory() {
    let mut message = BytesMut::new();
    let limits = Limits::DEFAULT;
    Message { headers: Vec::new(), payload: vec![0; limits.max_message_len - 16].into() }
        .encode(&mut message)
        .unwrap();
    let mut buffer = BytesMut::from(&message[..12]);
    let mut decoder = Decoder::default();
    assert_eq!(decode(&mut decoder, &mut buffer), Ok(None));
    assert!(buffer.capacity() < 1024);
    assert_eq!(decoder.missing(&buffer), limits.max_message_len - 12);
}
