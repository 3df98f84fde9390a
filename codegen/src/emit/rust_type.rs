//! Types and setters.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Imports, ident};
use crate::{
    ir::{Literal, Member, Type},
    names,
    traits::TimestampFormat,
};

/// A type as it stands in a field, without `Option` and `Box`.
pub(super) fn plain(ty: &Type, imports: &mut Imports) -> TokenStream {
    let primitive = |imports: &mut Imports, name: &str| {
        let name = imports.path(&format!("eventstream_rpc::primitives::{name}"));
        quote!(#name)
    };
    match ty {
        Type::Unit => quote!(()),
        Type::Bool => quote!(bool),
        Type::Int(bits) => {
            let name = ident(&format!("i{bits}"));
            quote!(#name)
        }
        Type::Float(bits) => {
            let name = ident(&format!("f{bits}"));
            quote!(#name)
        }
        Type::String => quote!(String),
        Type::Blob => primitive(imports, "Blob"),
        Type::BigInteger => primitive(imports, "BigInteger"),
        Type::BigDecimal => primitive(imports, "BigDecimal"),
        Type::Timestamp(_) => primitive(imports, "Timestamp"),
        Type::Document => primitive(imports, "Document"),
        Type::Sparse(item) => {
            let item = plain(item, imports);
            quote!(Option<#item>)
        }
        Type::List(item) => {
            let item = plain(item, imports);
            quote!(Vec<#item>)
        }
        Type::Map(key, value) => {
            let map = imports.path("std::collections::BTreeMap");
            let (key, value) = (plain(key, imports), plain(value, imports));
            quote!(#map<#key, #value>)
        }
        Type::Named(type_ref) => {
            let name = imports.type_ref(type_ref);
            quote!(#name)
        }
    }
}

/// The type with a `Box` where one is needed.
pub(super) fn boxed(ty: &Type, is_boxed: bool, imports: &mut Imports) -> TokenStream {
    let ty = plain(ty, imports);
    if is_boxed { quote!(Box<#ty>) } else { ty }
}

/// The type of a member's field.
pub(super) fn field(member: &Member, imports: &mut Imports) -> TokenStream {
    let ty = boxed(&member.ty, member.is_boxed, imports);
    if member.is_optional() { quote!(Option<#ty>) } else { ty }
}

/// What writes values of a type that do not write themselves as they travel: a function in
/// `eventstream_rpc::serde`, and the type there that does the same in the place of a value.
pub(super) fn writer(ty: &Type) -> Option<(&'static str, &'static str)> {
    match ty.innermost() {
        Type::Float(_) => Some(("finite", "AsFinite")),
        Type::Timestamp(TimestampFormat::DateTime) => Some(("date_time", "AsDateTime")),
        Type::Timestamp(TimestampFormat::HttpDate) => Some(("http_date", "AsHttpDate")),
        _ => None,
    }
}

/// A default as an expression of a type.
pub(super) fn literal(literal: &Literal, ty: &Type, imports: &mut Imports) -> TokenStream {
    match literal {
        Literal::Zero => quote!(Default::default()),
        Literal::Bool(value) => quote!(#value),
        Literal::Int(value) => {
            let value = proc_macro2::Literal::i64_unsuffixed(*value);
            quote!(#value)
        }
        Literal::Float(value) => float(*value, ty, imports),
        Literal::Big(text) => match text.parse::<i64>() {
            Ok(value) => {
                let value = proc_macro2::Literal::i64_suffixed(value);
                quote!(#value.into())
            }
            Err(_) => quote!(#text.parse().expect("the default is a number")),
        },
        Literal::String(text) => quote!(#text.to_owned()),
        Literal::Blob(bytes) => {
            let bytes = proc_macro2::Literal::byte_string(bytes);
            quote!(#bytes.into())
        }
        Literal::Timestamp { secs, nanos } => {
            let timestamp = plain(ty, imports);
            let secs = proc_macro2::Literal::i64_unsuffixed(*secs);
            let nanos = proc_macro2::Literal::u32_unsuffixed(*nanos);
            quote!(#timestamp::new(#secs, #nanos))
        }
        Literal::Variant(name) => {
            let (ty, name) = (plain(ty, imports), ident(name));
            quote!(#ty::#name)
        }
        Literal::Document(value) => {
            let document = plain(ty, imports);
            match &**value {
                Literal::EmptyList => quote!(#document::Array(Vec::new())),
                Literal::EmptyObject => quote!(#document::Object(Default::default())),
                Literal::Int(value) => {
                    let value = proc_macro2::Literal::i64_suffixed(*value);
                    quote!(#value.into())
                }
                Literal::Float(value) => {
                    let value = proc_macro2::Literal::f64_suffixed(*value);
                    quote!(#value.into())
                }
                Literal::Bool(value) => quote!(#value.into()),
                Literal::String(text) => quote!(#text.into()),
                _ => quote!(#document::Null),
            }
        }
        Literal::EmptyList | Literal::EmptyObject => quote!(Default::default()),
    }
}

fn float(value: f64, ty: &Type, imports: &mut Imports) -> TokenStream {
    // As short as the type allows.
    let (value, literal) = match ty {
        Type::Float(32) => {
            let narrow = value as f32;
            (f64::from(narrow), proc_macro2::Literal::f32_unsuffixed(finite(narrow.abs())))
        }
        _ => (value, proc_macro2::Literal::f64_unsuffixed(finite(value.abs()))),
    };
    let ty = plain(ty, imports);
    match value {
        _ if value.is_nan() => quote!(#ty::NAN),
        f64::INFINITY => quote!(#ty::INFINITY),
        f64::NEG_INFINITY => quote!(#ty::NEG_INFINITY),
        _ if value.is_sign_negative() => quote!(-#literal),
        _ => quote!(#literal),
    }
}

/// The number, or zero if a literal cannot express it.
fn finite<T: Copy + Default + Into<f64>>(value: T) -> T {
    if value.into().is_finite() { value } else { T::default() }
}

/// The argument of a setter: its type, and the expression that makes the field's value of it.
pub(super) struct Argument {
    pub(super) ty: TokenStream,
    pub(super) value: TokenStream,
}

/// What the setter of a member takes.
pub(super) fn argument(member: &Member, imports: &mut Imports) -> Argument {
    let name = ident(names::argument(&member.name));
    let argument = match &member.ty {
        Type::Bool | Type::Int(_) | Type::Float(_) => {
            Argument { ty: plain(&member.ty, imports), value: quote!(#name) }
        }
        Type::List(item) => {
            let ty = element(item, imports);
            let convert = is_converted(item).then(|| quote!(.map(Into::into)));
            Argument {
                ty: quote!(impl IntoIterator<Item = #ty>),
                value: quote!(#name.into_iter()#convert.collect()),
            }
        }
        Type::Map(key, value) => {
            let convert = match (is_converted(key), is_converted(value)) {
                (true, true) => Some(quote!(.map(|(key, value)| (key.into(), value.into())))),
                (true, false) => Some(quote!(.map(|(key, value)| (key.into(), value)))),
                (false, true) => Some(quote!(.map(|(key, value)| (key, value.into())))),
                (false, false) => None,
            };
            let (key, value) = (element(key, imports), element(value, imports));
            Argument {
                ty: quote!(impl IntoIterator<Item = (#key, #value)>),
                value: quote!(#name.into_iter()#convert.collect()),
            }
        }
        ty => {
            let ty = plain(ty, imports);
            Argument { ty: quote!(impl Into<#ty>), value: quote!(#name.into()) }
        }
    };
    match member.is_boxed {
        true => Argument {
            value: {
                let value = argument.value;
                quote!(Box::new(#value))
            },
            ..argument
        },
        false => argument,
    }
}

/// Whether elements of a collection may be given as anything that turns into them.
fn is_converted(ty: &Type) -> bool {
    let is_number = matches!(ty, Type::Bool | Type::Int(_) | Type::Float(_));
    !is_number && !matches!(ty, Type::Sparse(_) | Type::List(_) | Type::Map(..))
}

fn element(ty: &Type, imports: &mut Imports) -> TokenStream {
    let plain = plain(ty, imports);
    if is_converted(ty) { quote!(impl Into<#plain>) } else { plain }
}
