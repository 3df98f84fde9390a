//! Invariants of the frame codec: decoding reverses encoding, however the bytes arrive.

use aws_smithy_eventstream::frame::read_message_from;
use aws_smithy_types::event_stream as aws;
use bytes::BytesMut;
use eventstream_rpc::{
    frame::{DecodeError, Decoder, HeaderError, HeaderValue},
    protocol::RpcMessage,
};

use test_util::message::{Message, decode as decode_next, parse};

use crate::invariants::{Input, seal};

/// Decodes bytes as frames in different ways and compares the results.
///
/// The first byte selects whether lengths and checksums are corrected before, and whether the frame is repeated. The
/// second is the number of bytes that arrive at a time.
pub fn codec(data: &[u8]) {
    let mut input = Input::new(data);
    let (how, step) = (input.byte(), usize::from(input.byte()).max(1));
    let mut bytes = input.rest().to_vec();
    if how & 1 != 0 {
        bytes = seal(&bytes);
    }
    if how & 2 != 0 {
        bytes.extend_from_within(..);
    }
    let decoded = decode(&bytes, bytes.len().max(1));
    assert_eq!(decoded, decode(&bytes, step), "the result depends on how the bytes arrive");
    let (decoded, _) = decoded;
    let mut rest = &bytes[..];
    for message in &decoded {
        let len = rest.first_chunk().map_or(0, |it| u32::from_be_bytes(*it) as usize);
        let (frame, after) = rest.split_at(len);
        check_frame(frame, message);
        rest = after;
    }
    compare_with_smithy(&bytes);
}

/// Decodes all messages. Returns them and the error that ends the decoding, if any.
fn decode(bytes: &[u8], step: usize) -> (Vec<Message>, Option<DecodeError>) {
    let mut decoder = Decoder::default();
    let mut buffer = BytesMut::new();
    let mut messages = Vec::new();
    for chunk in bytes.chunks(step) {
        buffer.extend_from_slice(chunk);
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(frame)) => {
                    messages.push(Message::from(frame.clone()));
                    if let Ok(message) = RpcMessage::read(frame) {
                        check_rpc(&message);
                    }
                }
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
        // The length in a prelude never causes a larger allocation.
        assert!(decoder.missing(&buffer) <= 24 * 1024 * 1024);
    }
    (messages, None)
}

fn check_rpc(message: &RpcMessage) {
    for text in [message.operation(), message.service_model_type(), message.content_type()] {
        let is_header =
            |text: &str| message.headers().any(|(_, value)| value.as_str() == Some(text));
        assert!(text.is_none_or(is_header), "{text:?} is not a header");
    }
    assert_eq!(message.payload(), &message.to_payload()[..]);
}

fn check_frame(frame: &[u8], message: &Message) {
    let decoded = parse(frame).expect("the decoder accepts the frame");
    assert_eq!(&Message::from(decoded.clone()), message);
    assert_eq!(decoded.payload(), &message.payload[..]);
    for header in &message.headers {
        assert_eq!(
            decoded.header(&header.name).map(|it| it.to_owned()).as_ref(),
            message.header(&header.name)
        );
    }
    let mut again = BytesMut::new();
    message.encode(&mut again).expect("a decoded message is within the limits");
    assert_eq!(&again[..], frame, "encoding does not reverse decoding");
}

fn compare_with_smithy(bytes: &[u8]) {
    let ours = decode_next(&mut Decoder::default(), &mut BytesMut::from(bytes));
    let theirs = read_message_from(&mut &bytes[..]);
    match (&ours, &theirs) {
        (Ok(Some(ours)), Ok(theirs)) => {
            if let Some(ours) = to_aws(ours) {
                assert_eq!(&ours, theirs);
            }
        }
        // The other implementation rejects empty names and distant timestamps.
        (Ok(Some(ours)), Err(error)) => assert!(
            ours.headers
                .iter()
                .any(|it| it.name.is_empty() || matches!(it.value, HeaderValue::Timestamp(_))),
            "{error}"
        ),
        // The other implementation has other limits.
        (Err(DecodeError::Headers(error)), Ok(_)) => assert!(
            matches!(error, HeaderError::ValueTooLong { .. } | HeaderError::TooMany { .. }),
            "{error}"
        ),
        (ours, Ok(_)) => panic!("{ours:?}"),
        (_, Err(_)) => {}
    }
}

/// Converts a message for the other implementation, which does not support distant timestamps.
fn to_aws(message: &Message) -> Option<aws::Message> {
    let mut headers = Vec::new();
    for header in &message.headers {
        let value = match &header.value {
            HeaderValue::Bool(value) => aws::HeaderValue::Bool(*value),
            HeaderValue::Byte(value) => aws::HeaderValue::Byte(*value),
            HeaderValue::Int16(value) => aws::HeaderValue::Int16(*value),
            HeaderValue::Int32(value) => aws::HeaderValue::Int32(*value),
            HeaderValue::Int64(value) => aws::HeaderValue::Int64(*value),
            HeaderValue::ByteArray(value) => aws::HeaderValue::ByteArray(value.clone()),
            HeaderValue::String(value) => aws::HeaderValue::String(value.clone().into()),
            HeaderValue::Timestamp(value) => {
                if value.abs_diff(0) > 8_000_000_000_000 {
                    return None;
                }
                aws::HeaderValue::Timestamp(aws_smithy_types::DateTime::from_millis(*value))
            }
            HeaderValue::Uuid(value) => aws::HeaderValue::Uuid(u128::from_be_bytes(*value)),
        };
        headers.push(aws::Header::new(header.name.clone(), value));
    }
    Some(aws::Message::new_from_parts(headers, message.payload.clone()))
}
