//! String enums and integer enums.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::{docs, ident};
use crate::ir::{Kind, Shape};

pub(super) fn items(shape: &Shape) -> TokenStream {
    let name = ident(&shape.type_ref.name);
    let docs = docs::of(&shape.docs);
    let is_number = shape.kind == Kind::IntEnum;
    let variants = shape.members.iter().map(|member| {
        let name = ident(&member.name);
        let docs = docs::of(&member.docs);
        quote!(#docs #name,)
    });
    let rows = shape.members.iter().map(|member| {
        let name = ident(&member.name);
        let value = match member.wire_name.parse() {
            Ok(number) if is_number => Literal::i32_unsuffixed(number),
            _ => Literal::string(&member.wire_name),
        };
        // The name in the model is an alternative to the value, unless it is a value itself.
        let key = &member.key;
        let is_value = || shape.members.iter().any(|it| it.wire_name == *key);
        let model_name = (!is_number && !is_value()).then(|| quote!(or #key));
        quote!(#name = #value #model_name)
    });
    let debug = (!shape.is_sensitive).then(|| quote!(Debug,));
    let redacted = shape.is_sensitive.then(|| quote!([redacted]));
    let (copy, what, unknown, implement) = if is_number {
        (Some(quote!(Copy,)), "number", quote!(i32), quote!(impl_int_enum))
    } else {
        (None, "value", quote!(String), quote!(impl_string_enum))
    };
    let refused = if is_number { "" } else { "; [`try_parse`](Self::try_parse) refuses it" };
    let about_unknown = format!(
        " A {what} that this version of the model does not have. It is sent unchanged{refused}."
    );
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
