//! Names in Rust for names in Smithy. The only user of heck.

mod words;

use std::collections::{HashMap, HashSet};

use heck::ToUpperCamelCase;

use crate::diagnostic::{Location, Reporter};

pub use words::Words;

/// The setter that takes an `Option`, of a member whose name this is.
pub fn setter(name: &str) -> String {
    prefixed("set", name)
}

/// A word and a name joined; two underscores would not be snake case.
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
    match words::mark_acronyms(name.to_owned()).to_upper_camel_case() {
        pascal if pascal.starts_with(|it: char| it.is_ascii_digit()) => format!("_{pascal}"),
        pascal => pascal,
    }
}

/// Keywords, also the reserved ones, that can be written `r#keyword`.
const KEYWORDS: &str = "\
    abstract as async await become box break const continue do dyn else enum extern false final fn for gen if \
    impl in let loop macro match mod move mut override priv pub ref return static struct trait true try type \
    typeof unsafe unsized use virtual where while yield";

/// Whether a name must be written with `r#` where it stands alone.
pub fn is_keyword(name: &str) -> bool {
    thread_local!(static SET: HashSet<&'static str> = KEYWORDS.split(' ').collect());
    SET.with(|it| it.contains(name))
}

/// Whether a name cannot even be written with `r#`.
fn is_strict_keyword(name: &str) -> bool {
    matches!(name, "crate" | "self" | "super" | "Self" | "_")
}

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
    match &*path {
        "alloc" | "core" | "proc_macro" | "std" | "test" => Err("Rust has a crate of that name"),
        "eventstream_rpc" | "serde" => Err("generated code uses a crate of that name"),
        _ => Ok(()),
    }
}

/// Names that generated files use for other things, their type parameters among them, and so no type of the
/// model may have.
pub const TYPES_IN_USE: &str = "\
    Arc AsMut AsRef Authenticator BTreeMap BigDecimal BigInteger \
    Blob Box BoxFuture BuildError CallOptions Checker Client Clone Config ConnectError ConnectRequest \
    Connection ConnectionBuilder Copy Cow D Debug Default Deserialize Deserializer Display Document \
    DoubleEndedIterator Drop Duration Empty EncodedEvent Eq Err Error ErrorShape EventReceiver \
    EventSender EventStream ExactSizeIterator Extend Fault Fn FnMut FnOnce From FromIterator FromStr Future \
    Hash Identity IncomingCall Infallible Into IntoFuture IntoIterator InvalidRequest Iterator MapAccess \
    MemberValue NoEvents None Ok OnFull Operation OperationError Option Ord Overflow PartialEq \
    PartialOrd Pattern PeerCredentials Rejected RequestContext Result SdkError Self Send SendEventError \
    Serialize Serializer Server Service Shape Sized Some StreamingOperation StreamingRequest \
    StreamingResponse String SubscribeOptions Subscription Sync Timestamp ToOwned ToString TryFrom TryInto \
    Unhandled Union Unpin Vec Violation ViolationKind Violations";

/// Names that every builder has for other things.
const BUILDER_METHODS: &str = "build builder call_timeout clone default new overflow queue_limit";

/// Names that the builder of a call has besides.
pub const CALL_METHODS: &str = "send validate_request";

/// Names that no operation can have for its method and module: methods of clients (`into` and `try_into` would
/// win over methods that take a reference), of servers, and modules; the file of `mod` would be that of the
/// module above.
pub const METHODS_IN_USE: &str = "\
    builder builders clone close connect connection into invalid_request mod new operation try_into";

/// Names of methods that the traits of operators have, with an argument of the type of the value.
pub const OPERATORS: [&str; 10] =
    ["add", "bitand", "bitor", "bitxor", "div", "mul", "rem", "shl", "shr", "sub"];

/// The names of one scope, such as the members of a structure.
#[derive(Default)]
pub struct Scope {
    /// What has each name; `None` if generated code itself has it.
    taken: HashMap<String, Option<String>>,
    /// The number that follows a name which is taken, unless that is taken as well.
    numbers: HashMap<String, usize>,
    /// Whether each name stands for a setter as well.
    has_setters: bool,
    /// The names that had to change: where, what happened and what to do.
    warnings: Vec<(Location, String, String)>,
}

impl Scope {
    /// A scope in which these names are in use.
    pub fn of(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let taken = names.into_iter().map(|it| (it.into(), None)).collect();
        Self { taken, ..Self::default() }
    }

    /// The scope of the fields of a structure, whose builder has these methods besides those of all builders.
    pub fn of_fields(methods: &str) -> Self {
        let methods = BUILDER_METHODS.split(' ').chain(methods.split(' '));
        Self { has_setters: true, ..Self::of(methods) }
    }

    /// The scope of the modules of these types, which no keyword nicely names, nor what is in or above
    /// `types`. A type without capitals, such as `_1st`, has the name that its module would have.
    pub fn of_type_modules<'t>(types: impl Iterator<Item = &'t str>) -> Self {
        Self::of(KEYWORDS.split(' ').chain(["builders", "error", "types"]).chain(types))
    }

    /// Takes a name for an owner. The first to ask gets it; others get it with a suffix or a number, always the
    /// same.
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
                None if is_strict => {
                    ("that is a keyword, which no name can be".to_owned(), "rename it")
                }
                None => ("that name is in use for something else".to_owned(), "rename it"),
            };
            let message = format!("it is called {name} in Rust rather than {wanted}: {why}");
            let hint = format!("{hint} in the model to choose the name yourself");
            self.warnings.push((location, message, hint));
        }
        name
    }

    /// Reports the names that had to change.
    pub fn report(self, reporter: &mut Reporter<'_>) {
        for (location, message, hint) in self.warnings {
            reporter.warning(location, message).hint(hint);
        }
    }
}
