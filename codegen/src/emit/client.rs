//! The clients.

use proc_macro2::TokenStream;
use quote::quote;

use super::{docs, ident, operation};
use crate::{
    Connector,
    ir::{Operation, Service},
};

/// The module of the asynchronous client or of the blocking one.
pub(super) fn module(service: &Service, is_async: bool) -> TokenStream {
    let (name, runtime) = match is_async {
        true => ("Client", quote!(client)),
        false => ("Blocking client", quote!(blocking)),
    };
    let about = format!(" {name} for `{}`.", service.id);
    let example = (!is_async).then(|| operation::blocking_example(service)).flatten();
    let example = example.map(|example| {
        docs::inner(&format!(
            "\nThe same builders as those of the asynchronous client, with a `send` that waits for the\n\
             response itself; no asynchronous runtime is needed. A subscription is an iterator. See\n\
             [`eventstream_rpc::blocking`] for which thread does what.\n\n{example}"
        ))
    });
    let stream_handler = is_async.then(|| quote!(StreamHandler,));
    let is_greengrass = matches!(service.connector, Connector::Greengrass);
    let (builder, connect) = is_greengrass.then(|| connect(is_async)).unzip();
    let plain_builder = (!is_greengrass).then(|| quote!(ConnectionBuilder,));
    let methods = service.operations.iter().map(method);
    quote! {
        #![doc = #about]
        #example

        pub use eventstream_rpc::#runtime::{
            BlockingStreamHandler, CallOptions, Connection, #plain_builder LifecycleHandler, Notice,
            Overflow, PingError, ReconnectPolicy, #stream_handler SubscribeOptions, Subscription,
            SubscriptionHandle, SubscriptionItem, WithNotices,
        };

        #builder

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

/// How to connect as a Greengrass component: the type of the builder, and the methods of the client.
fn connect(is_async: bool) -> (TokenStream, TokenStream) {
    let builder = quote! {
        /// Builds and opens a [`Connection`]; what is not set comes from the environment.
        pub type ConnectionBuilder = eventstream_rpc::greengrass::Builder<Connection>;
    };
    let (asyncness, dot_await) = is_async.then(|| (quote!(async), quote!(.await))).unzip();
    let cancel = "\n# Cancel safety\n\nDropping the future closes the socket.";
    let cancel = is_async.then(|| docs::outer(cancel));
    let methods = quote! {
        /// Connects with the socket's path and the token that the nucleus puts in the environment of
        /// a component.
        ///
        /// Use [`builder`](Self::builder) for anything else.
        ///
        /// # Errors
        ///
        /// See [`ConnectError`].
        #cancel
        pub #asyncness fn connect() -> Result<Self, crate::error::ConnectError> {
            Ok(Self::new(Self::builder().connect() #dot_await ?))
        }

        /// Builds a connection; what is not set comes from the environment.
        pub fn builder() -> ConnectionBuilder {
            ConnectionBuilder::default()
        }
    };
    (builder, methods)
}

fn method(operation: &Operation) -> TokenStream {
    let (method, builder) = (ident(&operation.method), ident(&operation.builder.name));
    // The rest is on the operation's own page.
    let link =
        format!("See [`{0}`](crate::operation::{1}::{0}).", operation.name, operation.method);
    let docs = operation::summary(operation, &link);
    quote! {
        #docs
        pub fn #method(&self) -> crate::operation::#method::#builder<Connection> {
            crate::operation::#method::#builder::new(self.connection.clone())
        }
    }
}
