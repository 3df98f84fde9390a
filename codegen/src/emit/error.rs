//! Error structures and the error type of an operation.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Imports, ident};
use crate::ir::{Operation, Role, Structure};

/// What makes a structure an error.
pub(super) fn structure_impls(structure: &Structure, imports: &mut Imports) -> TokenStream {
    let Role::Error { is_client_fault, is_retryable, is_throttling } = structure.role else {
        return TokenStream::new();
    };
    let fmt = imports.path("std::fmt");
    imports.paths("eventstream_rpc::operation", &["ErrorShape", "Fault"]);
    let name = ident(&structure.type_ref.name);
    let text = &structure.type_ref.name;
    let fault = if is_client_fault { quote!(Fault::Client) } else { quote!(Fault::Server) };
    let message = match structure.message() {
        None => quote!(None),
        Some(member) => {
            let field = ident(&member.name);
            match member.is_optional() {
                true => quote!(self.#field.as_deref()),
                false => quote!(Some(&self.#field)),
            }
        }
    };
    let throttling = is_throttling.then(|| {
        quote!(
            const THROTTLING: bool = true;
        )
    });
    // What the text of a sensitive error may hold is not for every log.
    let display = match structure.is_redacted() || structure.message().is_none() {
        true => quote!(f.write_str(#text)),
        false => quote! {
            f.write_str(#text)?;
            match ErrorShape::message(self) {
                Some(message) => write!(f, ": {message}"),
                None => Ok(()),
            }
        },
    };
    quote! {
        impl ErrorShape for #name {
            const FAULT: Fault = #fault;
            const RETRYABLE: bool = #is_retryable;
            #throttling

            fn message(&self) -> Option<&str> {
                #message
            }
        }

        impl #fmt::Display for #name {
            fn fmt(&self, f: &mut #fmt::Formatter<'_>) -> #fmt::Result {
                #display
            }
        }

        impl std::error::Error for #name {}
    }
}

/// The error type of an operation; `has_large` says whether one of its errors has many members.
pub(super) fn operation_error(
    operation: &Operation,
    has_large: bool,
    imports: &mut Imports,
) -> TokenStream {
    let allow_size = has_large.then(|| {
        quote!(#[allow(clippy::large_enum_variant, reason = "a box would stand in every reader's way")])
    });
    let fmt = imports.path("std::fmt");
    imports.path("std::error::Error");
    imports.path("eventstream_rpc::error::Unhandled");
    imports.paths("eventstream_rpc::operation", &["ModeledError", "OperationError"]);
    let name = ident(&operation.error);
    let about = format!(" Errors of [`{}`].", operation.name);
    let errors: Vec<_> = operation.errors.iter().map(|it| imports.type_ref(it)).collect();
    let variants = errors.iter().map(|error| {
        let docs = format!(" See [`{error}`].");
        quote! {
            #[doc = #docs]
            #error(#error),
        }
    });
    let from_payload = if errors.is_empty() {
        quote! {
            fn from_payload(_: &str, _: &[u8]) -> Option<Result<Self, eventstream_rpc::serde::Error>> {
                None
            }
        }
    } else {
        imports.path("eventstream_rpc::operation::Shape");
        imports.path("eventstream_rpc::serde::error_from_slice");
        quote! {
            fn from_payload(shape_id: &str, payload: &[u8]) -> Option<Result<Self, eventstream_rpc::serde::Error>> {
                Some(match shape_id {
                    #(#errors::ID => error_from_slice(payload).map(Self::#errors),)*
                    _ => return None,
                })
            }
        }
    };
    quote! {
        #[doc = #about]
        #[non_exhaustive]
        #[derive(Clone, Debug)]
        #allow_size
        pub enum #name {
            #(#variants)*
            /// An error that the model does not declare for this operation.
            Unhandled(Unhandled),
        }

        impl OperationError for #name {
            #from_payload

            fn as_modeled(&self) -> Result<&dyn ModeledError, &Unhandled> {
                match self {
                    #(Self::#errors(error) => Ok(error),)*
                    Self::Unhandled(error) => Err(error),
                }
            }
        }

        impl #fmt::Display for #name {
            fn fmt(&self, f: &mut #fmt::Formatter<'_>) -> #fmt::Result {
                match self {
                    #(Self::#errors(error) => error.fmt(f),)*
                    Self::Unhandled(error) => error.fmt(f),
                }
            }
        }

        impl Error for #name {}

        #(
            impl From<#errors> for #name {
                fn from(error: #errors) -> Self {
                    Self::#errors(error)
                }
            }
        )*

        impl From<Unhandled> for #name {
            fn from(error: Unhandled) -> Self {
                Self::Unhandled(error)
            }
        }
    }
}
