//! What is generated, as plain data: every name chosen, every reference resolved.
//!
//! Two names stand side by side: the one on the wire, and the one in Rust. After
//! [`lower`](crate::lower) nothing is looked up and nothing can fail.

mod check;
mod value;

use std::collections::HashMap;

use crate::{Connector, Sides};

pub use check::Check;
pub use value::{Literal, Presence, Type};

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
    /// The modules, and so the files, of the types in [`Home::Types`] and [`Home::Error`]. Their names are of
    /// no concern to who uses the types.
    pub modules: HashMap<TypeRef, String>,
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
    /// What the header line of each file names: the model.
    pub origin: String,
}

impl Service {
    /// The types that are in structures and unions, without the lists and maps around them.
    pub fn types(&self) -> impl Iterator<Item = &Type> {
        let types = self.shapes.iter().flat_map(|it| -> Vec<&Type> {
            match it {
                Shape::Structure(it) => it.members.iter().map(|it| &it.ty).collect(),
                Shape::Union(it) => it.variants.iter().filter_map(|it| it.ty.as_ref()).collect(),
                Shape::Enum(_) | Shape::IntEnum(_) => Vec::new(),
            }
        });
        types.map(Type::innermost)
    }

    /// Whether it becomes a module of another crate.
    pub fn is_module(&self) -> bool {
        self.crate_path.starts_with("crate::")
    }

    /// What is checked: the parts of what the model asks for.
    pub fn checks(&self) -> impl Iterator<Item = &Check> {
        let checks = self.shapes.iter().flat_map(|it| -> Vec<&Check> {
            match it {
                Shape::Structure(it) => {
                    it.members.iter().filter_map(|it| it.check.as_ref()).collect()
                }
                Shape::Union(it) => it.variants.iter().filter_map(|it| it.check.as_ref()).collect(),
                Shape::Enum(_) | Shape::IntEnum(_) => Vec::new(),
            }
        });
        checks.flat_map(Check::parts)
    }

    /// Whether something is deprecated that other shapes, or their defaults, may name.
    pub fn deprecates_types(&self) -> bool {
        let operations = self.operations.iter().map(|it| &it.docs);
        let shapes = self.shapes.iter().flat_map(|it| -> Vec<&Docs> {
            match it {
                Shape::Structure(it) => vec![&it.docs],
                Shape::Union(it) => vec![&it.docs],
                Shape::Enum(it) => it.values.iter().map(|it| &it.docs).chain([&it.docs]).collect(),
                Shape::IntEnum(it) => {
                    it.values.iter().map(|it| &it.docs).chain([&it.docs]).collect()
                }
            }
        });
        operations.chain(shapes).any(|it| it.deprecated.is_some())
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
    /// What kind of stream it keeps open.
    pub events: Events,
    /// Name of the error type.
    pub error: String,
    /// The builder of its request, which also sends it.
    pub builder: CallBuilder,
    /// The declared errors, in the order of the model, then those of the service.
    pub errors: Vec<TypeRef>,
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
pub enum Shape {
    /// A `struct`.
    Structure(Structure),
    /// An `enum` with values.
    Union(Union),
    /// An `enum` of texts.
    Enum(Enum),
    /// An `enum` of numbers.
    IntEnum(IntEnum),
}

impl Shape {
    /// The type.
    pub fn type_ref(&self) -> &TypeRef {
        match self {
            Self::Structure(it) => &it.type_ref,
            Self::Union(it) => &it.type_ref,
            Self::Enum(it) => &it.type_ref,
            Self::IntEnum(it) => &it.type_ref,
        }
    }
}

/// A structure.
#[derive(Debug)]
pub struct Structure {
    /// Absolute shape ID.
    pub id: String,
    /// The type.
    pub type_ref: TypeRef,
    /// Name of its builder, unless it has no members.
    pub builder: Option<String>,
    /// CommonMark.
    pub docs: Docs,
    /// Whether its values stay out of `Debug`.
    pub is_sensitive: bool,
    /// In the order of the model, without the event stream.
    pub members: Vec<Member>,
    /// What it is for.
    pub role: Role,
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

impl Structure {
    /// Whether some member must be set before one can be built.
    pub fn has_required(&self) -> bool {
        self.members.iter().any(Member::must_be_set)
    }

    /// Whether building one can fail.
    pub fn is_build_fallible(&self) -> bool {
        self.role == Role::Request || self.has_required()
    }

    /// Whether its builder is that of the operation.
    pub fn is_built_by_operation(&self) -> bool {
        self.role == Role::Request && matches!(self.type_ref.home, Home::Operation(_))
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
        self.role == Role::Request && self.is_checked()
    }

    /// Whether `Debug` is written by hand, because it must not show everything.
    pub fn is_redacted(&self) -> bool {
        self.members.iter().any(|it| self.is_sensitive || it.is_sensitive)
    }

    /// The member whose text describes an error.
    pub fn message(&self) -> Option<&Member> {
        let is_message =
            |it: &&Member| it.wire_name.eq_ignore_ascii_case("message") && it.ty == Type::String;
        self.members.iter().find(is_message)
    }
}

/// A member of a structure.
#[derive(Debug)]
pub struct Member {
    /// The JSON key.
    pub wire_name: String,
    /// The field and setter, in snake case; `r#` is added where it is a keyword.
    pub name: String,
    /// CommonMark.
    pub docs: Docs,
    /// The type without `Option` and `Box`.
    pub ty: Type,
    /// Whether it is there.
    pub presence: Presence,
    /// What the model asks of the value, if it is checked.
    pub check: Option<Check>,
    /// Whether whoever builds a request sends a random text if none was set.
    pub is_token: bool,
    /// Whether it needs a `Box`, because the type would contain itself.
    pub is_boxed: bool,
    /// Whether its value stays out of `Debug`.
    pub is_sensitive: bool,
}

impl Member {
    /// Whether the field is an `Option`.
    pub fn is_optional(&self) -> bool {
        !matches!(self.presence, Presence::Required | Presence::Default(_))
    }

    /// Whether a builder refuses to do without it.
    pub fn must_be_set(&self) -> bool {
        self.presence == Presence::Required && !self.is_token
    }

    /// Its default, if the field's type has another one.
    pub fn own_default(&self) -> Option<&Literal> {
        match &self.presence {
            Presence::Default(Literal::Zero) => None,
            Presence::Default(literal) | Presence::ReadsAs(literal) => Some(literal),
            _ => None,
        }
    }
}

/// A union.
#[derive(Debug)]
pub struct Union {
    /// Absolute shape ID.
    pub id: String,
    /// The type.
    pub type_ref: TypeRef,
    /// CommonMark.
    pub docs: Docs,
    /// Whether its values stay out of `Debug`.
    pub is_sensitive: bool,
    /// In the order of the model.
    pub variants: Vec<Variant>,
}

/// A member of a union.
#[derive(Debug)]
pub struct Variant {
    /// The JSON key.
    pub wire_name: String,
    /// In Pascal case.
    pub name: String,
    /// The name in snake case, for `is_…` and `as_…`.
    pub snake_name: String,
    /// CommonMark.
    pub docs: Docs,
    /// The type without `Box`; `None` for a member that is nothing but its name.
    pub ty: Option<Type>,
    /// Whether it needs a `Box`, because the type would contain itself.
    pub is_boxed: bool,
    /// What the model asks of the value, if it is checked.
    pub check: Option<Check>,
    /// Whether the union can be made from the value, because no other member has its type.
    pub has_from: bool,
    /// Whether its value stays out of `Debug`.
    pub is_sensitive: bool,
}

/// An enum of texts.
#[derive(Debug)]
pub struct Enum {
    /// Absolute shape ID.
    pub id: String,
    /// The type.
    pub type_ref: TypeRef,
    /// CommonMark.
    pub docs: Docs,
    /// Whether its values stay out of `Debug` and `Display`.
    pub is_sensitive: bool,
    /// In the order of the model.
    pub values: Vec<EnumValue<String>>,
}

/// An enum of 32-bit integers.
#[derive(Debug)]
pub struct IntEnum {
    /// Absolute shape ID.
    pub id: String,
    /// The type.
    pub type_ref: TypeRef,
    /// CommonMark.
    pub docs: Docs,
    /// Whether its values stay out of `Debug` and `Display`.
    pub is_sensitive: bool,
    /// In the order of the model.
    pub values: Vec<EnumValue<i32>>,
}

/// A member of an enum.
#[derive(Debug)]
pub struct EnumValue<T> {
    /// What is on the wire.
    pub value: T,
    /// In Pascal case.
    pub name: String,
    /// CommonMark.
    pub docs: Docs,
}
