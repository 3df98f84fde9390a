//! The traits that mean something for generated code (Smithy 2.0 spec, section "Traits").

use crate::{
    diagnostic::{Location, Reporter, Subject, closest},
    json::{Kind, Value},
};

/// The traits of a shape or member.
#[derive(Clone, Debug, Default)]
pub struct Traits {
    /// `documentation`: CommonMark.
    pub documentation: Option<String>,
    /// `required`.
    pub required: bool,
    /// `sensitive`.
    pub sensitive: bool,
    /// `deprecated`.
    pub deprecated: Option<Deprecated>,
    /// `error`.
    pub error: Option<Fault>,
    /// `retryable`.
    pub retryable: bool,
    /// `streaming`.
    pub streaming: bool,
    /// `enumValue`.
    pub enum_value: Option<String>,
    /// `range`.
    pub range: Option<Range>,
}

/// The value of `deprecated`.
#[derive(Clone, Debug, Default)]
pub struct Deprecated {
    /// Why, or what to use instead.
    pub message: Option<String>,
    /// Since which version of the service.
    pub since: Option<String>,
}

/// The value of `error`: who is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client.
    Client,
    /// The server.
    Server,
}

/// The value of `range`, as it is written.
#[derive(Clone, Debug, Default)]
pub struct Range {
    /// The least value allowed.
    pub min: Option<String>,
    /// The greatest value allowed.
    pub max: Option<String>,
}

/// What carries the traits.
#[derive(Clone, Copy, Debug)]
pub enum Owner<'k> {
    /// A shape of this type.
    Shape(&'k str),
    /// A member of a shape of this type.
    Member(&'k str),
}

/// Traits that are read.
const READ: [&str; 10] = [
    "deprecated",
    "documentation",
    "enumValue",
    "error",
    "range",
    "required",
    "retryable",
    "sensitive",
    "streaming",
    "title",
];

/// Traits that would change types or the wire, and are not supported.
const REFUSED: [&str; 13] = [
    "box",
    "clientOptional",
    "default",
    "enum",
    "eventHeader",
    "eventPayload",
    "idempotencyToken",
    "input",
    "jsonName",
    "mixin",
    "sparse",
    "timestampFormat",
    "unitType",
];

impl Traits {
    /// Reads one trait; what is wrong goes to the reporter.
    pub fn read(
        &mut self,
        id: &str,
        value: &Value<'_>,
        owner: Owner<'_>,
        reporter: &mut Reporter<'_>,
        location: Location,
        subject: impl Fn() -> Subject,
    ) {
        let Some(name) = id.strip_prefix("smithy.api#") else {
            // A trait of a vendor or a protocol; no code follows from it.
            return;
        };
        let mut expect = |what: &str, hint: &str| {
            let message = format!("the trait {name} expects {what}, found {}", value.describe());
            let diagnostic = reporter.error(location, subject(), message);
            if !hint.is_empty() {
                diagnostic.hint(hint);
            }
        };
        let annotation = value.as_object().is_some_and(<[_]>::is_empty);
        const EMPTY: (&str, &str) = ("an empty object", "write {}");
        match name {
            "documentation" => match value.as_str() {
                Some(text) => self.documentation = Some(text.to_owned()),
                None => expect("a string", ""),
            },
            "required" if annotation => self.required = true,
            "sensitive" if annotation => self.sensitive = true,
            "streaming" if annotation => self.streaming = true,
            "required" | "sensitive" | "streaming" => expect(EMPTY.0, EMPTY.1),
            "retryable" => match value.as_object() {
                Some(_) => self.retryable = true,
                None => expect("an object", "write {}"),
            },
            "deprecated" => match value.as_object() {
                Some(_) => {
                    let text = |key| member(value, key).and_then(Value::as_str).map(str::to_owned);
                    self.deprecated =
                        Some(Deprecated { message: text("message"), since: text("since") });
                }
                None => expect("an object", "write {} or {\"message\": \"…\"}"),
            },
            "error" => match value.as_str() {
                Some("client") => self.error = Some(Fault::Client),
                Some("server") => self.error = Some(Fault::Server),
                Some(text) => {
                    let message =
                        format!("the trait error expects \"client\" or \"server\", found {text:?}");
                    let diagnostic = reporter.error(location, subject(), message);
                    if let Some(closest) = closest(text, ["client", "server"]) {
                        diagnostic.hint(format!("did you mean {closest:?}?"));
                    }
                }
                None => expect("\"client\" or \"server\"", ""),
            },
            "enumValue" => match value.as_str() {
                Some("") => expect("a text that is not empty", ""),
                Some(text) => self.enum_value = Some(text.to_owned()),
                None => expect("a string", ""),
            },
            "range" => {
                let number = |key| match member(value, key).map(|it| &it.kind) {
                    Some(Kind::Number(text)) => Some((*text).to_owned()),
                    _ => None,
                };
                let range = Range { min: number("min"), max: number("max") };
                match range {
                    Range { min: None, max: None } => {
                        expect("an object with the number min, max or both", "");
                    }
                    range => self.range = Some(range),
                }
            }
            name if REFUSED.contains(&name) => {
                let message = format!("the trait {name} is not supported");
                reporter.error(location, subject(), message);
            }
            _ => {
                // A misspelt name of a trait that matters; everything else concerns other protocols
                // and tools.
                if let Some(closest) = closest(name, READ).filter(|_| !is_of_smithy(name)) {
                    let message = format!("smithy.api has no trait {name}");
                    reporter
                        .error(location, subject(), message)
                        .hint(format!("did you mean smithy.api#{closest}?"));
                }
            }
        }
        self.check_owner(name, owner, reporter, location, subject);
    }

    fn check_owner(
        &self,
        name: &str,
        owner: Owner<'_>,
        reporter: &mut Reporter<'_>,
        location: Location,
        subject: impl Fn() -> Subject,
    ) {
        let reason = match (name, owner) {
            ("required", Owner::Shape(_) | Owner::Member("union" | "enum" | "element")) => {
                "the trait required belongs on a member of a structure"
            }
            ("error", Owner::Shape(kind)) if kind != "structure" => {
                "the trait error belongs on a structure"
            }
            ("error", Owner::Member(_)) => "the trait error belongs on a structure",
            ("streaming", Owner::Shape("blob")) => {
                "a streaming blob has no place in event-stream RPC"
            }
            ("streaming", Owner::Shape(kind)) if kind != "union" => {
                "the trait streaming belongs on a union"
            }
            ("streaming", Owner::Member(_)) => {
                "the trait streaming belongs on a union, not on a member"
            }
            ("sensitive", Owner::Member(_)) => {
                "the trait sensitive belongs on a shape, not on a member"
            }
            ("enumValue", Owner::Shape(_)) => "the trait enumValue belongs on a member of an enum",
            ("enumValue", Owner::Member(kind)) if kind != "enum" => {
                "the trait enumValue belongs on a member of an enum"
            }
            _ => return,
        };
        reporter.error(location, subject(), reason);
    }
}

/// The member of an object.
fn member<'v, 'j>(value: &'v Value<'j>, key: &str) -> Option<&'v Value<'j>> {
    value.as_object()?.iter().find(|it| it.key == key).map(|it| &it.value)
}

/// Whether it is a trait of the prelude that no code follows from.
fn is_of_smithy(name: &str) -> bool {
    const IGNORED: [&str; 44] = [
        "addedDefault",
        "auth",
        "authDefinition",
        "cors",
        "endpoint",
        "examples",
        "externalDocumentation",
        "hostLabel",
        "http",
        "httpApiKeyAuth",
        "httpBasicAuth",
        "httpBearerAuth",
        "httpChecksumRequired",
        "httpDigestAuth",
        "httpError",
        "httpHeader",
        "httpLabel",
        "httpPayload",
        "httpPrefixHeaders",
        "httpQuery",
        "httpQueryParams",
        "httpResponseCode",
        "idRef",
        "idempotent",
        "internal",
        "length",
        "longPoll",
        "mediaType",
        "metadata",
        "optionalAuth",
        "output",
        "paginated",
        "pattern",
        "private",
        "protocolDefinition",
        "readonly",
        "recommended",
        "references",
        "since",
        "suppress",
        "tags",
        "trait",
        "uniqueItems",
        "unstable",
    ];
    const PREFIXES: [&str; 2] = ["xml", "resource"];
    READ.contains(&name)
        || IGNORED.contains(&name)
        || PREFIXES.iter().any(|it| name.starts_with(it))
}
