//! Whether traits are where they belong and have values of their form.

use std::collections::HashSet;

use super::{Trait, Traits};
use crate::{
    ast::ShapeKind::{self, Blob, Enum, IntEnum, List, Map, Structure, Timestamp, Union},
    diagnostic::{Finding, Reporter},
    json::{Kind, Value},
    shape_id::ShapeId,
};

/// What the value of a trait is.
enum Form {
    /// An object with no keys but these.
    Object(&'static [&'static str]),
    /// An object with texts.
    Texts(&'static [&'static str]),
    Text,
    OneOf(&'static [&'static str]),
    /// An object with `min`, `max` or both, each of them this.
    Bounds(&'static str),
    EnumValue,
    Default,
    /// Nothing depends on it.
    Any,
}

use Form::{Any, Bounds, Object, OneOf, Text};

/// Where a trait belongs: in words, and whether it belongs on what has this type and is a member of a shape
/// of the second type. If it is an error to have the trait elsewhere, the hint.
type Place = (&'static str, fn(ShapeKind, Option<ShapeKind>) -> bool, Option<&'static str>);

const ANYWHERE: Place = ("", |_, _| true, None);
const STRUCTURE: Place = ("a structure", |kind, of| of.is_none() && kind == Structure, None);
const MEMBER: Place = ("a member of a structure", |_, of| of == Some(Structure), None);
const DEFAULT: Place = (
    "a member of a structure",
    |_, of| of.is_none_or(|it| it == Structure),
    Some("take it away, or put the value into a structure"),
);
const VALUE: Place =
    ("a member of an enum or intEnum", |_, of| of.is_some_and(ShapeKind::is_enum), None);
const ERROR: Place =
    (STRUCTURE.0, STRUCTURE.1, Some("put the value into a structure with this trait"));
const TOKEN: Place = (
    "a member of a structure that is a string",
    |kind, of| of == Some(Structure) && kind == ShapeKind::String,
    None,
);
const FIELD: Place =
    ("a member of a structure or union", |_, of| of.is_some_and(ShapeKind::has_fields), None);
const COUNTED: Place = (
    "a string, blob, list or map",
    |kind, _| matches!(kind, ShapeKind::String | Blob | Enum | List | Map),
    None,
);
const STRING: Place = ("a string", |kind, _| matches!(kind, ShapeKind::String | Enum), None);
const NUMBER: Place = ("a number", |kind, _| kind == IntEnum || kind.is_number(), None);
const AGGREGATE: Place =
    ("a list or map", |kind, of| of.is_none() && matches!(kind, List | Map), None);
const STREAM: Place = (
    "a union",
    |kind, of| of.is_none() && matches!(kind, Union | Blob),
    Some("target a union with this trait; its members are the events"),
);
const TIMESTAMP: Place = ("a timestamp", |kind, _| kind == Timestamp, None);
const LIST: Place = ("a list", |kind, of| of.is_none() && kind == List, None);

/// The traits that mean something for generated code.
const RULES: [(&str, Place, Form); 31] = [
    ("clientOptional", MEMBER, Object(&[])),
    ("default", DEFAULT, Form::Default),
    ("deprecated", ANYWHERE, Form::Texts(&["message", "since"])),
    ("documentation", ANYWHERE, Text),
    ("enumValue", VALUE, Form::EnumValue),
    ("error", ERROR, OneOf(&["client", "server"])),
    ("examples", ANYWHERE, Any),
    ("externalDocumentation", ANYWHERE, Any),
    ("idempotencyToken", TOKEN, Object(&[])),
    ("input", STRUCTURE, Object(&[])),
    ("internal", ANYWHERE, Object(&[])),
    ("jsonName", FIELD, Text),
    ("length", COUNTED, Bounds("a whole number from 0")),
    ("mediaType", ANYWHERE, Text),
    ("mixin", ANYWHERE, Object(&["localTraits", "interface"])),
    ("output", STRUCTURE, Object(&[])),
    ("pattern", STRING, Text),
    ("range", NUMBER, Bounds("a number")),
    ("recommended", ANYWHERE, Object(&["reason"])),
    ("required", MEMBER, Object(&[])),
    ("retryable", ANYWHERE, Object(&["throttling"])),
    ("sensitive", ANYWHERE, Object(&[])),
    ("since", ANYWHERE, Text),
    ("sparse", AGGREGATE, Object(&[])),
    ("streaming", STREAM, Object(&[])),
    ("tags", ANYWHERE, Any),
    ("timestampFormat", TIMESTAMP, OneOf(&["date-time", "http-date", "epoch-seconds"])),
    ("title", ANYWHERE, Text),
    ("trait", ANYWHERE, Any),
    ("uniqueItems", LIST, Object(&[])),
    ("unstable", ANYWHERE, Object(&[])),
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
    RULES.iter().map(|it| it.0).chain(OTHERS.split_whitespace())
}

/// What has the traits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder {
    /// The type of the shape; of the target, if it is a member. `None` if that does not exist.
    pub(crate) kind: Option<ShapeKind>,
    /// The type of the shape whose member it is.
    pub(crate) container: Option<ShapeKind>,
}

/// Checks the traits of a model.
#[derive(Debug)]
pub(crate) struct Checker<'c, 'a> {
    pub(crate) reporter: &'c mut Reporter<'a>,
    /// Traits that the model defines, and unknown ones that have been reported.
    pub(crate) known: HashSet<ShapeId>,
}

impl Checker<'_, '_> {
    /// Takes away the traits that mean nothing; errors go to the reporter.
    pub(crate) fn check(&mut self, traits: &mut Traits, holder: Holder) {
        if let (Some(it), false) = (traits.find("retryable"), traits.has("error")) {
            self.ignored(it, "it belongs on an error").hint("take it away");
        }
        traits.0.retain(|it| self.is_kept(it, holder));
    }

    fn is_kept(&mut self, it: &Trait, holder: Holder) -> bool {
        let name = it.id.prelude_name().unwrap_or_default();
        let Some((_, (place, fits, hint), form)) = RULES.iter().find(|rule| rule.0 == name) else {
            self.unknown(it);
            // The values of those that the model defines are a part of what a shape is.
            return true;
        };
        if holder.kind.is_none_or(|kind| fits(kind, holder.container)) {
            return self.has_form(it, form, holder);
        }
        // Without some traits the shape would mean something else.
        match hint {
            Some(hint) => self
                .reporter
                .error(it.at(), format!("the trait {name} belongs on {place}"))
                .hint(*hint),
            None => self.ignored(it, &format!("it belongs on {place}")).hint("take it away"),
        };
        false
    }

    fn has_form(&mut self, it: &Trait, form: &Form, holder: Holder) -> bool {
        match form {
            Any => true,
            Text => self.is_string(it, "put the text in quotes"),
            Object(keys) => self.is_object(it, keys),
            Form::Texts(keys) => self.is_object(it, keys) && self.are_texts(it, keys),
            Bounds(what) => self.is_bounds(it, what, holder),
            // A shape is an error whoever is to blame, so that references to it are not reported.
            OneOf(values) => self.is_one_of(it, values) || it.id.is_prelude("error"),
            Form::EnumValue => self.is_enum_value(it, holder),
            Form::Default => self.is_default(it),
        }
    }

    fn ignored(&mut self, it: &Trait, why: &str) -> &mut Finding {
        let message = format!("the trait {} is ignored: {why}", it.id.name());
        self.reporter.warning(it.at(), message)
    }

    /// A trait that means nothing here.
    fn unknown(&mut self, it: &Trait) {
        let name = it.id.prelude_name();
        if let Some("eventHeader" | "eventPayload") = name {
            self.ignored(it, "event-stream RPC sends events as JSON")
                .hint("take it away: the member is a part of the JSON all the same");
            return;
        }
        let is_known = match name {
            Some(name) => names().any(|it| it == name),
            // Protocols, endpoints and authorization are of no concern to event-stream RPC.
            None => ["aws", "smithy"].contains(&it.id.namespace().split('.').next().unwrap_or("")),
        };
        if is_known || !self.known.insert(it.id.clone()) {
            return;
        }
        let message = format!("the trait {} is unknown and is ignored", it.id);
        let finding = self.reporter.warning(it.at(), message);
        // Not an error in the prelude either: a later version of Smithy may define it.
        match name {
            Some(name) => finding.did_you_mean(name, names(), "take it away"),
            None => finding
                .hint("take it away, or define it as a shape with the trait smithy.api#trait"),
        };
    }

    fn is_enum_value(&mut self, it: &Trait, holder: Holder) -> bool {
        let (message, hint) = match (&it.value.kind, holder.container) {
            (Kind::Number(text), Some(IntEnum))
                if text.parse::<i32>().is_ok_and(|it| it.to_string() == *text) =>
            {
                return true;
            }
            (_, Some(IntEnum)) => {
                self.expected(it, "an integer of 32 bits").hint("write a number such as 1");
                return false;
            }
            (Kind::String(text), _) if text.is_empty() => (
                "the value of a member of an enum must not be empty",
                "write the text that is sent",
            ),
            _ => return self.is_string(it, "put the text in quotes"),
        };
        self.reporter.error(it.at(), message).hint(hint);
        false
    }

    fn is_default(&mut self, it: &Trait) -> bool {
        let is_empty = it.value.as_array().is_none_or(<[_]>::is_empty)
            && it.value.as_object().is_none_or(<[_]>::is_empty);
        if !is_empty {
            self.reporter
                .error(it.at(), "default: only [] and {} can be defaults of lists and maps")
                .hint("write [] or {}, or take the default away");
        }
        is_empty
    }

    fn is_bounds(&mut self, it: &Trait, what: &str, holder: Holder) -> bool {
        if !self.is_object(it, &["min", "max"]) {
            return false;
        }
        let name = it.id.name();
        let bounds = ["min", "max"].map(|key| it.value.get(key).map(|value| (key, value)));
        if bounds == [None, None] {
            self.reporter
                .error(it.at(), format!("{name}: \"min\", \"max\" or both are needed"))
                .hint("write {\"min\": 1, \"max\": 10}");
        }
        let is_whole = holder.kind.is_none_or(|kind| !kind.is_number() || kind.is_integer());
        let mut numbers: Vec<(&str, f64)> = Vec::new();
        for (key, value) in bounds.into_iter().flatten() {
            let text = match &value.kind {
                Kind::Number(text) if name == "range" || text.parse::<u64>().is_ok() => text,
                _ => {
                    self.expected_under(key, what, value);
                    continue;
                }
            };
            let number: f64 = text.parse().unwrap_or_default();
            if name == "range" && is_whole && number.fract() != 0.0 {
                let message = format!("range: {text} is not an integer, and the number is one");
                self.reporter.error(it.at(), message).hint("write a whole number");
            }
            numbers.push((text, number));
        }
        match numbers[..] {
            [(min, low), (max, high)] if low > high => {
                let message = format!("{name}: min {min} > max {max}");
                self.reporter.error(it.at(), message).hint("swap them");
            }
            _ => {}
        }
        true
    }

    fn expected(&mut self, it: &Trait, what: &str) -> &mut Finding {
        let message =
            format!("the trait {} expects {what}, found {}", it.id.name(), it.value.describe());
        self.reporter.error(it.at(), message)
    }

    fn expected_under(&mut self, key: &str, what: &str, value: &Value) {
        let message = format!("{key}: expected {what}, found {}", value.describe());
        self.reporter.error(value.at, message).hint(format!("write {what} as \"{key}\""));
    }

    fn are_texts(&mut self, it: &Trait, keys: &[&str]) -> bool {
        for key in keys {
            if let Some(value) = it.value.get(key).filter(|it| it.as_str().is_none()) {
                self.expected_under(key, "a string", value);
            }
        }
        true
    }

    fn is_string(&mut self, it: &Trait, hint: &str) -> bool {
        let is_string = it.value.as_str().is_some();
        if !is_string {
            self.expected(it, "a string").hint(hint);
        }
        is_string
    }

    fn is_one_of(&mut self, it: &Trait, values: &'static [&str]) -> bool {
        let Some(text) = it.value.as_str() else {
            return self.is_string(it, &format!("write {:?}", values[0]));
        };
        let is_one = values.contains(&text);
        if !is_one {
            let names: Vec<_> = values.iter().map(|it| format!("{it:?}")).collect();
            let (name, names) = (it.id.name(), names.join(" or "));
            let message = format!("the trait {name} expects {names}, found {text:?}");
            let finding = self.reporter.error(it.at(), message);
            finding.did_you_mean(text, values.iter().copied(), "write one of them");
        }
        is_one
    }

    /// Whether the value is an object; a key that is not among `keys` is a warning.
    fn is_object(&mut self, it: &Trait, keys: &[&str]) -> bool {
        let name = it.id.name();
        match &it.value.kind {
            Kind::Null => {
                let message = format!("the trait {name} has the value null, which is read as {{}}");
                self.reporter.warning(it.at(), message).hint("write {}");
            }
            Kind::Object(entries) => {
                for entry in entries.iter().filter(|it| !keys.contains(&&*it.key)) {
                    let message = format!("the key {:?} of the trait {name} is ignored", entry.key);
                    let finding = self.reporter.warning(entry.at, message);
                    finding.did_you_mean(&entry.key, keys.iter().copied(), "take it away");
                }
            }
            _ => {
                self.expected(it, "an object").hint("write {}");
                return false;
            }
        }
        true
    }
}
