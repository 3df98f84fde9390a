//! The types of fields and of setters' arguments.

use proc_macro2::TokenStream;
use quote::quote;

use super::ident;
use crate::{
    ir::{Member, SimpleType, Type},
    names,
    traits::TimestampFormat,
};

/// Source text from the lowering.
pub(super) fn source(source: &str) -> TokenStream {
    source.parse().expect("the lowering writes valid tokens")
}

/// The type of a field, without `Option` and `Box`.
pub(super) fn plain(ty: &Type) -> TokenStream {
    match ty {
        Type::Sparse(item) => {
            let item = plain(item);
            quote!(Option<#item>)
        }
        Type::List(item) => {
            let item = plain(item);
            quote!(Vec<#item>)
        }
        Type::Map(key, value) => {
            let (key, value) = (plain(key), plain(value));
            quote!(std::collections::BTreeMap<#key, #value>)
        }
        Type::Named(type_ref) => quote!(#type_ref),
        Type::Simple(SimpleType::String) | Type::Unit => source(&ty.to_string()),
        ty if is_primitive(ty) => source(&ty.to_string()),
        ty => source(&format!("eventstream_rpc::primitives::{ty}")),
    }
}

fn is_primitive(ty: &Type) -> bool {
    use SimpleType::{Boolean, Byte, Double, Float, Integer, Long, Short};
    matches!(ty, Type::Simple(Boolean | Byte | Short | Integer | Long | Float | Double))
}

pub(super) fn boxed(ty: &Type, is_boxed: bool) -> TokenStream {
    let ty = plain(ty);
    if is_boxed { quote!(Box<#ty>) } else { ty }
}

pub(super) fn field(member: &Member) -> TokenStream {
    let ty = boxed(&member.ty, member.is_boxed);
    if member.is_optional() { quote!(Option<#ty>) } else { ty }
}

/// The serializer for types whose own one writes another format: a function in `eventstream_rpc::json`, and the
/// name of the format there.
pub(super) fn writer(ty: &Type) -> Option<(&'static str, &'static str)> {
    match ty.innermost() {
        Type::Timestamp(TimestampFormat::DateTime) => Some(("date_time", "DateTime")),
        Type::Timestamp(TimestampFormat::HttpDate) => Some(("http_date", "HttpDate")),
        ty => ty.is_float().then_some(("finite", "Finite")),
    }
}

/// The type of a setter's argument, and the expression that converts it to the type of the field.
pub(super) fn argument(member: &Member) -> (TokenStream, TokenStream) {
    let name = ident(names::argument(&member.name));
    let into = |ty, name| if is_converted(ty) { quote!(#name.into()) } else { quote!(#name) };
    let (ty, value) = match &member.ty {
        Type::List(item) => {
            let ty = convertible(item);
            let convert = is_converted(item).then(|| quote!(.map(Into::into)));
            (quote!(impl IntoIterator<Item = #ty>), quote!(#name.into_iter()#convert.collect()))
        }
        Type::Map(key, item) => {
            let pair = [into(key, &ident("key")), into(item, &ident("value"))];
            let is_converted = is_converted(key) || is_converted(item);
            let convert = is_converted.then(|| quote!(.map(|(key, value)| (#(#pair),*))));
            let (key, item) = (convertible(key), convertible(item));
            let ty = quote!(impl IntoIterator<Item = (#key, #item)>);
            (ty, quote!(#name.into_iter()#convert.collect()))
        }
        ty => (convertible(ty), into(ty, &name)),
    };
    (ty, if member.is_boxed { quote!(Box::new(#value)) } else { value })
}

/// Whether setters take `impl Into` of the type.
fn is_converted(ty: &Type) -> bool {
    !is_primitive(ty) && !matches!(ty, Type::Sparse(_) | Type::List(_) | Type::Map(..))
}

fn convertible(ty: &Type) -> TokenStream {
    let plain = plain(ty);
    if is_converted(ty) { quote!(impl Into<#plain>) } else { plain }
}
