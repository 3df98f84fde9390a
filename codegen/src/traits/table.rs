//! One rule for each trait of the prelude: where it belongs and how its value is read.

use super::{Fault, Holder, RawTrait, TimestampFormat, TraitReader, Traits, example, read};
use crate::{
    ast::{
        ShapeKind::{self, Enum, IntEnum, List, Map, Simple, Structure, Union},
        SimpleType,
    },
    json::Kind,
};

/// A trait of the prelude.
pub(super) struct Rule {
    pub(super) name: &'static str,
    /// Where it belongs: in words, and whether it belongs on what has this type and is a member of a shape
    /// of the second type.
    pub(super) place: Place,
    /// The hint, if it is an error to have the trait elsewhere, and not a warning.
    pub(super) hint: Option<&'static str>,
    pub(super) read: Read,
}

/// How the value of a trait is read.
pub(super) enum Read {
    /// An object with no keys but these.
    Flag(&'static [&'static str], fn(&mut Traits) -> &mut bool),
    /// A string.
    Text(fn(&mut Traits) -> &mut Option<String>),
    /// Another value.
    With(fn(&mut TraitReader<'_, '_>, &RawTrait<'_>, Holder, &mut Traits)),
}

use Read::{Flag, Text, With};

/// The traits that mean something for generated code.
pub(super) const RULES: &[Rule] = &[
    rule("clientOptional", Flag(&[], |it| &mut it.client_optional)).on(STRUCTURE_MEMBER),
    rule("default", With(|reader, it, _, traits| traits.default = reader.default(it)))
        .on(("a member of a structure", |_, of| of.is_none_or(|it| it == Structure)))
        .or_error("take it away, or put the value into a structure"),
    rule("deprecated", With(|reader, it, _, traits| traits.deprecated = reader.deprecated(it))),
    rule("documentation", Text(|it| &mut it.documentation)),
    rule("enumValue", With(|reader, it, holder, traits| reader.enum_value(it, holder, traits)))
        .on(("a member of an enum or intEnum", |_, of| of.is_some_and(ShapeKind::is_enum))),
    rule(
        "error",
        With(|reader, it, _, traits| {
            let fault = reader.one_of(it, &[("client", Fault::Client), ("server", Fault::Server)]);
            // The shape is an error all the same, so that references to it are not reported.
            traits.error = fault.or(Some(Fault::Client));
        }),
    )
    .on(("a structure", |kind, of| of.is_none() && kind == Structure))
    .or_error("put the value into a structure with this trait"),
    rule("examples", With(|_, it, _, traits| traits.examples = example::read(&it.value))),
    rule(
        "externalDocumentation",
        With(|_, it, _, traits| {
            let entries = it.value.as_object().unwrap_or_default().iter();
            let links =
                entries.filter_map(|it| Some((it.key.to_string(), it.value.as_str()?.to_owned())));
            traits.external_documentation = links.collect();
        }),
    ),
    rule("idempotencyToken", Flag(&[], |it| &mut it.idempotency_token))
        .on(("a member of a structure that is a string", |kind, of| {
            of == Some(Structure) && kind == STRING
        })),
    rule("input", Flag(&[], |it| &mut it.input)).on(STRUCTURE),
    rule("internal", Flag(&[], |it| &mut it.internal)),
    rule("jsonName", Text(|it| &mut it.json_name))
        .on(("a member of a structure or union", |_, of| of.is_some_and(ShapeKind::has_fields))),
    rule("length", With(|reader, it, _, traits| traits.length = reader.length(it)))
        .on(("a string, blob, list or map", |kind, _| {
            matches!(kind, Simple(SimpleType::String | SimpleType::Blob) | Enum | List | Map)
        })),
    rule("mediaType", Text(|it| &mut it.media_type)),
    rule("mixin", Flag(&["localTraits", "interface"], |it| &mut it.mixin)),
    rule("output", Flag(&[], |it| &mut it.output)).on(STRUCTURE),
    rule("pattern", Text(|it| &mut it.pattern))
        .on(("a string", |kind, _| kind == STRING || kind == Enum)),
    rule("range", With(|reader, it, holder, traits| traits.range = reader.range(it, holder)))
        .on(("a number", |kind, _| kind == IntEnum || read::number_is_whole(kind).is_some())),
    rule("recommended", Flag(&["reason"], |it| &mut it.recommended)),
    rule("required", Flag(&[], |it| &mut it.required)).on(STRUCTURE_MEMBER),
    rule(
        "retryable",
        With(|reader, it, _, traits| {
            traits.retryable = reader.object(it, &["throttling"]);
            let throttling = it.value.get("throttling").map(|it| &it.value.kind);
            traits.throttling = matches!(throttling, Some(Kind::Bool(true)));
        }),
    ),
    rule("sensitive", Flag(&[], |it| &mut it.sensitive)),
    rule("since", Text(|it| &mut it.since)),
    rule("sparse", Flag(&[], |it| &mut it.sparse))
        .on(("a list or map", |kind, of| of.is_none() && matches!(kind, List | Map))),
    rule("streaming", Flag(&[], |it| &mut it.streaming))
        .on(("a union", |kind, of| {
            of.is_none() && matches!(kind, Union | Simple(SimpleType::Blob))
        }))
        .or_error("target a union with this trait; its members are the events"),
    rule(
        "tags",
        With(|_, it, _, traits| {
            let tags = it.value.as_array().unwrap_or_default().iter();
            traits.tags = tags.filter_map(|it| it.as_str().map(str::to_owned)).collect();
        }),
    ),
    rule(
        "timestampFormat",
        With(|reader, it, _, traits| {
            let formats = [
                ("date-time", TimestampFormat::DateTime),
                ("http-date", TimestampFormat::HttpDate),
                ("epoch-seconds", TimestampFormat::EpochSeconds),
            ];
            traits.timestamp_format = reader.one_of(it, &formats);
        }),
    )
    .on(("a timestamp", |kind, _| kind == Simple(SimpleType::Timestamp))),
    rule("title", Text(|it| &mut it.title)),
    rule("trait", With(|_, _, _, traits| traits.defines_trait = true)),
    rule("uniqueItems", Flag(&[], |it| &mut it.unique_items))
        .on(("a list", |kind, of| of.is_none() && kind == List)),
    rule("unstable", Flag(&[], |it| &mut it.unstable)),
];

/// The other traits of the prelude, with those that Smithy 2.1 adds (Smithy 2.0 specification, section
/// "Trait index").
const OTHERS: &str = "addedDefault auth authDefinition box cors endpoint enum eventHeader eventPayload \
    hostLabel http httpApiKeyAuth httpBasicAuth httpBearerAuth httpChecksumRequired httpDigestAuth \
    httpError httpHeader httpLabel httpPayload httpPrefixHeaders httpQuery httpQueryParams \
    httpResponseCode idRef idempotent idx indexed longPoll metadata nestedProperties noReplace \
    notProperty optionalAuth paginated private property protocolDefinition readonly references \
    requestCompression requiresLength resourceIdentifier suppress synthetic traitValidators unitType \
    xmlAttribute xmlFlattened xmlName xmlNamespace";

/// The names of all traits of the prelude.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|it| it.name).chain(OTHERS.split_whitespace())
}

const STRING: ShapeKind = Simple(SimpleType::String);

type Place = (&'static str, fn(ShapeKind, Option<ShapeKind>) -> bool);

const STRUCTURE: Place = ("a structure", |kind, of| of.is_none() && kind == Structure);
const STRUCTURE_MEMBER: Place = ("a member of a structure", |_, of| of == Some(Structure));

/// A trait that may be anywhere.
const fn rule(name: &'static str, read: Read) -> Rule {
    Rule { name, place: ("", |_, _| true), hint: None, read }
}

impl Rule {
    const fn on(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    const fn or_error(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }
}
