//! The trait of structures and unions.

use serde::{Serialize, de::DeserializeOwned};

use super::{Checker, Error};

/// A structure or union of the model that travels as a JSON payload.
pub trait Shape: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Absolute shape ID, such as `aws.greengrass#PublishToTopicRequest`: the value of the
    /// `service-model-type` header.
    const ID: &'static str;

    /// The shape as JSON text, with blobs in base64 as on the wire.
    ///
    /// `serde_json` itself writes a blob as an array of numbers: base64 is a part of the protocol, not of the type.
    ///
    /// # Errors
    ///
    /// A value that has no JSON form: an unknown union member, a number that is not finite, or a time outside the
    /// years 0 to 9999 that is written as text.
    fn to_json(&self) -> Result<String, Error> {
        super::to_string(self)
    }

    /// Passes the members with constraints (`length`, `range`, `pattern`, `uniqueItems`) to a checker. Generated for
    /// requests with constraints, and for the shapes in them.
    #[doc(hidden)]
    fn check<'v>(&'v self, it: &mut Checker<'v>) {
        let _ = it;
    }
}
