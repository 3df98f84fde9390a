//! Builders of the echo service's messages and of arbitrary frames.

use bytes::BytesMut;
use echo::types::{EchoStreamingMessage, MessageData};

use crate::MessageBuilder;

/// The input of a call: a message that contains a text.
pub fn message(text: &str) -> MessageData {
    MessageData::builder().string_message(text).build()
}

/// An event that contains a text.
pub fn event(text: &str) -> EchoStreamingMessage {
    EchoStreamingMessage::StreamMessage(message(text))
}

/// Checks the text of an event.
#[track_caller]
pub fn assert_text(event: &EchoStreamingMessage, expected: &str) {
    let EchoStreamingMessage::StreamMessage(message) = event else { panic!("{event:?}") };
    assert_eq!(message.string_message.as_deref(), Some(expected));
}

/// A frame with string headers, in addition to the three headers of every message.
pub fn frame(
    kind: i32,
    flags: i32,
    stream: i32,
    texts: &[(&str, &str)],
    payload: &str,
) -> BytesMut {
    let message = MessageBuilder::new(kind, flags, stream).payload(payload.to_owned());
    texts.iter().fold(message, |draft, (name, text)| draft.header(name, *text)).encode()
}

/// A frame on stream 0, which is the connection itself, without a payload.
pub fn control(kind: i32, flags: i32) -> Vec<u8> {
    frame(kind, flags, 0, &[], "").into()
}
