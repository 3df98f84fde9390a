//! Enums of texts and of numbers.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::{docs, ident};
use crate::ir::{Kind, Shape};

/// The `enum` and what belongs to it.
pub(super) fn items(it: &Shape) -> TokenStream {
    let name = ident(&it.type_ref.name);
    let docs = docs::of(&it.docs);
    let is_number = it.kind == Kind::IntEnum;
    let variants = it.members.iter().map(|it| {
        let name = ident(&it.name);
        let docs = docs::of(&it.docs);
        quote!(#docs #name,)
    });
    let rows = it.members.iter().map(|it| {
        let name = ident(&it.name);
        let value = match it.wire_name.parse() {
            Ok(number) if is_number => Literal::i32_unsuffixed(number),
            _ => Literal::string(&it.wire_name),
        };
        quote!(#name = #value)
    });
    let debug = (!it.is_sensitive).then(|| quote!(Debug,));
    let redacted = it.is_sensitive.then(|| quote!([redacted]));
    let (copy, what, unknown, implement) = match is_number {
        true => (Some(quote!(Copy,)), "number", quote!(i32), quote!(impl_int_enum)),
        false => (None, "value", quote!(String), quote!(impl_string_enum)),
    };
    let about_unknown =
        format!(" A {what} this version of the model does not have. It is sent as it came.");
    quote! {
        #docs
        #[non_exhaustive]
        #[derive(Clone, #copy #debug PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum #name {
            #(#variants)*
            #[doc = #about_unknown]
            Unknown(#unknown),
        }

        eventstream_rpc::#implement! { #name #redacted: #(#rows),* }
    }
}
