//! What a change means, for those who use the service already.

use std::fmt;

use Effect::{Breaks as B, Ok as K};
use Way::{Any as A, Request as Q, Response as P};

/// Whether something that worked stops working.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// It goes on working.
    Ok,
    /// It stops working, or does not compile.
    Breaks,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Breaks => "BREAKS",
        })
    }
}

/// Who sends what has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It does not matter.
    Any,
    /// A client: it is in a request, or an event from the client.
    Request,
    /// A server: it is in a response, an error, or an event from the server.
    Response,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Any => "",
            Self::Request => "request",
            Self::Response => "response",
        })
    }
}

/// What one kind of change means.
#[derive(Debug)]
pub(super) struct Rule {
    /// How it changed.
    pub(super) what: &'static str,
    pub(super) way: Way,
    pub(super) client: Effect,
    pub(super) server: Effect,
    pub(super) why: &'static str,
}

macro_rules! rules {
    ($($name:ident: $kind:literal $what:literal, $way:ident, $client:ident, $server:ident, $why:literal;)*) => {
        $(pub(super) const $name: Rule =
            Rule { what: $what, way: $way, client: $client, server: $server, why: $why };)*

        /// Every rule and what it is about, in the order of the table.
        #[cfg(test)]
        pub(super) const ALL: &[(&str, &Rule)] = &[$(($kind, &$name)),*];
    };
}

rules! {
    SERVICE_RENAMED: "service" "renamed", A, K, B, "the server's trait has another name";
    SERVICE_VERSION: "service" "version changed", A, K, K, "it is not on the wire";

    OPERATION_ADDED: "operation" "added", A, K, K, "a server answers that it is not implemented, until it is";
    OPERATION_REMOVED: "operation" "removed", A, B, B, "its methods are gone";
    METHOD_RENAMED: "operation" "method renamed", A, B, B, "it is called otherwise in Rust";
    REQUEST_SHAPE: "operation" "request is another shape", A, B, B, "the types of the call change";
    RESPONSE_SHAPE: "operation" "response is another shape", A, B, B, "the types of the call change";
    BECAME_STREAM: "operation" "call became a stream", A, B, B, "it returns a subscription, not a response";
    BECAME_CALL: "operation" "stream became a call", A, B, B, "it returns a response, not a subscription";
    EVENTS_ADDED: "operation" "events added in another direction", A, K, K, "who does not know of them goes on without";
    EVENTS_REMOVED: "operation" "events removed in one direction", A, B, B, "they are neither sent nor read any more";
    EVENTS_SHAPE: "operation" "events are another shape", A, B, B, "the types of the stream change";
    ERROR_ADDED: "operation" "error added", A, K, K, "who does not know it gets it as an error it does not know";
    ERROR_REMOVED: "operation" "error removed", A, B, B, "its variant is gone";

    SHAPE_ADDED: "shape" "added", A, K, K, "nothing used it";
    SHAPE_REMOVED: "shape" "removed", A, B, B, "its type is gone";
    SHAPE_KIND: "shape" "another type", A, B, B, "its values are others";
    SHAPE_MOVED: "shape" "moved in Rust", A, B, B, "its type has another path";
    BUILD_FALLIBLE_REQUEST: "shape" "build() can fail now", Q, B, K, "it returns a Result";
    BUILD_FALLIBLE_RESPONSE: "shape" "build() can fail now", P, K, B, "it returns a Result";
    BUILD_INFALLIBLE_REQUEST: "shape" "build() cannot fail any more", Q, B, K, "it returns no Result";
    BUILD_INFALLIBLE_RESPONSE: "shape" "build() cannot fail any more", P, K, B, "it returns no Result";

    NO_DEFAULT: "shape" "no Default any more", A, B, B, "there is no value without what is required";
    NO_VALIDATE: "shape" "validate() is gone", A, B, B, "there is nothing to check";

    MEMBER_ADDED: "member" "added, optional", A, K, K, "who does not know it passes it over";
    REQUIRED_ADDED_REQUEST: "member" "added, required", Q, B, K, "requests without it are refused";
    REQUIRED_ADDED_RESPONSE: "member" "added, required", P, K, B, "it must be set";
    MEMBER_REMOVED: "member" "removed", A, B, B, "its field and setter are gone";
    MEMBER_RENAMED: "member" "renamed in Rust", A, B, B, "its field and setter are called otherwise";
    JSON_NAME: "member" "name in JSON changed", A, B, B, "the other side looks for the old one";
    TYPE_CHANGED: "any" "type changed", A, B, B, "its values are others";
    TARGET_RENAMED: "member" "target changed, with the same type", A, K, K, "nothing else changes";
    REQUIRED_REQUEST: "member" "became required", Q, B, K, "requests without it are refused";
    REQUIRED_RESPONSE: "member" "became required", P, K, B, "it must be set";
    OPTIONAL: "member" "no longer required", A, K, K, "what was sent goes on being right";
    OPTION_REQUEST: "member" "became an Option", Q, K, B, "who reads it finds another type";
    OPTION_RESPONSE: "member" "became an Option", P, B, K, "who reads it finds another type";
    NO_OPTION_REQUEST: "member" "is no Option any more", Q, K, B, "who reads it finds another type";
    NO_OPTION_RESPONSE: "member" "is no Option any more", P, B, K, "who reads it finds another type";
    DEFAULT_CHANGED: "member" "default changed", A, B, B, "what is not sent means something else";
    DEFAULT_ADDED: "member" "default added", A, K, K, "what is not sent has a meaning now";
    DEFAULT_REMOVED: "member" "default removed", A, B, B, "what is not sent has no meaning any more";
    TOKEN_ADDED: "member" "filled in when it is not set", A, K, K, "what was sent goes on being right";
    TOKEN_REMOVED: "member" "no longer filled in", A, B, K, "a client has to set it";

    TIGHTER_REQUEST: "any" "constraint tightened", Q, B, K, "requests that were right are refused";
    TIGHTER_RESPONSE: "any" "constraint tightened", P, K, K, "only requests are checked";
    LOOSER: "any" "constraint loosened", A, K, K, "what was right stays right";
    PATTERN_REQUEST: "any" "pattern changed", Q, B, K, "requests that were right may be refused";
    PATTERN_RESPONSE: "any" "pattern changed", P, K, K, "only requests are checked";

    ENUM_VALUE_ADDED: "member" "value added", A, K, K, "enums are open: others keep the text";
    ENUM_VALUE_REMOVED: "member" "value removed", A, B, B, "its variant is gone";
    ENUM_VALUE_CHANGED: "member" "value on the wire changed", A, B, B, "the other side does not know it";
    VARIANT_RENAMED: "member" "variant renamed in Rust", A, B, B, "it is called otherwise";
    UNION_MEMBER_ADDED: "member" "alternative added", A, K, K, "unions are open: it reads as unknown";
    UNION_MEMBER_REMOVED: "member" "alternative removed", A, B, B, "its variant is gone";

    NO_FROM: "member" "no From any more", A, B, B, "another alternative has the same type";

    FAULT: "shape" "error is the other side's fault", A, K, K, "it says something else about who is to blame";
    RETRYABLE: "shape" "retryable changed", A, K, K, "who retries decides otherwise";
    SENSITIVE: "any" "sensitive changed", A, K, K, "only what is logged changes";
    DEPRECATED: "any" "deprecated", A, K, K, "it compiles with a warning";
    NOT_DEPRECATED: "any" "no longer deprecated", A, K, K, "a warning goes away";
    DOCUMENTATION: "any" "documentation changed", A, K, K, "only what people read changes";
}
