//! Which changes are compatible, and in which direction.

use super::On::{self, Added, Changed, Loosened, Removed, Tightened};
use crate::facts::Kind::{self, *};

/// A change of kinds of facts, the change in words with its values, what it breaks, and why.
pub(super) struct Rule(
    pub(super) &'static [Kind],
    pub(super) On,
    pub(super) &'static str,
    pub(super) Breaks,
    pub(super) &'static str,
);

/// Whether a change breaks the client and the server, if the client sends the shape, and if the server does.
type Breaks = fn(bool, bool) -> [bool; 2];

const NOBODY: Breaks = |_, _| [false, false];
const BOTH: Breaks = |_, _| [true, true];
const CLIENT: Breaks = |_, _| [true, false];
const SERVER: Breaks = |_, _| [false, true];
const SENDER: Breaks = |client, server| [client, server];
const READER: Breaks = |client, server| [server, client];
const CLIENT_IF_SENDER: Breaks = |client, _| [client, false];

/// Every change that is reported.
#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule(&[ServiceName], Changed, "renamed: {}", SERVER, "the server's trait has another name"),
    Rule(&[Version], Changed, "version changed: {}", NOBODY, "it is not on the wire"),

    Rule(&[Operation], Added, "added", NOBODY, "a server answers that it is not implemented, until it is"),
    Rule(&[Operation], Removed, "removed", BOTH, "its methods are gone"),
    Rule(&[Method], Changed, "method renamed: {}", BOTH, "it is called otherwise in Rust"),
    Rule(&[Request], Changed, "request is another shape: {}", BOTH, "the types of the call change"),
    Rule(&[Response], Changed, "response is another shape: {}", BOTH, "the types of the call change"),
    Rule(&[Stream], Added, "call became a stream", BOTH, "it returns a subscription, not a response"),
    Rule(&[Stream], Removed, "stream became a call", BOTH, "it returns a response, not a subscription"),
    Rule(&[ClientEvents], Added, "events added in another direction: from the client", NOBODY, "who does not know of them goes on without"),
    Rule(&[ServerEvents], Added, "events added in another direction: from the server", NOBODY, "who does not know of them goes on without"),
    Rule(&[ClientEvents], Removed, "events removed in one direction: from the client", BOTH, "they are neither sent nor read any more"),
    Rule(&[ServerEvents], Removed, "events removed in one direction: from the server", BOTH, "they are neither sent nor read any more"),
    Rule(&[ClientEvents, ServerEvents], Changed, "events are another shape: {}", BOTH, "the types of the stream change"),
    Rule(&[Error], Added, "error added: {}", NOBODY, "who does not know it gets it as an error it does not know"),
    Rule(&[Error], Removed, "error removed: {}", BOTH, "its variant is gone"),

    Rule(&[Shape], Added, "added", NOBODY, "nothing used it"),
    Rule(&[Shape], Removed, "removed", BOTH, "its type is gone"),
    Rule(&[Shape], Changed, "another type: {}", BOTH, "its values are others"),
    Rule(&[Path, Builder], Changed, "moved in Rust: {}", BOTH, "its type has another path"),
    Rule(&[BuildFails], Added, "build() can fail now", SENDER, "it returns a Result"),
    Rule(&[BuildFails], Removed, "build() cannot fail any more", SENDER, "it returns no Result"),
    Rule(&[Default], Removed, "no Default any more", BOTH, "there is no value without what is required"),
    Rule(&[Validate], Removed, "validate() is gone", BOTH, "there is nothing to check"),
    Rule(&[Fault], Changed, "error is the other side's fault: {}", NOBODY, "it says something else about who is to blame"),
    Rule(&[Retryable], Changed, "retryable changed", NOBODY, "who retries decides otherwise"),

    Rule(&[Type, Holds], Changed, "type changed: {}", BOTH, "its values are others"),
    Rule(&[Sparse], Added, "type changed: it may hold null", BOTH, "its values are others"),
    Rule(&[Sparse], Removed, "type changed: it may not hold null", BOTH, "its values are others"),
    Rule(&[Target], Changed, "target changed, with the same type: {}", NOBODY, "nothing else changes"),
    Rule(&[JsonName], Changed, "name in JSON changed: {}", BOTH, "the other side looks for the old one"),
    Rule(&[EnumValue], Changed, "value on the wire changed: {}", BOTH, "the other side does not know it"),
    Rule(&[FieldName], Changed, "renamed in Rust: {}", BOTH, "its field and setter are called otherwise"),
    Rule(&[VariantName], Changed, "variant renamed in Rust: {}", BOTH, "it is called otherwise"),
    Rule(&[Field], Added, "added, optional", NOBODY, "who does not know it passes it over"),
    Rule(&[RequiredField], Added, "added, required", SENDER, "it must be set"),
    Rule(&[Field, RequiredField], Removed, "removed", BOTH, "its field and setter are gone"),
    Rule(&[Alternative], Added, "alternative added", NOBODY, "unions are open: it reads as unknown"),
    Rule(&[Alternative], Removed, "alternative removed", BOTH, "its variant is gone"),
    Rule(&[EnumMember], Added, "value added", NOBODY, "enums are open: others keep the text"),
    Rule(&[EnumMember], Removed, "value removed", BOTH, "its variant is gone"),
    Rule(&[Required], Added, "became required", SENDER, "it must be set"),
    Rule(&[Required], Removed, "no longer required", NOBODY, "what was sent goes on being right"),
    Rule(&[Optional], Added, "became an Option", READER, "who reads it finds another type"),
    Rule(&[Optional], Removed, "is no Option any more", READER, "who reads it finds another type"),
    Rule(&[DefaultValue], Added, "default added", NOBODY, "what is not sent has a meaning now"),
    Rule(&[DefaultValue], Changed, "default changed", BOTH, "what is not sent means something else"),
    Rule(&[DefaultValue], Removed, "default removed", BOTH, "what is not sent has no meaning any more"),
    Rule(&[Token], Added, "filled in when it is not set", NOBODY, "what was sent goes on being right"),
    Rule(&[Token], Removed, "no longer filled in", CLIENT, "a client has to set it"),
    Rule(&[Boxed], Added, "type changed: it is in a Box now", BOTH, "its values are others"),
    Rule(&[Boxed], Removed, "type changed: it is in no Box now", BOTH, "its values are others"),
    Rule(&[From], Removed, "no From any more", BOTH, "another alternative has the same type"),

    Rule(&[Length, Range, Pattern, UniqueItems], Added, "constraint added: {}", CLIENT_IF_SENDER, "only requests are checked"),
    Rule(&[Length, Range, Pattern, UniqueItems], Removed, "constraint removed: {}", NOBODY, "what was right stays right"),
    Rule(&[Length, Range], Tightened, "constraint tightened: {}", CLIENT_IF_SENDER, "only requests are checked"),
    Rule(&[Length, Range], Loosened, "constraint loosened: {}", NOBODY, "what was right stays right"),
    // Which of two patterns allows more cannot be told.
    Rule(&[Pattern], Changed, "constraint changed: {}", CLIENT_IF_SENDER, "only requests are checked"),
    Rule(&[Sensitive], Added, "sensitive changed: it is now", NOBODY, "only what is logged changes"),
    Rule(&[Sensitive], Removed, "sensitive changed: it is no longer", NOBODY, "only what is logged changes"),
    Rule(&[Deprecated], Added, "deprecated", NOBODY, "it compiles with a warning"),
    Rule(&[Deprecated], Removed, "no longer deprecated", NOBODY, "a warning goes away"),
    Rule(&[Documentation], Changed, "documentation changed", NOBODY, "only what people read changes"),
];
