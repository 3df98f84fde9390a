//! Conversion of Smithy names to Rust names, and resolution of collisions.

mod words;

use std::collections::{HashMap, HashSet};

use heck::ToUpperCamelCase;

use crate::diagnostic::{Location, Reporter};

pub use words::Words;

/// The name of the setter that takes an `Option`.
pub fn setter(name: &str) -> String {
    prefixed("set", name)
}

/// Joins a word and a name with one underscore, also if the name begins with underscores.
pub fn prefixed(word: &str, name: &str) -> String {
    format!("{word}_{}", name.trim_start_matches('_'))
}

/// The name of a file without its folders and its extension.
pub fn file_stem(path: &str) -> &str {
    let file = path.rsplit_once('/').map_or(path, |it| it.1);
    file.split_once('.').map_or(file, |it| it.0)
}

/// The name of a setter's argument: that of the member unless it has no letters, which Clippy rejects.
pub fn argument(member: &str) -> &str {
    let has_letter = member.contains(|it: char| it.is_ascii_alphabetic());
    if has_letter { member } else { "value" }
}

/// The name of a type or variant.
pub fn pascal(name: &str) -> String {
    match words::mark_acronyms(name.to_owned()).to_upper_camel_case() {
        pascal if pascal.starts_with(|it: char| it.is_ascii_digit()) => format!("_{pascal}"),
        pascal => pascal,
    }
}

/// Keywords, including reserved ones, that can be written `r#keyword`.
const KEYWORDS: &str = "\
    abstract as async await become box break const continue do dyn else enum extern false final fn for gen if \
    impl in let loop macro match mod move mut override priv pub ref return static struct trait true try type \
    typeof unsafe unsized use virtual where while yield";

/// Whether a name must be written with `r#`.
pub fn is_keyword(name: &str) -> bool {
    thread_local!(static SET: HashSet<&'static str> = KEYWORDS.split(' ').collect());
    SET.with(|it| it.contains(name))
}

/// Whether a name cannot be written even with `r#`.
fn is_strict_keyword(name: &str) -> bool {
    matches!(name, "crate" | "self" | "super" | "Self" | "_")
}

/// The source of an identifier: with `r#` if it is a keyword.
pub fn raw(name: &str) -> String {
    if is_keyword(name) { format!("r#{name}") } else { name.to_owned() }
}

/// Checks the name of a crate. The error says why a crate cannot have the name.
pub fn check_crate(name: &str) -> Result<(), &'static str> {
    let is_allowed = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_';
    if !name.starts_with(|it: char| it.is_ascii_alphabetic()) || !name.chars().all(is_allowed) {
        return Err("use ASCII letters, digits, - and _, beginning with a letter");
    }
    let path = name.replace('-', "_");
    if is_keyword(&path) || is_strict_keyword(&path) {
        return Err("it is a keyword");
    }
    match &*path {
        "alloc" | "core" | "proc_macro" | "std" | "test" => Err("Rust has a crate of this name"),
        "eventstream_rpc" | "serde" => Err("generated code uses a crate of this name"),
        _ => Ok(()),
    }
}

/// Checks the path of a handwritten module. The error says why no module can have the name of the file.
pub fn check_module(path: &str) -> Result<(), &'static str> {
    let name = file_stem(path);
    let is_allowed = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_';
    if !path.ends_with(&format!("{name}.rs")) || path.starts_with('/') {
        return Err("it must be the path of a .rs file relative to --out");
    }
    if !name.starts_with(|it: char| it.is_ascii_lowercase()) || !name.chars().all(is_allowed) {
        return Err("use lower-case ASCII letters, digits and _, beginning with a letter");
    }
    match name {
        _ if is_keyword(name) || is_strict_keyword(name) => Err("its name is a keyword"),
        "blocking" | "client" | "error" | "operation" | "primitives" | "server" | "types" => {
            Err("a generated module has this name")
        }
        "eventstream_rpc" | "serde" => Err("generated code uses a crate of this name"),
        _ => Ok(()),
    }
}

/// Names that generated files use for other types and for type parameters. Types of the model get other names.
pub const TYPES_IN_USE: &str = "\
    Arc AsMut AsRef Authenticator BTreeMap BigDecimal BigInteger \
    Blob Box BoxFuture BuildError CallOptions Checker Client ClientBuilder Clone Config ConnectError ConnectRequest \
    Connection ConnectionBuilder Copy Cow D Debug Default Deserialize Deserializer Display Document \
    DoubleEndedIterator Drop Duration Empty EncodedEvent Eq Err Error ErrorShape EventReceiver \
    EventSender EventStream ExactSizeIterator Extend Fault Fn FnMut FnOnce From FromIterator FromStr Future \
    Hash Identity IncomingCall Infallible Into IntoFuture IntoIterator InvalidRequest Iterator MapAccess \
    NoEvents None Ok OnFull Operation OperationError Option Ord Overflow PartialEq \
    PartialOrd Pattern PeerCredentials Rejected RequestContext Result SdkError Self Send SendEventError \
    Serialize Serializer Server Service Shape Sized Some StreamingOperation StreamingRequest \
    StreamingResponse String SubscribeOptions Subscription Sync Timestamp ToOwned ToString TryFrom TryInto \
    Unhandled Union Unpin Vec Violation ViolationKind Violations";

/// The methods of every builder, which setters must not shadow.
const BUILDER_METHODS: &str = "build builder call_timeout clone default new overflow queue_limit";

/// The additional methods of the builder of a call.
pub const CALL_METHODS: &str = "send validate_request";

/// Names that the methods and modules of operations must not have: other methods of clients and servers, and other
/// modules. Methods `into` and `try_into` would be ambiguous, and `mod.rs` is the file of the parent module.
pub const METHODS_IN_USE: &str = "\
    builder builders clone close connect connection into invalid_request mod new operation try_into";

/// The methods of the operator traits that have one argument.
pub const OPERATORS: [&str; 10] =
    ["add", "bitand", "bitor", "bitxor", "div", "mul", "rem", "shl", "shr", "sub"];

/// The names of one scope, such as the members of a structure.
#[derive(Default)]
pub struct Scope {
    /// The owner of each name; `None` for names of generated code.
    taken: HashMap<String, Option<String>>,
    /// The next number to try as a suffix of each name.
    numbers: HashMap<String, usize>,
    /// Whether each name also takes the name of its setter.
    has_setters: bool,
    /// The warnings about names that had to change: location, message and hint.
    warnings: Vec<(Location, String, String)>,
}

impl Scope {
    /// A scope in which these names are taken.
    pub fn of(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let taken = names.into_iter().map(|it| (it.into(), None)).collect();
        Self { taken, ..Self::default() }
    }

    /// The scope of the fields of a structure. `methods` are additional methods of its builder.
    pub fn of_fields(methods: &str) -> Self {
        let methods = BUILDER_METHODS.split(' ').chain(methods.split(' '));
        Self { has_setters: true, ..Self::of(methods) }
    }

    /// The scope of the modules of these types. Keywords and sibling modules are taken, and so are the types
    /// themselves: the module of the type `_1st` would have the same name.
    pub fn of_type_modules<'t>(types: impl Iterator<Item = &'t str>) -> Self {
        Self::of(KEYWORDS.split(' ').chain(["builders", "error", "types"]).chain(types))
    }

    /// Takes a name for an owner. If it is taken, a suffix or a number is appended, which is the same in every run.
    pub fn take(
        &mut self,
        wanted: String,
        (owner, location): (&str, Location),
        suffix: &str,
    ) -> String {
        let is_strict = is_strict_keyword(&wanted);
        let names = |name: &str| {
            let setter = self.has_setters.then(|| setter(name));
            [Some(name.to_owned()), setter].into_iter().flatten()
        };
        let owner_of = |name: &str| names(name).find_map(|it| self.taken.get(&it).cloned());
        let other = owner_of(&wanted).or(is_strict.then_some(None));
        let mut name = wanted.clone();
        if let Some(other) = &other {
            let is_snake = suffix.starts_with('_');
            name.push_str(match other {
                Some(_) => "",
                None if is_strict && is_snake => "_",
                None => suffix,
            });
            if owner_of(&name).is_some() {
                name.push_str(if is_snake && !name.ends_with('_') { "_" } else { "" });
                let number = self.numbers.entry(name.clone()).or_insert(2);
                while owner_of(&format!("{name}{number}")).is_some() {
                    *number += 1;
                }
                name.push_str(&number.to_string());
            }
        }
        let names: Vec<_> = names(&name).collect();
        self.taken.extend(names.into_iter().map(|it| (it, Some(owner.to_owned()))));
        if let Some(other) = other {
            let (why, hint) = match other {
                Some(other) => (format!("{other} has that name"), "rename one of them"),
                None if is_strict => ("that keyword cannot be a name".to_owned(), "rename it"),
                None => ("generated code uses that name".to_owned(), "rename it"),
            };
            let message = format!("its Rust name is {name} instead of {wanted}: {why}");
            let hint = format!("{hint} in the model to choose the name yourself");
            self.warnings.push((location, message, hint));
        }
        name
    }

    pub fn report(self, reporter: &mut Reporter<'_>) {
        for (location, message, hint) in self.warnings {
            reporter.warning(location, message).hint(hint);
        }
    }
}
