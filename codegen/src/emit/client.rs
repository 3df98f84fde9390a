//! The client.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Imports, docs, ident, operation};
use crate::{
    Connector,
    ir::{Operation, Service},
};

/// A kind of client.
pub(super) struct Kind {
    /// The first line of its documentation begins with it.
    name: &'static str,
    /// The module of the runtime that has its parts, and of the crate that has the client.
    module: &'static str,
    is_async: bool,
}

/// The asynchronous client.
pub(super) const ASYNC: Kind = Kind { name: "Client", module: "client", is_async: true };

/// The blocking client.
pub(super) const BLOCKING: Kind =
    Kind { name: "Blocking client", module: "blocking", is_async: false };

/// What every kind of client has.
const PARTS: [&str; 14] = [
    "BlockingStreamHandler",
    "CallOptions",
    "Connection",
    "ConnectionBuilder",
    "LifecycleHandler",
    "Notice",
    "Overflow",
    "PingError",
    "ReconnectPolicy",
    "SubscribeOptions",
    "Subscription",
    "SubscriptionHandle",
    "SubscriptionItem",
    "WithNotices",
];

/// The module of a client.
pub(super) fn module(service: &Service, kind: &Kind) -> TokenStream {
    let about = format!(" {} for `{}`.", kind.name, service.id);
    let example = example(service, kind).map(|it| docs::inner(&format!("\n{it}")));
    let runtime = ident(kind.module);
    let mut parts = PARTS.to_vec();
    parts.extend(kind.is_async.then_some("StreamHandler"));
    parts.sort_unstable();
    let parts = parts.into_iter().map(ident);
    let uses = service.operations.iter().map(|it| {
        let (module, builder) = (ident(&it.method), ident(&it.builder.name));
        quote!(use crate::operation::#module::#builder;)
    });
    let connect = connect(service, kind);
    let methods = service.operations.iter().map(method);
    quote! {
        #![doc = #about]
        #example

        pub use eventstream_rpc::#runtime::{#(#parts),*};

        #(#uses)*

        #[doc = #about]
        ///
        /// Each method returns a builder for one operation; nothing is sent until its `send`. Clones share
        /// one connection, which closes when the last clone and the last subscription are gone.
        #[derive(Clone, Debug)]
        pub struct Client {
            connection: Connection,
        }

        impl Client {
            #connect

            /// A client over an open connection.
            pub fn new(connection: Connection) -> Self {
                Self { connection }
            }

            /// The connection, to close it or to learn when it ends.
            pub fn connection(&self) -> &Connection {
                &self.connection
            }

            #(#methods)*
        }
    }
}

/// How to connect, for a connector that knows.
fn connect(service: &Service, kind: &Kind) -> Option<TokenStream> {
    let Connector::Greengrass = service.connector else { return None };
    let (builder, asyncness, dot_await, cancel) = match kind.is_async {
        true => (
            quote!(builder),
            Some(quote!(async)),
            Some(quote!(.await)),
            Some(quote! {
                ///
                /// # Cancel safety
                ///
                /// Dropping the future closes the socket.
            }),
        ),
        false => (quote!(blocking_builder), None, None, None),
    };
    Some(quote! {
        /// Connects with the socket's path and the token that the nucleus puts in the environment of
        /// a component.
        ///
        /// Use [`builder`](Self::builder) for anything else.
        ///
        /// # Errors
        ///
        /// See [`ConnectError`](crate::error::ConnectError).
        #cancel
        pub #asyncness fn connect() -> Result<Self, crate::error::ConnectError> {
            Ok(Self::new(Self::builder().connect() #dot_await ?))
        }

        /// Builds a connection; what is not set comes from the environment.
        pub fn builder() -> ConnectionBuilder {
            eventstream_rpc::greengrass::#builder()
        }
    })
}

fn method(operation: &Operation) -> TokenStream {
    let (method, builder) = (ident(&operation.method), ident(&operation.builder.name));
    // The rest is on the operation's own page.
    let summary = docs::summary(
        &operation.docs,
        &format!("The operation `{}`.", operation.id),
        &Imports::default(),
    );
    let link =
        format!("See [`{0}`](crate::operation::{1}::{0}).", operation.name, operation.method);
    let docs = docs::outer(&format!("{summary}\n\n{link}"));
    let deprecated = docs::deprecated(&operation.docs);
    quote! {
        #docs
        #deprecated
        pub fn #method(&self) -> #builder<Connection> {
            #builder::new(self.connection.clone())
        }
    }
}

/// How the blocking client is used, with the first operation of each sort that has an example.
fn example(service: &Service, kind: &Kind) -> Option<String> {
    if kind.is_async {
        return None;
    }
    let text = operation::blocking_example(service)?;
    Some(format!(
        "The same builders as those of the asynchronous client, with a `send` that waits for the\n\
         response itself; no asynchronous runtime is needed. A subscription is an iterator. See\n\
         [`eventstream_rpc::blocking`] for which thread does what.\n\n{text}"
    ))
}
