//! The default values of members.

use proc_macro2::TokenStream;
use quote::quote;

use super::{allow_constants, allow_deprecated, ident, rust_type};
use crate::{
    ir::{Member, Presence, Shape},
    names,
};

/// The functions that serde attributes name, and an implementation of `Default` if it is not derived.
pub(super) fn items(structure: &Shape, has_default: bool) -> TokenStream {
    let name = ident(&structure.type_ref.name);
    let functions = structure.members.iter().filter_map(|it| functions(structure, it));
    let allow = allow_deprecated(structure);
    let default = has_default.then(|| {
        let fields = structure.members.iter().map(|member| {
            let (field, default) = (ident(&member.name), function("default", member));
            let default = is_own(member).then(|| quote!(Self::#default()));
            let default = default.unwrap_or_else(|| quote!(Default::default()));
            quote!(#field: #default)
        });
        quote! {
            #allow
            impl Default for #name {
                fn default() -> Self {
                    Self { #(#fields),* }
                }
            }
        }
    });
    quote! {
        impl #name {
            #(#functions)*
        }

        #default
    }
}

/// Whether the default of a field differs from that of its type.
pub(super) fn is_own(member: &Member) -> bool {
    member.own_default().is_some() && !member.is_optional()
}

/// The arguments of `#[serde(..)]` for a member whose default differs from that of its type.
pub(super) fn attributes(structure: &Shape, member: &Member) -> TokenStream {
    let [default, read, omits] = ["default", "read", "omits"]
        .map(|verb| format!("{}::{}", structure.type_ref.name, function(verb, member)));
    let skip = is_omitted(member).then(|| quote!(skip_serializing_if = #omits,));
    quote!(default = #default, deserialize_with = #read, #skip)
}

pub(super) fn function(verb: &str, member: &Member) -> proc_macro2::Ident {
    ident(&names::prefixed(verb, &member.name))
}

/// Whether the default is a constant such as `f32::NAN`, which JSON numbers cannot express. Such values are not sent.
fn is_omitted(member: &Member) -> bool {
    let is_constant = |it: &str| member.ty.is_float() && it.starts_with('f');
    matches!(&member.presence, Presence::Default(source) if is_constant(source))
}

fn functions(structure: &Shape, member: &Member) -> Option<TokenStream> {
    // The builder of a call is in another module if several operations use the request.
    let is_shared = structure.is_request() && !structure.is_built_by_operation();
    let visibility = is_shared.then(|| quote!(pub(crate)));
    let value = rust_type::source(member.own_default()?);
    let ty = rust_type::field(member);
    let value = if member.is_optional() { quote!(Some(#value)) } else { value };
    let [function, read, omits] = ["default", "read", "omits"].map(|it| function(it, member));
    let omits = is_omitted(member).then(|| {
        quote! {
            fn #omits(value: &#ty) -> bool {
                value.total_cmp(&Self::#function()).is_eq()
            }
        }
    });
    let allow = allow_constants(member.ty.is_float());
    Some(quote! {
        #allow
        #visibility fn #function() -> #ty {
            #value
        }

        fn #read<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<#ty, D::Error> {
            eventstream_rpc::json::or_else(deserializer, Self::#function)
        }

        #omits
    })
}
