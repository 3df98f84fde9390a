//! Traits as written to [`Traits`].

use std::collections::HashSet;

use super::{
    DefaultTrait, DefaultValue, Deprecated, Fault, Length, Range, RawTrait, TimestampFormat,
    Traits, example, known,
};
use crate::{
    ast::ShapeKind,
    diagnostic::{Finding, Location, Reporter},
    json::{Kind, Value},
    shape_id::{PRELUDE, ShapeId},
};

/// What carries the traits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder {
    /// The type of the shape; of the target, if it is a member. `None` if that does not exist.
    pub(crate) kind: Option<ShapeKind>,
    /// The type of the shape whose member it is.
    pub(crate) container: Option<ShapeKind>,
}

/// Reads the traits of a model.
#[derive(Debug)]
pub(crate) struct TraitReader<'r, 'a> {
    pub(crate) reporter: &'r mut Reporter<'a>,
    /// Traits that a model defines by itself, and unknown ones that have been reported.
    pub(crate) known: HashSet<ShapeId>,
}

const NUMBERS: [&str; 9] =
    ["byte", "short", "integer", "long", "float", "double", "bigInteger", "bigDecimal", "intEnum"];

impl TraitReader<'_, '_> {
    /// Reads all traits of a shape or member; what is wrong goes to the reporter.
    pub(crate) fn read(&mut self, traits: &[RawTrait<'_>], holder: Holder) -> Traits {
        let mut read = Traits::default();
        for it in traits {
            if it.id.namespace() != PRELUDE || !known::is_known(it.id.name()) {
                self.unknown(it);
            } else if self.applies(it, holder) {
                self.trait_value(it, holder, &mut read);
            }
        }
        let find = |id: &str| traits.iter().find(|it| it.id.as_str() == id);
        if let (Some(it), None) = (find("smithy.api#retryable"), find("smithy.api#error")) {
            let message = "the trait retryable is ignored: it belongs on an error";
            self.reporter.warning(it.location, message).hint("take it away");
        }
        read
    }

    fn unknown(&mut self, it: &RawTrait<'_>) {
        if known::is_foreign(&it.id) || !self.known.insert(it.id.clone()) {
            return;
        }
        let message = format!("the trait {} is unknown and is ignored", it.id);
        let finding = self.reporter.warning(it.location, message);
        // Not an error in the prelude either: a later version of Smithy may define it.
        match it.id.namespace() == PRELUDE {
            true => finding.did_you_mean(it.id.name(), known::NAMES, "take it away"),
            false => finding
                .hint("take it away, or define it as a shape with the trait smithy.api#trait"),
        };
    }

    /// Whether a trait belongs where it is.
    fn applies(&mut self, it: &RawTrait<'_>, holder: Holder) -> bool {
        let Some(shape_type) = holder.kind.map(ShapeKind::name) else { return true };
        let of_structure = holder.container == Some(ShapeKind::Structure);
        let is_shape = holder.container.is_none();
        let (applies, place) = match it.id.name() {
            "required" | "clientOptional" => (of_structure, "a member of a structure"),
            "idempotencyToken" => {
                (of_structure && shape_type == "string", "a member of a structure that is a string")
            }
            "jsonName" => (
                of_structure || holder.container == Some(ShapeKind::Union),
                "a member of a structure or union",
            ),
            "input" | "output" => (is_shape && shape_type == "structure", "a structure"),
            "range" => (NUMBERS.contains(&shape_type), "a number"),
            "length" => (
                ["string", "enum", "blob", "list", "map"].contains(&shape_type),
                "a string, blob, list or map",
            ),
            "pattern" => (["string", "enum"].contains(&shape_type), "a string"),
            "uniqueItems" => (is_shape && shape_type == "list", "a list"),
            "sparse" => (is_shape && ["list", "map"].contains(&shape_type), "a list or map"),
            "timestampFormat" => (shape_type == "timestamp", "a timestamp"),
            "enumValue" => {
                (holder.container.is_some_and(ShapeKind::is_enum), "a member of an enum or intEnum")
            }
            // Without these the shape would mean something else, so they cannot be left out.
            "error" if !is_shape || shape_type != "structure" => {
                self.reporter
                    .error(it.location, "the trait error belongs on a structure")
                    .hint("put the value into a structure with this trait");
                return false;
            }
            "streaming" if !is_shape || !["union", "blob"].contains(&shape_type) => {
                self.reporter
                    .error(it.location, "the trait streaming belongs on a union")
                    .hint("target a union with this trait; its members are the events");
                return false;
            }
            "default" if !is_shape && !of_structure => {
                self.reporter
                    .error(it.location, "the trait default belongs on a member of a structure")
                    .hint("take it away, or put the value into a structure");
                return false;
            }
            "eventHeader" | "eventPayload" => {
                let message = format!(
                    "the trait {} is ignored: event-stream RPC sends events as JSON",
                    it.id.name()
                );
                self.reporter
                    .warning(it.location, message)
                    .hint("take it away: the member is a part of the JSON all the same");
                return false;
            }
            _ => (true, ""),
        };
        if !applies {
            let message = format!("the trait {} is ignored: it belongs on {place}", it.id.name());
            self.reporter.warning(it.location, message).hint("take it away");
        }
        applies
    }

    fn trait_value(&mut self, it: &RawTrait<'_>, holder: Holder, read: &mut Traits) {
        match it.id.name() {
            "documentation" => read.documentation = self.string(it),
            "required" => read.required = self.annotation(it),
            "clientOptional" => read.client_optional = self.annotation(it),
            "input" => read.input = self.annotation(it),
            "output" => read.output = self.annotation(it),
            "sensitive" => read.sensitive = self.annotation(it),
            "streaming" => read.streaming = self.annotation(it),
            "uniqueItems" => read.unique_items = self.annotation(it),
            "sparse" => read.sparse = self.annotation(it),
            "idempotencyToken" => read.idempotency_token = self.annotation(it),
            "trait" => read.defines_trait = true,
            "unstable" => read.unstable = self.annotation(it),
            "internal" => read.internal = self.annotation(it),
            "mixin" => read.mixin = self.object(it, &["localTraits", "interface"]),
            "since" => read.since = self.string(it),
            "title" => read.title = self.string(it),
            "pattern" => read.pattern = self.string(it),
            "jsonName" => read.json_name = self.string(it),
            "error" => {
                let faults = [("client", Fault::Client), ("server", Fault::Server)];
                // The shape is an error all the same: that it is none would be a second complaint.
                read.error = self.one_of(it, &faults).or(Some(Fault::Client));
            }
            "timestampFormat" => {
                let formats = [
                    ("date-time", TimestampFormat::DateTime),
                    ("http-date", TimestampFormat::HttpDate),
                    ("epoch-seconds", TimestampFormat::EpochSeconds),
                ];
                read.timestamp_format = self.one_of(it, &formats);
            }
            "mediaType" => read.media_type = self.string(it),
            "recommended" => read.recommended = self.object(it, &["reason"]),
            "tags" => {
                let tags = it.value.as_array().unwrap_or_default().iter();
                read.tags = tags.filter_map(|it| it.as_str().map(str::to_owned)).collect();
            }
            "examples" => read.examples = example::read(&it.value),
            "retryable" => {
                read.retryable = self.object(it, &["throttling"]);
                let throttling = it.value.get("throttling").map(|it| &it.value.kind);
                read.throttling = matches!(throttling, Some(Kind::Bool(true)));
            }
            "deprecated" => read.deprecated = self.deprecated(it),
            "externalDocumentation" => {
                for entry in it.value.as_object().unwrap_or_default() {
                    let address = entry.value.as_str().map(str::to_owned);
                    read.external_documentation
                        .extend(address.map(|address| (entry.key.to_string(), address)));
                }
            }
            "enumValue" => self.enum_value(it, holder, read),
            "default" => read.default = self.default_value(it),
            "range" => read.range = self.range(it, holder),
            "length" => read.length = self.length(it),
            _ => {}
        }
    }

    fn deprecated(&mut self, it: &RawTrait<'_>) -> Option<Deprecated> {
        if !self.object(it, &["message", "since"]) {
            return None;
        }
        let text = |value: &Value<'_>| value.as_str().map(str::to_owned);
        let message = self.part(it, "message", "a string", text);
        let since = self.part(it, "since", "a string", text);
        Some(Deprecated { message, since })
    }

    fn enum_value(&mut self, it: &RawTrait<'_>, holder: Holder, read: &mut Traits) {
        if holder.container == Some(ShapeKind::IntEnum) {
            read.int_enum_value = match &it.value.kind {
                Kind::Number(text) => text.parse().ok(),
                _ => None,
            };
            if read.int_enum_value.is_none() {
                self.expected(it, "an integer of 32 bits").hint("write a number such as 1");
            }
            return;
        }
        match it.value.as_str() {
            Some("") => {
                self.reporter
                    .error(it.location, "the value of a member of an enum must not be empty")
                    .hint("write the text that is sent");
            }
            Some(text) => read.enum_value = Some(text.to_owned()),
            None => {
                self.expected(it, "a string").hint("put the text in quotes");
            }
        }
    }

    fn default_value(&mut self, it: &RawTrait<'_>) -> Option<DefaultTrait> {
        let Some(value) = DefaultValue::of(&it.value.kind) else {
            self.reporter
                .error(it.location, "default: only [] and {} can be defaults of lists and maps")
                .hint("write [] or {}, or take the default away");
            return None;
        };
        Some(DefaultTrait { value, location: it.location })
    }

    fn range(&mut self, it: &RawTrait<'_>, holder: Holder) -> Option<Range> {
        if !self.object(it, &["min", "max"]) {
            return None;
        }
        let number = |value: &Value<'_>| match value.kind {
            Kind::Number(text) => Some(text.to_owned()),
            _ => None,
        };
        let min = self.part(it, "min", "a number", number);
        let max = self.part(it, "max", "a number", number);
        let is_integer =
            !matches!(holder.kind.map(ShapeKind::name), Some("float" | "double" | "bigDecimal"));
        for bound in [&min, &max].into_iter().flatten() {
            let value: f64 = bound.parse().unwrap_or_default();
            if is_integer && value.fract() != 0.0 {
                let message = format!("range: {bound} is not an integer, and the number is one");
                self.reporter.error(it.location, message).hint("write a whole number");
            }
        }
        if it.value.get("min").is_none() && it.value.get("max").is_none() {
            self.reporter
                .error(it.location, "range: \"min\", \"max\" or both are needed")
                .hint("write {\"min\": 1, \"max\": 10}");
        }
        self.check_order(it, min.as_deref(), max.as_deref());
        Some(Range { min, max })
    }

    fn length(&mut self, it: &RawTrait<'_>) -> Option<Length> {
        if !self.object(it, &["min", "max"]) {
            return None;
        }
        let number = |value: &Value<'_>| match value.kind {
            Kind::Number(text) => text.parse().ok(),
            _ => None,
        };
        let min: Option<u64> = self.part(it, "min", "a whole number from 0", number);
        let max: Option<u64> = self.part(it, "max", "a whole number from 0", number);
        if it.value.get("min").is_none() && it.value.get("max").is_none() {
            self.reporter
                .error(it.location, "length: \"min\", \"max\" or both are needed")
                .hint("write {\"min\": 1, \"max\": 10}");
        }
        let text = |it: Option<u64>| it.map(|it| it.to_string());
        self.check_order(it, text(min).as_deref(), text(max).as_deref());
        Some(Length { min, max })
    }

    fn check_order(&mut self, it: &RawTrait<'_>, min: Option<&str>, max: Option<&str>) {
        let (Some(min), Some(max)) = (min, max) else { return };
        let value = |text: &str| text.parse::<f64>().unwrap_or_default();
        if value(min) > value(max) {
            let message = format!("{}: min {min} > max {max}", it.id.name());
            self.reporter.error(it.location, message).hint("swap them");
        }
    }

    fn expected(&mut self, it: &RawTrait<'_>, what: &str) -> &mut Finding {
        let message =
            format!("the trait {} expects {what}, found {}", it.id.name(), it.value.describe());
        self.reporter.error(it.location, message)
    }

    fn string(&mut self, it: &RawTrait<'_>) -> Option<String> {
        let text = it.value.as_str();
        if text.is_none() {
            self.expected(it, "a string").hint("put the text in quotes");
        }
        text.map(str::to_owned)
    }

    fn one_of<T: Copy>(&mut self, it: &RawTrait<'_>, values: &[(&str, T)]) -> Option<T> {
        let Some(text) = it.value.as_str() else {
            let (first, _) = values[0];
            self.expected(it, "a string").hint(format!("write {first:?}"));
            return None;
        };
        let found = values.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<_> = values.iter().map(|(name, _)| format!("{name:?}")).collect();
            let message = format!(
                "the trait {} expects {}, found {text:?}",
                it.id.name(),
                names.join(" or ")
            );
            self.reporter.error(it.location, message).did_you_mean(
                text,
                values.iter().map(|it| it.0),
                "write one of them",
            );
        }
        found
    }

    /// Whether the trait is there: its value is `{}`.
    fn annotation(&mut self, it: &RawTrait<'_>) -> bool {
        self.object(it, &[])
    }

    /// Whether the value is an object; keys that mean nothing are a warning.
    fn object(&mut self, it: &RawTrait<'_>, keys: &[&str]) -> bool {
        match &it.value.kind {
            Kind::Null => {
                let message =
                    format!("the trait {} has the value null, which is read as {{}}", it.id.name());
                self.reporter.warning(it.location, message).hint("write {}");
                true
            }
            Kind::Object(entries) => {
                for entry in entries.iter().filter(|it| !keys.contains(&&*it.key)) {
                    let message =
                        format!("the key {:?} of the trait {} is ignored", entry.key, it.id.name());
                    let location = Location { offset: entry.offset, ..it.location };
                    self.reporter.warning(location, message).did_you_mean(
                        &entry.key,
                        keys.iter().copied(),
                        "take it away",
                    );
                }
                true
            }
            _ => {
                self.expected(it, "an object").hint("write {}");
                false
            }
        }
    }

    /// One entry of a trait's value; what it must be is an error if it is something else.
    fn part<T>(
        &mut self,
        it: &RawTrait<'_>,
        key: &str,
        what: &str,
        read: impl Fn(&Value<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = &it.value.get(key)?.value;
        let part = read(value);
        if part.is_none() {
            let message = format!("{key}: expected {what}, found {}", value.describe());
            let location = Location { offset: value.offset, ..it.location };
            self.reporter.error(location, message).hint(format!("write {what} as \"{key}\""));
        }
        part
    }
}
