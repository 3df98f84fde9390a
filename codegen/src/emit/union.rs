//! Unions.

use proc_macro2::TokenStream;
use quote::quote;

use super::{ROW, allow_large_variants, checks, docs, ident, rust_type};
use crate::{
    ir::{Member, Shape, SimpleType, Type},
    names,
};

pub(super) fn items(union: &Shape) -> TokenStream {
    let name = ident(&union.type_ref.name);
    let docs = docs::of(&union.docs);
    let variants = union.members.iter().map(|member| {
        let docs = docs::of(&member.docs);
        let name = ident(&member.name);
        let value = (member.ty != Type::Unit).then(|| {
            let ty = rust_type::boxed(&member.ty, member.is_boxed);
            quote!((#ty))
        });
        quote!(#docs #name #value,)
    });
    let (debug, redacted) = if union.is_redacted() {
        (None, Some(quote!(redacted)))
    } else {
        (Some(quote!(Debug,)), None)
    };
    let holds_structures = union.members.iter().any(|it| matches!(it.ty, Type::Named(_)));
    let allow_size = allow_large_variants(holds_structures);
    let (id, check) = (&union.id, checks::check(union));
    let rows = union.members.iter().map(|it| row(union, it));
    quote! {
        #docs
        #[non_exhaustive]
        #[derive(Clone, #debug PartialEq)]
        #allow_size
        pub enum #name {
            #(#variants)*
            /// A member that this version of the model does not have. It cannot be sent.
            Unknown,
        }

        impl eventstream_rpc::json::Shape for #name {
            const ID: &'static str = #id;
            #check
        }

        eventstream_rpc::impl_union! { #redacted #name; #(#rows;)* }
    }
}

/// The line for a member in the call of the runtime's macro.
fn row(union: &Shape, member: &Member) -> TokenStream {
    let (variant, wire_name) = (ident(&member.name), &member.wire_name);
    let [is, as_, into] =
        ["is", "as", "into"].map(|it| ident(&names::prefixed(it, &member.snake_name)));
    let ty = match &member.ty {
        Type::Unit => return quote!(#ROW #variant = #wire_name, #is),
        Type::Simple(SimpleType::String) => quote!(str),
        ty => rust_type::plain(ty),
    };
    let writer = rust_type::writer(&member.ty).map(|(_, writer)| {
        let writer = ident(writer);
        quote!(as #writer)
    });
    let boxed = member.is_boxed.then(|| quote!([boxed]));
    let is_redacted = union.is_sensitive || member.is_sensitive;
    let redacted = is_redacted.then(|| quote!([redacted]));
    let from = member.has_from.then(|| quote!([from]));
    quote!(#ROW #variant = #wire_name, #is, #as_ #into(value #writer) -> #ty #boxed #redacted #from)
}
