//! The asynchronous client and the blocking client.

use proc_macro2::TokenStream;
use quote::quote;

use super::{docs, ident, operation};
use crate::{
    Connector,
    ir::{Operation, Service},
};

pub(super) fn module(service: &Service, is_async: bool) -> TokenStream {
    let (name, runtime) =
        if is_async { ("Client", quote!(client)) } else { ("Blocking client", quote!(blocking)) };
    let about = format!(" {name} for `{}`.", service.id);
    let example = (!is_async).then(|| operation::blocking_example(service)).flatten();
    let example = example.map(|example| {
        docs::inner(&format!(
            "\nThe builders are those of the asynchronous client, but `send` blocks until the response\n\
             arrives; no asynchronous runtime is needed. A subscription is an iterator.\n\
             [`eventstream_rpc::blocking`] describes the threads.\n\n{example}"
        ))
    });
    let stream_handler = is_async.then(|| quote!(StreamHandler,));
    let is_greengrass = matches!(service.connector, Connector::Greengrass);
    let (builder, connect) = is_greengrass.then(|| connect(is_async)).unzip();
    let plain_builder = (!is_greengrass).then(|| quote!(ConnectionBuilder,));
    let methods = service.operations.iter().map(|it| method(service, it));
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
        /// Each method returns a builder for one operation, which sends the request with `send`. Clones
        /// share one connection, which closes when the last clone and the last subscription are dropped.
        #[derive(Clone, Debug)]
        pub struct Client {
            connection: Connection,
        }

        impl Client {
            #connect

            /// Creates a client that uses an open connection.
            pub fn new(connection: Connection) -> Self {
                Self { connection }
            }

            /// Returns the connection, for example to close it or to wait until it is closed.
            pub fn connection(&self) -> &Connection {
                &self.connection
            }

            #(#methods)*
        }

        impl From<Connection> for Client {
            fn from(connection: Connection) -> Self {
                Self::new(connection)
            }
        }
    }
}

/// Connecting as a Greengrass component: the type of the builder, and the methods of the client.
fn connect(is_async: bool) -> (TokenStream, TokenStream) {
    let builder = quote! {
        /// Builds a [`Client`] and opens its connection; options that are not set come from the environment.
        // The search of rustdoc does not find the methods of an alias.
        #[doc(alias("auth_token", "socket_path"))]
        pub type ClientBuilder = eventstream_rpc::greengrass::Builder<Connection, Client>;

        /// Builds and opens a [`Connection`]; options that are not set come from the environment.
        #[doc(alias("auth_token", "socket_path"))]
        pub type ConnectionBuilder = eventstream_rpc::greengrass::Builder<Connection>;
    };
    let (asyncness, dot_await) = is_async.then(|| (quote!(async), quote!(.await))).unzip();
    let cancel = "\n# Cancel safety\n\nDropping the future closes the socket.";
    let cancel = is_async.then(|| docs::outer(cancel));
    let methods = quote! {
        /// Connects with the socket path and the authentication token from the environment, where the
        /// nucleus puts them for each component.
        ///
        /// Use [`builder`](Self::builder) to set options.
        ///
        /// # Errors
        ///
        /// See [`ConnectError`].
        #cancel
        pub #asyncness fn connect() -> Result<Self, crate::error::ConnectError> {
            Self::builder().connect() #dot_await
        }

        /// Creates a builder of a client; options that are not set come from the environment.
        pub fn builder() -> ClientBuilder {
            ClientBuilder::default()
        }
    };
    (builder, methods)
}

fn method(service: &Service, operation: &Operation) -> TokenStream {
    let (method, builder) = (ident(&operation.method), ident(&operation.builder.name));
    let docs = operation::call(service, operation);
    quote! {
        #docs
        pub fn #method(&self) -> crate::operation::#method::#builder<Connection> {
            crate::operation::#method::#builder::new(self.connection.clone())
        }
    }
}
