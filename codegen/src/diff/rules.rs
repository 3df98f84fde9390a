//! Which changes are compatible, and in which direction.

use super::On::{self, Added, Changed, Loosened, Removed, Tightened};

/// The kinds of facts and how they change, the change in words with its values, what it breaks, and why.
pub(super) type Rule = (&'static [&'static str], On, &'static str, Breaks, &'static str);

/// Whether a change breaks the client and the server, given which of them send the shape.
pub(super) type Breaks = fn([bool; 2]) -> [bool; 2];

const NOBODY: Breaks = |_| [false, false];
const BOTH: Breaks = |_| [true, true];
const CLIENT: Breaks = |_| [true, false];
const SERVER: Breaks = |_| [false, true];
const SENDER: Breaks = |sent| sent;
const READER: Breaks = |[client, server]| [server, client];
const CLIENT_IF_SENDER: Breaks = |[client, _]| [client, false];

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    (&["service name"], Changed, "renamed: {}", SERVER, "the server's trait has another name"),
    (&["version"], Changed, "version changed: {}", NOBODY, "it is not on the wire"),

    (&["operation"], Added, "added", NOBODY, "a server answers that it is not implemented, until it is"),
    (&["operation"], Removed, "removed", BOTH, "its methods are gone"),
    (&["method"], Changed, "method renamed: {}", BOTH, "it is called otherwise in Rust"),
    (&["request"], Changed, "request is another shape: {}", BOTH, "the types of the call change"),
    (&["response"], Changed, "response is another shape: {}", BOTH, "the types of the call change"),
    (&["stream"], Added, "call became a stream", BOTH, "it returns a subscription, not a response"),
    (&["stream"], Removed, "stream became a call", BOTH, "it returns a response, not a subscription"),
    (&["events from the client"], Added, "events added in another direction: from the client", NOBODY, "who does not know of them goes on without"),
    (&["events from the server"], Added, "events added in another direction: from the server", NOBODY, "who does not know of them goes on without"),
    (&["events from the client"], Removed, "events removed in one direction: from the client", BOTH, "they are neither sent nor read any more"),
    (&["events from the server"], Removed, "events removed in one direction: from the server", BOTH, "they are neither sent nor read any more"),
    (&["events from the client", "events from the server"], Changed, "events are another shape: {}", BOTH, "the types of the stream change"),
    (&["error"], Added, "error added: {}", NOBODY, "who does not know it gets it as an error it does not know"),
    (&["error"], Removed, "error removed: {}", BOTH, "its variant is gone"),

    (&["type"], Added, "added", NOBODY, "nothing used it"),
    (&["type"], Removed, "removed", BOTH, "its type is gone"),
    (&["type", "value"], Changed, "another type: {}", BOTH, "its values are others"),
    (&["path", "builder"], Changed, "moved in Rust: {}", BOTH, "its type has another path"),
    (&["build fails"], Added, "build() can fail now", SENDER, "it returns a Result"),
    (&["build fails"], Removed, "build() cannot fail any more", SENDER, "it returns no Result"),
    (&["default"], Removed, "no Default any more", BOTH, "there is no value without what is required"),
    (&["validate"], Removed, "validate() is gone", BOTH, "there is nothing to check"),
    (&["fault"], Changed, "error is the other side's fault: {}", NOBODY, "it says something else about who is to blame"),
    (&["retryable"], Changed, "retryable changed", NOBODY, "who retries decides otherwise"),

    (&["value type", "holds"], Changed, "type changed: {}", BOTH, "its values are others"),
    (&["sparse"], Added, "type changed: it may hold null", BOTH, "its values are others"),
    (&["sparse"], Removed, "type changed: it may not hold null", BOTH, "its values are others"),
    (&["target"], Changed, "target changed, with the same type: {}", NOBODY, "nothing else changes"),
    (&["JSON name"], Changed, "name in JSON changed: {}", BOTH, "the other side looks for the old one"),
    (&["enum value"], Changed, "value on the wire changed: {}", BOTH, "the other side does not know it"),
    (&["field name"], Changed, "renamed in Rust: {}", BOTH, "its field and setter are called otherwise"),
    (&["variant name"], Changed, "variant renamed in Rust: {}", BOTH, "it is called otherwise"),
    (&["field"], Added, "added, optional", NOBODY, "who does not know it passes it over"),
    (&["required field"], Added, "added, required", SENDER, "it must be set"),
    (&["field", "required field"], Removed, "removed", BOTH, "its field and setter are gone"),
    (&["alternative"], Added, "alternative added", NOBODY, "unions are open: it reads as unknown"),
    (&["alternative"], Removed, "alternative removed", BOTH, "its variant is gone"),
    (&["enum member"], Added, "value added", NOBODY, "enums are open: others keep the text"),
    (&["enum member"], Removed, "value removed", BOTH, "its variant is gone"),
    (&["required"], Added, "became required", SENDER, "it must be set"),
    (&["required"], Removed, "no longer required", NOBODY, "what was sent goes on being right"),
    (&["optional"], Added, "became an Option", READER, "who reads it finds another type"),
    (&["optional"], Removed, "is no Option any more", READER, "who reads it finds another type"),
    (&["default value"], Added, "default added", NOBODY, "what is not sent has a meaning now"),
    (&["default value"], Changed, "default changed", BOTH, "what is not sent means something else"),
    (&["default value"], Removed, "default removed", BOTH, "what is not sent has no meaning any more"),
    (&["token"], Added, "filled in when it is not set", NOBODY, "what was sent goes on being right"),
    (&["token"], Removed, "no longer filled in", CLIENT, "a client has to set it"),
    (&["boxed"], Added, "type changed: it is in a Box now", BOTH, "its values are others"),
    (&["boxed"], Removed, "type changed: it is in no Box now", BOTH, "its values are others"),
    (&["from"], Removed, "no From any more", BOTH, "another alternative has the same type"),

    (&["length", "range", "pattern", "unique items"], Added, "constraint added: {}", CLIENT_IF_SENDER, "only requests are checked"),
    (&["length", "range", "pattern", "unique items"], Removed, "constraint removed: {}", NOBODY, "what was right stays right"),
    (&["length", "range"], Tightened, "constraint tightened: {}", CLIENT_IF_SENDER, "only requests are checked"),
    (&["length", "range"], Loosened, "constraint loosened: {}", NOBODY, "what was right stays right"),
    // Which of two patterns allows more cannot be told.
    (&["pattern"], Changed, "constraint changed: {}", CLIENT_IF_SENDER, "only requests are checked"),
    (&["sensitive"], Added, "sensitive changed: it is now", NOBODY, "only what is logged changes"),
    (&["sensitive"], Removed, "sensitive changed: it is no longer", NOBODY, "only what is logged changes"),
    (&["deprecated"], Added, "deprecated", NOBODY, "it compiles with a warning"),
    (&["deprecated"], Removed, "no longer deprecated", NOBODY, "a warning goes away"),
    (&["documentation"], Changed, "documentation changed", NOBODY, "only what people read changes"),
];
