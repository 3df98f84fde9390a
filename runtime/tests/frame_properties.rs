//! Framing with random messages and random bytes, compared with a second implementation.

mod message;

use aws_smithy_eventstream::frame::{read_message_from, write_message_to};
use aws_smithy_types::event_stream as aws;
use bytes::{Bytes, BytesMut};
use eventstream_rpc::frame::{Decoder, Header, HeaderValue, HeaderValueRef};
use message::{Message, decode, parse};
use proptest::{collection::vec, prelude::*};

fn value() -> impl Strategy<Value = HeaderValue> {
    prop_oneof![
        any::<bool>().prop_map(HeaderValue::Bool),
        any::<i8>().prop_map(HeaderValue::Byte),
        any::<i16>().prop_map(HeaderValue::Int16),
        any::<i32>().prop_map(HeaderValue::Int32),
        any::<i64>().prop_map(HeaderValue::Int64),
        vec(any::<u8>(), 0..100).prop_map(|it| HeaderValue::ByteArray(it.into())),
        ".{0,40}".prop_map(HeaderValue::String),
        // The range of the other implementation.
        (-8_000_000_000_000_i64..8_000_000_000_000).prop_map(HeaderValue::Timestamp),
        any::<[u8; 16]>().prop_map(HeaderValue::Uuid),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    let header = (".{1,20}", value()).prop_map(|(name, value)| Header { name, value });
    (vec(header, 0..8), vec(any::<u8>(), 0..300))
        .prop_map(|(headers, payload)| Message { headers, payload: payload.into() })
}

fn encode(message: &Message) -> BytesMut {
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes).unwrap();
    bytes
}

fn to_aws(message: &Message) -> aws::Message {
    let headers = message.headers.iter().map(|header| {
        let value = match &header.value {
            HeaderValue::Bool(value) => aws::HeaderValue::Bool(*value),
            HeaderValue::Byte(value) => aws::HeaderValue::Byte(*value),
            HeaderValue::Int16(value) => aws::HeaderValue::Int16(*value),
            HeaderValue::Int32(value) => aws::HeaderValue::Int32(*value),
            HeaderValue::Int64(value) => aws::HeaderValue::Int64(*value),
            HeaderValue::ByteArray(value) => aws::HeaderValue::ByteArray(value.clone()),
            HeaderValue::String(value) => aws::HeaderValue::String(value.clone().into()),
            HeaderValue::Timestamp(value) => {
                aws::HeaderValue::Timestamp(aws_smithy_types::DateTime::from_millis(*value))
            }
            HeaderValue::Uuid(value) => aws::HeaderValue::Uuid(u128::from_be_bytes(*value)),
        };
        aws::Header::new(header.name.clone(), value)
    });
    aws::Message::new_from_parts(headers.collect(), message.payload.clone())
}

/// The text of a header: short or long, with characters of one to four bytes, sometimes invalid.
fn utf8() -> impl Strategy<Value = Vec<u8>> {
    let parts = prop::sample::select(&["a", "xyz", "\0", "\u{80}", "é", "€", "😀"][..]);
    let broken = prop::sample::select(&[0x80_u8, 0xc3, 0xe2, 0xf0, 0xff][..]);
    let short = vec(parts, 0..4).prop_map(|it| it.concat().into_bytes());
    let long = (50..125_usize).prop_map(|len| "é".repeat(len).into_bytes());
    let text = prop_oneof![12 => short, 1 => long];
    (text, prop::option::weighted(0.02, broken)).prop_map(|(mut text, broken)| {
        text.extend(broken);
        text
    })
}

/// The bytes of one header.
fn header_bytes() -> impl Strategy<Value = Vec<u8>> {
    let sized = |value: Vec<u8>| {
        let len = u16::try_from(value.len()).unwrap().to_be_bytes();
        [&len[..], &value].concat()
    };
    let value = prop_oneof![
        (0..=1_u8).prop_map(|kind| vec![kind]),
        prop::sample::select(&[(2, 1), (3, 2), (4, 4), (5, 8), (8, 8), (9, 16)][..])
            .prop_flat_map(|(kind, len)| (Just(vec![kind]), vec(any::<u8>(), len)))
            .prop_map(|(kind, value)| [kind, value].concat()),
        // Length bytes that look like the beginning of a UTF-8 character.
        prop_oneof![vec(any::<u8>(), 0..3), vec(0x80_u8.., 195), vec(any::<u8>(), 300)]
            .prop_map(move |value| [vec![6], sized(value)].concat()),
        utf8().prop_map(move |value| [vec![7], sized(value)].concat()),
    ];
    (utf8(), value).prop_map(|(name, value)| {
        let len = u8::try_from(name.len()).unwrap();
        [vec![len], name, value].concat()
    })
}

/// Reads headers in the simplest way: name, number of the type, bytes of the value.
fn read_simply(mut bytes: &[u8]) -> Option<Vec<(String, u8, Vec<u8>)>> {
    let mut headers = Vec::new();
    while !bytes.is_empty() {
        let mut take = |len: usize| {
            let (taken, rest) = bytes.split_at_checked(len)?;
            bytes = rest;
            Some(taken.to_vec())
        };
        let name_len = take(1)?[0];
        let name = String::from_utf8(take(name_len.into())?).ok()?;
        let kind = take(1)?[0];
        let len = match kind {
            0 | 1 => 0,
            2 => 1,
            3 => 2,
            4 => 4,
            5 | 8 => 8,
            6 | 7 => {
                let len = take(2)?;
                usize::from(len[0]) << 8 | usize::from(len[1])
            }
            9 => 16,
            _ => return None,
        };
        let value = take(len)?;
        if len > 32_767 || kind == 7 && std::str::from_utf8(&value).is_err() {
            return None;
        }
        headers.push((name, kind, value));
    }
    Some(headers)
}

fn kind_and_bytes(value: HeaderValueRef<'_>) -> (u8, Vec<u8>) {
    match value {
        HeaderValueRef::Bool(value) => (u8::from(!value), Vec::new()),
        HeaderValueRef::Byte(value) => (2, value.to_be_bytes().into()),
        HeaderValueRef::Int16(value) => (3, value.to_be_bytes().into()),
        HeaderValueRef::Int32(value) => (4, value.to_be_bytes().into()),
        HeaderValueRef::Int64(value) => (5, value.to_be_bytes().into()),
        HeaderValueRef::ByteArray(value) => (6, value.into()),
        HeaderValueRef::String(value) => (7, value.as_bytes().into()),
        HeaderValueRef::Timestamp(value) => (8, value.to_be_bytes().into()),
        HeaderValueRef::Uuid(value) => (9, value.into()),
    }
}

fn many() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.max(20_000), ..config }
}

proptest! {
    #![proptest_config(many())]

    #[test]
    fn headers_are_read_like_by_the_simplest_reader(
        headers in vec(header_bytes(), 0..6),
        change in prop::option::weighted(0.05, (any::<prop::sample::Index>(), any::<u8>())),
        cut in prop::option::weighted(0.03, any::<prop::sample::Index>()),
    ) {
        let mut headers = headers.concat();
        if let Some((at, byte)) = change && !headers.is_empty() {
            let at = at.index(headers.len());
            headers[at] = byte;
        }
        if let Some(cut) = cut && !headers.is_empty() {
            headers.truncate(cut.index(headers.len()));
        }
        let bytes = framed(&headers);
        let found = parse(&bytes).ok().map(|message| {
            message
                .headers()
                .map(|(name, value)| {
                    let (kind, value) = kind_and_bytes(value);
                    (name.to_owned(), kind, value)
                })
                .collect::<Vec<_>>()
        });
        prop_assert_eq!(found, read_simply(&headers));
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(message in message()) {
        let mut bytes = encode(&message);
        prop_assert_eq!(&Message::from(parse(&bytes).unwrap()), &message);
        prop_assert_eq!(decode(&mut Decoder::default(), &mut bytes).unwrap(), Some(message));
    }

    #[test]
    fn both_implementations_write_the_same_and_read_each_other(message in message()) {
        let ours = encode(&message);
        let mut theirs = Vec::new();
        write_message_to(&to_aws(&message), &mut theirs).unwrap();
        prop_assert_eq!(&ours[..], &theirs[..]);
        prop_assert_eq!(read_message_from(&mut &ours[..]).unwrap(), to_aws(&message));
    }

    #[test]
    fn what_the_other_implementation_refuses_is_refused(
        message in message(), at in any::<prop::sample::Index>(), bit in 0..8,
    ) {
        let mut bytes = encode(&message);
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        let theirs = read_message_from(&mut &bytes[..]);
        let ours = parse(&bytes);
        // Every flipped bit is an error: the checksums find what other checks do not.
        prop_assert!(theirs.is_err() && ours.is_err(), "{:?} {:?}", theirs, ours);
    }

    #[test]
    fn bytes_of_any_kind_are_an_error_or_not_enough(bytes in vec(any::<u8>(), 0..200)) {
        let mut buffer = BytesMut::from(&bytes[..]);
        let mut decoder = Decoder::default();
        // A random checksum is right once in four thousand million.
        prop_assert!(!matches!(decode(&mut decoder, &mut buffer), Ok(Some(_))));
    }

    #[test]
    fn headers_of_any_bytes_are_read_or_refused_like_the_other_implementation_does(
        headers in vec(any::<u8>(), 0..60),
    ) {
        let bytes = framed(&headers);
        let ours = parse(&bytes);
        let theirs = read_message_from(&mut &bytes[..]);
        match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) => prop_assert_eq!(&to_aws(&ours.clone().into()), theirs),
            (Err(_), Err(_)) => {}
            // The other implementation refuses empty names and timestamps outside its range.
            (Ok(ours), Err(_)) => prop_assert!(
                ours.headers().any(|(name, value)| name.is_empty()
                    || matches!(value, HeaderValueRef::Timestamp(_)))
            ),
            // The other implementation checks texts only when they are read.
            (Err(error), Ok(_)) => prop_assert!(false, "{:?}", error),
        }
    }

    #[test]
    fn messages_come_out_in_order_however_they_arrive(
        messages in vec(message(), 1..5), cuts in vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let bytes: Vec<u8> = messages.iter().flat_map(|it| encode(it).to_vec()).collect();
        let mut cuts: Vec<_> = cuts.iter().map(|it| it.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut decoder = Decoder::default();
        let mut buffer = BytesMut::new();
        let mut found = Vec::new();
        for cut in cuts.windows(2) {
            buffer.extend_from_slice(&bytes[cut[0]..cut[1]]);
            while let Some(message) = decode(&mut decoder, &mut buffer).unwrap() {
                found.push(message);
            }
        }
        prop_assert_eq!(found, messages);
    }
}

/// A message with these bytes as headers and correct checksums.
fn framed(headers: &[u8]) -> Bytes {
    let mut bytes = Vec::new();
    bytes.extend(u32::try_from(headers.len() + 16).unwrap().to_be_bytes());
    bytes.extend(u32::try_from(headers.len()).unwrap().to_be_bytes());
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    bytes.extend(headers);
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    bytes.into()
}
