//! The document of an update request, and its checks.

use serde_json::{Map, Value};

use super::rejection::{Kind, Rejection};

/// The maximum number of levels, `desired` or `reported` being the first one.
const MAX_LEVELS: usize = 6;
/// The maximum length of a client token, in characters.
const MAX_TOKEN_LEN: usize = 64;

/// A request to update a shadow.
#[derive(Debug)]
pub(super) struct Update {
    /// An object or null.
    pub(super) state: Value,
    /// The version that the shadow must have.
    pub(super) version: Option<u64>,
    pub(super) client_token: Option<String>,
}

impl Update {
    /// Reads a request. Text behind the document is ignored, as on a device.
    pub(super) fn read(payload: &[u8]) -> Result<Self, Rejection> {
        let text = payload.strip_prefix("\u{feff}".as_bytes()).unwrap_or(payload);
        let document = serde_json::Deserializer::from_slice(text).into_iter().next().transpose();
        let document = document.map_err(|error| {
            Rejection::new(Kind::Internal, format!("the document is not JSON: {error}"))
        })?;
        let mut members = match document {
            Some(Value::Object(members)) if !members.is_empty() => members,
            None | Some(Value::Null | Value::Object(_)) => return Err(invalid(&[])),
            Some(other) => {
                return Err(invalid(&[format!("$: {} found, object expected", kind(&other))]));
            }
        };
        if let Some(Value::Object(state)) = members.get_mut("state") {
            // A response to a request of the document, sent back.
            state.remove("delta");
        }
        let violations = violations(&members);
        if !violations.is_empty() {
            return Err(invalid(&violations));
        }
        let version = members.get("version");
        Ok(Self {
            version: version.and_then(|it| it.as_u64().or(Some(it.as_f64()? as u64))),
            client_token: members.get("clientToken").and_then(Value::as_str).map(str::to_owned),
            state: members.remove("state").unwrap_or_default(),
        })
    }

    /// Checks the depth of the sections.
    pub(super) fn check_depth(&self) -> Result<(), Rejection> {
        let sections = ["desired", "reported"].map(|it| self.state.get(it));
        if sections.into_iter().flatten().all(|it| is_flat(it, 1)) {
            return Ok(());
        }
        let text = format!("JSON contains too many levels of nesting; maximum is {MAX_LEVELS}");
        Err(Rejection::new(Kind::Invalid, text))
    }
}

fn invalid(violations: &[String]) -> Rejection {
    Rejection::new(Kind::Invalid, format!("Invalid JSON: {}", violations.join(". ")))
}

/// What is wrong with the members of a document, in the words of a device, which the rejected message has.
fn violations(members: &Map<String, Value>) -> Vec<String> {
    let mut violations = Vec::new();
    match members.get("state") {
        None => violations.push("state: is missing but it is required".to_owned()),
        Some(Value::Null) => {}
        Some(Value::Object(state)) => check_state(state, &mut violations),
        Some(other) => violations.push(not_an_object("state", other)),
    }
    match members.get("version") {
        None => {}
        Some(Value::Number(version)) if version.as_f64() < Some(0.0) => {
            violations.push("version: must have a minimum value of 0".to_owned());
        }
        Some(Value::Number(_)) => {}
        Some(other) => violations.push(format!("version: {} found, number expected", kind(other))),
    }
    match members.get("clientToken") {
        None => {}
        Some(Value::String(token)) if token.chars().count() > MAX_TOKEN_LEN => {
            violations.push(format!("clientToken: may only be {MAX_TOKEN_LEN} characters long"));
        }
        Some(Value::String(_)) => {}
        Some(other) => {
            violations.push(format!("clientToken: {} found, string expected", kind(other)));
        }
    }
    violations
}

fn check_state(state: &Map<String, Value>, violations: &mut Vec<String>) {
    let sections = ["desired", "reported"].map(|it| (it, state.get(it)));
    for (name, section) in sections {
        match section {
            None | Some(Value::Null | Value::Object(_)) => {}
            Some(other) => violations.push(not_an_object(&format!("state.{name}"), other)),
        }
    }
    if !state.is_empty() && sections.iter().all(|(_, it)| it.is_none()) {
        let missing = |name| format!("state.{name}: is missing but it is required");
        violations.extend(["reported", "desired"].map(missing));
        violations.extend(state.keys().map(|it| {
            format!(
                "state.{it}: is not defined in the schema and the schema does not allow additional properties"
            )
        }));
    }
}

fn not_an_object(path: &str, value: &Value) -> String {
    format!("{path}: {} found, but [object, null] is required", kind(value))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(it) if it.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Whether no object or array with content is below the last level.
fn is_flat(value: &Value, level: usize) -> bool {
    let is_flat_below = |it: &Value| is_flat(it, level + 1);
    match value {
        Value::Object(it) => it.is_empty() || level <= MAX_LEVELS && it.values().all(is_flat_below),
        Value::Array(it) => it.is_empty() || level <= MAX_LEVELS && it.iter().all(is_flat_below),
        _ => true,
    }
}
