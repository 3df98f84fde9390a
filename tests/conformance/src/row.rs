//! The promises: the rows of the table.

use std::time::Duration;

use crate::{client, column::Column, server, verdict::Verdict};

macro_rules! rows {
    ($($row:ident: $title:literal, $client:expr, $server:expr;)*) => {
        /// A promise, in the order of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Row {
            $(#[doc = $title] $row,)*
        }

        impl Row {
            /// All promises, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$row),*];

            /// The title of the row.
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$row => $title,)*
                }
            }

            /// Tests whether a client keeps the promise. Clients of other projects count as hanging after
            /// `timeout`.
            ///
            /// # Errors
            ///
            /// If the client's driver cannot be built or started.
            pub async fn of_client(
                self,
                column: Column,
                timeout: Duration,
            ) -> anyhow::Result<Verdict> {
                match self {
                    $(Self::$row => {
                        client::run(column, self == Self::Secrets, timeout, $client).await
                    })*
                }
            }

            /// Tests whether this project's server keeps the promise.
            pub async fn of_server(self) -> Verdict {
                match self {
                    $(Self::$row => $server().await,)*
                }
            }
        }
    };
}

use client::{calls as call, connections as connection, load, streams as stream};
use server::{calls as served_call, connections as served, streams as served_stream};

rows! {
    UndecodableReply: "undecodable reply", call::undecodable_reply, served_call::undecodable_request;
    PlainTextError: "`text/plain` error", call::plain_text_error, served_call::plain_text_error;
    LiteError: "error in the style of nucleus lite", call::lite_error, server::not_for_a_server;
    ErrorWithoutShape: "error without a shape name", call::error_without_shape, served_call::unknown_operation;
    UnknownHeader: "unknown header", call::unknown_header, served_call::unknown_header;
    UnknownEnumValue: "unknown enum value", call::unknown_enum_value, served_call::unknown_enum_value;
    UnknownUnionMember: "unknown union member", stream::unknown_union_member, served_call::unknown_union_member;
    NullMembers: "null members", stream::null_members, served_call::null_members;
    Ping: "ping is answered", connection::ping, served::ping;
    CallInHandler: "call inside a handler", stream::call_in_handler, served_call::other_calls_while_one_waits;
    WaitInHandler: "wait inside a handler", stream::wait_in_handler, server::not_for_a_server;
    EventOrder: "event order under load", load::event_order, served_stream::event_order;
    NoLoss: "no loss under load", load::no_loss, served_stream::no_loss;
    CancelledSend: "cancelled send", connection::cancelled_send, served::interrupted_send;
    PendingCall: "pending call on disconnect", connection::pending_call, served_call::handler_of_a_lost_connection;
    Subscription: "subscription on disconnect", connection::subscription, served_stream::events_of_a_lost_connection;
    MalformedFrame: "malformed frame", connection::malformed_frame, served::malformed_frame;
    LargeFrame: "large frame (24 MiB)", connection::large_frame, served::large_frame;
    EventBeforeResponse: "event before response", stream::event_before_response, served_stream::event_before_response;
    Terminate: "early and double terminate", stream::terminate, served_stream::terminate;
    Reconnect: "reconnect, subscriptions included", connection::reconnect, served::reconnect;
    Secrets: "no secrets in logs", connection::secrets, served::secrets;
}
