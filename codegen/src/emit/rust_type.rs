//! Types and setters.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Imports, ident};
use crate::{
    ir::{Member, Type},
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

/// A type as people write it, without paths.
pub fn text(ty: &Type) -> String {
    plain(ty, &mut Imports::default()).to_string().replace(' ', "").replace(',', ", ")
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

/// Source that the lowering has written.
pub(super) fn source(source: &str) -> TokenStream {
    source.parse().expect("it is Rust")
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
