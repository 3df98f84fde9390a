//! The service trait, and what serves it.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::{ROW, docs, ident, operation};
use crate::ir::{Events, Operation, Service};

/// The module with the service trait.
pub(super) fn module(service: &Service) -> TokenStream {
    let name = ident(&service.name);
    let service_name = format_ident!("{}Service", service.name);
    let about = format!(" Server for `{}`.", service.id);
    let docs = docs::of(&service.docs);
    let methods = service.operations.iter().map(method);
    let rows = service.operations.iter().map(|it| {
        let (method, marker) = (ident(&it.method), ident(&it.name));
        let kind = ident(if matches!(it.events, Events::None) { "unary" } else { "streaming" });
        quote!(#ROW #kind #method crate::operation::#method::#marker)
    });
    let mut names = service.operations.iter().map(|it| &it.name).chain([&service.name]);
    let parameter = ident(if names.any(|it| it == "T") { "T_" } else { "T" });
    let (id, about_service) =
        (&service.id, format!(" Serves a [`{name}`]: pass it to [`Server::serve`]."));
    let serves =
        format!(" [`{service_name}`] turns an implementation into what a [`Server`] serves.");
    quote! {
        #![doc = #about]
        //!
        //! Implement the trait for a type of your own; each method is one operation.
        #![doc = #serves]

        pub use eventstream_rpc::server::{
            Authenticator, BoxFuture, Config, ConnectRequest, EncodedEvent, EventReceiver, EventSender,
            EventStream, Identity, IncomingCall, InvalidRequest, OnFull, PeerCredentials, Rejected,
            RequestContext, SendEventError, Server, Service, StreamingRequest, StreamingResponse, Violation,
            ViolationKind, event_queue, serve_connection,
        };

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

        #[doc = #about_service]
        #[derive(Debug)]
        pub struct #service_name<#parameter> {
            inner: std::sync::Arc<#parameter>,
        }

        eventstream_rpc::impl_service! { #name for #service_name[#parameter], #id; #(#rows;)* }
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
