//! Framing: what is read is what was written, however it is read.

use aws_smithy_eventstream::frame::read_message_from;
use aws_smithy_types::event_stream as aws;
use bytes::BytesMut;
use eventstream_rpc::{
    frame::{DecodeError, Decoder, HeaderError, HeaderValue, Message, MessageRef},
    protocol::RpcMessage,
};

use crate::invariants::{Input, seal};

/// Reads bytes as frames in every way there is, and compares.
///
/// The first byte says whether lengths and checksums are set right before, and whether the frame comes
/// twice; the second how many bytes arrive at a time.
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
    assert_eq!(decoded, decode(&bytes, step), "how bytes arrive makes no difference");
    let (at_once, _) = decoded;
    let mut rest = &bytes[..];
    for message in &at_once {
        let len = rest.first_chunk().map_or(0, |it| u32::from_be_bytes(*it) as usize);
        let (frame, after) = rest.split_at(len);
        check_frame(frame, message);
        rest = after;
    }
    compare_with_the_other_implementation(&bytes);
}

/// Everything that comes out, and why nothing more does.
fn decode(bytes: &[u8], step: usize) -> (Vec<Message>, Option<DecodeError>) {
    let mut decoder = Decoder::default();
    let mut buffer = BytesMut::new();
    let mut messages = Vec::new();
    for chunk in bytes.chunks(step) {
        buffer.extend_from_slice(chunk);
        loop {
            match decoder.decode_frame(&mut buffer) {
                Ok(Some(frame)) => {
                    messages.push(frame.to_message());
                    if let Ok(message) = RpcMessage::read(frame) {
                        check_rpc(&message);
                    }
                }
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
        // What a prelude claims is at most what may be reserved for it.
        assert!(decoder.missing(&buffer) <= 24 * 1024 * 1024);
    }
    (messages, None)
}

fn check_rpc(message: &RpcMessage) {
    for text in [message.operation(), message.service_model_type(), message.content_type()] {
        let is_there = |text: &str| {
            message.headers().any(|it| it.value.as_str().is_some_and(|value| value == text))
        };
        assert!(text.is_none_or(is_there), "{text:?} is none of the headers");
    }
    assert_eq!(message.payload(), &message.to_payload()[..]);
}

fn check_frame(frame: &[u8], message: &Message) {
    let borrowed = MessageRef::parse(frame).expect("the decoder took it");
    assert_eq!(&borrowed.to_owned(), message);
    assert_eq!(borrowed.payload(), &message.payload[..]);
    for header in &message.headers {
        assert_eq!(
            borrowed.header(&header.name).map(|it| it.to_owned()).as_ref(),
            message.header(&header.name)
        );
    }
    let mut again = BytesMut::new();
    message.encode(&mut again).expect("what was read is within the limits");
    assert_eq!(&again[..], frame, "there is one way to write a message");
}

fn compare_with_the_other_implementation(bytes: &[u8]) {
    let ours = Decoder::default().decode(&mut BytesMut::from(bytes));
    let theirs = read_message_from(&mut &bytes[..]);
    match (&ours, &theirs) {
        (Ok(Some(ours)), Ok(theirs)) => {
            if let Some(ours) = to_aws(ours) {
                assert_eq!(&ours, theirs);
            }
        }
        // It has no empty names, and no moments far away.
        (Ok(Some(ours)), Err(error)) => assert!(
            ours.headers
                .iter()
                .any(|it| it.name.is_empty() || matches!(it.value, HeaderValue::Timestamp(_))),
            "{error}"
        ),
        // Its limits are others.
        (Err(DecodeError::Headers(error)), Ok(_)) => assert!(
            matches!(error, HeaderError::ValueTooLong { .. } | HeaderError::TooMany { .. }),
            "{error}"
        ),
        (ours, Ok(_)) => panic!("{ours:?}"),
        (_, Err(_)) => {}
    }
}

/// The same message, if the other implementation has it: it has no moments far away.
fn to_aws(message: &Message) -> Option<aws::Message> {
    let mut headers = Vec::new();
    for it in &message.headers {
        let value = match &it.value {
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
        headers.push(aws::Header::new(it.name.clone(), value));
    }
    Some(aws::Message::new_from_parts(headers, message.payload.clone()))
}
