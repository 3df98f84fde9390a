//! Error structures and the error enums of operations.

use proc_macro2::TokenStream;
use quote::quote;

use super::{allow_large_variants, ident};
use crate::ir::{Kind, Member, Operation, Role, Shape, SimpleType, Type};

/// The implementations for structures that are errors.
pub(super) fn structure_impls(structure: &Shape) -> TokenStream {
    let Kind::Structure(Role::Error { is_client_fault, is_retryable, is_throttling }) =
        structure.kind
    else {
        return TokenStream::new();
    };
    let name = ident(&structure.type_ref.name);
    let fault = ident(if is_client_fault { "Client" } else { "Server" });
    let is_string = |member: &Member| member.ty == Type::Simple(SimpleType::String);
    let is_message = |it: &&Member| it.wire_name.eq_ignore_ascii_case("message") && is_string(it);
    let message = structure.members.iter().find(is_message);
    let message = match message.map(|it| (ident(&it.name), it.is_optional())) {
        None => quote!(None),
        Some((field, true)) => quote!(self.#field.as_deref()),
        Some((field, false)) => quote!(Some(&self.#field)),
    };
    let throttling = is_throttling.then(|| quote! { const THROTTLING: bool = true; });
    // The message of an error with sensitive members may contain their values.
    let redacted = structure.is_redacted().then(|| quote!(redacted));
    quote! {
        impl eventstream_rpc::error::ErrorShape for #name {
            const FAULT: eventstream_rpc::error::Fault = eventstream_rpc::error::Fault::#fault;
            const RETRYABLE: bool = #is_retryable;
            #throttling

            fn message(&self) -> Option<&str> {
                #message
            }
        }

        eventstream_rpc::impl_error!(#redacted #name);
    }
}

pub(super) fn operation_error(operation: &Operation) -> TokenStream {
    let allow_size = allow_large_variants(operation.has_large_errors);
    let name = ident(&operation.error);
    let about = format!(" Errors of [`{}`].", operation.name);
    let errors = &operation.errors;
    let variants = errors.iter().map(|error| {
        let (docs, variant) = (format!(" See [`{}`].", error.name), ident(&error.name));
        quote! {
            #[doc = #docs]
            #variant(#error),
        }
    });
    quote! {
        #[doc = #about]
        #[non_exhaustive]
        #[derive(Clone, Debug)]
        #allow_size
        pub enum #name {
            #(#variants)*
            /// An error that the model does not declare for this operation.
            Unhandled(eventstream_rpc::error::Unhandled),
        }

        eventstream_rpc::impl_operation_error!(#name: #(#errors),*);
    }
}
