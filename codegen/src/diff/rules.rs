//! The table of changes and whether they break clients or servers.

use super::Change::{self, Added, Changed, Loosened, Removed, Tightened};

/// The kinds of facts, how they change, a description with a placeholder for the values, what breaks, and why.
pub(super) type Rule = (&'static [&'static str], Change, &'static str, Breaks, &'static str);

/// Whether a change breaks clients and servers. The argument tells which of the two send the shape.
pub(super) type Breaks = fn([bool; 2]) -> [bool; 2];

const NEITHER: Breaks = |_| [false, false];
const BOTH: Breaks = |_| [true, true];
const CLIENT: Breaks = |_| [true, false];
const SERVER: Breaks = |_| [false, true];
const SENDER: Breaks = |sent| sent;
const READER: Breaks = |[client, server]| [server, client];
const CLIENT_IF_SENDER: Breaks = |[client, _]| [client, false];

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    (&["service name"], Changed, "renamed: {}", SERVER, "the server's trait has another name"),
    (&["version"], Changed, "version changed: {}", NEITHER, "it is not sent"),

    (&["operation"], Added, "added", NEITHER, "a server that does not implement it answers with an error"),
    (&["operation"], Removed, "removed", BOTH, "its methods are removed"),
    (&["method"], Changed, "method renamed: {}", BOTH, "its Rust name changes"),
    (&["request"], Changed, "request is another shape: {}", BOTH, "the types of the call change"),
    (&["response"], Changed, "response is another shape: {}", BOTH, "the types of the call change"),
    (&["stream"], Added, "unary operation became a stream", BOTH, "it returns a subscription, not a response"),
    (&["stream"], Removed, "stream became a unary operation", BOTH, "it returns a response, not a subscription"),
    (&["events from the client"], Added, "events from the client added", NEITHER, "older peers ignore them"),
    (&["events from the server"], Added, "events from the server added", NEITHER, "older peers ignore them"),
    (&["events from the client"], Removed, "events from the client removed", BOTH, "they are no longer sent or read"),
    (&["events from the server"], Removed, "events from the server removed", BOTH, "they are no longer sent or read"),
    (&["events from the client", "events from the server"], Changed, "events are another shape: {}", BOTH, "the types of the stream change"),
    (&["error"], Added, "error added: {}", NEITHER, "older clients read it as an unknown error"),
    (&["error"], Removed, "error removed: {}", BOTH, "its variant is removed"),

    (&["type"], Added, "added", NEITHER, "existing code does not use it"),
    (&["type"], Removed, "removed", BOTH, "its type is removed"),
    (&["type", "value"], Changed, "another type: {}", BOTH, "its values have another type"),
    (&["path", "builder"], Changed, "moved in Rust: {}", BOTH, "its type has another path"),
    (&["build fails"], Added, "build() can fail now", SENDER, "it returns a Result"),
    (&["build fails"], Removed, "build() can no longer fail", SENDER, "it does not return a Result"),
    (&["default"], Removed, "no longer implements Default", BOTH, "a value needs its required members"),
    (&["validate"], Removed, "validate() removed", BOTH, "there is nothing to check"),
    (&["fault"], Changed, "fault changed: {}", NEITHER, "the error reports another cause"),
    (&["retryable"], Changed, "retryable changed", NEITHER, "callers that retry decide differently"),

    (&["value type", "holds"], Changed, "type changed: {}", BOTH, "its values have another type"),
    (&["sparse"], Added, "type changed: it may hold null", BOTH, "its values have another type"),
    (&["sparse"], Removed, "type changed: it may not hold null", BOTH, "its values have another type"),
    (&["target"], Changed, "target changed, with the same type: {}", NEITHER, "nothing else changes"),
    (&["JSON name"], Changed, "name in JSON changed: {}", BOTH, "peers look for the old name"),
    (&["enum value"], Changed, "value on the wire changed: {}", BOTH, "peers do not know the new value"),
    (&["field name"], Changed, "renamed in Rust: {}", BOTH, "its field and setter have other names"),
    (&["variant name"], Changed, "variant renamed in Rust: {}", BOTH, "its Rust name changes"),
    (&["field"], Added, "added, optional", NEITHER, "older peers ignore it"),
    (&["required field"], Added, "added, required", SENDER, "it must be set"),
    (&["field", "required field"], Removed, "removed", BOTH, "its field and setter are removed"),
    (&["union member"], Added, "union member added", NEITHER, "older peers read it as Unknown"),
    (&["union member"], Removed, "union member removed", BOTH, "its variant is removed"),
    (&["enum member"], Added, "value added", NEITHER, "older peers keep it as Unknown"),
    (&["enum member"], Removed, "value removed", BOTH, "its variant is removed"),
    (&["required"], Added, "became required", SENDER, "it must be set"),
    (&["required"], Removed, "no longer required", NEITHER, "what was sent stays valid"),
    (&["optional"], Added, "became an Option", READER, "readers get another type"),
    (&["optional"], Removed, "is no longer an Option", READER, "readers get another type"),
    (&["default value"], Added, "default added", NEITHER, "an absent member now has this value"),
    (&["default value"], Changed, "default changed", BOTH, "an absent member has another value"),
    (&["default value"], Removed, "default removed", BOTH, "an absent member has no value"),
    (&["token"], Added, "filled in when it is not set", NEITHER, "what was sent stays valid"),
    (&["token"], Removed, "no longer filled in", CLIENT, "a client must set it"),
    (&["boxed"], Added, "type changed: it is now in a Box", BOTH, "its values have another type"),
    (&["boxed"], Removed, "type changed: it is no longer in a Box", BOTH, "its values have another type"),
    (&["from"], Removed, "no longer implements From", BOTH, "another union member has the same type"),

    (&["length", "range", "pattern", "unique items"], Added, "constraint added: {}", CLIENT_IF_SENDER, "only requests are checked"),
    (&["length", "range", "pattern", "unique items"], Removed, "constraint removed: {}", NEITHER, "what was valid stays valid"),
    (&["length", "range"], Tightened, "constraint tightened: {}", CLIENT_IF_SENDER, "only requests are checked"),
    (&["length", "range"], Loosened, "constraint loosened: {}", NEITHER, "what was valid stays valid"),
    // Whether a pattern allows more than another is not decidable here, so every change counts as tighter.
    (&["pattern"], Changed, "constraint changed: {}", CLIENT_IF_SENDER, "only requests are checked"),
    (&["sensitive"], Added, "became sensitive", NEITHER, "only logs change"),
    (&["sensitive"], Removed, "no longer sensitive", NEITHER, "only logs change"),
    (&["deprecated"], Added, "deprecated", NEITHER, "it compiles with a warning"),
    (&["deprecated"], Removed, "no longer deprecated", NEITHER, "it compiles without a warning"),
    (&["documentation"], Changed, "documentation changed", NEITHER, "only the documentation changes"),
];
