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
    let required = request.members.iter().filter(|it| it.is_required);
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
        Type::Timestamp => "std::time::SystemTime::now()".to_owned(),
        Type::List(item) => format!("[{}]", value(item, name, shapes, types)),
        Type::Map(key, item) => {
            let key = value(key, name, shapes, types);
            format!("[({key}, {})]", value(item, name, shapes, types))
        }
        // The number of values can grow with a power of the number of members.
        Type::Named(_) if types.len() > MAX_TYPES => String::new(),
        Type::Named(type_ref) => {
            types.push(type_ref.clone());
            match shapes.get(type_ref) {
                Some(Shape::Structure(structure)) => structure_value(structure, shapes, types),
                Some(Shape::Union(union)) => union_value(union, shapes, types),
                Some(Shape::Enum(it)) => format!("{}::{}", type_ref.name, it.values[0].name),
                None => type_ref.name.clone(),
            }
        }
    }
}

fn structure_value(
    structure: &ir::Structure,
    shapes: &HashMap<TypeRef, &Shape>,
    types: &mut Vec<TypeRef>,
) -> String {
    let mut members: Vec<_> = structure.members.iter().filter(|it| it.is_required).collect();
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
    // The last one made from a structure, as binary messages are; any other needs its variant.
    let Some(variant) = union.variants.iter().rfind(|it| it.has_from).or(union.variants.first())
    else {
        return format!("{}::Unknown", union.type_ref.name);
    };
    let value = value(&variant.ty, &variant.snake_name, shapes, types);
    if variant.has_from {
        types.retain(|it| *it != union.type_ref);
        return value;
    }
    let value = match variant.ty {
        Type::String | Type::Blob => format!("{value}.into()"),
        _ => value,
    };
    format!("{}::{}({value})", union.type_ref.name, variant.name)
}

fn ident(name: &str) -> String {
    if crate::names::is_keyword(name) { format!("r#{name}") } else { name.to_owned() }
}
