//! Describes received messages in the form of the recordings.

use greengrass_core_ipc::primitives::Blob;
use serde_json::{Map, Value, json};
use test_util::{END, MESSAGE, Received};

/// JSON that is nested deeper is not recorded.
const MAX_LEVELS: usize = 115;
/// Texts of this length are not recorded.
const LONG: usize = 300;

/// A message as a reply or event of a recording.
///
/// Texts are replaced by what the recording has in their place.
pub(super) fn describe(message: &Received, placeholders: &[(String, String)]) -> Value {
    let kind = match message.kind {
        0 => "message",
        1 => "error",
        3 => "ping-response",
        5 => "connect-ack",
        6 => "protocol-error",
        7 => "internal-error",
        _ => "other",
    };
    let mut description = json!({
        "kind": kind, "shape": shape(message), "body": clean(placed(body(&message.message.payload), placeholders), ""),
        "end": message.flags & END != 0,
    });
    if !["message", "error"].contains(&kind) {
        description["flags"] = message.flags.into();
        let headers = message.message.headers.iter().filter(|it| !it.name.starts_with(':'));
        let headers: Map<_, _> = headers.map(|it| (it.name.clone(), header(it))).collect();
        if !headers.is_empty() {
            description["headers"] = headers.into();
        }
    }
    description
}

fn header(header: &eventstream_rpc::frame::Header) -> Value {
    use eventstream_rpc::frame::HeaderValue;
    match &header.value {
        HeaderValue::Bool(value) => (*value).into(),
        HeaderValue::Int32(value) => (*value).into(),
        HeaderValue::String(value) => value.clone().into(),
        other => format!("{other:?}").into(),
    }
}

/// The name of a message's shape, without the namespace.
pub(super) fn shape(message: &Received) -> &str {
    message.text("service-model-type").unwrap_or_default().rsplit('#').next().unwrap_or_default()
}

/// Whether a message is an event of a subscription.
pub(super) fn is_event(message: &Received) -> bool {
    message.kind == MESSAGE && !shape(message).ends_with("Response")
}

fn body(payload: &[u8]) -> Value {
    if payload.is_empty() {
        return Value::Null;
    }
    match levels(payload) {
        levels if levels > MAX_LEVELS => json!({ "<deep>": levels }),
        _ => serde_json::from_slice(payload)
            .unwrap_or_else(|_| json!({ "<text>": String::from_utf8_lossy(payload) })),
    }
}

/// The depth of the brackets of a JSON text.
fn levels(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in json.iter().filter(|_| json.len() < 200_000) {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Replaces base64 by what it contains, long texts by their length, and times. `name` is the member that contains the value.
fn clean(value: Value, name: &str) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().map(|(member, it)| {
                let is_blob = member == "payload" || member == "message" && name == "binaryMessage";
                let it = match it {
                    Value::String(text) if is_blob && !text.is_empty() => blob(text),
                    it => clean(it, &member),
                };
                (shortened(member), it)
            });
            members.collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.into_iter().map(|it| clean(it, name)).collect(),
        Value::String(_) if name == "nextToken" => "<token>".into(),
        Value::String(_) if name == "createdOn" => "<time>".into(),
        Value::String(text) if text.len() == 36 && text.matches('-').count() == 4 => {
            "<uuid>".into()
        }
        Value::Number(time) if name.contains("time") && time.as_f64() > Some(1.5e9) => {
            "<time>".into()
        }
        Value::String(text) => shortened(text).into(),
        other => other,
    }
}

fn placed(value: Value, placeholders: &[(String, String)]) -> Value {
    match value {
        Value::String(mut text) => {
            for (part, placeholder) in placeholders {
                text = text.replace(part, placeholder);
            }
            text.into()
        }
        Value::Array(items) => items.into_iter().map(|it| placed(it, placeholders)).collect(),
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, it)| (name, placed(it, placeholders)));
            members.collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

fn shortened(text: String) -> String {
    match text.chars().count() {
        len if len >= LONG => format!("<long {len}>"),
        _ => text,
    }
}

fn blob(text: String) -> Value {
    let blob: Blob = serde_json::from_value(Value::from(&*text)).unwrap();
    let Ok(plain) = String::from_utf8(blob.to_vec()) else { return clean(text.into(), "") };
    match serde_json::from_str::<Value>(&plain) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => json!({ "$json": clean(value, "") }),
        _ => json!({ "$text": clean(plain.into(), "") }),
    }
}
