//! Names in Rust for names in Smithy. The only user of heck.

use std::collections::HashMap;

use heck::{ToSnakeCase, ToUpperCamelCase};

/// Words that the case conversion would split in the middle.
const WORDS: [(&str, &str); 4] =
    [("IoT", "Iot"), ("IPv4", "Ipv4"), ("IPv6", "Ipv6"), ("MiB", "Mib")];

/// A name for a field, method or module.
pub fn snake(name: &str) -> String {
    let whole = WORDS.iter().fold(name.to_owned(), |name, (word, plain)| name.replace(word, plain));
    match whole.to_snake_case() {
        snake if snake.starts_with(|it: char| it.is_ascii_digit()) => format!("_{snake}"),
        snake => snake,
    }
}

/// A name for a type or variant.
pub fn pascal(name: &str) -> String {
    match name.to_upper_camel_case() {
        pascal if pascal.starts_with(|it: char| it.is_ascii_digit()) => format!("_{pascal}"),
        pascal => pascal,
    }
}

/// Keywords, also the reserved ones, that can be written `r#keyword`.
const KEYWORDS: [&str; 48] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let",
    "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return",
    "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "while", "yield",
];

/// Keywords that cannot be written `r#keyword`.
const STRICT_KEYWORDS: [&str; 4] = ["crate", "self", "super", "_"];

/// Whether a name must be written with `r#` where it stands alone.
pub fn is_keyword(name: &str) -> bool {
    KEYWORDS.contains(&name)
}

/// Names that generated files use for other things, and so no type of the model may have.
const TYPES_IN_USE: [&str; 71] = [
    "Arc",
    "AsRef",
    "BTreeMap",
    "Blob",
    "Box",
    "BoxFuture",
    "BuildError",
    "CallOptions",
    "Client",
    "Clone",
    "ConnectError",
    "Connection",
    "ConnectionBuilder",
    "Copy",
    "Cow",
    "Debug",
    "Default",
    "Deserialize",
    "Deserializer",
    "Display",
    "Document",
    "Drop",
    "Duration",
    "Eq",
    "Err",
    "Error",
    "ErrorShape",
    "Fault",
    "Fn",
    "From",
    "FromStr",
    "Future",
    "Hash",
    "IncomingCall",
    "Infallible",
    "Into",
    "IntoIterator",
    "InvalidRequest",
    "Iterator",
    "MapAccess",
    "MemberValue",
    "ModeledError",
    "NoEvents",
    "None",
    "Ok",
    "Operation",
    "OperationError",
    "Option",
    "Ord",
    "Overflow",
    "PartialEq",
    "PartialOrd",
    "RequestContext",
    "Result",
    "SdkError",
    "Self",
    "Send",
    "Serialize",
    "Serializer",
    "Service",
    "Shape",
    "Some",
    "String",
    "StreamingOperation",
    "SubscribeOptions",
    "Subscription",
    "Sync",
    "Timestamp",
    "Unhandled",
    "Vec",
    "Violation",
];

/// Names that every builder has for other things.
pub const BUILDER_METHODS: [&str; 8] =
    ["build", "builder", "call_timeout", "clone", "default", "new", "overflow", "queue_limit"];

/// Names that a fluent builder has besides.
pub const FLUENT_METHODS: [&str; 1] = ["send"];

/// Names that a client has for other things.
pub const CLIENT_METHODS: [&str; 6] = ["builder", "clone", "close", "connect", "connection", "new"];

/// Names that the server trait has for other things.
pub const SERVER_METHODS: [&str; 1] = ["invalid_request"];

/// A name that another has already, or that is in use for something else.
#[derive(Debug)]
pub struct Renamed {
    /// The name it would have had.
    pub wanted: String,
    /// The name it gets instead.
    pub got: String,
    /// What has the wanted name; `None` if the generated code itself has.
    pub other: Option<String>,
}

/// The names of one scope, such as the members of a structure.
#[derive(Debug, Default)]
pub struct Scope {
    taken: HashMap<String, Option<String>>,
}

impl Scope {
    /// A scope in which these names are in use.
    pub fn with_reserved<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self { taken: names.into_iter().map(|it| (it.to_owned(), None)).collect() }
    }

    /// The scope of all types of a crate.
    pub fn of_types() -> Self {
        Self::with_reserved(TYPES_IN_USE)
    }

    /// Takes a name for `owner`. The first to ask gets it; later ones get another, always the same.
    pub fn take(&mut self, wanted: String, owner: &str, suffix: &str) -> (String, Option<Renamed>) {
        if STRICT_KEYWORDS.contains(&&*wanted) {
            self.taken.entry(wanted.clone()).or_insert(None);
        }
        if !self.taken.contains_key(&wanted) {
            self.taken.insert(wanted.clone(), Some(owner.to_owned()));
            return (wanted, None);
        }
        let other = self.taken[&wanted].clone();
        let base = if other.is_none() { format!("{wanted}{suffix}") } else { wanted.clone() };
        let numbered =
            (2..).map(|it| format!("{base}{}{it}", if suffix.starts_with('_') { "_" } else { "" }));
        let mut candidates = other.is_none().then(|| base.clone()).into_iter().chain(numbered);
        let got = candidates
            .find(|it| !self.taken.contains_key(it))
            .expect("there is always another number");
        self.taken.insert(got.clone(), Some(owner.to_owned()));
        (got.clone(), Some(Renamed { wanted, got, other }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converts_as_the_other_sdks_do() {
        for (name, expected) in [
            ("PublishToIoTCore", "publish_to_iot_core"),
            ("SubscribeToIoTCoreConnectionStatus", "subscribe_to_iot_core_connection_status"),
            ("isGgcRestarting", "is_ggc_restarting"),
            ("certificateSHA256Hash", "certificate_sha256_hash"),
            ("MQTTCredential", "mqtt_credential"),
            ("_1st", "_1st"),
        ] {
            assert_eq!(snake(name), expected);
        }
        for (name, expected) in [
            ("QOS", "Qos"),
            ("MQTTMessage", "MqttMessage"),
            ("IoTCoreMessage", "IoTCoreMessage"),
            ("GreengrassCoreIPC", "GreengrassCoreIpc"),
            ("AT_LEAST_ONCE", "AtLeastOnce"),
            ("UTF8", "Utf8"),
        ] {
            assert_eq!(pascal(name), expected);
        }
    }

    #[test]
    fn later_names_make_way() {
        let mut scope = Scope::with_reserved(["build"]);
        let mut take = |name: &str, owner: &str| scope.take(name.to_owned(), owner, "_value").0;
        assert_eq!(take("a", "A"), "a");
        assert_eq!(take("a", "B"), "a_2");
        assert_eq!(take("a", "C"), "a_3");
        assert_eq!(take("build", "D"), "build_value");
        assert_eq!(take("build", "E"), "build_value_2");
        assert_eq!(take("self", "F"), "self_value");
    }
}
