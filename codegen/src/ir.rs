//! The intermediate representation of a service: plain data in terms of Rust.
//!
//! All names are chosen and all references are resolved, so emitters look nothing up and cannot fail. Each Rust name is
//! stored beside the name on the wire. IDs are absolute, and documentation is CommonMark.

mod value;

use crate::{Connector, Sides, literal};

pub use crate::model::ShapeKind as SimpleType;
pub use value::{Presence, Type};

/// A service with all shapes that it uses.
#[derive(Debug)]
pub struct Service {
    pub id: String,
    /// The name of the server trait, in Pascal case.
    pub name: String,
    pub docs: Docs,
    pub version: Option<String>,
    /// In the order of the model.
    pub operations: Vec<Operation>,
    /// The shapes that become types, sorted by ID.
    pub shapes: Vec<Shape>,
    /// The types of the values of all other shapes, sorted by ID.
    pub values: Vec<Type>,
    pub sides: Sides,
    /// Whether it becomes a module of another crate, in which sides are not behind features.
    pub is_module: bool,
    pub connector: Connector,
    /// Whether the documentation of the crate is its `README.md`.
    pub readme: bool,
    /// The handwritten modules of the crate: their names and paths.
    pub modules: Vec<(String, String)>,
    /// The name of the crate for Cargo.
    pub crate_name: String,
    /// The name of the crate as a path segment.
    pub crate_path: String,
    /// The `recursion_limit` of the crate, and of crates that check whether its types are `Send`, if it is more than
    /// the default.
    pub recursion_limit: Option<usize>,
    /// Whether a type triggers Clippy's lint `type_complexity`.
    pub has_complex_types: bool,
}

impl Service {
    /// Whether a type or enum value is deprecated, which other generated code may use.
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
    /// CommonMark that is safe for rustdoc. It begins with prose.
    pub text: String,
    /// The names of shapes in code spans of the text, with the paths of their types.
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
    /// The name of the marker type, in Pascal case.
    pub name: String,
    /// The name of the method and of the module, in snake case.
    pub method: String,
    pub docs: Docs,
    pub request: TypeRef,
    pub response: TypeRef,
    /// The indices of both in the shapes of the service.
    pub request_response: [usize; 2],
    pub events: Events,
    pub error: String,
    pub builder: CallBuilder,
    /// The declared errors, in the order of the model, then those of the service.
    pub errors: Vec<TypeRef>,
    /// Whether an error triggers Clippy's lint `large_enum_variant`.
    pub has_large_errors: bool,
    /// The errors that the server may send as events: the name of the member and the absolute shape ID.
    pub error_events: Vec<(String, String)>,
    /// What the policy of a caller has to allow: the service identifier and the template of the resource.
    pub permission: Option<(String, String)>,
    /// The example of the model, or one that sets the required members of the request unless it would be too long.
    pub example: Option<Example>,
}

#[derive(Clone, Debug)]
pub struct CallBuilder {
    pub name: String,
    /// The name of the type parameter, which no shape has.
    pub parameter: String,
    pub connection: String,
    pub options: String,
    /// The method that builds the request.
    pub into_parts: String,
}

#[derive(Debug)]
pub enum Events {
    /// A unary operation.
    None,
    Stream {
        request: Option<TypeRef>,
        response: Option<TypeRef>,
    },
}

#[derive(Debug)]
pub struct Example {
    /// What it shows, in CommonMark; empty if it is invented.
    pub about: String,
    /// Rust source of the expression, from `client` to `send()`.
    pub call: String,
    pub types: Vec<TypeRef>,
}

/// A type of the generated crate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeRef {
    pub parent: Parent,
    pub name: String,
}

impl TypeRef {
    pub fn path(&self) -> String {
        format!("{}::{}", self.parent.module(), self.name)
    }
}

/// The module that contains a type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Parent {
    /// `operation::<module>`: the request or response of this operation alone.
    Operation(String),
    /// `types`
    Types,
    /// `types::error`
    Error,
}

impl Parent {
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
    /// The private module, and the file, of a type in [`Parent::Types`] or [`Parent::Error`].
    pub module: String,
    pub docs: Docs,
    pub is_sensitive: bool,
    pub kind: Kind,
    /// The name of the builder, which structures with members and requests have.
    pub builder: Option<String>,
    /// The members in the order of the model, without the event stream.
    pub members: Vec<Member>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Structure(Role),
    Union,
    Enum,
    IntEnum,
}

/// The role of a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The request of an operation. `build` always returns a `Result`, so that a member can become required without
    /// breaking code.
    Request,
    Plain,
    Error {
        is_client_fault: bool,
        is_retryable: bool,
        /// Whether the error means that the client sends too many requests.
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
        self.is_request() && matches!(self.type_ref.parent, Parent::Operation(_))
    }

    pub fn builder_path(&self) -> Option<String> {
        let module = self.type_ref.parent.module();
        Some(match (&self.type_ref.parent, self.builder.as_ref()?) {
            (Parent::Operation(_), name) => format!("{module}::{name}"),
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

    /// Whether clients can check the constraints before they send.
    pub fn has_validate(&self) -> bool {
        self.is_request() && self.is_checked()
    }

    /// Whether it has a deprecated member, which generated code uses.
    pub fn uses_deprecated(&self) -> bool {
        self.members.iter().any(|it| it.docs.deprecated.is_some())
    }

    /// Whether `Debug` is not derived, because it must hide sensitive values.
    pub fn is_redacted(&self) -> bool {
        let mut values = self.members.iter().filter(|it| it.ty != Type::Unit);
        values.any(|it| self.is_sensitive || it.is_sensitive)
    }
}

/// A member of a shape: a field or a variant.
#[derive(Debug)]
pub struct Member {
    /// The key in JSON, or the value of an enum's member.
    pub wire_name: String,
    /// The name of the field in snake case, or of the variant in Pascal case; without `r#`.
    pub name: String,
    pub snake_name: String,
    /// The name in the model, which its examples use.
    pub key: String,
    pub docs: Docs,
    /// The type without `Option` and `Box`; [`Type::Unit`] for a variant without a value.
    pub ty: Type,
    pub presence: Presence,
    /// Rust source that checks `value`, a reference to the value, with `checker`.
    pub check: Option<String>,
    /// Whether the builder of a call fills in a random token if none was set.
    pub is_token: bool,
    /// Whether it is in a `Box`, because the type would contain itself otherwise.
    pub is_boxed: bool,
    /// Whether the union implements `From` for the type, because no other member has it.
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

    /// Whether `build` fails if it was not set.
    pub fn must_be_set(&self) -> bool {
        self.presence == Presence::Required && !self.is_token
    }

    /// Its default, if it differs from that of the field's type.
    pub fn own_default(&self) -> Option<&str> {
        match &self.presence {
            Presence::Default(source) if source == literal::ZERO => None,
            Presence::Default(source) | Presence::ReadsAs(source) => Some(source),
            _ => None,
        }
    }
}
