//! The traits of the prelude, and which other ones are nobody's typing error.

use crate::shape_id::{PRELUDE, ShapeId};

/// Whether the prelude has a trait of this name.
pub(crate) fn is_known(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Whether a trait may be left out without a word.
pub(super) fn is_foreign(id: &ShapeId) -> bool {
    // Protocols, endpoints, waiters, authorization: they say nothing about event-stream RPC.
    let starts = |namespace: &str, prefix: &str| {
        namespace.strip_prefix(prefix).is_some_and(|it| it.is_empty() || it.starts_with('.'))
    };
    let namespace = id.namespace();
    namespace != PRELUDE && (starts(namespace, "aws") || starts(namespace, "smithy"))
}

/// Every trait of the prelude (Smithy 2.0 spec, section "Trait index"), with those that 2.1 adds.
pub(super) const NAMES: [&str; 82] = [
    "addedDefault",
    "auth",
    "authDefinition",
    "box",
    "clientOptional",
    "cors",
    "default",
    "deprecated",
    "documentation",
    "endpoint",
    "enum",
    "enumValue",
    "error",
    "eventHeader",
    "eventPayload",
    "examples",
    "externalDocumentation",
    "hostLabel",
    "http",
    "httpApiKeyAuth",
    "httpBasicAuth",
    "httpBearerAuth",
    "httpChecksumRequired",
    "httpDigestAuth",
    "httpError",
    "httpHeader",
    "httpLabel",
    "httpPayload",
    "httpPrefixHeaders",
    "httpQuery",
    "httpQueryParams",
    "httpResponseCode",
    "idRef",
    "idempotencyToken",
    "idempotent",
    "idx",
    "indexed",
    "input",
    "internal",
    "jsonName",
    "length",
    "longPoll",
    "mediaType",
    "metadata",
    "mixin",
    "nestedProperties",
    "noReplace",
    "notProperty",
    "optionalAuth",
    "output",
    "paginated",
    "pattern",
    "private",
    "property",
    "protocolDefinition",
    "range",
    "readonly",
    "recommended",
    "references",
    "requestCompression",
    "required",
    "requiresLength",
    "resourceIdentifier",
    "retryable",
    "sensitive",
    "since",
    "sparse",
    "streaming",
    "suppress",
    "synthetic",
    "tags",
    "timestampFormat",
    "title",
    "trait",
    "traitValidators",
    "uniqueItems",
    "unitType",
    "unstable",
    "xmlAttribute",
    "xmlFlattened",
    "xmlName",
    "xmlNamespace",
];
