//! Examples that call an operation, with the input of an example in the model or with the members that are required.

use std::collections::HashMap;

use proc_macro2::Literal;

use super::docs;
use crate::{
    ir::{Example, Kind, Member, Presence, Shape, SimpleType, Type, TypeRef},
    json::{Entry, Kind as Json, Value},
    literal::decode_base64,
    names,
};

/// How many types an invented example may name. Longer examples are left out.
const MAX_TYPES: usize = 16;

/// An example of a call of this method, unless it would be too long.
pub(super) fn call(
    method: &str,
    request: &Shape,
    shapes: &Shapes<'_>,
    given: Option<&Value>,
) -> Option<Example> {
    let mut writer = Writer { shapes, types: Vec::new() };
    let members = shown(request, given.and_then(|it| it.get("input"))).into_iter();
    let setters: String =
        members.map(|(it, given)| format!("\n    {}", writer.setter(it, given))).collect();
    let call = format!("client\n    .{}(){setters}\n    .send()", names::raw(method));
    let about = given.map(docs::about_example).unwrap_or_default();
    let is_short = given.is_some() || writer.types.len() <= MAX_TYPES;
    is_short.then_some(Example { about, call, types: writer.types })
}

/// The members that an example sets: those with a given value, or those that clients or servers require.
fn shown<'s, 'v>(shape: &'s Shape, given: Given<'v>) -> Vec<(&'s Member, Given<'v>)> {
    let is_needed =
        |it: &Member| it.must_be_set() || (it.presence == Presence::Expected && !it.is_token);
    let members = shape.members.iter().filter_map(|member| match given {
        Some(value) => Some((member, Some(value.get(&member.key)?))),
        None => is_needed(member).then_some((member, None)),
    });
    members.collect()
}

/// A value in an example of the model. Without it, one is invented.
type Given<'v> = Option<&'v Value>;

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
    fn setter(&mut self, member: &Member, given: Given<'_>) -> String {
        let is_empty = |it: &Value| {
            it.as_array().is_some_and(<[_]>::is_empty)
                || it.as_object().is_some_and(<[_]>::is_empty)
        };
        if given.is_some_and(is_empty) && matches!(member.ty, Type::List(_) | Type::Map(..)) {
            // The setter that converts the elements cannot infer their type.
            return format!(".{}(Some(Default::default()))", names::setter(&member.name));
        }
        let value = self.value(&member.ty, given, &member.name, Context::Setter);
        format!(".{}({value})", names::raw(&member.name))
    }

    /// A value of a type. Invented strings are the `name` of the member. Times are the current time, because services
    /// often refuse an old one.
    fn value(&mut self, ty: &Type, given: Given<'_>, name: &str, context: Context) -> String {
        let into = if context == Context::Exact { ".into()" } else { "" };
        let inner = if context == Context::Setter { Context::Element } else { Context::Exact };
        match ty {
            Type::Unit => "()".to_owned(),
            Type::Simple(simple) => simple_value(*simple, given.map(|it| &it.kind), name, into),
            Type::Timestamp(_) => format!("std::time::SystemTime::now(){into}"),
            Type::Sparse(_) if given.is_some_and(|it| it.kind == Json::Null) => "None".to_owned(),
            Type::Sparse(item) => {
                format!("Some({})", self.value(item, given, name, Context::Exact))
            }
            Type::List(item) => {
                let vec = if context == Context::Setter { "" } else { "vec!" };
                let items = given.and_then(Value::as_array);
                let items = items.map_or(vec![None], |it| it.iter().map(Some).collect());
                let items = items.into_iter().map(|it| self.value(item, it, name, inner));
                format!("{vec}[{}]", items.collect::<Vec<_>>().join(", "))
            }
            Type::Map(key, item) => {
                let into = if context == Context::Setter { "" } else { ".into()" };
                let entries = given.and_then(Value::as_object);
                let pairs = entries.map_or(vec![(None, None)], |entries| {
                    let key = |it: &Entry| Value { at: it.at, kind: Json::String(it.key.clone()) };
                    entries.iter().map(|it| (Some(key(it)), Some(&it.value))).collect()
                });
                let pairs = pairs.into_iter().map(|(given_key, given)| {
                    let key = self.value(key, given_key.as_ref(), name, inner);
                    format!("({key}, {})", self.value(item, given, name, inner))
                });
                format!("[{}]{into}", pairs.collect::<Vec<_>>().join(", "))
            }
            // The number of invented values can grow exponentially.
            Type::Named(_) if given.is_none() && self.types.len() > MAX_TYPES => String::new(),
            Type::Named(type_ref) => {
                self.types.push(type_ref.clone());
                let Some(shape) = self.shapes.get(type_ref) else { return type_ref.name.clone() };
                match shape.kind {
                    Kind::Structure(_) => self.structure(shape, given),
                    Kind::Union => self.union(shape, given, into),
                    Kind::Enum | Kind::IntEnum => {
                        let is_given = |it: &&Member| match given.map(|it| &it.kind) {
                            Some(Json::String(text) | Json::Number(text)) => it.wire_name == *text,
                            _ => true,
                        };
                        let value = shape.members.iter().find(is_given);
                        format!("{}::{}", type_ref.name, value.unwrap_or(&shape.members[0]).name)
                    }
                }
            }
        }
    }

    fn structure(&mut self, structure: &Shape, given: Given<'_>) -> String {
        if structure.builder.is_none() {
            return format!("{}::default()", structure.type_ref.name);
        }
        let mut members = shown(structure, given);
        if members.is_empty() && given.is_none() {
            // An empty value would not show how to set members.
            let mut simple = structure.members.iter().filter(|it| matches!(it.ty, Type::Simple(_)));
            members.extend(simple.next().map(|it| (it, None)));
        }
        let setters: String =
            members.into_iter().map(|(it, given)| self.setter(it, given)).collect();
        let end = if structure.is_build_fallible() { "?" } else { "" };
        format!("{}::builder(){setters}.build(){end}", structure.type_ref.name)
    }

    fn union(&mut self, union: &Shape, given: Given<'_>, into: &str) -> String {
        let name = &union.type_ref.name;
        let entry = given.and_then(|it| it.as_object()?.first());
        let chosen = entry.and_then(|entry| union.members.iter().find(|it| it.key == entry.key));
        // The last variant with `From`, such as binary messages; other variants must be named.
        let made_from = union.members.iter().rfind(|it| it.has_from);
        let Some(variant) = chosen.or(made_from).or(union.members.first()) else {
            return format!("{name}::Unknown");
        };
        let given = entry.map(|it| &it.value);
        let value = self.value(&variant.ty, given, &variant.snake_name, Context::Exact);
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

/// A value of a simple type. `into` converts what setters convert.
fn simple_value(ty: SimpleType, given: Option<&Json>, name: &str, into: &str) -> String {
    match (ty, given) {
        // Services often accept only objects.
        (SimpleType::Document, None) => "serde_json::json!({ \"key\": \"value\" })".to_owned(),
        (SimpleType::Document, Some(value)) => format!("serde_json::json!({})", json(value)),
        (SimpleType::String, Some(Json::String(it))) => text(it) + into,
        (SimpleType::Blob, Some(Json::String(base64))) => {
            let bytes = decode_base64(base64).unwrap_or_default();
            let source = Literal::byte_string(&bytes).to_string();
            String::from_utf8(bytes).map_or(source, |it| text(&it)) + into
        }
        (SimpleType::String | SimpleType::Blob, _) => format!("{name:?}{into}"),
        (SimpleType::Boolean, Some(Json::Bool(value))) => value.to_string(),
        (SimpleType::Boolean, _) => "true".to_owned(),
        (SimpleType::Float | SimpleType::Double, Some(Json::Number(it))) => float(it),
        (SimpleType::Float | SimpleType::Double, _) => "1.0".to_owned(),
        (SimpleType::BigInteger | SimpleType::BigDecimal, given) => match given {
            Some(Json::Number(it)) if it.parse::<i64>().is_ok() => format!("{it}i64{into}"),
            _ => format!("12345{into}"),
        },
        (_, Some(Json::Number(it))) => it.clone(),
        _ => "1".to_owned(),
    }
}

/// The argument of `json!` for a value.
fn json(value: &Json) -> String {
    match value {
        Json::Null => "null".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::String(it) => text(it),
        Json::Number(it) if it.parse::<i32>().is_ok() => it.clone(),
        Json::Number(it) if it.parse::<i64>().is_ok() => format!("{it}i64"),
        Json::Number(it) => float(it),
        Json::Array(items) => {
            let items: Vec<_> = items.iter().map(|it| json(&it.kind)).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Object(entries) if entries.is_empty() => "{}".to_owned(),
        Json::Object(entries) => {
            let entry = |it: &Entry| format!("{}: {}", text(&it.key), json(&it.value.kind));
            format!("{{ {} }}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

fn float(text: &str) -> String {
    format!("{:?}", text.parse::<f64>().unwrap_or_default().clamp(f64::MIN, f64::MAX))
}

/// A string literal, as a person would write it: raw if it has quotes, and PEM in several lines.
fn text(text: &str) -> String {
    let is_plain = text.chars().all(|it| it.is_ascii_graphic() || it == ' ');
    let is_pem = text.chars().all(|it| it.is_ascii_alphanumeric() || "+/=- \n".contains(it));
    match text {
        _ if is_plain && text.contains('"') && !text.contains("\"#") => format!("r#\"{text}\"#"),
        _ if is_pem && text.starts_with("-----BEGIN") => format!("\"{text}\""),
        _ => format!("{text:?}"),
    }
}
