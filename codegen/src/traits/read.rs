//! Raw traits to [`Traits`].

use std::collections::HashSet;

use super::{
    DefaultTrait, DefaultValue, Deprecated, Length, Range, RawTrait, Traits,
    table::{self, RULES, Read},
};
use crate::{
    ast::{ShapeKind, SimpleType},
    diagnostic::{Finding, Location, Reporter},
    json::{Kind, Value},
    shape_id::ShapeId,
};

/// What has the traits.
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
    /// Traits that the model defines, and unknown ones that have been reported.
    pub(crate) known: HashSet<ShapeId>,
}

/// Whether the numbers of a type are whole; `None` if it is not the type of a number.
pub(super) fn number_is_whole(kind: ShapeKind) -> Option<bool> {
    use SimpleType::{BigDecimal, BigInteger, Byte, Double, Float, Integer, Long, Short};
    match kind {
        ShapeKind::Simple(Float | Double | BigDecimal) => Some(false),
        ShapeKind::Simple(Byte | Short | Integer | Long | BigInteger) => Some(true),
        _ => None,
    }
}

impl TraitReader<'_, '_> {
    /// Reads all traits of a shape or member; errors go to the reporter.
    pub(crate) fn read(&mut self, traits: &[RawTrait<'_>], holder: Holder) -> Traits {
        let mut read = Traits::default();
        for it in traits {
            let name = it.id.prelude_name().unwrap_or_default();
            let Some(rule) = RULES.iter().find(|rule| rule.name == name) else {
                self.unknown(it);
                continue;
            };
            let (place, fits) = rule.place;
            if holder.kind.is_none_or(|kind| fits(kind, holder.container)) {
                match rule.read {
                    Read::Flag(keys, field) => *field(&mut read) = self.object(it, keys),
                    Read::Text(field) => *field(&mut read) = self.string(it),
                    Read::With(value) => value(self, it, holder, &mut read),
                }
                continue;
            }
            // Without some traits the shape would mean something else.
            match rule.hint {
                Some(hint) => self
                    .reporter
                    .error(it.location, format!("the trait {name} belongs on {place}"))
                    .hint(hint),
                None => self.ignored(it, &format!("it belongs on {place}")).hint("take it away"),
            };
        }
        let find = |name: &str| traits.iter().find(|it| it.id.is_prelude(name));
        if let (Some(it), None) = (find("retryable"), find("error")) {
            self.ignored(it, "it belongs on an error").hint("take it away");
        }
        read
    }

    fn ignored(&mut self, it: &RawTrait<'_>, why: &str) -> &mut Finding {
        let message = format!("the trait {} is ignored: {why}", it.id.name());
        self.reporter.warning(it.location, message)
    }

    /// A trait that means nothing here.
    fn unknown(&mut self, it: &RawTrait<'_>) {
        let name = it.id.prelude_name();
        if let Some("eventHeader" | "eventPayload") = name {
            self.ignored(it, "event-stream RPC sends events as JSON")
                .hint("take it away: the member is a part of the JSON all the same");
            return;
        }
        let is_foreign =
            ["aws", "smithy"].contains(&it.id.namespace().split('.').next().unwrap_or(""));
        let is_known = match name {
            Some(name) => table::names().any(|it| it == name),
            // Protocols, endpoints and authorization are of no concern to event-stream RPC.
            None => is_foreign,
        };
        if is_known || !self.known.insert(it.id.clone()) {
            return;
        }
        let message = format!("the trait {} is unknown and is ignored", it.id);
        let finding = self.reporter.warning(it.location, message);
        // Not an error in the prelude either: a later version of Smithy may define it.
        match name {
            Some(name) => finding.did_you_mean(name, table::names(), "take it away"),
            None => finding
                .hint("take it away, or define it as a shape with the trait smithy.api#trait"),
        };
    }

    pub(super) fn deprecated(&mut self, it: &RawTrait<'_>) -> Option<Deprecated> {
        if !self.object(it, &["message", "since"]) {
            return None;
        }
        let text = |value: &Value<'_>| value.as_str().map(str::to_owned);
        let message = self.part(it, "message", "a string", text);
        Some(Deprecated { message, since: self.part(it, "since", "a string", text) })
    }

    pub(super) fn enum_value(&mut self, it: &RawTrait<'_>, holder: Holder, traits: &mut Traits) {
        match (&it.value.kind, holder.container) {
            (Kind::Number(text), Some(ShapeKind::IntEnum)) if text.parse::<i32>().is_ok() => {
                traits.int_enum_value = text.parse().ok();
            }
            (_, Some(ShapeKind::IntEnum)) => {
                self.expected(it, "an integer of 32 bits").hint("write a number such as 1");
            }
            (Kind::String(text), _) if text.is_empty() => {
                self.reporter
                    .error(it.location, "the value of a member of an enum must not be empty")
                    .hint("write the text that is sent");
            }
            _ => traits.enum_value = self.string(it),
        }
    }

    pub(super) fn default(&mut self, it: &RawTrait<'_>) -> Option<DefaultTrait> {
        let value = DefaultValue::of(&it.value.kind);
        if value.is_none() {
            self.reporter
                .error(it.location, "default: only [] and {} can be defaults of lists and maps")
                .hint("write [] or {}, or take the default away");
        }
        Some(DefaultTrait { value: value?, location: it.location })
    }

    pub(super) fn range(&mut self, it: &RawTrait<'_>, holder: Holder) -> Option<Range> {
        let number = |value: &Value<'_>| match value.kind {
            Kind::Number(text) => Some(text.to_owned()),
            _ => None,
        };
        let [min, max] = self.bounds(it, "a number", number)?;
        let is_whole = holder.kind.and_then(number_is_whole) != Some(false);
        for bound in [&min, &max].into_iter().flatten() {
            let value: f64 = bound.parse().unwrap_or_default();
            if is_whole && value.fract() != 0.0 {
                let message = format!("range: {bound} is not an integer, and the number is one");
                self.reporter.error(it.location, message).hint("write a whole number");
            }
        }
        Some(Range { min, max })
    }

    pub(super) fn length(&mut self, it: &RawTrait<'_>) -> Option<Length> {
        let number = |value: &Value<'_>| match value.kind {
            Kind::Number(text) => text.parse::<u64>().ok(),
            _ => None,
        };
        let [min, max] = self.bounds(it, "a whole number from 0", number)?;
        Some(Length { min, max })
    }

    /// The keys `min` and `max`.
    fn bounds<T: ToString>(
        &mut self,
        it: &RawTrait<'_>,
        what: &str,
        read: impl Fn(&Value<'_>) -> Option<T>,
    ) -> Option<[Option<T>; 2]> {
        if !self.object(it, &["min", "max"]) {
            return None;
        }
        let name = it.id.name();
        if it.value.get("min").is_none() && it.value.get("max").is_none() {
            self.reporter
                .error(it.location, format!("{name}: \"min\", \"max\" or both are needed"))
                .hint("write {\"min\": 1, \"max\": 10}");
        }
        let bounds = ["min", "max"].map(|key| self.part(it, key, what, &read));
        if let [Some(min), Some(max)] = &bounds {
            let (min, max) = (min.to_string(), max.to_string());
            let value = |text: &str| text.parse::<f64>().unwrap_or_default();
            if value(&min) > value(&max) {
                let message = format!("{name}: min {min} > max {max}");
                self.reporter.error(it.location, message).hint("swap them");
            }
        }
        Some(bounds)
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

    pub(super) fn one_of<T: Copy>(&mut self, it: &RawTrait<'_>, values: &[(&str, T)]) -> Option<T> {
        let Some(text) = it.value.as_str() else {
            self.expected(it, "a string").hint(format!("write {:?}", values[0].0));
            return None;
        };
        let found = values.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<_> = values.iter().map(|(name, _)| format!("{name:?}")).collect();
            let (name, names) = (it.id.name(), names.join(" or "));
            let message = format!("the trait {name} expects {names}, found {text:?}");
            self.reporter.error(it.location, message).did_you_mean(
                text,
                values.iter().map(|it| it.0),
                "write one of them",
            );
        }
        found
    }

    /// Whether the value is an object; a key that is not among `keys` is a warning.
    pub(super) fn object(&mut self, it: &RawTrait<'_>, keys: &[&str]) -> bool {
        let name = it.id.name();
        match &it.value.kind {
            Kind::Null => {
                let message = format!("the trait {name} has the value null, which is read as {{}}");
                self.reporter.warning(it.location, message).hint("write {}");
                true
            }
            Kind::Object(entries) => {
                for entry in entries.iter().filter(|it| !keys.contains(&&*it.key)) {
                    let message = format!("the key {:?} of the trait {name} is ignored", entry.key);
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

    /// One entry of a trait's value.
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
