//! Examples: how to call an operation with no more than it requires.

use std::collections::HashMap;

use crate::ir::{self, ExampleCall, Shape, Type, TypeRef};

/// Adds to each operation the setter calls of an example.
pub(super) fn with_examples(
    operations: Vec<ir::Operation>,
    shapes: &[Shape],
) -> Vec<ir::Operation> {
    let shapes: HashMap<_, _> = shapes.iter().map(|it| (it.type_ref().clone(), it)).collect();
    operations
        .into_iter()
        .map(|operation| {
            let example = match shapes.get(&operation.request) {
                Some(Shape::Structure(request)) => calls(request, &shapes),
                _ => None,
            };
            ir::Operation { example, ..operation }
        })
        .collect()
}

/// How many types an example may name: one that is longer helps nobody.
const MAX_TYPES: usize = 16;

fn calls(request: &ir::Structure, shapes: &HashMap<TypeRef, &Shape>) -> Option<Vec<ExampleCall>> {
    let required = request.members.iter().filter(|it| is_shown(it));
    let calls = required.map(|member| {
        let mut types = Vec::new();
        let value = value(&member.ty, &member.name, shapes, &mut types);
        (types.len() <= MAX_TYPES).then(|| ExampleCall {
            method: ident(&member.name),
            value,
            types,
        })
    });
    calls.collect()
}

/// Whether an example sets a member: what is needed, and what a server would miss.
fn is_shown(member: &ir::Member) -> bool {
    member.must_be_set() || (member.presence == ir::Presence::Expected && !member.is_token)
}

/// A value of a type, as Rust source; `name` is where texts come from.
fn value(
    ty: &Type,
    name: &str,
    shapes: &HashMap<TypeRef, &Shape>,
    types: &mut Vec<TypeRef>,
) -> String {
    match ty {
        Type::Bool => "true".to_owned(),
        Type::Int(_) => "1".to_owned(),
        Type::Float(_) => "1.0".to_owned(),
        Type::String | Type::Blob => format!("{name:?}"),
        // Most documents are objects, and services often take nothing else.
        Type::Document => "serde_json::json!({ \"key\": \"value\" })".to_owned(),
        Type::BigInteger | Type::BigDecimal => "12345".to_owned(),
        Type::Timestamp(_) => "std::time::SystemTime::now()".to_owned(),
        Type::Sparse(_) => owned(ty, name, shapes, types),
        Type::List(item) => format!("[{}]", element(item, name, shapes, types)),
        Type::Map(key, item) => {
            let key = element(key, name, shapes, types);
            format!("[({key}, {})]", element(item, name, shapes, types))
        }
        // The number of values can grow with a power of the number of members.
        Type::Named(_) if types.len() > MAX_TYPES => String::new(),
        Type::Named(type_ref) => {
            types.push(type_ref.clone());
            match shapes.get(type_ref) {
                Some(Shape::Structure(structure)) => structure_value(structure, shapes, types),
                Some(Shape::Union(union)) => union_value(union, shapes, types),
                Some(Shape::Enum(it)) => format!("{}::{}", type_ref.name, it.values[0].name),
                Some(Shape::IntEnum(it)) => format!("{}::{}", type_ref.name, it.values[0].name),
                None => type_ref.name.clone(),
            }
        }
    }
}

/// A value within a list or map, which setters convert unless it is one of those itself.
fn element(
    ty: &Type,
    name: &str,
    shapes: &HashMap<TypeRef, &Shape>,
    types: &mut Vec<TypeRef>,
) -> String {
    match ty {
        Type::Sparse(_) | Type::List(_) | Type::Map(..) => owned(ty, name, shapes, types),
        _ => value(ty, name, shapes, types),
    }
}

/// A value of exactly this type.
fn owned(
    ty: &Type,
    name: &str,
    shapes: &HashMap<TypeRef, &Shape>,
    types: &mut Vec<TypeRef>,
) -> String {
    match ty {
        Type::Sparse(item) => format!("Some({})", owned(item, name, shapes, types)),
        Type::List(item) => format!("vec![{}]", owned(item, name, shapes, types)),
        Type::Map(key, item) => {
            let key = owned(key, name, shapes, types);
            format!("[({key}, {})].into()", owned(item, name, shapes, types))
        }
        Type::String | Type::Blob | Type::BigInteger | Type::BigDecimal | Type::Timestamp(_) => {
            format!("{}.into()", value(ty, name, shapes, types))
        }
        Type::Named(type_ref) => {
            let value = value(ty, name, shapes, types);
            let is_from = match shapes.get(type_ref) {
                Some(Shape::Union(union)) => shown_variant(union).is_some_and(|it| it.has_from),
                _ => false,
            };
            if is_from { format!("{value}.into()") } else { value }
        }
        _ => value(ty, name, shapes, types),
    }
}

/// The last one made from a structure, as binary messages are; any other needs its variant.
fn shown_variant(union: &ir::Union) -> Option<&ir::Variant> {
    union.variants.iter().rfind(|it| it.has_from).or(union.variants.first())
}

fn structure_value(
    structure: &ir::Structure,
    shapes: &HashMap<TypeRef, &Shape>,
    types: &mut Vec<TypeRef>,
) -> String {
    let mut members: Vec<_> = structure.members.iter().filter(|it| is_shown(it)).collect();
    if members.is_empty() {
        // An empty value shows nothing, so the first simple member stands for the rest.
        let is_simple = |it: &&ir::Member| {
            matches!(it.ty, Type::String | Type::Blob | Type::Document | Type::Int(_) | Type::Bool)
        };
        members.extend(structure.members.iter().find(is_simple));
    }
    let setters: String = members
        .into_iter()
        .map(|it| format!(".{}({})", ident(&it.name), value(&it.ty, &it.name, shapes, types)))
        .collect();
    let end = if structure.is_build_fallible() { "?" } else { "" };
    format!("{}::builder(){setters}.build(){end}", structure.type_ref.name)
}

fn union_value(
    union: &ir::Union,
    shapes: &HashMap<TypeRef, &Shape>,
    types: &mut Vec<TypeRef>,
) -> String {
    let Some(variant) = shown_variant(union) else {
        return format!("{}::Unknown", union.type_ref.name);
    };
    let Some(ty) = &variant.ty else {
        return format!("{}::{}", union.type_ref.name, variant.name);
    };
    if variant.has_from {
        let value = value(ty, &variant.snake_name, shapes, types);
        types.retain(|it| *it != union.type_ref);
        return value;
    }
    let value = owned(ty, &variant.snake_name, shapes, types);
    let value = if variant.is_boxed { format!("Box::new({value})") } else { value };
    format!("{}::{}({value})", union.type_ref.name, variant.name)
}

fn ident(name: &str) -> String {
    if crate::names::is_keyword(name) { format!("r#{name}") } else { name.to_owned() }
}
