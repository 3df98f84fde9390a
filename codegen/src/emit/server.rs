//! The module `server`: the trait of the service, and the type that serves an implementation of it.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::{ROW, docs, ident, operation};
use crate::ir::{Events, Operation, Service};

pub(super) fn module(service: &Service) -> TokenStream {
    let name = ident(&service.name);
    let service_name = format_ident!("{}Service", service.name);
    let about = format!(" Server for `{}`.", service.id);
    let docs = docs::of(&service.docs);
    let methods = service.operations.iter().map(method);
    let rows = service.operations.iter().map(|operation| {
        let (method, marker) = (ident(&operation.method), ident(&operation.name));
        let is_unary = matches!(operation.events, Events::None);
        let kind = ident(if is_unary { "unary" } else { "streaming" });
        quote!(#ROW #kind #method crate::operation::#method::#marker)
    });
    let mut names = service.operations.iter().map(|it| &it.name).chain([&service.name]);
    let parameter = ident(if names.any(|it| it == "T") { "T_" } else { "T" });
    let (id, link) = (&service.id, docs::a_link(&service.name));
    let about_service = format!(" The service of {link} that [`Server::serve`] takes.");
    let serves =
        format!(" Wrap the implementation in [`{service_name}`] to pass it to a [`Server`].");
    quote! {
        #![doc = #about]
        //!
        //! Implement the trait for your own type; each method is one operation.
        #![doc = #serves]

        pub use eventstream_rpc::server::{
            Authenticator, BoxFuture, Config, ConnectRequest, EncodedEvent, EventReceiver, EventSender,
            EventStream, Identity, IncomingCall, InvalidRequest, OnFull, PeerCredentials, Rejected,
            RequestContext, SendEventError, Server, Service, StreamingRequest, StreamingResponse, Violation,
            ViolationKind, event_queue, serve_connection,
        };

        #docs
        ///
        /// The default of each method answers with an error outside of the model. New operations in the
        /// model therefore do not break implementations.
        pub trait #name: Send + Sync + 'static {
            /// Decides whether to accept a request, or an event from a client, that lacks required members
            /// or has values that the model does not allow.
            ///
            /// The default rejects it. The Java server does not check it: its handlers get null for missing
            /// members. A service that accepts it gets zero values for missing members, and the same list of
            /// violations from [`RequestContext::violations`].
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
        quote!(#[allow(clippy::wrong_self_convention, reason = "it is named after the operation")])
    });
    // The crate may have an edition before 2024, in which `Future` is not in the prelude.
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
