//! Names in Rust for names in Smithy. The only user of heck.

mod words;

use std::collections::HashMap;

use heck::ToUpperCamelCase;
pub use words::{InvalidWord, Words};

/// The setter that takes an `Option`, of a member whose name this is.
pub fn setter(name: &str) -> String {
    prefixed("set", name)
}

/// A name that begins with a word and goes on with another name; two underscores would not be snake case.
pub fn prefixed(word: &str, name: &str) -> String {
    format!("{word}_{}", name.trim_start_matches('_'))
}

/// What a setter calls its argument: a name without letters, as the member may have, is one that Clippy refuses.
pub fn argument(member: &str) -> &str {
    let has_letter = member.contains(|it: char| it.is_ascii_alphabetic());
    if has_letter { member } else { "value" }
}

/// A name for a type or variant.
pub fn pascal(name: &str) -> String {
    match words::mark_plurals(name).to_upper_camel_case() {
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
const STRICT_KEYWORDS: [&str; 5] = ["crate", "self", "super", "Self", "_"];

/// Whether a name must be written with `r#` where it stands alone.
pub fn is_keyword(name: &str) -> bool {
    KEYWORDS.contains(&name)
}

/// Crates that every crate has, and those that generated code uses.
const CRATES: [(&str, &str); 7] = [
    ("alloc", "Rust has a crate of that name"),
    ("core", "Rust has a crate of that name"),
    ("proc_macro", "Rust has a crate of that name"),
    ("std", "Rust has a crate of that name"),
    ("test", "Rust has a crate of that name"),
    ("eventstream_rpc", "generated code uses a crate of that name"),
    ("serde", "generated code uses a crate of that name"),
];

/// Checks the name of a crate.
///
/// # Errors
///
/// Why no crate can have it.
pub fn check_crate(name: &str) -> Result<(), &'static str> {
    let is_allowed = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_';
    if !name.starts_with(|it: char| it.is_ascii_alphabetic()) || !name.chars().all(is_allowed) {
        return Err("it has letters of ASCII, digits, - and _, and begins with a letter");
    }
    let path = name.replace('-', "_");
    if is_keyword(&path) || is_strict_keyword(&path) {
        return Err("it is a keyword");
    }
    let taken = CRATES.iter().find(|it| it.0 == path);
    taken.map_or(Ok(()), |(_, why)| Err(why))
}

/// Whether a name cannot even be written with `r#`.
pub fn is_strict_keyword(name: &str) -> bool {
    STRICT_KEYWORDS.contains(&name)
}

/// Names that generated files use for other things, their type parameters among them, and so no type of the
/// model may have.
const TYPES_IN_USE: &str = "\
    AllowAll Arc AsDateTime AsFinite AsMut AsRef Authenticator Authorizer BTreeMap BigDecimal BigInteger \
    Blob Box BoxFuture BuildError CallOptions Checker Client Clone Config ConnectError ConnectRequest \
    Connection ConnectionBuilder Copy Cow D Debug Default Deserialize Deserializer Display Document \
    DoubleEndedIterator Drop Duration Empty EncodedEvent Eq Err Error ErrorReply ErrorShape EventReceiver \
    EventSender EventStream ExactSizeIterator Extend Fault Fn FnMut FnOnce From FromIterator FromStr Future \
    Hash Identity IncomingCall Infallible Into IntoFuture IntoIterator InvalidRequest Iterator MapAccess \
    MemberValue ModeledError NoEvents None Ok OnFull Operation OperationError Option Ord Overflow PartialEq \
    PartialOrd Pattern PeerCredentials Rejected RequestContext Result SdkError Self Send SendEventError \
    Serialize Serializer Server Service Shape Sized Some StreamingOperation StreamingRequest \
    StreamingResponse String SubscribeOptions Subscription Sync Timestamp ToOwned ToString TryFrom TryInto \
    Unhandled Union Unpin Vec Violation ViolationKind Violations";

/// Names that every builder has for other things.
pub const BUILDER_METHODS: [&str; 8] =
    ["build", "builder", "call_timeout", "clone", "default", "new", "overflow", "queue_limit"];

/// Names that the builder of a call has besides.
pub const CALL_METHODS: [&str; 2] = ["send", "validate_request"];

/// Names that a client has for other things, and two that would win over methods that take a reference:
/// `into` and `try_into`.
pub const CLIENT_METHODS: [&str; 8] =
    ["builder", "clone", "close", "connect", "connection", "into", "new", "try_into"];

/// Names that the module of an operation, which has the name of the method, may not have: the file of `mod`
/// would be that of the module above, and the others are in a module of the same name.
pub const OPERATION_MODULES: [&str; 3] = ["builders", "mod", "operation"];

/// Names of methods that the traits of operators have, with an argument of the type of the value.
pub const OPERATORS: [&str; 10] =
    ["add", "bitand", "bitor", "bitxor", "div", "mul", "rem", "shl", "shr", "sub"];

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
    /// The first number that may be free, by the name before it.
    numbers: HashMap<String, usize>,
}

impl Scope {
    /// A scope in which these names are in use.
    pub fn with_reserved<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let taken = names.into_iter().map(|it| (it.to_owned(), None)).collect();
        Self { taken, numbers: HashMap::new() }
    }

    /// The scope of the modules of these types, which no keyword nicely names, nor what is in or above
    /// `types`. A type without capitals, such as `_1st`, has the name that its module would have.
    pub fn of_type_modules<'a>(types: impl IntoIterator<Item = &'a str>) -> Self {
        let names = KEYWORDS.into_iter().chain(["builders", "error", "types"]);
        Self::with_reserved(names.chain(types))
    }

    /// The scope of all types of a crate.
    pub fn of_types() -> Self {
        Self::with_reserved(TYPES_IN_USE.split(' '))
    }

    /// Takes a name for `owner`. The first to ask gets it; later ones get another, always the same.
    pub fn take(&mut self, wanted: String, owner: &str, suffix: &str) -> (String, Option<Renamed>) {
        self.take_with(wanted, owner, suffix, |_| None)
    }

    /// Takes the name of a member, in snake case, which stands for a field and two setters.
    pub fn take_member(&mut self, wanted: String, owner: &str) -> (String, Option<Renamed>) {
        self.take_with(wanted, owner, "_value", |it| Some(setter(it)))
    }

    /// Takes a name, and the one that follows from it.
    fn take_with(
        &mut self,
        wanted: String,
        owner: &str,
        suffix: &str,
        follows: impl Fn(&str) -> Option<String>,
    ) -> (String, Option<Renamed>) {
        let is_strict = is_strict_keyword(&wanted);
        if is_strict {
            self.taken.entry(wanted.clone()).or_insert(None);
        }
        let taken_by = |scope: &Self, name: &str| {
            let mut names = [Some(name.to_owned()), follows(name)].into_iter().flatten();
            names.find_map(|it| scope.taken.get(&it).cloned())
        };
        let other = taken_by(self, &wanted);
        let got = match &other {
            None => wanted.clone(),
            Some(other) => {
                let is_snake = suffix.starts_with('_');
                let suffix = if is_strict && is_snake { "_" } else { suffix };
                let base =
                    if other.is_none() { format!("{wanted}{suffix}") } else { wanted.clone() };
                let separator = if is_snake && !base.ends_with('_') { "_" } else { "" };
                let first = other.is_none().then(|| base.clone());
                match first.filter(|it| taken_by(self, it).is_none()) {
                    Some(first) => first,
                    None => {
                        let base = format!("{base}{separator}");
                        let mut number = self.numbers.get(&base).copied().unwrap_or(2);
                        while taken_by(self, &format!("{base}{number}")).is_some() {
                            number += 1;
                        }
                        let name = format!("{base}{number}");
                        self.numbers.insert(base, number);
                        name
                    }
                }
            }
        };
        for name in [Some(got.clone()), follows(&got)].into_iter().flatten() {
            self.taken.insert(name, Some(owner.to_owned()));
        }
        let renamed = other.map(|other| Renamed { wanted, got: got.clone(), other });
        (got, renamed)
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
            ("__2XLarge", "_2x_large"),
            ("s3key", "s3_key"),
            ("s3Key", "s3_key"),
            ("IPv4", "ipv4"),
            ("sourceIpV6Address", "source_ipv6_address"),
            ("SigV4", "sigv4"),
            ("sizeInMiB", "size_in_mib"),
            ("ACLs", "acls"),
            ("resourceARNsOfIDs", "resource_arns_of_ids"),
            ("DynamoDBv2", "dynamo_dbv2"),
            ("ABCdef", "ab_cdef"),
            ("HTTPServer", "http_server"),
            ("MiBand", "mi_band"),
        ] {
            assert_eq!(Words::default().snake(name), expected);
        }
        for (name, expected) in [
            ("QOS", "Qos"),
            ("MQTTMessage", "MqttMessage"),
            ("IoTCoreMessage", "IoTCoreMessage"),
            ("GreengrassCoreIPC", "GreengrassCoreIpc"),
            ("AT_LEAST_ONCE", "AtLeastOnce"),
            ("UTF8", "Utf8"),
            ("_1st", "_1st"),
            ("ACLs", "Acls"),
            ("resourceARNs", "ResourceArns"),
            ("DynamoDBv2", "DynamoDbv2"),
        ] {
            assert_eq!(pascal(name), expected);
        }
    }

    #[test]
    fn setters_make_way_as_well() {
        let mut scope = Scope::with_reserved(["build"]);
        let mut take = |name: &str| scope.take_member(Words::default().snake(name), name).0;
        assert_eq!(take("setX"), "set_x");
        assert_eq!(take("x"), "x_2");
        assert_eq!(take("y"), "y");
        assert_eq!(take("setY"), "set_y_2");
        assert_eq!(take("_1st"), "_1st");
        assert_eq!(take("type"), "type");
        assert_eq!(setter("_1st"), "set_1st");
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
        assert_eq!(take("self", "F"), "self_");
        assert_eq!(take("self", "G"), "self_2");
        assert_eq!(take("self_", "H"), "self_3");
    }
}
