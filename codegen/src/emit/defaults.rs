//! Members that have a value when nobody has set one.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Imports, ident, rust_type};
use crate::{
    ir::{Literal, Member, Presence, Shape},
    names,
};

/// The functions that the attributes of the fields name, and `Default` if it is not derived.
pub(super) fn items(structure: &Shape, has_default: bool, imports: &mut Imports) -> TokenStream {
    let name = ident(&structure.type_ref.name);
    let functions: Vec<_> = structure
        .members
        .iter()
        .filter_map(|it| Some(functions(it, it.own_default()?, imports)))
        .collect();
    let uses_deprecated = structure.uses_deprecated();
    let allow = uses_deprecated.then(|| quote!(#[allow(deprecated)]));
    let default = has_default.then(|| {
        let fields = structure.members.iter().map(|it| {
            let field = ident(&it.name);
            match is_own(it) {
                true => {
                    let default = function(it);
                    quote!(#field: Self::#default())
                }
                false => quote!(#field: Default::default()),
            }
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

/// Whether a field has another value, if nothing is set, than its type's `Default`.
pub(super) fn is_own(member: &Member) -> bool {
    matches!(&member.presence, Presence::Default(literal) if *literal != Literal::Zero)
}

/// The arguments of `#[serde(..)]` for a member with a default of its own.
pub(super) fn attributes(structure: &Shape, member: &Member) -> TokenStream {
    let path = |function: &proc_macro2::Ident| format!("{}::{function}", structure.type_ref.name);
    let (default, read) =
        (path(&function(member)), path(&ident(&names::prefixed("read", &member.name))));
    let skip = is_omitted(member).then(|| {
        let omits = path(&ident(&names::prefixed("omits", &member.name)));
        quote!(skip_serializing_if = #omits,)
    });
    quote!(default = #default, deserialize_with = #read, #skip)
}

/// The function that gives the default of a member.
pub(super) fn function(member: &Member) -> proc_macro2::Ident {
    ident(&names::prefixed("default", &member.name))
}

/// JSON has no such number, so the default is left out, and whoever reads fills it in.
fn is_omitted(member: &Member) -> bool {
    matches!(&member.presence, Presence::Default(Literal::Float(value)) if !value.is_finite())
}

fn functions(member: &Member, default: &Literal, imports: &mut Imports) -> TokenStream {
    imports.path("serde::Deserializer");
    imports.path("eventstream_rpc::serde::or_else");
    let ty = rust_type::field(member, imports);
    let value = rust_type::literal(default, &member.ty, imports);
    let value = if member.is_optional() { quote!(Some(#value)) } else { value };
    let (function, read) = (function(member), ident(&names::prefixed("read", &member.name)));
    let omits = is_omitted(member).then(|| {
        let (omits, ty) = (ident(&names::prefixed("omits", &member.name)), &ty);
        quote! {
            fn #omits(value: &#ty) -> bool {
                value.total_cmp(&Self::#function()).is_eq()
            }
        }
    });
    // A model may well say 3.14 and mean it.
    let allow = matches!(default, Literal::Float(_))
        .then(|| quote!(#[allow(clippy::approx_constant, reason = "it is what the model says")]));
    quote! {
        #allow
        fn #function() -> #ty {
            #value
        }

        fn #read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<#ty, D::Error> {
            or_else(deserializer, Self::#function)
        }

        #omits
    }
}
