//! Enums of texts and of numbers.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Imports, docs, ident};
use crate::{
    ir::{Enum, IntEnum},
    lower::code,
};

/// The `enum` and what belongs to it.
pub(super) fn items(it: &Enum, imports: &mut Imports) -> TokenStream {
    imports.paths("serde", &["Deserialize", "Deserializer", "Serialize", "Serializer"]);
    imports.path("std::convert::Infallible");
    imports.path("std::str::FromStr");
    let fmt = imports.path("std::fmt");
    let name = ident(&it.type_ref.name);
    let docs = docs::of(&it.docs, &format!("The enum `{}`.", it.id));
    let variants = it.values.iter().map(|value| {
        let variant = ident(&value.name);
        let docs = docs::of(&value.docs, &format!("The value {}.", code(&value.value)));
        quote! {
            #docs
            #variant,
        }
    });
    let texts = it.values.iter().map(|value| {
        let (variant, text) = (ident(&value.name), &value.value);
        quote!(Self::#variant => #text)
    });
    let matches = it.values.iter().map(|value| {
        let (variant, text) = (ident(&value.name), &value.value);
        quote!(#text => Self::#variant)
    });
    let values = it.values.iter().map(|value| &value.value);
    let shown = match it.is_sensitive {
        true => redacted(&name, imports),
        false => quote! {
            impl #fmt::Display for #name {
                fn fmt(&self, f: &mut #fmt::Formatter<'_>) -> #fmt::Result {
                    f.write_str(self.as_str())
                }
            }
        },
    };
    let debug = (!it.is_sensitive).then(|| quote!(Debug,));
    let uses_deprecated = it.values.iter().any(|it| it.docs.deprecated.is_some());
    let allow = uses_deprecated.then(|| quote!(#[allow(deprecated)]));
    quote! {
        #docs
        #[non_exhaustive]
        #[derive(Clone, #debug PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum #name {
            #(#variants)*
            /// A value this version of the model does not have. It is sent as it came.
            Unknown(String),
        }

        #allow
        impl #name {
            /// The text as it travels.
            pub fn as_str(&self) -> &str {
                match self {
                    #(#texts,)*
                    Self::Unknown(value) => value,
                }
            }

            /// Every text that the model has, in its order.
            pub const fn values() -> &'static [&'static str] {
                &[#(#values),*]
            }
        }

        #allow
        impl From<&str> for #name {
            fn from(value: &str) -> Self {
                match value {
                    #(#matches,)*
                    _ => Self::Unknown(value.to_owned()),
                }
            }
        }

        impl From<String> for #name {
            fn from(value: String) -> Self {
                value.as_str().into()
            }
        }

        impl FromStr for #name {
            type Err = Infallible;

            fn from_str(value: &str) -> Result<Self, Infallible> {
                Ok(value.into())
            }
        }

        impl AsRef<str> for #name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        #shown

        impl Serialize for #name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for #name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::from)
            }
        }
    }
}

/// `Debug` and `Display` of what must not be seen.
fn redacted(name: &proc_macro2::Ident, imports: &mut Imports) -> TokenStream {
    let fmt = imports.path("std::fmt");
    let redacted = imports.path("eventstream_rpc::REDACTED");
    quote! {
        impl #fmt::Debug for #name {
            fn fmt(&self, f: &mut #fmt::Formatter<'_>) -> #fmt::Result {
                f.write_str(#redacted)
            }
        }

        impl #fmt::Display for #name {
            fn fmt(&self, f: &mut #fmt::Formatter<'_>) -> #fmt::Result {
                f.write_str(#redacted)
            }
        }
    }
}

/// An enum of numbers, and what belongs to it.
pub(super) fn int_items(it: &IntEnum, imports: &mut Imports) -> TokenStream {
    imports.paths("serde", &["Deserialize", "Deserializer", "Serialize", "Serializer"]);
    let fmt = imports.path("std::fmt");
    let name = ident(&it.type_ref.name);
    let docs = docs::of(&it.docs, &format!("The enum `{}`.", it.id));
    let number = |value: i32| proc_macro2::Literal::i32_unsuffixed(value);
    let variants = it.values.iter().map(|value| {
        let variant = ident(&value.name);
        let docs = docs::of(&value.docs, &format!("The value {}.", value.value));
        quote! {
            #docs
            #variant,
        }
    });
    let names: Vec<_> = it.values.iter().map(|value| ident(&value.name)).collect();
    let numbers: Vec<_> = it.values.iter().map(|value| number(value.value)).collect();
    let shown = match it.is_sensitive {
        true => redacted(&name, imports),
        false => quote! {
            impl #fmt::Display for #name {
                fn fmt(&self, f: &mut #fmt::Formatter<'_>) -> #fmt::Result {
                    self.as_i32().fmt(f)
                }
            }
        },
    };
    let debug = (!it.is_sensitive).then(|| quote!(Debug,));
    let uses_deprecated = it.values.iter().any(|it| it.docs.deprecated.is_some());
    let allow = uses_deprecated.then(|| quote!(#[allow(deprecated)]));
    quote! {
        #docs
        #[non_exhaustive]
        #[derive(Clone, Copy, #debug PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum #name {
            #(#variants)*
            /// A number this version of the model does not have. It is sent as it came.
            Unknown(i32),
        }

        #allow
        impl #name {
            /// The number as it travels.
            pub const fn as_i32(self) -> i32 {
                match self {
                    #(Self::#names => #numbers,)*
                    Self::Unknown(value) => value,
                }
            }

            /// Every number that the model has, in its order.
            pub const fn values() -> &'static [i32] {
                &[#(#numbers),*]
            }
        }

        #allow
        impl From<i32> for #name {
            fn from(value: i32) -> Self {
                match value {
                    #(#numbers => Self::#names,)*
                    _ => Self::Unknown(value),
                }
            }
        }

        impl From<#name> for i32 {
            fn from(value: #name) -> Self {
                value.as_i32()
            }
        }

        #shown

        impl Serialize for #name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_i32(self.as_i32())
            }
        }

        impl<'de> Deserialize<'de> for #name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                i32::deserialize(deserializer).map(Self::from)
            }
        }
    }
}
