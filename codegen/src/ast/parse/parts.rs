//! What shapes consist of: members, references, traits; and the checks that all of JSON gets.

use std::collections::HashMap;

use super::Parser;
use crate::{
    ast::{Property, RawMember, RawTraits, Reference, merge::MAX_TRAITS},
    diagnostic::{Finding, Location},
    json::{Entry, Value},
    prelude,
    shape_id::{PRELUDE, ShapeId, is_identifier},
    traits::{self, RawTrait},
};

impl Parser<'_, '_> {
    pub(super) fn at(&self, offset: usize) -> Location {
        Location { source: self.source, offset }
    }

    pub(super) fn error(&mut self, offset: usize, message: impl Into<String>) -> &mut Finding {
        self.is_broken = true;
        self.reporter.error(self.at(offset), message)
    }

    /// Reports a value of another type.
    pub(super) fn expected(&mut self, what: &str, found: &Value<'_>, hint: &str) {
        let message = format!("expected {what}, found {}", found.describe());
        self.error(found.offset, message).hint(hint);
    }

    pub(super) fn members<'a>(&mut self, shape: &Value<'a>) -> Vec<RawMember<'a>> {
        let mut members = Vec::new();
        let mut names: HashMap<String, &str> = HashMap::new();
        for entry in self.optional_object(shape, "members") {
            if !is_identifier(&entry.key) {
                self.error(entry.offset, format!("invalid member name {:?}", entry.key)).hint(
                    "a name is ASCII letters, digits and underscores, and starts with a letter",
                );
                continue;
            }
            match names.insert(entry.key.to_ascii_lowercase(), &entry.key) {
                None => {}
                Some(twin) if twin == entry.key => continue,
                Some(twin) => {
                    let message = format!("members {twin} and {} differ only in case", entry.key);
                    self.error(entry.offset, message).hint("rename one of them");
                }
            }
            members.extend(self.member(entry));
        }
        members
    }

    /// The member of a list, or the key or value of a map. It may come from a mixin instead.
    pub(super) fn named_member<'a>(
        &mut self,
        shape: &Value<'a>,
        name: &str,
    ) -> Option<RawMember<'a>> {
        let mixins = shape.get("mixins").and_then(|it| it.value.as_array()).unwrap_or_default();
        let entry = shape.get(name);
        if entry.is_none() && mixins.is_empty() {
            self.error(shape.offset, format!("{name:?} is missing"))
                .hint(format!("add \"{name}\": {{\"target\": …}}"));
        }
        self.member(entry?)
    }

    fn member<'a>(&mut self, entry: &Entry<'a>) -> Option<RawMember<'a>> {
        let traits = self.traits(&entry.value);
        self.keys(&entry.value, &["target", "traits"]);
        let (target, target_location) = self.target(&entry.value)?;
        let (name, location) = (entry.key.to_string(), self.at(entry.offset));
        Some(RawMember { name, target, traits, location, target_location })
    }

    /// Adds the references of an array.
    pub(super) fn references(
        &mut self,
        shape: &Value<'_>,
        key: &str,
        property: Property,
        references: &mut Vec<Reference>,
    ) {
        let Some(entry) = shape.get(key) else { return };
        let Some(list) = entry.value.as_array() else {
            let hint = "write [{\"target\": \"namespace#Shape\"}]";
            return self.expected("an array", &entry.value, hint);
        };
        references.extend(list.iter().filter_map(|it| self.reference(it, property)));
    }

    pub(super) fn reference(&mut self, value: &Value<'_>, property: Property) -> Option<Reference> {
        self.keys(value, &["target"]);
        let (target, location) = self.target(value)?;
        Some(Reference { property, target, name: None, location })
    }

    fn target(&mut self, value: &Value<'_>) -> Option<(ShapeId, Location)> {
        if value.as_object().is_none() {
            self.expected("an object", value, "write {\"target\": \"namespace#Shape\"}");
            return None;
        }
        let Some(target) = value.get("target") else {
            self.error(value.offset, "\"target\" is missing")
                .hint("add \"target\": \"namespace#Shape\"");
            return None;
        };
        let text = self.string(&target.value)?;
        let location = self.at(target.value.offset);
        match ShapeId::parse(&text) {
            Ok(target) => Some((target, location)),
            Err(reason) => {
                let hint = match prelude::names().any(|it| it.0 == text) {
                    true => format!("did you mean \"{PRELUDE}#{text}\"?"),
                    false => "write the namespace as well: \"com.example#Name\"".to_owned(),
                };
                self.error(target.value.offset, format!("target {text:?}: {reason}")).hint(hint);
                None
            }
        }
    }

    pub(super) fn traits<'a>(&mut self, holder: &Value<'a>) -> RawTraits<'a> {
        let mut traits: RawTraits<'a> = Vec::new();
        let entries = self.optional_object(holder, "traits");
        if let Some(entry) = entries.get(MAX_TRAITS) {
            self.error(entry.offset, format!("there are more than {MAX_TRAITS} traits"))
                .hint("take some away");
            return traits;
        }
        for entry in entries {
            match ShapeId::parse(&entry.key) {
                Ok(id) => traits.push(RawTrait {
                    id,
                    value: entry.value.clone(),
                    location: self.at(entry.value.offset),
                    inherited: false,
                }),
                Err(reason) => {
                    let hint = match traits::names().any(|it| it == entry.key) {
                        true => format!("did you mean \"{PRELUDE}#{}\"?", entry.key),
                        false => "write the namespace as well: \"com.example#name\"".to_owned(),
                    };
                    self.error(entry.offset, format!("trait {:?}: {reason}", entry.key)).hint(hint);
                }
            }
        }
        traits
    }

    /// The entries of the object under a key; none if the key is absent.
    pub(super) fn optional_object<'v, 'a>(
        &mut self,
        value: &'v Value<'a>,
        key: &str,
    ) -> &'v [Entry<'a>] {
        let Some(entry) = value.get(key) else { return &[] };
        entry.value.as_object().unwrap_or_else(|| {
            self.expected("an object", &entry.value, &format!("write \"{key}\": {{…}}"));
            &[]
        })
    }

    pub(super) fn string(&mut self, value: &Value<'_>) -> Option<String> {
        let text = value.as_str();
        if text.is_none() {
            self.expected("a string", value, "put the text in quotes");
        }
        text.map(str::to_owned)
    }

    /// Warns of keys that mean nothing.
    pub(super) fn keys(&mut self, value: &Value<'_>, known: &[&str]) {
        for entry in value.as_object().unwrap_or_default() {
            if !known.contains(&&*entry.key) {
                let message = format!("the key {:?} has no meaning here and is ignored", entry.key);
                self.reporter.warning(self.at(entry.offset), message).did_you_mean(
                    &entry.key,
                    known.iter().copied(),
                    "take it away",
                );
            }
        }
    }

    /// Reports keys that occur twice, wherever they are.
    pub(super) fn duplicates(&mut self, value: &Value<'_>) {
        for element in value.as_array().unwrap_or_default() {
            self.duplicates(element);
        }
        let mut seen: HashMap<&str, &Value<'_>> = HashMap::new();
        for entry in value.as_object().unwrap_or_default() {
            self.duplicates(&entry.value);
            match seen.get(&*entry.key) {
                None => {
                    seen.insert(&entry.key, &entry.value);
                }
                Some(earlier) if earlier.is_same(&entry.value) => {
                    let message = format!("the key {:?} occurs twice", entry.key);
                    self.reporter.warning(self.at(entry.offset), message).hint("keep one of them");
                }
                Some(_) => {
                    let message =
                        format!("the key {:?} occurs twice, with different values", entry.key);
                    self.error(entry.offset, message).hint("keep one of them");
                }
            }
        }
    }
}
