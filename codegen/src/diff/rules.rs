//! Which changes are compatible, and in which direction.

use super::On::{self, Added, Changed, Loosened, Removed, Tightened};
use crate::facts::Kind::{self, *};

/// A change of facts of these kinds, the change in words with its values, what it breaks, and why.
pub(super) type Rule = (&'static [Kind], On, &'static str, Breaks, &'static str);

/// Whether a change breaks the client and the server, if the client sends the shape, and if the server does.
pub(super) type Breaks = fn(bool, bool) -> [bool; 2];

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
    (&[ServiceName], Changed, "renamed: {}", SERVER, "the server's trait has another name"),
    (&[Version], Changed, "version changed: {}", NOBODY, "it is not on the wire"),

    (&[Operation], Added, "added", NOBODY, "a server answers that it is not implemented, until it is"),
    (&[Operation], Removed, "removed", BOTH, "its methods are gone"),
    (&[Method], Changed, "method renamed: {}", BOTH, "it is called otherwise in Rust"),
    (&[Request], Changed, "request is another shape: {}", BOTH, "the types of the call change"),
    (&[Response], Changed, "response is another shape: {}", BOTH, "the types of the call change"),
    (&[Stream], Added, "call became a stream", BOTH, "it returns a subscription, not a response"),
    (&[Stream], Removed, "stream became a call", BOTH, "it returns a response, not a subscription"),
    (&[ClientEvents], Added, "events added in another direction: from the client", NOBODY, "who does not know of them goes on without"),
    (&[ServerEvents], Added, "events added in another direction: from the server", NOBODY, "who does not know of them goes on without"),
    (&[ClientEvents], Removed, "events removed in one direction: from the client", BOTH, "they are neither sent nor read any more"),
    (&[ServerEvents], Removed, "events removed in one direction: from the server", BOTH, "they are neither sent nor read any more"),
    (&[ClientEvents, ServerEvents], Changed, "events are another shape: {}", BOTH, "the types of the stream change"),
    (&[Error], Added, "error added: {}", NOBODY, "who does not know it gets it as an error it does not know"),
    (&[Error], Removed, "error removed: {}", BOTH, "its variant is gone"),

    (&[Shape], Added, "added", NOBODY, "nothing used it"),
    (&[Shape], Removed, "removed", BOTH, "its type is gone"),
    (&[Shape], Changed, "another type: {}", BOTH, "its values are others"),
    (&[Path, Builder], Changed, "moved in Rust: {}", BOTH, "its type has another path"),
    (&[BuildFails], Added, "build() can fail now", SENDER, "it returns a Result"),
    (&[BuildFails], Removed, "build() cannot fail any more", SENDER, "it returns no Result"),
    (&[Default], Removed, "no Default any more", BOTH, "there is no value without what is required"),
    (&[Validate], Removed, "validate() is gone", BOTH, "there is nothing to check"),
    (&[Fault], Changed, "error is the other side's fault: {}", NOBODY, "it says something else about who is to blame"),
    (&[Retryable], Changed, "retryable changed", NOBODY, "who retries decides otherwise"),

    (&[Type, Holds], Changed, "type changed: {}", BOTH, "its values are others"),
    (&[Sparse], Added, "type changed: it may hold null", BOTH, "its values are others"),
    (&[Sparse], Removed, "type changed: it may not hold null", BOTH, "its values are others"),
    (&[Target], Changed, "target changed, with the same type: {}", NOBODY, "nothing else changes"),
    (&[JsonName], Changed, "name in JSON changed: {}", BOTH, "the other side looks for the old one"),
    (&[EnumValue], Changed, "value on the wire changed: {}", BOTH, "the other side does not know it"),
    (&[FieldName], Changed, "renamed in Rust: {}", BOTH, "its field and setter are called otherwise"),
    (&[VariantName], Changed, "variant renamed in Rust: {}", BOTH, "it is called otherwise"),
    (&[Field], Added, "added, optional", NOBODY, "who does not know it passes it over"),
    (&[RequiredField], Added, "added, required", SENDER, "it must be set"),
    (&[Field, RequiredField], Removed, "removed", BOTH, "its field and setter are gone"),
    (&[Alternative], Added, "alternative added", NOBODY, "unions are open: it reads as unknown"),
    (&[Alternative], Removed, "alternative removed", BOTH, "its variant is gone"),
    (&[EnumMember], Added, "value added", NOBODY, "enums are open: others keep the text"),
    (&[EnumMember], Removed, "value removed", BOTH, "its variant is gone"),
    (&[Required], Added, "became required", SENDER, "it must be set"),
    (&[Required], Removed, "no longer required", NOBODY, "what was sent goes on being right"),
    (&[Optional], Added, "became an Option", READER, "who reads it finds another type"),
    (&[Optional], Removed, "is no Option any more", READER, "who reads it finds another type"),
    (&[DefaultValue], Added, "default added", NOBODY, "what is not sent has a meaning now"),
    (&[DefaultValue], Changed, "default changed", BOTH, "what is not sent means something else"),
    (&[DefaultValue], Removed, "default removed", BOTH, "what is not sent has no meaning any more"),
    (&[Token], Added, "filled in when it is not set", NOBODY, "what was sent goes on being right"),
    (&[Token], Removed, "no longer filled in", CLIENT, "a client has to set it"),
    (&[Boxed], Added, "type changed: it is in a Box now", BOTH, "its values are others"),
    (&[Boxed], Removed, "type changed: it is in no Box now", BOTH, "its values are others"),
    (&[From], Removed, "no From any more", BOTH, "another alternative has the same type"),

    (&[Length, Range, Pattern, UniqueItems], Added, "constraint added: {}", CLIENT_IF_SENDER, "only requests are checked"),
    (&[Length, Range, Pattern, UniqueItems], Removed, "constraint removed: {}", NOBODY, "what was right stays right"),
    (&[Length, Range], Tightened, "constraint tightened: {}", CLIENT_IF_SENDER, "only requests are checked"),
    (&[Length, Range], Loosened, "constraint loosened: {}", NOBODY, "what was right stays right"),
    // Which of two patterns allows more cannot be told.
    (&[Pattern], Changed, "constraint changed: {}", CLIENT_IF_SENDER, "only requests are checked"),
    (&[Sensitive], Added, "sensitive changed: it is now", NOBODY, "only what is logged changes"),
    (&[Sensitive], Removed, "sensitive changed: it is no longer", NOBODY, "only what is logged changes"),
    (&[Deprecated], Added, "deprecated", NOBODY, "it compiles with a warning"),
    (&[Deprecated], Removed, "no longer deprecated", NOBODY, "a warning goes away"),
    (&[Documentation], Changed, "documentation changed", NOBODY, "only what people read changes"),
];
