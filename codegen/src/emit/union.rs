//! Unions.

use proc_macro2::TokenStream;
use quote::quote;

use super::{checks, docs, ident, rust_type};
use crate::{
    ir::{Member, Shape, SimpleType, Type},
    names,
};

/// The `enum` and what belongs to it.
pub(super) fn items(union: &Shape) -> TokenStream {
    let name = ident(&union.type_ref.name);
    let is_redacted = union.is_redacted();
    let debug = (!is_redacted).then(|| quote!(Debug,));
    let variants: Vec<_> = union.members.iter().map(|it| variant(it)).collect();
    let docs = docs::of(&union.docs);
    let accessors: Vec<_> = union.members.iter().map(|it| accessors(it)).collect();
    let conversions: Vec<_> =
        union.members.iter().filter(|it| it.has_from).map(|it| from(union, it)).collect();
    let writes: Vec<_> = union
        .members
        .iter()
        .map(|it| {
            let (variant, wire_name) = (ident(&it.name), &it.wire_name);
            if it.ty == Type::Unit {
                return quote!(Self::#variant => eventstream_rpc::serde::serialize_union_member(serializer, #wire_name, &eventstream_rpc::serde::Empty {}));
            }
            let value = match rust_type::writer(&it.ty) {
                None => quote!(value),
                Some((_, writer)) => {
                    let writer = ident(writer);
                    quote!(&eventstream_rpc::serde::#writer(value))
                }
            };
            quote!(Self::#variant(value) => eventstream_rpc::serde::serialize_union_member(serializer, #wire_name, #value))
        })
        .collect();
    let reads = union.members.iter().map(|it| {
        let (variant, wire_name) = (ident(&it.name), &it.wire_name);
        match it.ty {
            Type::Unit => quote!(#wire_name => value.read_empty(Self::#variant)),
            _ => quote!(#wire_name => value.read(Self::#variant)),
        }
    });
    let (id, unknown) = (&union.id, format!("an unknown member of {}", union.type_ref.name));
    let debug_impl = is_redacted.then(|| debug_impl(union));
    let check = checks::check(union);
    let uses_deprecated = union.uses_deprecated();
    let allow = uses_deprecated.then(|| quote!(#[allow(deprecated)]));
    let holds_structures = union.members.iter().any(|it| matches!(it.ty, Type::Named(_)));
    let allow_size = holds_structures.then(|| {
        quote!(#[allow(clippy::large_enum_variant, reason = "a box would stand in every reader's way")])
    });
    quote! {
        #docs
        #[non_exhaustive]
        #[derive(Clone, #debug PartialEq)]
        #allow_size
        pub enum #name {
            #(#variants)*
            /// A member this version of the model does not have. It cannot be sent.
            Unknown,
        }

        #allow
        impl #name {
            #(#accessors)*
        }

        impl eventstream_rpc::operation::Shape for #name {
            const ID: &'static str = #id;
            #check
        }

        #(#conversions)*

        #allow
        impl serde::Serialize for #name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    #(#writes,)*
                    Self::Unknown => {
                        use serde::ser::Error;
                        Err(S::Error::custom(#unknown))
                    }
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for #name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                eventstream_rpc::serde::deserialize_union(deserializer)
            }
        }

        #allow
        impl eventstream_rpc::serde::Union for #name {
            const UNKNOWN: Self = Self::Unknown;

            fn read_member<'de, A: serde::de::MapAccess<'de>>(
                name: &str,
                value: eventstream_rpc::serde::MemberValue<'_, A>,
            ) -> Result<Option<Self>, A::Error> {
                match name {
                    #(#reads,)*
                    _ => value.skip(),
                }
            }
        }

        #debug_impl
    }
}

fn variant(variant: &Member) -> TokenStream {
    let name = ident(&variant.name);
    let value = (variant.ty != Type::Unit).then(|| {
        let ty = rust_type::boxed(&variant.ty, variant.is_boxed);
        quote!((#ty))
    });
    let docs = docs::of(&variant.docs);
    quote!(#docs #name #value,)
}

fn accessors(variant: &Member) -> TokenStream {
    let name = ident(&variant.name);
    let [is, as_] = ["is", "as"].map(|it| ident(&names::prefixed(it, &variant.snake_name)));
    let about_is = format!(" Whether it is a [`{0}`](Self::{0}).", variant.name);
    let ty = match &variant.ty {
        Type::Unit => {
            return quote! {
                #[doc = #about_is]
                pub fn #is(&self) -> bool {
                    matches!(self, Self::#name)
                }
            };
        }
        Type::Simple(SimpleType::String) => quote!(str),
        ty => rust_type::plain(ty),
    };
    let about_as = format!(" The value, if it is a [`{0}`](Self::{0}).", variant.name);
    quote! {
        #[doc = #about_is]
        pub fn #is(&self) -> bool {
            matches!(self, Self::#name(_))
        }

        #[doc = #about_as]
        pub fn #as_(&self) -> Option<&#ty> {
            match self {
                Self::#name(value) => Some(value),
                _ => None,
            }
        }
    }
}

fn from(union: &Shape, variant: &Member) -> TokenStream {
    let (union, name) = (ident(&union.type_ref.name), ident(&variant.name));
    let ty = rust_type::plain(&variant.ty);
    let value = if variant.is_boxed { quote!(Box::new(value)) } else { quote!(value) };
    quote! {
        impl From<#ty> for #union {
            fn from(value: #ty) -> Self {
                Self::#name(#value)
            }
        }
    }
}

/// `Debug` that names the member and leaves out what is sensitive.
fn debug_impl(union: &Shape) -> TokenStream {
    let name = ident(&union.type_ref.name);
    let arms = union.members.iter().map(|it| {
        let (variant, text) = (ident(&it.name), &it.name);
        match union.is_sensitive || it.is_sensitive {
            _ if it.ty == Type::Unit => quote!(Self::#variant => f.write_str(#text)),
            true => quote!(Self::#variant(_) => f.debug_tuple(#text).field(&eventstream_rpc::REDACTED).finish()),
            false => quote!(Self::#variant(value) => f.debug_tuple(#text).field(value).finish()),
        }
    });
    quote! {
        impl std::fmt::Debug for #name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    #(#arms,)*
                    Self::Unknown => f.write_str("Unknown"),
                }
            }
        }
    }
}
