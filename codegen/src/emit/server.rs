//! The service trait, and what serves it.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::{Imports, docs, ident};
use crate::ir::{Events, Operation, Service};

/// The module with the service trait.
pub(super) fn module(service: &Service) -> TokenStream {
    let mut imports = Imports::default();
    if !service.operations.is_empty() {
        imports.path("eventstream_rpc::error::Unhandled");
        imports.path("eventstream_rpc::operation::Operation");
    }
    let name = ident(&service.name);
    let service_name = format_ident!("{}Service", service.name);
    let about = format!(" Server for `{}`.", service.id);
    let docs = docs::of(&service.docs, &format!("The service `{}`.", service.id), &imports);
    let methods: Vec<_> = service.operations.iter().map(|it| method(it, &mut imports)).collect();
    let serves =
        format!(" [`{service_name}`] turns an implementation into what a [`Server`] serves.");
    quote! {
        #![doc = #about]
        //!
        //! Implement the trait for a type of your own; each method is one operation.
        #![doc = #serves]

        mod service;

        #imports
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

fn method(operation: &Operation, imports: &mut Imports) -> TokenStream {
    let module = format!("crate::operation::{}", operation.method);
    let marker = imports.path(&format!("{module}::{}", operation.name));
    let error = imports.path(&format!("{module}::{}", operation.error));
    let method = ident(&operation.method);
    let summary =
        docs::summary(&operation.docs, &format!("The operation `{}`.", operation.id), imports);
    let link = format!("See [`{}`].", operation.name);
    let docs = docs::outer(&format!("{summary}\n\n{link}"));
    let deprecated = docs::deprecated(&operation.docs);
    // It is in the prelude only since edition 2024.
    let future = imports.path("std::future::Future");
    let (request, response) = match operation.events {
        Events::None => {
            let request = imports.type_ref(&operation.request);
            let response = imports.type_ref(&operation.response);
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
    quote! {
        #docs
        #deprecated
        #allow
        fn #method(
            &self,
            request: #request,
            context: RequestContext,
        ) -> impl #future<Output = Result<#response, #error>> + Send {
            let _ = (request, context);
            async { Err(Unhandled::not_implemented(#marker::ID).into()) }
        }
    }
}

/// The module that picks the method of an operation.
pub(super) fn dispatch(service: &Service) -> TokenStream {
    let mut imports = Imports::default();
    imports.path("std::sync::Arc");
    imports.paths(
        "eventstream_rpc::server",
        &["BoxFuture", "IncomingCall", "InvalidRequest", "Service", "Violation"],
    );
    imports.path(&format!("super::{}", service.name));
    let name = ident(&service.name);
    let service_name = format_ident!("{}Service", service.name);
    let id = &service.id;
    let mut names = service.operations.iter().map(|it| &it.name).chain([&service.name]);
    let parameter = ident(if names.any(|it| it == "T") { "T_" } else { "T" });
    let arms: Vec<_> = service
        .operations
        .iter()
        .map(|operation| {
            let marker = imports
                .path(&format!("crate::operation::{}::{}", operation.method, operation.name));
            let method = ident(&operation.method);
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
        })
        .collect();
    let call = match arms.is_empty() {
        true => quote!(call.unsupported()),
        false => {
            imports.path("eventstream_rpc::operation::Operation");
            quote! {
                let inner = Arc::clone(&self.inner);
                match call.operation() {
                    #(#arms,)*
                    _ => call.unsupported(),
                }
            }
        }
    };
    let about = format!(" What serves a [`{name}`].");
    let about_type =
        format!(" Serves a [`{name}`]: pass it to [`Server::serve`](super::Server::serve).");
    let about_new = format!(" Serves this implementation of [`{name}`].");
    quote! {
        #![doc = #about]

        #imports

        #[doc = #about_type]
        #[derive(Debug)]
        pub struct #service_name<#parameter> {
            inner: Arc<#parameter>,
        }

        impl<#parameter: #name> #service_name<#parameter> {
            #[doc = #about_new]
            pub fn new(inner: #parameter) -> Self {
                Self { inner: Arc::new(inner) }
            }
        }

        impl<#parameter> From<Arc<#parameter>> for #service_name<#parameter> {
            fn from(inner: Arc<#parameter>) -> Self {
                Self { inner }
            }
        }

        impl<#parameter: #name> Service for #service_name<#parameter> {
            const ID: &'static str = #id;

            fn call(&self, call: IncomingCall) -> BoxFuture<'static, ()> {
                #call
            }

            fn invalid_request(&self, operation: &str, violations: &[Violation]) -> InvalidRequest {
                self.inner.invalid_request(operation, violations)
            }
        }
    }
}
