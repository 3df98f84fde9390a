//! What generated code tells the runtime about a structure or union.

use serde::{Serialize, de::DeserializeOwned};

use super::{Checker, Error};

/// A structure or union of the model that travels as a JSON payload.
pub trait Shape: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Absolute shape ID, such as `aws.greengrass#PublishToTopicRequest`: the value of the
    /// `service-model-type` header.
    const ID: &'static str;

    /// The shape as JSON text, with blobs in base64 as they travel.
    ///
    /// Serializing with `serde_json` directly writes a blob as an array of numbers: the base64 form
    /// belongs to the protocol, not to the type.
    ///
    /// # Errors
    ///
    /// A value that has no JSON form: an unknown union member, a number that is not finite, or a time outside the
    /// years 0 to 9999 where it travels as text.
    fn to_json(&self) -> Result<String, Error> {
        super::to_string(self)
    }

    /// Tells a checker what the model asks for (`length`, `range`, `pattern`, `uniqueItems`). Generated for
    /// requests, and for what they hold, where the model asks for anything.
    #[doc(hidden)]
    fn check<'v>(&'v self, it: &mut Checker<'v>) {
        let _ = it;
    }
}
