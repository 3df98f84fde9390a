//! Enums of texts and of numbers.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::{Imports, docs, ident};
use crate::{
    ir::{Enum, EnumValue, IntEnum},
    lower::code,
};

/// The `enum` of texts and what belongs to it.
pub(super) fn items(it: &Enum) -> TokenStream {
    let name = ident(&it.type_ref.name);
    let docs = docs::of(&it.docs, &format!("The enum `{}`.", it.id), &Imports::default());
    let variants = variants(&it.values, |value| code(value));
    let rows = rows(&it.values, |value| Literal::string(value));
    let debug = (!it.is_sensitive).then(|| quote!(Debug,));
    let redacted = it.is_sensitive.then(|| quote!(redacted));
    quote! {
        #docs
        #[non_exhaustive]
        #[derive(Clone, #debug PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum #name {
            #(#variants)*
            /// A value this version of the model does not have. It is sent as it came.
            Unknown(String),
        }

        eventstream_rpc::impl_string_enum! { #redacted #name: #(#rows),* }
    }
}

/// The `enum` of numbers and what belongs to it.
pub(super) fn int_items(it: &IntEnum) -> TokenStream {
    let name = ident(&it.type_ref.name);
    let docs = docs::of(&it.docs, &format!("The enum `{}`.", it.id), &Imports::default());
    let variants = variants(&it.values, i32::to_string);
    let rows = rows(&it.values, |value| Literal::i32_unsuffixed(*value));
    let debug = (!it.is_sensitive).then(|| quote!(Debug,));
    let redacted = it.is_sensitive.then(|| quote!(redacted));
    quote! {
        #docs
        #[non_exhaustive]
        #[derive(Clone, Copy, #debug PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum #name {
            #(#variants)*
            /// A number this version of the model does not have. It is sent as it came.
            Unknown(i32),
        }

        eventstream_rpc::impl_int_enum! { #redacted #name: #(#rows),* }
    }
}

fn variants<'v, T>(
    values: &'v [EnumValue<T>],
    text: impl Fn(&T) -> String + 'v,
) -> impl Iterator<Item = TokenStream> + 'v {
    values.iter().map(move |it| {
        let name = ident(&it.name);
        let docs =
            docs::of(&it.docs, &format!("The value {}.", text(&it.value)), &Imports::default());
        quote!(#docs #name,)
    })
}

/// The variants with their values.
fn rows<'v, T>(
    values: &'v [EnumValue<T>],
    literal: impl Fn(&T) -> Literal + 'v,
) -> impl Iterator<Item = TokenStream> + 'v {
    values.iter().map(move |it| {
        let (name, value) = (ident(&it.name), literal(&it.value));
        quote!(#name = #value)
    })
}
