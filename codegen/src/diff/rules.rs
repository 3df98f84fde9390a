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
    (&["version"], Changed, "version changed: {}", NOBODY, "it is not sent"),

    (&["operation"], Added, "added", NOBODY, "a server answers that it is not implemented, until it is"),
    (&["operation"], Removed, "removed", BOTH, "its methods are removed"),
    (&["method"], Changed, "method renamed: {}", BOTH, "its Rust name changes"),
    (&["request"], Changed, "request is another shape: {}", BOTH, "the types of the call change"),
    (&["response"], Changed, "response is another shape: {}", BOTH, "the types of the call change"),
    (&["stream"], Added, "call became a stream", BOTH, "it returns a subscription, not a response"),
    (&["stream"], Removed, "stream became a call", BOTH, "it returns a response, not a subscription"),
    (&["events from the client"], Added, "events added in another direction: from the client", NOBODY, "a peer that does not know them ignores them"),
    (&["events from the server"], Added, "events added in another direction: from the server", NOBODY, "a peer that does not know them ignores them"),
    (&["events from the client"], Removed, "events removed in one direction: from the client", BOTH, "they are no longer sent or read"),
    (&["events from the server"], Removed, "events removed in one direction: from the server", BOTH, "they are no longer sent or read"),
    (&["events from the client", "events from the server"], Changed, "events are another shape: {}", BOTH, "the types of the stream change"),
    (&["error"], Added, "error added: {}", NOBODY, "older clients read it as an unknown error"),
    (&["error"], Removed, "error removed: {}", BOTH, "its variant is removed"),

    (&["type"], Added, "added", NOBODY, "nothing used it before"),
    (&["type"], Removed, "removed", BOTH, "its type is removed"),
    (&["type", "value"], Changed, "another type: {}", BOTH, "its values have another type"),
    (&["path", "builder"], Changed, "moved in Rust: {}", BOTH, "its type has another path"),
    (&["build fails"], Added, "build() can fail now", SENDER, "it returns a Result"),
    (&["build fails"], Removed, "build() can no longer fail", SENDER, "it does not return a Result"),
    (&["default"], Removed, "no longer implements Default", BOTH, "a value needs its required members"),
    (&["validate"], Removed, "validate() removed", BOTH, "there is nothing to check"),
    (&["fault"], Changed, "fault changed: {}", NOBODY, "the error reports another cause"),
    (&["retryable"], Changed, "retryable changed", NOBODY, "callers that retry decide differently"),

    (&["value type", "holds"], Changed, "type changed: {}", BOTH, "its values have another type"),
    (&["sparse"], Added, "type changed: it may hold null", BOTH, "its values have another type"),
    (&["sparse"], Removed, "type changed: it may not hold null", BOTH, "its values have another type"),
    (&["target"], Changed, "target changed, with the same type: {}", NOBODY, "nothing else changes"),
    (&["JSON name"], Changed, "name in JSON changed: {}", BOTH, "the other side looks for the old one"),
    (&["enum value"], Changed, "value on the wire changed: {}", BOTH, "the other side does not know it"),
    (&["field name"], Changed, "renamed in Rust: {}", BOTH, "its field and setter have other names"),
    (&["variant name"], Changed, "variant renamed in Rust: {}", BOTH, "its Rust name changes"),
    (&["field"], Added, "added, optional", NOBODY, "a peer that does not know it ignores it"),
    (&["required field"], Added, "added, required", SENDER, "it must be set"),
    (&["field", "required field"], Removed, "removed", BOTH, "its field and setter are removed"),
    (&["alternative"], Added, "alternative added", NOBODY, "unions are open: it reads as unknown"),
    (&["alternative"], Removed, "alternative removed", BOTH, "its variant is removed"),
    (&["enum member"], Added, "value added", NOBODY, "enums are open: others keep the text"),
    (&["enum member"], Removed, "value removed", BOTH, "its variant is removed"),
    (&["required"], Added, "became required", SENDER, "it must be set"),
    (&["required"], Removed, "no longer required", NOBODY, "what was sent stays valid"),
    (&["optional"], Added, "became an Option", READER, "readers get another type"),
    (&["optional"], Removed, "is no longer an Option", READER, "readers get another type"),
    (&["default value"], Added, "default added", NOBODY, "an absent member now has this value"),
    (&["default value"], Changed, "default changed", BOTH, "an absent member has another value"),
    (&["default value"], Removed, "default removed", BOTH, "an absent member has no value"),
    (&["token"], Added, "filled in when it is not set", NOBODY, "what was sent stays valid"),
    (&["token"], Removed, "no longer filled in", CLIENT, "a client must set it"),
    (&["boxed"], Added, "type changed: it is now in a Box", BOTH, "its values have another type"),
    (&["boxed"], Removed, "type changed: it is no longer in a Box", BOTH, "its values have another type"),
    (&["from"], Removed, "no longer implements From", BOTH, "another alternative has the same type"),

    (&["length", "range", "pattern", "unique items"], Added, "constraint added: {}", CLIENT_IF_SENDER, "only requests are checked"),
    (&["length", "range", "pattern", "unique items"], Removed, "constraint removed: {}", NOBODY, "what was valid stays valid"),
    (&["length", "range"], Tightened, "constraint tightened: {}", CLIENT_IF_SENDER, "only requests are checked"),
    (&["length", "range"], Loosened, "constraint loosened: {}", NOBODY, "what was valid stays valid"),
    // Which of two patterns allows more cannot be told.
    (&["pattern"], Changed, "constraint changed: {}", CLIENT_IF_SENDER, "only requests are checked"),
    (&["sensitive"], Added, "became sensitive", NOBODY, "only logs change"),
    (&["sensitive"], Removed, "no longer sensitive", NOBODY, "only logs change"),
    (&["deprecated"], Added, "deprecated", NOBODY, "it compiles with a warning"),
    (&["deprecated"], Removed, "no longer deprecated", NOBODY, "a warning goes away"),
    (&["documentation"], Changed, "documentation changed", NOBODY, "only the documentation changes"),
];
