//! Examples that call an operation with the members that it requires.

use std::collections::HashMap;

use crate::ir::{Example, Kind, Member, Presence, Shape, SimpleType, Type, TypeRef};

/// How many types an example may name. Longer examples are left out.
const MAX_TYPES: usize = 16;

/// An example of a call of this method, unless it would be too long.
pub(super) fn call(method: &str, request: &Shape, shapes: &Shapes<'_>) -> Option<Example> {
    let mut writer = Writer { shapes, types: Vec::new() };
    let members = request.members.iter().filter(|it| is_shown(it));
    let setters: String = members.map(|it| format!("\n    {}", writer.setter(it))).collect();
    let call = format!("client\n    .{}(){setters}\n    .send()", ident(method));
    (writer.types.len() <= MAX_TYPES).then_some(Example { call, types: writer.types })
}

/// Whether an example sets a member: clients or servers require it.
fn is_shown(member: &Member) -> bool {
    member.must_be_set() || (member.presence == Presence::Expected && !member.is_token)
}

pub(super) type Shapes<'s> = HashMap<&'s TypeRef, &'s Shape>;

/// The context of a value, which determines what it is converted from.
#[derive(Clone, Copy, PartialEq)]
enum Context {
    /// The argument of a setter, which converts strings and unions, and the elements of lists and maps.
    Setter,
    /// An element of a list or map in a setter's argument, which converts strings and unions.
    Element,
    /// A context that requires exactly the type.
    Exact,
}

/// A writer of values as Rust source.
struct Writer<'s> {
    shapes: &'s Shapes<'s>,
    /// The types that the values name.
    types: Vec<TypeRef>,
}

impl Writer<'_> {
    fn setter(&mut self, member: &Member) -> String {
        let value = self.value(&member.ty, &member.name, Context::Setter);
        format!(".{}({value})", ident(&member.name))
    }

    /// A value of a type. Strings are the `name` of the member.
    fn value(&mut self, ty: &Type, name: &str, context: Context) -> String {
        let into = if context == Context::Exact { ".into()" } else { "" };
        let inner = if context == Context::Setter { Context::Element } else { Context::Exact };
        match ty {
            Type::Unit => "()".to_owned(),
            Type::Simple(simple) => match simple {
                SimpleType::Boolean => "true".to_owned(),
                SimpleType::Float | SimpleType::Double => "1.0".to_owned(),
                SimpleType::String | SimpleType::Blob => format!("{name:?}{into}"),
                // Services often accept only objects.
                SimpleType::Document => "serde_json::json!({ \"key\": \"value\" })".to_owned(),
                SimpleType::BigInteger | SimpleType::BigDecimal => format!("12345{into}"),
                _ => "1".to_owned(),
            },
            Type::Timestamp(_) => format!("std::time::SystemTime::now(){into}"),
            Type::Sparse(item) => format!("Some({})", self.value(item, name, Context::Exact)),
            Type::List(item) => {
                let vec = if context == Context::Setter { "" } else { "vec!" };
                format!("{vec}[{}]", self.value(item, name, inner))
            }
            Type::Map(key, item) => {
                let into = if context == Context::Setter { "" } else { ".into()" };
                let key = self.value(key, name, inner);
                format!("[({key}, {})]{into}", self.value(item, name, inner))
            }
            // The number of values can grow exponentially.
            Type::Named(_) if self.types.len() > MAX_TYPES => String::new(),
            Type::Named(type_ref) => {
                self.types.push(type_ref.clone());
                let Some(shape) = self.shapes.get(type_ref) else { return type_ref.name.clone() };
                match shape.kind {
                    Kind::Structure(_) => self.structure(shape),
                    Kind::Union => self.union(shape, into),
                    Kind::Enum | Kind::IntEnum => {
                        format!("{}::{}", type_ref.name, shape.members[0].name)
                    }
                }
            }
        }
    }

    fn structure(&mut self, structure: &Shape) -> String {
        if structure.builder.is_none() {
            return format!("{}::default()", structure.type_ref.name);
        }
        let mut members: Vec<_> = structure.members.iter().filter(|it| is_shown(it)).collect();
        if members.is_empty() {
            // An empty value would not show how to set members.
            let mut simple = structure.members.iter().filter(|it| matches!(it.ty, Type::Simple(_)));
            members.extend(simple.next());
        }
        let setters: String = members.into_iter().map(|it| self.setter(it)).collect();
        let end = if structure.is_build_fallible() { "?" } else { "" };
        format!("{}::builder(){setters}.build(){end}", structure.type_ref.name)
    }

    fn union(&mut self, union: &Shape, into: &str) -> String {
        let name = &union.type_ref.name;
        // The last variant with `From`, such as binary messages; other variants must be named.
        let made_from = union.members.iter().rfind(|it| it.has_from);
        let Some(variant) = made_from.or(union.members.first()) else {
            return format!("{name}::Unknown");
        };
        let value = self.value(&variant.ty, &variant.snake_name, Context::Exact);
        if variant.has_from {
            self.types.retain(|it| *it != union.type_ref);
            return format!("{value}{into}");
        }
        match (&variant.ty, variant.is_boxed) {
            (Type::Unit, _) => format!("{name}::{}", variant.name),
            (_, true) => format!("{name}::{}(Box::new({value}))", variant.name),
            (_, false) => format!("{name}::{}({value})", variant.name),
        }
    }
}

fn ident(name: &str) -> String {
    if crate::names::is_keyword(name) { format!("r#{name}") } else { name.to_owned() }
}
