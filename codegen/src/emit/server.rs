//! The service trait, and what serves it.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::{docs, ident, operation};
use crate::ir::{Events, Operation, Service};

/// The module with the service trait.
pub(super) fn module(service: &Service) -> TokenStream {
    let name = ident(&service.name);
    let service_name = format_ident!("{}Service", service.name);
    let about = format!(" Server for `{}`.", service.id);
    let docs = docs::of(&service.docs);
    let methods = service.operations.iter().map(method);
    let serves =
        format!(" [`{service_name}`] turns an implementation into what a [`Server`] serves.");
    quote! {
        #![doc = #about]
        //!
        //! Implement the trait for a type of your own; each method is one operation.
        #![doc = #serves]

        mod service;

        pub use eventstream_rpc::server::{
            AllowAll, Authenticator, Authorizer, BoxFuture, Config, ConnectRequest, EncodedEvent, ErrorReply,
            EventReceiver, EventSender, EventStream, Identity, IncomingCall, InvalidRequest, OnFull,
            PeerCredentials, Rejected, RequestContext, SendEventError, Server, Service, StreamingRequest,
            StreamingResponse, Violation, ViolationKind, event_queue, serve_connection,
        };
        pub use service::#service_name;

        #docs
        ///
        /// An operation that is not implemented answers with an error that is not of the model, so that a
        /// model with more operations does not break an implementation.
        pub trait #name: Send + Sync + 'static {
            /// Decides about a request, or an event from a client, that lacks required members or holds
            /// values that the model does not allow.
            ///
            /// Such requests are refused by default. The Java server does not check them: its handlers find
            /// null in the place of what is missing. A service that accepts them finds zero values there, and
            /// the list again in [`RequestContext::violations`].
            fn invalid_request(&self, operation: &str, violations: &[Violation]) -> InvalidRequest {
                let _ = (operation, violations);
                InvalidRequest::Reject
            }

            #(#methods)*
        }
    }
}

fn method(operation: &Operation) -> TokenStream {
    let (method, marker) = (ident(&operation.method), ident(&operation.name));
    let error = ident(&operation.error);
    let docs = operation::summary(operation, &format!("See [`{}`].", operation.name));
    let marker = quote!(crate::operation::#method::#marker);
    let (request, response) = match operation.events {
        Events::None => {
            let (request, response) = (&operation.request, &operation.response);
            (quote!(#request), quote!(#response))
        }
        Events::Stream { .. } => {
            (quote!(StreamingRequest<#marker>), quote!(StreamingResponse<#marker>))
        }
    };
    let is_odd = operation.method.starts_with("from_") || operation.method.starts_with("into_");
    let allow = is_odd.then(|| {
        quote!(#[allow(clippy::wrong_self_convention, reason = "it is called after the operation")])
    });
    // `Future` is in the prelude only since edition 2024.
    quote! {
        use eventstream_rpc::operation::Operation;

        #docs
        #allow
        fn #method(
            &self,
            request: #request,
            context: RequestContext,
        ) -> impl std::future::Future<Output = Result<#response, crate::operation::#method::#error>> + Send {
            let _ = (request, context);
            async { Err(eventstream_rpc::error::Unhandled::not_implemented(#marker::ID).into()) }
        }
    }
}

/// The module that picks the method of an operation.
pub(super) fn dispatch(service: &Service) -> TokenStream {
    let name = ident(&service.name);
    let service_name = format_ident!("{}Service", service.name);
    let id = &service.id;
    let mut names = service.operations.iter().map(|it| &it.name).chain([&service.name]);
    let parameter = ident(if names.any(|it| it == "T") { "T_" } else { "T" });
    let arms = service.operations.iter().map(|operation| {
        let (method, marker) = (ident(&operation.method), ident(&operation.name));
        let marker = quote!(crate::operation::#method::#marker);
        let kind = match operation.events {
            Events::None => ident("unary"),
            Events::Stream { .. } => ident("streaming"),
        };
        // By its path: as a method of the `Arc`, some names would be those of other traits.
        quote! {
            #marker::ID => call.#kind(#marker, |request, context| async move {
                #parameter::#method(&inner, request, context).await
            })
        }
    });
    let call = match service.operations.is_empty() {
        true => quote!(call.unsupported()),
        false => quote! {
            use eventstream_rpc::operation::Operation;
            let inner = std::sync::Arc::clone(&self.inner);
            match call.operation() {
                #(#arms,)*
                _ => call.unsupported(),
            }
        },
    };
    let about = format!(" What serves a [`{name}`].");
    let about_type =
        format!(" Serves a [`{name}`]: pass it to [`Server::serve`](super::Server::serve).");
    let about_new = format!(" Serves this implementation of [`{name}`].");
    quote! {
        #![doc = #about]

        #[doc = #about_type]
        #[derive(Debug)]
        pub struct #service_name<#parameter> {
            inner: std::sync::Arc<#parameter>,
        }

        impl<#parameter: super::#name> #service_name<#parameter> {
            #[doc = #about_new]
            pub fn new(inner: #parameter) -> Self {
                Self { inner: std::sync::Arc::new(inner) }
            }
        }

        impl<#parameter> From<std::sync::Arc<#parameter>> for #service_name<#parameter> {
            fn from(inner: std::sync::Arc<#parameter>) -> Self {
                Self { inner }
            }
        }

        impl<#parameter: super::#name> eventstream_rpc::server::Service for #service_name<#parameter> {
            const ID: &'static str = #id;

            fn call(
                &self,
                call: eventstream_rpc::server::IncomingCall,
            ) -> eventstream_rpc::server::BoxFuture<'static, ()> {
                #call
            }

            fn invalid_request(
                &self,
                operation: &str,
                violations: &[eventstream_rpc::server::Violation],
            ) -> eventstream_rpc::server::InvalidRequest {
                self.inner.invalid_request(operation, violations)
            }
        }
    }
}
