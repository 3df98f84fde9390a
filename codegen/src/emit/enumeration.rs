//! Enums of texts.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Imports, docs, ident};
use crate::ir::Enum;

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
        let docs = docs::of(&value.docs, &format!("The value `{}`.", value.value));
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
    let uses_deprecated = it.values.iter().any(|it| it.docs.deprecated.is_some());
    let allow = uses_deprecated.then(|| quote!(#[allow(deprecated)]));
    quote! {
        #docs
        #[non_exhaustive]
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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

        impl #fmt::Display for #name {
            fn fmt(&self, f: &mut #fmt::Formatter<'_>) -> #fmt::Result {
                f.write_str(self.as_str())
            }
        }

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
