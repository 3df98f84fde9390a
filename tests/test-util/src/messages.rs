//! Messages of the echo service, and frames that carry anything.

use bytes::BytesMut;
use echo::types::{EchoStreamingMessage, MessageData};

use crate::Draft;

/// A message with a text, as the echo service sends it back.
pub fn message(text: &str) -> MessageData {
    MessageData::builder().string_message(text).build()
}

/// An event with a text.
pub fn event(text: &str) -> EchoStreamingMessage {
    EchoStreamingMessage::StreamMessage(message(text))
}

/// Checks the text of an event.
#[track_caller]
pub fn assert_text(event: &EchoStreamingMessage, expected: &str) {
    let EchoStreamingMessage::StreamMessage(message) = event else { panic!("{event:?}") };
    assert_eq!(message.string_message.as_deref(), Some(expected));
}

/// A frame with texts as headers besides the three that every message has.
pub fn frame(
    kind: i32,
    flags: i32,
    stream: i32,
    texts: &[(&str, &str)],
    payload: &str,
) -> BytesMut {
    let draft = Draft::new(kind, flags, stream).payload(payload.to_owned());
    texts.iter().fold(draft, |draft, (name, text)| draft.header(name, *text)).encode()
}

/// A frame of the connection without a payload.
pub fn control(kind: i32, flags: i32) -> Vec<u8> {
    frame(kind, flags, 0, &[], "").into()
}
