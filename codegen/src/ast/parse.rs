//! JSON to [`Model`].

use super::{Member, Model, Operation, Reference, Service, Shape, ShapeKind, SimpleType, subject};
use crate::{
    Source,
    diagnostic::{Location, Reporter, Subject, closest},
    json::{Entry, Kind, Value},
    shape_id::{ShapeId, is_identifier},
    traits::{Owner, Traits},
};

/// Reads and merges all sources; what is wrong goes to the reporter.
pub fn parse<'a>(sources: &'a [Source<'a>], reporter: &mut Reporter<'a>) -> Model {
    let mut model = Model::default();
    for (index, source) in sources.iter().enumerate() {
        // Editors on some systems put it there, and it says nothing.
        let json = source.json.strip_prefix('\u{feff}').unwrap_or(source.json);
        let base = source.json.len() - json.len();
        match Value::parse(json) {
            Ok(value) => Parser { reporter, source: index, base }.file(&value, &mut model),
            Err(error) => {
                let location = Location { source: index, offset: base + error.offset };
                let message = format!("this is not JSON: {}", error.message);
                reporter.error(location, Subject::default(), message);
            }
        }
    }
    model
}

struct Parser<'p, 'a> {
    reporter: &'p mut Reporter<'a>,
    source: usize,
    /// Offset of the JSON text in the file.
    base: usize,
}

/// The shape, member or file that is being read.
#[derive(Clone, Copy)]
struct At<'p> {
    id: &'p ShapeId,
    member: Option<&'p str>,
    /// The JSON pointer below the shape or member.
    suffix: &'p str,
}

impl At<'_> {
    fn subject(&self, key: &str) -> Subject {
        let key = key.replace('~', "~0").replace('/', "~1");
        let mut subject = subject(self.id, self.member, self.suffix);
        if !key.is_empty() {
            subject.pointer = format!("{}/{key}", subject.pointer);
        }
        subject
    }
}

impl Parser<'_, '_> {
    fn at(&self, offset: usize) -> Location {
        Location { source: self.source, offset: self.base + offset }
    }

    fn file(&mut self, value: &Value<'_>, model: &mut Model) {
        let root = |key: &str| Subject { shape: None, pointer: format!("/{key}") };
        let Some(entries) = value.as_object() else {
            let message =
                format!("not a Smithy model: expected an object, found {}", value.describe());
            self.reporter.error(self.at(value.offset), Subject::default(), message);
            return;
        };
        self.check_keys(entries, &["smithy", "metadata", "shapes"], root);
        match entries.iter().find(|it| it.key == "smithy") {
            None => {
                let message = "not a Smithy model: the top-level key \"smithy\" is missing";
                self.reporter
                    .error(self.at(value.offset), Subject::default(), message)
                    .hint("add \"smithy\": \"2.0\"");
                return;
            }
            Some(version) if !matches!(version.value.as_str(), Some("2" | "2.0")) => {
                self.reporter
                    .error(
                        self.at(version.value.offset),
                        root("smithy"),
                        "the version is not supported",
                    )
                    .hint("write \"2.0\"; `smithy ast` of the Smithy CLI writes this version");
                return;
            }
            Some(_) => {}
        }
        let Some(shapes) = entries.iter().find(|it| it.key == "shapes") else {
            return;
        };
        let Some(shapes) = shapes.value.as_object() else {
            let message = format!("expected an object, found {}", shapes.value.describe());
            self.reporter.error(self.at(shapes.value.offset), root("shapes"), message);
            return;
        };
        for entry in shapes {
            self.shape(entry, model);
        }
    }

    fn shape(&mut self, entry: &Entry<'_>, model: &mut Model) {
        let location = self.at(entry.offset);
        let id = match ShapeId::parse(&entry.key) {
            Ok(id) => id,
            Err(reason) => {
                let subject =
                    Subject { shape: Some(entry.key.to_string()), pointer: "/shapes".to_owned() };
                self.reporter.error(location, subject, reason);
                return;
            }
        };
        let at = At { id: &id, member: None, suffix: "" };
        let Some(entries) = self.object(&entry.value, at, "") else {
            return;
        };
        let Some(kind) = self.kind(entries, &entry.value, at) else {
            return;
        };
        let traits = self.traits(entries, Owner::Shape(kind.name()), at);
        let shape = Shape { id: id.clone(), kind, traits, location };
        if let Err(earlier) = model.insert(shape) {
            let earlier = earlier.location;
            let message = match earlier.source == self.source {
                true => "this key occurs twice".to_owned(),
                false => "this shape is defined in two files".to_owned(),
            };
            self.reporter
                .error(location, at.subject(""), message)
                .hint("keep one of the definitions");
        }
    }

    fn kind(&mut self, entries: &[Entry<'_>], shape: &Value<'_>, at: At<'_>) -> Option<ShapeKind> {
        let Some(kind) = entries.iter().find(|it| it.key == "type") else {
            self.reporter.error(self.at(shape.offset), at.subject(""), "the shape has no \"type\"");
            return None;
        };
        let name = self.string(&kind.value, at, "type")?;
        let keys: &[&str] = match &*name {
            "enum" | "structure" | "union" => &["type", "traits", "members"],
            "list" => &["type", "traits", "member"],
            "map" => &["type", "traits", "key", "value"],
            "service" => &["type", "traits", "version", "operations"],
            "operation" => &["type", "traits", "input", "output", "errors"],
            _ => &["type", "traits"],
        };
        let members = |parser: &mut Self| parser.members(entries, &name, at);
        let parsed = match &*name {
            "enum" => ShapeKind::Enum(members(self)?),
            "structure" => ShapeKind::Structure(members(self)?),
            "union" => ShapeKind::Union(members(self)?),
            "list" => ShapeKind::List(self.named_member(entries, "member", shape, at)?),
            "map" => ShapeKind::Map {
                key: self.named_member(entries, "key", shape, at)?,
                value: self.named_member(entries, "value", shape, at)?,
            },
            "service" => ShapeKind::Service(Service {
                version: match entries.iter().find(|it| it.key == "version") {
                    Some(version) => Some(self.string(&version.value, at, "version")?),
                    None => None,
                },
                operations: self.references(entries, "operations", at)?,
            }),
            "operation" => ShapeKind::Operation(Operation {
                input: self.io(entries, "input", shape, at)?,
                output: self.io(entries, "output", shape, at)?,
                errors: self.references(entries, "errors", at)?,
            }),
            _ => match SimpleType::ALL.into_iter().find(|it| it.name() == name) {
                Some(simple) => ShapeKind::Simple(simple),
                None => {
                    self.unsupported_type(&name, &kind.value, at);
                    return None;
                }
            },
        };
        self.check_keys(entries, keys, |key| at.subject(key));
        Some(parsed)
    }

    fn unsupported_type(&mut self, name: &str, value: &Value<'_>, at: At<'_>) {
        const KNOWN: [&str; 7] =
            ["enum", "list", "map", "structure", "union", "service", "operation"];
        const NOT_YET: [&str; 6] =
            ["apply", "bigDecimal", "bigInteger", "intEnum", "resource", "set"];
        let location = self.at(value.offset);
        if NOT_YET.contains(&name) {
            let message = format!("shapes of type {name:?} are not supported");
            self.reporter.error(location, at.subject("type"), message);
            return;
        }
        let known = KNOWN.into_iter().chain(SimpleType::ALL.map(SimpleType::name));
        let closest = closest(name, known);
        let diagnostic = self.reporter.error(
            location,
            at.subject("type"),
            format!("{name:?} is not a type of shape"),
        );
        if let Some(closest) = closest {
            diagnostic.hint(format!("did you mean {closest:?}?"));
        }
    }

    fn members(&mut self, entries: &[Entry<'_>], kind: &str, at: At<'_>) -> Option<Vec<Member>> {
        let Some(members) = entries.iter().find(|it| it.key == "members") else {
            if kind == "structure" {
                return Some(Vec::new());
            }
            let location = self.at(entries[0].offset);
            self.reporter.error(location, at.subject(""), format!("a {kind} needs members"));
            return None;
        };
        let members_at = At { suffix: "/members", ..at };
        let Some(list) = self.object(&members.value, members_at, "") else {
            return None;
        };
        if list.is_empty() && kind != "structure" {
            self.reporter.error(
                self.at(members.value.offset),
                at.subject("members"),
                format!("a {kind} needs at least one member"),
            );
        }
        self.check_duplicates(list, |key| members_at.subject(key));
        let mut members: Vec<Member> = Vec::new();
        for entry in list {
            if members.iter().any(|it| it.name == entry.key) {
                continue;
            }
            let member_at = At { member: Some(&entry.key), ..at };
            if !is_identifier(&entry.key) {
                let message = "a member's name is not an identifier";
                self.reporter.error(self.at(entry.offset), member_at.subject(""), message);
                continue;
            }
            if let Some(twin) = members.iter().find(|it| it.name.eq_ignore_ascii_case(&entry.key)) {
                let message = format!("it differs from the member {:?} only in case", twin.name);
                self.reporter.error(self.at(entry.offset), member_at.subject(""), message);
            }
            let owner = Owner::Member(if kind == "enum" { "enum" } else { kind });
            members.extend(self.member(entry, &entry.key, owner, member_at));
        }
        Some(members)
    }

    fn named_member(
        &mut self,
        entries: &[Entry<'_>],
        name: &'static str,
        shape: &Value<'_>,
        at: At<'_>,
    ) -> Option<Member> {
        let Some(entry) = entries.iter().find(|it| it.key == name) else {
            self.reporter.error(
                self.at(shape.offset),
                at.subject(""),
                format!("{name:?} is missing"),
            );
            return None;
        };
        let suffix = format!("/{name}");
        self.member(entry, name, Owner::Member("element"), At { suffix: &suffix, ..at })
    }

    fn member(
        &mut self,
        entry: &Entry<'_>,
        name: &str,
        owner: Owner<'_>,
        at: At<'_>,
    ) -> Option<Member> {
        let entries = self.object(&entry.value, at, "")?;
        self.check_keys(entries, &["target", "traits"], |key| at.subject(key));
        let traits = self.traits(entries, owner, at);
        let target = self.target(&entry.value, entries, at)?;
        Some(Member {
            name: name.to_owned(),
            target: target.target,
            target_location: target.location,
            traits,
            location: self.at(entry.offset),
        })
    }

    fn references(
        &mut self,
        entries: &[Entry<'_>],
        key: &str,
        at: At<'_>,
    ) -> Option<Vec<Reference>> {
        let Some(entry) = entries.iter().find(|it| it.key == key) else {
            return Some(Vec::new());
        };
        let Kind::Array(list) = &entry.value.kind else {
            let message = format!("expected an array, found {}", entry.value.describe());
            self.reporter.error(self.at(entry.value.offset), at.subject(key), message);
            return None;
        };
        let mut references: Vec<Reference> = Vec::new();
        for (index, value) in list.iter().enumerate() {
            let suffix = format!("/{key}/{index}");
            let Some(reference) = self.reference(value, At { suffix: &suffix, ..at }) else {
                continue;
            };
            if references.iter().any(|it| it.target == reference.target) {
                let subject = At { suffix: &suffix, ..at }.subject("");
                self.reporter.warning(reference.location, subject, "it is listed twice");
                continue;
            }
            references.push(reference);
        }
        Some(references)
    }

    fn io(
        &mut self,
        entries: &[Entry<'_>],
        key: &str,
        shape: &Value<'_>,
        at: At<'_>,
    ) -> Option<Reference> {
        let Some(entry) = entries.iter().find(|it| it.key == key) else {
            self.reporter
                .error(
                    self.at(shape.offset),
                    at.subject(""),
                    format!("an operation without {key:?} is not supported"),
                )
                .hint(format!(
                    "add \"{key}\": {{\"target\": …}} with a structure, which may be empty"
                ));
            return None;
        };
        let suffix = format!("/{key}");
        self.reference(&entry.value, At { suffix: &suffix, ..at })
    }

    fn reference(&mut self, value: &Value<'_>, at: At<'_>) -> Option<Reference> {
        let entries = self.object(value, at, "")?;
        self.check_keys(entries, &["target"], |key| at.subject(key));
        self.target(value, entries, at)
    }

    fn target(
        &mut self,
        value: &Value<'_>,
        entries: &[Entry<'_>],
        at: At<'_>,
    ) -> Option<Reference> {
        let Some(target) = entries.iter().find(|it| it.key == "target") else {
            self.reporter.error(self.at(value.offset), at.subject(""), "\"target\" is missing");
            return None;
        };
        let text = self.string(&target.value, at, "target")?;
        let location = self.at(target.value.offset);
        match ShapeId::parse(&text) {
            Ok(target) => Some(Reference { target, location }),
            Err(reason) => {
                let is_prelude = ShapeId::parse(&format!("smithy.api#{text}"))
                    .is_ok_and(|it| SimpleType::of_prelude(&it).is_some());
                let diagnostic = self.reporter.error(
                    location,
                    at.subject("target"),
                    format!("target {text:?}: {reason}"),
                );
                if is_prelude {
                    diagnostic.hint(format!("write \"smithy.api#{text}\""));
                }
                None
            }
        }
    }

    fn traits(&mut self, entries: &[Entry<'_>], owner: Owner<'_>, at: At<'_>) -> Traits {
        let mut traits = Traits::default();
        let Some(entry) = entries.iter().find(|it| it.key == "traits") else {
            return traits;
        };
        let suffix = format!("{}/traits", at.suffix);
        let at = At { suffix: &suffix, ..at };
        let Some(list) = self.object(&entry.value, at, "") else {
            return traits;
        };
        self.check_duplicates(list, |key| at.subject(key));
        for entry in list {
            let location = self.at(entry.value.offset);
            if let Err(reason) = ShapeId::parse(&entry.key) {
                self.reporter
                    .error(
                        self.at(entry.offset),
                        at.subject(&entry.key),
                        format!("trait {:?}: {reason}", entry.key),
                    )
                    .hint(format!(
                        "write \"smithy.api#{}\" if it is one of Smithy's own",
                        entry.key
                    ));
                continue;
            }
            traits.read(&entry.key, &entry.value, owner, self.reporter, location, || {
                at.subject(&entry.key)
            });
        }
        traits
    }

    fn object<'v, 'j>(
        &mut self,
        value: &'v Value<'j>,
        at: At<'_>,
        key: &str,
    ) -> Option<&'v [Entry<'j>]> {
        let entries = value.as_object();
        if entries.is_none() {
            let message = format!("expected an object, found {}", value.describe());
            self.reporter.error(self.at(value.offset), at.subject(key), message);
        }
        entries
    }

    fn string(&mut self, value: &Value<'_>, at: At<'_>, key: &str) -> Option<String> {
        let text = value.as_str();
        if text.is_none() {
            let message = format!("expected a string, found {}", value.describe());
            self.reporter.error(self.at(value.offset), at.subject(key), message);
        }
        text.map(str::to_owned)
    }

    /// Reports keys that occur twice, and warns of those that mean nothing here.
    fn check_keys(
        &mut self,
        entries: &[Entry<'_>],
        known: &[&str],
        subject: impl Fn(&str) -> Subject,
    ) {
        for entry in entries.iter().filter(|it| !known.contains(&&*it.key)) {
            let message = format!("the key {:?} has no meaning here and is ignored", entry.key);
            let location = self.at(entry.offset);
            // A key that would change what is generated is an error rather than a warning.
            let changes_meaning =
                ["mixins", "resources", "errors", "rename"].contains(&&*entry.key);
            let diagnostic = match changes_meaning {
                true => {
                    let message = format!("the key {:?} is not supported here", entry.key);
                    self.reporter.error(location, subject(&entry.key), message)
                }
                false => self.reporter.warning(location, subject(&entry.key), message),
            };
            if let Some(closest) = closest(&entry.key, known.iter().copied())
                && !changes_meaning
            {
                diagnostic.hint(format!("did you mean {closest:?}?"));
            }
        }
        self.check_duplicates(entries, subject);
    }

    fn check_duplicates(&mut self, entries: &[Entry<'_>], subject: impl Fn(&str) -> Subject) {
        for (index, entry) in entries.iter().enumerate() {
            let Some(earlier) = entries[..index].iter().find(|it| it.key == entry.key) else {
                continue;
            };
            let (location, subject) = (self.at(entry.offset), subject(&entry.key));
            match earlier.value.is_same(&entry.value) {
                true => self.reporter.warning(
                    location,
                    subject,
                    format!("the key {:?} occurs twice", entry.key),
                ),
                false => self.reporter.error(
                    location,
                    subject,
                    format!("the key {:?} occurs twice, with different values", entry.key),
                ),
            }
            .hint("keep one of them");
        }
    }
}
