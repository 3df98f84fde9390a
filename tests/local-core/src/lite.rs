//! Nucleus lite: its limits, the operations that it serves, and the form of its errors.

use greengrass_core_ipc::error::Unhandled;
use serde_json::{Value, json};

/// The maximum length of a message, in bytes.
pub(crate) const MAX_MESSAGE_LEN: usize = 10_000;
/// The maximum length of a topic or filter, in bytes.
pub(crate) const MAX_TOPIC_LEN: usize = 256;
/// The maximum number of connections at the same time.
pub(crate) const MAX_CONNECTIONS: usize = 50;
/// The maximum number of components.
pub(crate) const MAX_COMPONENTS: usize = 50;
/// The maximum number of subscriptions to topics.
pub(crate) const MAX_SUBSCRIPTIONS: usize = 99;
/// The maximum length of the policies of a component for one service, in bytes of JSON.
pub(crate) const MAX_POLICIES_LEN: usize = 4_096;
/// The maximum depth of the lists and objects of a request.
const MAX_DEPTH: usize = 15;
/// The maximum number of values in a request.
const MAX_VALUES: usize = 255;

/// The operations that it serves.
const OPERATIONS: [&str; 12] = [
    "CreateLocalDeployment",
    "GetConfiguration",
    "PublishToIoTCore",
    "PublishToTopic",
    "RestartComponent",
    "SubscribeToConfigurationUpdate",
    "SubscribeToIoTCore",
    "SubscribeToIoTCoreConnectionStatus",
    "SubscribeToTopic",
    "UpdateConfiguration",
    "UpdateState",
    "ValidateAuthorizationToken",
];

/// The operations whose invalid arguments are a `ServiceError`.
const MESSAGING: [&str; 4] =
    ["PublishToIoTCore", "PublishToTopic", "SubscribeToIoTCore", "SubscribeToTopic"];

const SERVICE_ERROR: &str = "aws.greengrass#ServiceError";

/// Whether it serves an operation.
pub(crate) fn serves(operation: &str) -> bool {
    operation.strip_prefix("aws.greengrass#").is_some_and(|it| OPERATIONS.contains(&it))
}

/// Whether a request is within the limits of depth and size.
pub(crate) fn has_valid_size(payload: &[u8]) -> bool {
    // Decoding refuses what is not JSON.
    let value = serde_json::from_slice(payload).unwrap_or_default();
    let (depth, count) = size(&value);
    depth <= MAX_DEPTH && count <= MAX_VALUES
}

/// The depth of the lists and objects of a value, and the number of values in it.
fn size(value: &Value) -> (usize, usize) {
    let items: Vec<_> = match value {
        Value::Array(items) => items.iter().map(size).collect(),
        Value::Object(members) => members.values().map(size).collect(),
        _ => return (0, 0),
    };
    let depth = items.iter().map(|(depth, _)| depth).max().unwrap_or(&0);
    (depth + 1, items.iter().map(|(_, count)| count + 1).sum())
}

/// An error in its form: the members `_message` and `_errorCode` only. Errors without a shape become a `ServiceError`
/// without a text.
pub(crate) fn error(operation: Option<&str>, error: &Unhandled) -> Unhandled {
    let operation = operation.unwrap_or_default().trim_start_matches("aws.greengrass#");
    let is_service_error = match error.code() {
        Some("InvalidArgumentsError") => MESSAGING.contains(&operation),
        Some("UnauthorizedError") => operation == "CreateLocalDeployment",
        _ => false,
    };
    let (shape, text) = match error.shape_id() {
        None => (SERVICE_ERROR, ""),
        Some(_) if is_service_error => (SERVICE_ERROR, error.message().unwrap_or_default()),
        Some(shape) => (shape, error.message().unwrap_or_default()),
    };
    let code = shape.trim_start_matches("aws.greengrass#");
    let payload = json!({ "_message": text, "_errorCode": code }).to_string();
    Unhandled::from_reply(Some(shape), Some("application/json"), payload.into())
}
