//! The client.

use proc_macro2::TokenStream;
use quote::quote;

use super::{docs, ident};
use crate::{Connector, ir::Service};

/// The module of the client.
pub(super) fn module(service: &Service) -> TokenStream {
    let about = format!(" Client for `{}`.", service.id);
    let uses = service.operations.iter().map(|it| {
        let (module, builder) = (ident(&it.method), ident(&format!("{}FluentBuilder", it.name)));
        quote!(use crate::operation::#module::builders::#builder;)
    });
    let connect = match service.connector {
        Connector::None => None,
        Connector::Greengrass => Some(quote! {
            /// Connects with the socket's path and the token that the nucleus puts in the environment of
            /// a component.
            ///
            /// Use [`builder`](Self::builder) for anything else.
            ///
            /// # Errors
            ///
            /// See [`ConnectError`](crate::error::ConnectError).
            ///
            /// # Cancel safety
            ///
            /// Dropping the future closes the socket.
            pub async fn connect() -> Result<Self, crate::error::ConnectError> {
                Ok(Self::new(Self::builder().connect().await?))
            }

            /// Builds a connection; what is not set comes from the environment.
            pub fn builder() -> ConnectionBuilder {
                eventstream_rpc::greengrass::builder()
            }
        }),
    };
    let methods = service.operations.iter().map(|operation| {
        let (method, builder) =
            (ident(&operation.method), ident(&format!("{}FluentBuilder", operation.name)));
        // The rest is on the operation's own page.
        let summary = docs::summary(&operation.docs, &format!("The operation `{}`.", operation.id));
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
    });
    quote! {
        #![doc = #about]

        pub use eventstream_rpc::client::{
            BlockingStreamHandler, CallOptions, Connection, ConnectionBuilder, LifecycleHandler, Notice,
            Overflow, PingError, ReconnectPolicy, StreamHandler, SubscribeOptions, Subscription,
            SubscriptionHandle, SubscriptionItem, WithNotices,
        };

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
