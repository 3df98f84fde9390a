//! Documents: any JSON value.

/// Any JSON value (`smithy.api#Document`).
///
/// Null is a document: `Some(Document::Null)` is written as `null` and read back. Most other SDKs do not tell it
/// from a member that is missing, and neither does a union or a member that is required.
///
/// Numbers keep the form they arrive in. A document that has passed through the Java nucleus holds
/// only floating-point numbers, so read them with [`as_f64`](serde_json::Value::as_f64).
pub use serde_json::Value as Document;

/// Turns a value of your own into a document.
///
/// # Errors
///
/// What `value`'s own `Serialize` reports, and map keys that are not strings.
///
/// ```
/// use eventstream_rpc::primitives::document;
///
/// let reading = document::from_serialize(&[1.5, 2.5])?;
/// assert_eq!(reading[1], 2.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn from_serialize<T: serde::Serialize + ?Sized>(
    value: &T,
) -> Result<Document, serde_json::Error> {
    serde_json::to_value(value)
}
