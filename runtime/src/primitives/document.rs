//! Documents: any JSON value.

/// Any JSON value (`smithy.api#Document`).
///
/// Null is a document: `Some(Document::Null)` is written as `null` and read back. Most other SDKs do not distinguish it
/// from a missing member; unions and required members do not either.
///
/// Integers and floating-point numbers stay what they are. The Java nucleus turns all numbers of a document into
/// floating-point numbers, so read them with [`as_f64`](serde_json::Value::as_f64).
pub use serde_json::Value as Document;

/// Converts a value into a document.
///
/// # Errors
///
/// The error of `value`'s `Serialize`, or a map key that is not a string.
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
