//! Checks that traits are on shapes that may have them, and that their values are well-formed.

use std::{cmp::Ordering, collections::HashSet};

use super::{Model, ShapeKind};
use crate::{
    diagnostic::{Location, Reporter},
    json::{Entry, Kind, Value},
    shape_id::ShapeId,
    text::compare_numbers,
    traits::{Bounds, Trait, Traits},
};

/// The kind of value that a trait has.
enum ValueKind {
    /// An object with these keys and this kind of values.
    Object(&'static [&'static str], &'static str),
    Text,
    OneOf(&'static [&'static str]),
    EnumValue,
    Default,
    /// Not checked, because nothing depends on it.
    Any,
}

use ShapeKind::{Blob, Enum, List, Map, Structure, Union};
use ValueKind::{Any, EnumValue, Object, OneOf, Text};

const FLAG: ValueKind = Object(&[], "");
const NATURAL: &str = "a whole number from 0";

/// The shapes that may have a trait: a description, and a predicate on the parts of a [`Subject`].
type Selector = (&'static str, fn(ShapeKind, Option<ShapeKind>) -> bool);

const ANY: Selector = ("", |_, _| true);
const FIELD: Selector = ("a member of a structure", |_, of| of == Some(Structure));
const STRING_FIELD: Selector = ("a member of a structure that is a string", |kind, of| {
    of == Some(Structure) && kind == ShapeKind::String
});
const MEMBER: Selector =
    ("a member of a structure or union", |_, of| of.is_some_and(ShapeKind::has_fields));
const ENUM_MEMBER: Selector =
    ("a member of an enum or intEnum", |_, of| of.is_some_and(ShapeKind::is_enum));
const LIST: Selector = ("a list", |it, of| of.is_none() && it == List);
const COLLECTION: Selector = ("a list or map", |it, of| of.is_none() && matches!(it, List | Map));
const STRUCTURE: Selector = ("a structure", |it, of| of.is_none() && it == Structure);
const UNION: Selector = ("a union", |it, of| of.is_none() && matches!(it, Union | Blob));
const OPERATION: Selector = ("an operation", |it, _| it == ShapeKind::Operation);
const NUMBER: Selector = ("a number", |it, _| it == ShapeKind::IntEnum || it.is_number());
const STRING: Selector = ("a string", |it, _| matches!(it, ShapeKind::String | Enum));
const SIZED: Selector = ("a string, blob, list or map", |kind, _| {
    matches!(kind, ShapeKind::String | Blob | Enum | List | Map)
});
const TIMESTAMP: Selector = ("a timestamp", |it, _| it == ShapeKind::Timestamp);

/// The traits that have an effect on generated code: the name, the selector and the kind of value.
const RULES: [(&str, Selector, ValueKind); 31] = [
    ("clientOptional", FIELD, FLAG),
    ("default", FIELD, ValueKind::Default),
    ("deprecated", ANY, Object(&["message", "since"], "a string")),
    ("documentation", ANY, Text),
    ("enumValue", ENUM_MEMBER, EnumValue),
    ("error", STRUCTURE, OneOf(&["client", "server"])),
    ("examples", OPERATION, Any),
    ("externalDocumentation", ANY, Any),
    ("idempotencyToken", STRING_FIELD, FLAG),
    ("input", STRUCTURE, FLAG),
    ("internal", ANY, FLAG),
    ("jsonName", MEMBER, Text),
    ("length", SIZED, Object(&["min", "max"], NATURAL)),
    ("mediaType", ANY, Text),
    ("mixin", ANY, Object(&["localTraits", "interface"], "")),
    ("output", STRUCTURE, FLAG),
    ("pattern", STRING, Text),
    ("range", NUMBER, Object(&["min", "max"], "a number")),
    ("recommended", ANY, Object(&["reason"], "")),
    ("required", FIELD, FLAG),
    ("retryable", ANY, Object(&["throttling"], "")),
    ("sensitive", ANY, FLAG),
    ("since", ANY, Text),
    ("sparse", COLLECTION, FLAG),
    ("streaming", UNION, FLAG),
    ("tags", ANY, Any),
    ("timestampFormat", TIMESTAMP, OneOf(&["date-time", "http-date", "epoch-seconds"])),
    ("title", ANY, Text),
    ("trait", ANY, Any),
    ("uniqueItems", LIST, FLAG),
    ("unstable", ANY, FLAG),
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
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|it| it.0).chain(OTHERS.split_whitespace())
}

/// Removes traits that are invalid where they are, and marks the shapes that trait values mention.
pub(super) fn check(model: &mut Model, reporter: &mut Reporter<'_>) {
    let mut mentioned = HashSet::new();
    for shape in model.shapes() {
        let of_members = shape.members.iter().flat_map(|it| &it.traits.0);
        shape.traits.0.iter().chain(of_members).for_each(|it| mentions(&it.value, &mut mentioned));
    }
    let defined = model.shapes().iter().filter(|it| it.traits.has("trait"));
    let mut checker = Checker { known: defined.map(|it| it.id.clone()).collect(), reporter };
    let kinds: Vec<ShapeKind> = model.shapes.iter().map(|it| it.kind).collect();
    for shape in &mut model.shapes[..model.count] {
        shape.is_mentioned = mentioned.contains(&shape.id);
        let kind = shape.kind;
        checker.check_traits(&mut shape.traits, (Some(kind), None));
        let needs_members = kind == Union || kind.is_enum();
        let is_given = shape.is_broken || shape.traits.has("mixin");
        if needs_members && shape.members.is_empty() && !is_given {
            let article = if kind == Union { "a" } else { "an" };
            let message = format!("{article} {} needs at least one member", kind.name());
            checker.reporter.error(shape.location, message).hint("add a member under \"members\"");
        }
        for member in &mut shape.members {
            if kind == ShapeKind::IntEnum && !member.traits.has("enumValue") {
                let message = "a member of an intEnum needs the trait enumValue";
                let hint = "add \"smithy.api#enumValue\": 1, or another number, to its traits";
                checker.reporter.error(member.location, message).hint(hint);
            }
            let target = model.index.get(&member.target).map(|it| kinds[*it]);
            checker.check_traits(&mut member.traits, (target, Some(kind)));
        }
    }
}

/// Adds the shape IDs in a value, such as those of traits with `idRef`.
fn mentions(value: &Value, found: &mut HashSet<ShapeId>) {
    let text = value.as_str().filter(|it| it.contains('#'));
    found.extend(text.and_then(|it| Some(ShapeId::parse_with_member(it).ok()?.0)));
    value.as_array().unwrap_or_default().iter().for_each(|it| mentions(it, found));
    let entries = value.as_object().unwrap_or_default();
    entries.iter().for_each(|it| mentions(&it.value, found));
}

/// What a trait is applied to: the type of the shape or of the member's target, if that exists; and for a member
/// the type of the shape that contains it.
type Subject = (Option<ShapeKind>, Option<ShapeKind>);

struct Checker<'c, 'a> {
    reporter: &'c mut Reporter<'a>,
    /// Traits that the model defines, and unknown traits that have been reported.
    known: HashSet<ShapeId>,
}

impl Checker<'_, '_> {
    fn check_traits(&mut self, traits: &mut Traits, subject: Subject) {
        if let (Some(it), false) = (traits.find("retryable"), traits.has("error")) {
            self.ignored(it, "it belongs on an error", "remove it");
        }
        traits.0.retain(|it| self.is_kept(it, subject));
    }

    fn is_kept(&mut self, applied: &Trait, subject: Subject) -> bool {
        let name = applied.id.prelude_name().unwrap_or_default();
        let Some((_, (place, fits), value_kind)) = RULES.iter().find(|rule| rule.0 == name) else {
            self.unknown(applied);
            // Traits that the model defines are kept: they count when two definitions are compared.
            return true;
        };
        // Shapes can have defaults too.
        let is_free = name == "default" && subject.1.is_none();
        if is_free || subject.0.is_none_or(|kind| fits(kind, subject.1)) {
            return self.check_value(applied, value_kind, subject);
        }
        // Ignoring these traits would change the meaning of the shape.
        let hint = match name {
            "default" => "remove it, or put the value into a structure",
            "error" => "put the value into a structure with this trait",
            "streaming" => "target a union with this trait; its members are the events",
            _ => return self.ignored(applied, &format!("it belongs on {place}"), "remove it"),
        };
        self.error(applied.at(), format!("the trait {name} belongs on {place}"), hint)
    }

    /// Reports an error. Returns `false`: the trait is removed.
    fn error(&mut self, at: Location, message: impl Into<String>, hint: &str) -> bool {
        self.reporter.error(at, message).hint(hint);
        false
    }

    fn ignored(&mut self, applied: &Trait, why: &str, hint: &str) -> bool {
        let message = format!("the trait {} is ignored: {why}", applied.id.name());
        self.reporter.warning(applied.at(), message).hint(hint);
        false
    }

    fn expected(&mut self, applied: &Trait, what: &str, hint: &str) -> bool {
        let (name, found) = (applied.id.name(), applied.value.describe());
        self.error(applied.at(), format!("the trait {name} expects {what}, found {found}"), hint)
    }

    /// Warns about a trait that has no effect, unless it is one of another protocol or tool.
    fn unknown(&mut self, applied: &Trait) {
        let name = applied.id.prelude_name();
        if let Some("eventHeader" | "eventPayload") = name {
            let hint = "remove it: the member is part of the JSON either way";
            self.ignored(applied, "event-stream RPC sends events as JSON", hint);
            return;
        }
        let root = applied.id.namespace().split('.').next();
        let is_known = match name {
            Some(name) => names().any(|it| it == name),
            // Traits for other protocols, endpoints and authorization have no effect on event-stream RPC.
            None => matches!(root, Some("aws" | "smithy")),
        };
        if is_known || !self.known.insert(applied.id.clone()) {
            return;
        }
        let message = format!("the trait {} is unknown and is ignored", applied.id);
        let finding = self.reporter.warning(applied.at(), message);
        // Not an error in the prelude either: a later version of Smithy may define it.
        match name {
            Some(name) => finding.did_you_mean(name, names(), "remove it"),
            None => {
                finding.hint("remove it, or define it as a shape with the trait smithy.api#trait")
            }
        };
    }

    fn check_value(&mut self, applied: &Trait, value_kind: &ValueKind, subject: Subject) -> bool {
        let in_int_enum = subject.1 == Some(ShapeKind::IntEnum);
        match (value_kind, &applied.value.kind) {
            (EnumValue, kind) if in_int_enum => {
                let is_integer =
                    |it: &str| it.parse().is_ok_and(|number: i32| number.to_string() == it);
                matches!(kind, Kind::Number(text) if is_integer(text))
                    || self.expected(applied, "an integer of 32 bits", "write a number such as 1")
            }
            (EnumValue, Kind::String(text)) if text.is_empty() => {
                let message = "the value of a member of an enum must not be empty";
                self.error(applied.at(), message, "write the text that is sent")
            }
            (Text | EnumValue, Kind::String(_)) => true,
            (Text | EnumValue, _) => self.expected(applied, "a string", "put the text in quotes"),
            // The shape stays an error, so that references to it cause no further diagnostics.
            (OneOf(values), _) => self.is_one_of(applied, values) || applied.id.is_prelude("error"),
            (Object(keys, what), _) => self.is_object(applied, keys, what, subject),
            (Any, _) => true,
            (ValueKind::Default, kind) => {
                let is_empty = match kind {
                    Kind::Array(elements) => elements.is_empty(),
                    Kind::Object(entries) => entries.is_empty(),
                    _ => true,
                };
                let message = "default: only [] and {} can be defaults of lists and maps";
                let hint = "write [] or {}, or remove the default";
                is_empty || self.error(applied.at(), message, hint)
            }
        }
    }

    fn is_one_of(&mut self, applied: &Trait, values: &'static [&str]) -> bool {
        let Some(text) = applied.value.as_str() else {
            return self.expected(applied, "a string", &format!("write {:?}", values[0]));
        };
        let is_one = values.contains(&text);
        if !is_one {
            let names: Vec<_> = values.iter().map(|it| format!("{it:?}")).collect();
            let (name, names) = (applied.id.name(), names.join(" or "));
            let message = format!("the trait {name} expects {names}, found {text:?}");
            let finding = self.reporter.error(applied.at(), message);
            finding.did_you_mean(text, values.iter().copied(), "write one of them");
        }
        is_one
    }

    fn is_object(&mut self, applied: &Trait, keys: &[&str], what: &str, subject: Subject) -> bool {
        let name = applied.id.name();
        match &applied.value.kind {
            Kind::Null => {
                let message = format!("the trait {name} has the value null, which is read as {{}}");
                self.reporter.warning(applied.at(), message).hint("write {}");
            }
            Kind::Object(entries) => {
                for Entry { key, at, .. } in entries.iter().filter(|it| !keys.contains(&&*it.key)) {
                    let message = format!("the key {key:?} of the trait {name} is ignored");
                    let finding = self.reporter.warning(*at, message);
                    finding.did_you_mean(key, keys.iter().copied(), "remove it");
                }
            }
            _ => return self.expected(applied, "an object", "write {}"),
        }
        for key in keys {
            if let Some(value) = applied.value.get(key).filter(|it| !is_a(what, &it.kind)) {
                let message = format!("{key}: expected {what}, found {}", value.describe());
                self.error(value.at, message, &format!("write {what} as \"{key}\""));
            }
        }
        if let ["min", "max"] = keys {
            self.check_bounds(applied, subject);
        }
        true
    }

    fn check_bounds(&mut self, applied: &Trait, subject: Subject) {
        let (name, value) = (applied.id.name(), &applied.value);
        if value.get("min").or(value.get("max")).is_none() {
            let message = format!("{name}: \"min\", \"max\" or both are needed");
            self.error(applied.at(), message, "write {\"min\": 1, \"max\": 10}");
        }
        let Bounds { min, max } = applied.bounds();
        let is_whole = subject.0.is_none_or(|kind| !kind.is_number() || kind.is_integer());
        let is_fraction = |it: &&String| it.parse::<f64>().is_ok_and(|it| it.fract() != 0.0);
        let bounds = [&min, &max].into_iter().flatten().filter(|_| name == "range" && is_whole);
        for text in bounds.filter(is_fraction) {
            let message = format!("range: {text} is not an integer, and the number is one");
            self.error(applied.at(), message, "write a whole number");
        }
        let is_reversed =
            |it: &(String, String)| compare_numbers(&it.0, &it.1) == Some(Ordering::Greater);
        if let Some((min, max)) = min.zip(max).filter(is_reversed) {
            self.error(applied.at(), format!("{name}: min {min} > max {max}"), "swap them");
        }
    }
}

/// Whether a value is of the kind that `what` describes.
fn is_a(what: &str, kind: &Kind) -> bool {
    match (what, kind) {
        ("", _) | ("a string", Kind::String(_)) | ("a number", Kind::Number(_)) => true,
        (NATURAL, Kind::Number(text)) => text.parse::<u64>().is_ok(),
        _ => false,
    }
}
