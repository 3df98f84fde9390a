//! Replaces the variables in the requests of scenarios.

use std::time::SystemTime;

use greengrass_core_ipc::primitives::Blob;
use serde::Serialize;
use serde_json::{Map, Value, ser::Formatter};

/// Replaces variables in a text: `$i` by a number, `$token:NAME` by a token, `$rep:x:N` by N times x.
pub(super) fn text(text: &str, index: Option<usize>, token: impl Fn(&str) -> String) -> String {
    let text = match index {
        Some(index) => text.replace("$i", &index.to_string()),
        None => text.to_owned(),
    };
    let is_name = |it: char| it.is_alphanumeric() || "._".contains(it);
    let text = replaced(&text, "$token:", |rest| {
        let end = rest.find(|it| !is_name(it)).unwrap_or(rest.len());
        (token(&rest[..end]), end)
    });
    replaced(&text, "$rep:", |rest| {
        let end = rest[2..].find(|it: char| !it.is_ascii_digit()).map_or(rest.len(), |it| it + 2);
        (rest[..1].repeat(rest[2..end].parse().unwrap()), end)
    })
}

/// Replaces each occurrence of a variable. `value` returns its value and length, from the text after its name.
fn replaced(text: &str, name: &str, value: impl Fn(&str) -> (String, usize)) -> String {
    let mut parts = text.split(name);
    let mut result = parts.next().unwrap_or_default().to_owned();
    for rest in parts {
        let (value, len) = value(rest);
        result.push_str(&value);
        result.push_str(&rest[len..]);
    }
    result
}

/// Replaces variables in JSON: those of texts, `$now` and `$t0`, the start of the scenario, with an offset in seconds,
/// and `$json` and `$text` by base64.
pub(super) fn json(value: &Value, start: SystemTime, text: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(it) => time(it, start).map_or_else(|| text(it).into(), Value::from),
        Value::Array(items) => items.iter().map(|it| json(it, start, text)).collect(),
        Value::Object(members) if members.contains_key("$json") => {
            base64(json(&members["$json"], start, text).to_string())
        }
        Value::Object(members) if members.contains_key("$text") => {
            base64(text(members["$text"].as_str().unwrap()))
        }
        Value::Object(members) => {
            let members = members.iter().map(|(name, it)| (text(name), json(it, start, text)));
            members.collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

fn base64(plain: String) -> Value {
    let json = eventstream_rpc::json::to_vec(&Blob::new(plain)).unwrap();
    serde_json::from_slice(&json).unwrap()
}

/// The value of a variable that is a time, in seconds since 1970.
fn time(variable: &str, start: SystemTime) -> Option<f64> {
    let now = variable.strip_prefix("$now").map(|offset| (SystemTime::now(), offset));
    let (time, offset) = now.or_else(|| Some((start, variable.strip_prefix("$t0")?)))?;
    let time = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Some(time.as_secs_f64() + offset.parse().unwrap_or(0.0))
}

/// Writes JSON with the blanks that Python writes, on which the length of recorded messages depends.
pub(super) fn python_json(value: &Value) -> Vec<u8> {
    let mut json = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut json, Python)).unwrap();
    json
}

struct Python;

impl Formatter for Python {
    fn begin_array_value<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        is_first: bool,
    ) -> std::io::Result<()> {
        if is_first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        is_first: bool,
    ) -> std::io::Result<()> {
        self.begin_array_value(writer, is_first)
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
    ) -> std::io::Result<()> {
        writer.write_all(b": ")
    }
}
