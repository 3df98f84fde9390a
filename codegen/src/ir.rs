//! What is generated, as plain data: every name chosen, every reference resolved.
//!
//! Two names stand side by side: the one on the wire, and the one in Rust. After
//! [`lower`](crate::lower) nothing is looked up and nothing can fail.

mod value;

use crate::{Connector, Sides, literal};

pub use crate::simple_type::SimpleType;
pub use value::{Presence, Type};

/// A service and all that it needs.
#[derive(Debug)]
pub struct Service {
    /// Absolute shape ID.
    pub id: String,
    /// Name of the server trait, in Pascal case.
    pub name: String,
    /// CommonMark.
    pub docs: Docs,
    /// The version of the model, if it states one.
    pub version: Option<String>,
    /// In the order of the model.
    pub operations: Vec<Operation>,
    /// Everything else, in the order of the shapes' IDs.
    pub shapes: Vec<Shape>,
    /// The shapes that become no type: their IDs, and what their values are.
    pub values: Vec<(String, Type)>,
    /// What is generated.
    pub sides: Sides,
    /// Whether each side is behind a feature.
    pub has_features: bool,
    /// How a client finds its server.
    pub connector: Connector,
    /// Whether the crate page is the crate's `README.md`.
    pub readme: bool,
    /// The crate's name as a path.
    pub crate_path: String,
    /// The `recursion_limit` that the crate needs, and whatever asks whether its types are `Send`, if it is more
    /// than the default.
    pub recursion_limit: Option<usize>,
    /// Whether a type is one that Clippy finds hard to read.
    pub has_complex_types: bool,
}

impl Service {
    /// The types that are in structures and unions, without the lists and maps around them.
    pub fn types(&self) -> impl Iterator<Item = &Type> {
        self.members().map(|it| it.ty.innermost())
    }

    /// Whether it becomes a module of another crate.
    pub fn is_module(&self) -> bool {
        self.crate_path.starts_with("crate::")
    }

    /// Whether the pattern of a member is checked.
    pub fn checks_patterns(&self) -> bool {
        self.members().any(Member::checks_pattern)
    }

    /// Whether something is deprecated that other shapes, or their defaults, may name.
    pub fn deprecates_types(&self) -> bool {
        let operations = self.operations.iter().map(|it| &it.docs);
        let shapes = self.shapes.iter().map(|it| &it.docs);
        let enums = self.shapes.iter().filter(|it| it.is_enum());
        let values = enums.flat_map(|it| &it.members).map(|it| &it.docs);
        operations.chain(shapes).chain(values).any(|it| it.deprecated.is_some())
    }

    fn members(&self) -> impl Iterator<Item = &Member> {
        self.shapes.iter().flat_map(|it| &it.members)
    }
}

/// Documentation of a shape or member.
#[derive(Clone, Debug, Default)]
pub struct Docs {
    /// CommonMark that is safe for rustdoc; empty if there is none.
    pub text: String,
    /// What else traits say, likewise.
    pub notes: String,
    /// The shapes that the text names in code spans, with the paths of their types.
    pub links: Vec<(String, String)>,
    /// The note of `#[deprecated]`.
    pub deprecated: Option<Deprecated>,
}

/// What `#[deprecated]` says.
#[derive(Clone, Debug)]
pub struct Deprecated {
    /// Since which version, if that is one that tools understand.
    pub since: Option<String>,
    /// Why, or what to use instead.
    pub note: Option<String>,
}

/// An operation.
#[derive(Debug)]
pub struct Operation {
    /// Absolute shape ID.
    pub id: String,
    /// Name of the marker type, in Pascal case.
    pub name: String,
    /// Name of the method and the module, in snake case.
    pub method: String,
    /// CommonMark.
    pub docs: Docs,
    /// The request.
    pub request: TypeRef,
    /// The response.
    pub response: TypeRef,
    /// The places of both among the shapes of the service.
    pub ends: [usize; 2],
    /// What kind of stream it keeps open.
    pub events: Events,
    /// Name of the error type.
    pub error: String,
    /// The builder of its request, which also sends it.
    pub builder: CallBuilder,
    /// The declared errors, in the order of the model, then those of the service.
    pub errors: Vec<TypeRef>,
    /// Whether one of the errors may be too large for the taste of Clippy, which counts bytes.
    pub has_large_errors: bool,
    /// The errors that the server may send as events: name of the member, and absolute shape ID.
    pub error_events: Vec<(String, String)>,
    /// An example with the required members of the request, unless it would be too long.
    pub example: Option<Example>,
}

/// The builder of an operation.
#[derive(Clone, Debug)]
pub struct CallBuilder {
    /// Its name.
    pub name: String,
    /// Its type parameter, whose name no shape has.
    pub parameter: String,
    /// The field of the connection, whose name no member has.
    pub connection: String,
    /// The field of the options of the call.
    pub options: String,
    /// The method that builds the request.
    pub into_parts: String,
}

/// The events of an operation.
#[derive(Debug)]
pub enum Events {
    /// None: one request, one response.
    None,
    /// A stream of events, in one direction or both.
    Stream {
        /// What the client sends.
        request: Option<TypeRef>,
        /// What the server sends.
        response: Option<TypeRef>,
    },
}

/// An example of a call.
#[derive(Debug)]
pub struct Example {
    /// Rust source, from the client to `send`.
    pub call: String,
    /// The types that the call names.
    pub types: Vec<TypeRef>,
}

/// A type of the generated crate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeRef {
    /// Where it is.
    pub home: Home,
    /// Its name.
    pub name: String,
}

impl TypeRef {
    /// Its absolute path.
    pub fn path(&self) -> String {
        format!("{}::{}", self.home.module(), self.name)
    }
}

/// The module of a type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Home {
    /// `operation::<module>`: the request or response of this operation alone.
    Operation(String),
    /// `types`
    Types,
    /// `types::error`
    Error,
}

impl Home {
    /// The path of the module.
    pub fn module(&self) -> String {
        match self {
            Self::Operation(module) => format!("crate::operation::{module}"),
            Self::Types => "crate::types".to_owned(),
            Self::Error => "crate::types::error".to_owned(),
        }
    }
}

/// A shape that becomes a type.
#[derive(Debug)]
pub struct Shape {
    /// Absolute shape ID.
    pub id: String,
    /// The type.
    pub type_ref: TypeRef,
    /// The module, and so the file, of a type in [`Home::Types`] or [`Home::Error`].
    pub module: String,
    /// CommonMark.
    pub docs: Docs,
    /// Whether its values stay out of `Debug`.
    pub is_sensitive: bool,
    /// What it becomes.
    pub kind: Kind,
    /// Name of its builder: of a structure, unless it has no members.
    pub builder: Option<String>,
    /// In the order of the model, without the event stream.
    pub members: Vec<Member>,
}

/// What a shape becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A `struct`.
    Structure(Role),
    /// An `enum` with values.
    Union,
    /// An `enum` of texts.
    Enum,
    /// An `enum` of 32-bit integers.
    IntEnum,
}

/// What a structure is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The request of an operation: building one can always fail, so that a member may become
    /// required without breaking code.
    Request,
    /// Anything else.
    Plain,
    /// An error.
    Error {
        /// Whether the client is to blame, rather than the server.
        is_client_fault: bool,
        /// Whether the same request may succeed later.
        is_retryable: bool,
        /// Whether it says that the client sends too much.
        is_throttling: bool,
    },
}

impl Shape {
    /// Whether it is an enum of texts or numbers.
    pub fn is_enum(&self) -> bool {
        matches!(self.kind, Kind::Enum | Kind::IntEnum)
    }

    /// Whether it is the request of an operation.
    pub fn is_request(&self) -> bool {
        self.kind == Kind::Structure(Role::Request)
    }

    /// Whether some member must be set before one can be built.
    pub fn has_required(&self) -> bool {
        self.members.iter().any(Member::must_be_set)
    }

    /// Whether building one can fail.
    pub fn is_build_fallible(&self) -> bool {
        self.is_request() || self.has_required()
    }

    /// Whether its builder is that of the operation.
    pub fn is_built_by_operation(&self) -> bool {
        self.is_request() && matches!(self.type_ref.home, Home::Operation(_))
    }

    /// The path of its builder.
    pub fn builder_path(&self) -> Option<String> {
        let module = self.type_ref.home.module();
        Some(match (&self.type_ref.home, self.builder.as_ref()?) {
            (Home::Operation(_), name) => format!("{module}::{name}"),
            (_, name) => format!("{module}::builders::{name}"),
        })
    }

    /// Whether values of it are checked.
    pub fn is_checked(&self) -> bool {
        self.members.iter().any(|it| it.check.is_some())
    }

    /// Whether there is a value of which nothing has been set.
    pub fn has_default(&self) -> bool {
        self.members.iter().all(|it| it.presence != Presence::Required)
    }

    /// Whether clients can ask for the checks of servers.
    pub fn has_validate(&self) -> bool {
        self.is_request() && self.is_checked()
    }

    /// Whether it has a deprecated member, which generated code names.
    pub fn uses_deprecated(&self) -> bool {
        self.members.iter().any(|it| it.docs.deprecated.is_some())
    }

    /// Whether `Debug` is written by hand, because it must not show everything.
    pub fn is_redacted(&self) -> bool {
        let mut values = self.members.iter().filter(|it| it.ty != Type::Unit);
        values.any(|it| self.is_sensitive || it.is_sensitive)
    }

    /// The member whose text describes an error.
    pub fn message(&self) -> Option<&Member> {
        let is_message = |it: &&Member| {
            it.wire_name.eq_ignore_ascii_case("message")
                && it.ty == Type::Simple(SimpleType::String)
        };
        self.members.iter().find(is_message)
    }
}

/// A member of a shape: a field, or a variant.
#[derive(Debug)]
pub struct Member {
    /// The JSON key, or the value of an enum.
    pub wire_name: String,
    /// The field and setter, in snake case, or the variant, in Pascal case; `r#` is added where it is a keyword.
    pub name: String,
    /// The name in snake case, for methods that are called after it.
    pub snake_name: String,
    /// CommonMark.
    pub docs: Docs,
    /// The type without `Option` and `Box`; [`Type::Unit`] for a variant that is nothing but its name.
    pub ty: Type,
    /// Whether it is there.
    pub presence: Presence,
    /// Rust source that checks `value`, a reference to the value, with `it`.
    pub check: Option<String>,
    /// Whether whoever builds a request sends a random text if none was set.
    pub is_token: bool,
    /// Whether it needs a `Box`, because the type would contain itself.
    pub is_boxed: bool,
    /// Whether a union can be made from the value, because no other member has its type.
    pub has_from: bool,
    /// Whether its value stays out of `Debug`.
    pub is_sensitive: bool,
}

impl Member {
    /// Whether the field is an `Option`.
    pub fn is_optional(&self) -> bool {
        !matches!(self.presence, Presence::Required | Presence::Default(_))
    }

    /// Whether its check has a pattern.
    pub fn checks_pattern(&self) -> bool {
        self.check.as_ref().is_some_and(|it| it.contains("&PATTERN"))
    }

    /// Whether a builder refuses to do without it.
    pub fn must_be_set(&self) -> bool {
        self.presence == Presence::Required && !self.is_token
    }

    /// Its default, if the field's type has another one.
    pub fn own_default(&self) -> Option<&str> {
        match &self.presence {
            Presence::Default(source) if source == literal::ZERO => None,
            Presence::Default(source) | Presence::ReadsAs(source) => Some(source),
            _ => None,
        }
    }
}
