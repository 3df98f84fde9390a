//! What is generated, as plain data: every name chosen, every reference resolved.
//!
//! Two names stand side by side: the one on the wire, and the one in Rust. IDs are absolute, and
//! documentation is CommonMark. After [`lower`](crate::lower) nothing is looked up and nothing can fail.

mod value;

use crate::{Connector, Sides, literal};

pub use crate::model::ShapeKind as SimpleType;
pub use value::{Presence, Type};

/// A service and all that it needs.
#[derive(Debug)]
pub struct Service {
    pub id: String,
    /// Name of the server trait, in Pascal case.
    pub name: String,
    pub docs: Docs,
    pub version: Option<String>,
    /// In the order of the model.
    pub operations: Vec<Operation>,
    /// Everything else, in the order of the shapes' IDs.
    pub shapes: Vec<Shape>,
    /// The types of the values of all shapes that become no type, in the order of their IDs.
    pub values: Vec<Type>,
    pub sides: Sides,
    /// Whether it becomes a module of another crate, in which no side is behind a feature.
    pub is_module: bool,
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
    /// Whether something is deprecated that other shapes, or their defaults, may name.
    pub fn deprecates_types(&self) -> bool {
        let operations = self.operations.iter().map(|it| &it.docs);
        let shapes = self.shapes.iter().map(|it| &it.docs);
        let enums = self.shapes.iter().filter(|it| it.is_enum());
        let values = enums.flat_map(|it| &it.members).map(|it| &it.docs);
        operations.chain(shapes).chain(values).any(|it| it.deprecated.is_some())
    }

    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.shapes.iter().flat_map(|it| &it.members)
    }
}

#[derive(Clone, Debug, Default)]
pub struct Docs {
    /// CommonMark that is safe for rustdoc, and begins with prose.
    pub text: String,
    /// The shapes that the text names in code spans, with the paths of their types.
    pub links: Vec<(String, String)>,
    pub deprecated: Option<Deprecated>,
}

#[derive(Clone, Debug)]
pub struct Deprecated {
    pub since: Option<String>,
    pub note: Option<String>,
}

#[derive(Debug)]
pub struct Operation {
    pub id: String,
    /// Name of the marker type, in Pascal case.
    pub name: String,
    /// Name of the method and the module, in snake case.
    pub method: String,
    pub docs: Docs,
    pub request: TypeRef,
    pub response: TypeRef,
    /// The places of both among the shapes of the service.
    pub ends: [usize; 2],
    pub events: Events,
    pub error: String,
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

#[derive(Clone, Debug)]
pub struct CallBuilder {
    pub name: String,
    /// Its type parameter, whose name no shape has.
    pub parameter: String,
    pub connection: String,
    pub options: String,
    /// The method that builds the request.
    pub into_parts: String,
}

#[derive(Debug)]
pub enum Events {
    /// One request, one response.
    None,
    Stream {
        request: Option<TypeRef>,
        response: Option<TypeRef>,
    },
}

#[derive(Debug)]
pub struct Example {
    /// Rust source, from the client to `send`.
    pub call: String,
    pub types: Vec<TypeRef>,
}

/// A type of the generated crate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeRef {
    pub home: Home,
    pub name: String,
}

impl TypeRef {
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
    pub id: String,
    pub type_ref: TypeRef,
    /// The module, and so the file, of a type in [`Home::Types`] or [`Home::Error`].
    pub module: String,
    pub docs: Docs,
    pub is_sensitive: bool,
    pub kind: Kind,
    /// Name of its builder: of a structure, unless it has no members.
    pub builder: Option<String>,
    /// In the order of the model, without the event stream.
    pub members: Vec<Member>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Structure(Role),
    Union,
    Enum,
    IntEnum,
}

/// What a structure is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The request of an operation: building one can always fail, so that a member may become
    /// required without breaking code.
    Request,
    Plain,
    Error {
        is_client_fault: bool,
        is_retryable: bool,
        /// Whether it says that the client sends too much.
        is_throttling: bool,
    },
}

impl Shape {
    pub fn is_enum(&self) -> bool {
        matches!(self.kind, Kind::Enum | Kind::IntEnum)
    }

    pub fn is_request(&self) -> bool {
        self.kind == Kind::Structure(Role::Request)
    }

    pub fn has_required(&self) -> bool {
        self.members.iter().any(Member::must_be_set)
    }

    pub fn is_build_fallible(&self) -> bool {
        self.is_request() || self.has_required()
    }

    pub fn is_built_by_operation(&self) -> bool {
        self.is_request() && matches!(self.type_ref.home, Home::Operation(_))
    }

    pub fn builder_path(&self) -> Option<String> {
        let module = self.type_ref.home.module();
        Some(match (&self.type_ref.home, self.builder.as_ref()?) {
            (Home::Operation(_), name) => format!("{module}::{name}"),
            (_, name) => format!("{module}::builders::{name}"),
        })
    }

    pub fn is_checked(&self) -> bool {
        self.members.iter().any(|it| it.check.is_some())
    }

    /// Whether a value with no member set is valid.
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
}

/// A member of a shape: a field, or a variant.
#[derive(Debug)]
pub struct Member {
    /// The JSON key, or the value of an enum.
    pub wire_name: String,
    /// The field and setter, in snake case, or the variant, in Pascal case; `r#` is added where it is a keyword.
    pub name: String,
    pub snake_name: String,
    pub docs: Docs,
    /// The type without `Option` and `Box`; [`Type::Unit`] for a variant that is nothing but its name.
    pub ty: Type,
    pub presence: Presence,
    /// Rust source that checks `value`, a reference to the value, with `it`.
    pub check: Option<String>,
    /// Whether a client fills in a random text if none was set.
    pub is_token: bool,
    /// Whether it needs a `Box`, because the type would contain itself.
    pub is_boxed: bool,
    /// Whether a union can be made from the value, because no other member has its type.
    pub has_from: bool,
    pub is_sensitive: bool,
}

impl Member {
    pub fn is_optional(&self) -> bool {
        !matches!(self.presence, Presence::Required | Presence::Default(_))
    }

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
