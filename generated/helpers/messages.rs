//! Messages and configurations as values of the application's own types.
//!
//! ```
//! use greengrass_core_ipc::types::{JsonMessage, PublishMessage, SubscriptionResponseMessage};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! struct Reading {
//!     celsius: u32,
//! }
//!
//! let message = JsonMessage::of(&Reading { celsius: 21 })?;
//! let published = PublishMessage::from(message.clone());
//! let received = SubscriptionResponseMessage::from(message);
//! assert_eq!(received.json::<Reading>()?, Reading { celsius: 21 });
//! # let _ = published;
//! # Ok::<(), greengrass_core_ipc::error::JsonError>(())
//! ```
//!
//! The Java nucleus turns all numbers of a document into floating-point numbers. The methods `json` and `value_as` read a
//! whole number such as `5.0` into an integer where the type asks for one.

use eventstream_rpc::{
    json::{typed_from_document, typed_from_slice},
    primitives::{Blob, Document, document},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::JsonError,
    operation::get_configuration::GetConfigurationResponse,
    types::{
        BinaryMessage, IoTCoreMessage, JsonMessage, PublishMessage, SubscriptionResponseMessage,
    },
};

impl JsonMessage {
    /// A message with the JSON of a value, which should be an object: the Java nucleus delivers no other JSON.
    ///
    /// # Errors
    ///
    /// A value that has no JSON form.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, JsonError> {
        Ok(document::from_serialize(value)?.into())
    }

    /// Reads the message.
    ///
    /// # Errors
    ///
    /// A value that does not fit the type; the error names its path.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        typed_from_document(self.message.as_ref().unwrap_or(&Document::Null))
    }
}

impl BinaryMessage {
    /// Reads the bytes as JSON.
    ///
    /// # Errors
    ///
    /// Bytes that are not JSON, or a value that does not fit the type; the error names its path.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        typed_from_slice(self.message.as_deref().unwrap_or_default())
    }
}

impl SubscriptionResponseMessage {
    /// Reads the message as JSON, whether it was published as JSON or as bytes.
    ///
    /// # Errors
    ///
    /// Bytes that are not JSON, or a value that does not fit the type; the error names its path.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        match self {
            Self::JsonMessage(message) => message.json(),
            Self::BinaryMessage(message) => message.json(),
            Self::Unknown => typed_from_document(&Document::Null),
        }
    }

    /// The topic on which the message was published. The Java nucleus sets it from version 2.6.0 on.
    pub fn topic(&self) -> Option<&str> {
        let context = match self {
            Self::JsonMessage(message) => message.context.as_ref(),
            Self::BinaryMessage(message) => message.context.as_ref(),
            Self::Unknown => None,
        };
        context?.topic.as_deref()
    }
}

impl IoTCoreMessage {
    /// Reads the payload as JSON.
    ///
    /// # Errors
    ///
    /// A payload that is not JSON, or a value that does not fit the type; the error names its path.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        let payload = self.as_message().and_then(|it| it.payload.as_deref());
        typed_from_slice(payload.unwrap_or_default())
    }

    /// The topic on which the message was published.
    pub fn topic(&self) -> Option<&str> {
        Some(&self.as_message()?.topic_name)
    }
}

impl GetConfigurationResponse {
    /// Reads the value.
    ///
    /// # Errors
    ///
    /// A value that does not fit the type; the error names its path.
    pub fn value_as<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        typed_from_document(self.value.as_ref().unwrap_or(&Document::Null))
    }
}

impl From<Document> for JsonMessage {
    fn from(message: Document) -> Self {
        Self::builder().message(message).build()
    }
}

impl From<Document> for PublishMessage {
    fn from(message: Document) -> Self {
        JsonMessage::from(message).into()
    }
}

macro_rules! from_bytes {
    ($($bytes:ty)*) => {
        $(
            impl From<$bytes> for BinaryMessage {
                fn from(message: $bytes) -> Self {
                    Self::builder().message(message).build()
                }
            }

            impl From<$bytes> for PublishMessage {
                fn from(message: $bytes) -> Self {
                    BinaryMessage::from(message).into()
                }
            }
        )*
    };
}

from_bytes! { Blob Vec<u8> String &[u8] &str }
