//! The promises of this project's server, one test for each.

use conformance::{row::Row, verdict::Problem};

macro_rules! promises {
    ($($name:ident: $row:ident;)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                assert_eq!(Row::$row.of_server().await, Ok(()));
            }
        )*

        #[tokio::test]
        async fn every_promise_of_a_server_has_a_test() {
            let rows = [$(Row::$row),*];
            for row in Row::ALL.iter().filter(|it| !rows.contains(it)) {
                let verdict = row.of_server().await;
                assert!(matches!(verdict, Err(Problem::NotApplicable(_))), "{row:?}");
            }
        }
    };
}

promises! {
    an_invalid_request_is_answered: UndecodableReply;
    a_panic_is_answered_as_the_java_server_does: PlainTextError;
    an_unknown_operation_is_answered_as_the_java_server_does: ErrorWithoutShape;
    unknown_headers_are_ignored: UnknownHeader;
    an_unknown_enum_value_reaches_the_handler: UnknownEnumValue;
    an_unknown_union_member_reaches_the_handler: UnknownUnionMember;
    null_members_are_absent: NullMembers;
    a_ping_is_answered: Ping;
    a_waiting_handler_does_not_delay_other_calls: CallInHandler;
    events_are_sent_in_order: EventOrder;
    no_event_is_lost: NoLoss;
    an_incomplete_message_affects_no_other_connection: CancelledSend;
    a_handler_is_dropped_with_its_connection: PendingCall;
    an_event_stream_is_dropped_with_its_connection: Subscription;
    a_malformed_frame_ends_only_its_connection: MalformedFrame;
    a_frame_of_maximum_length_is_served: LargeFrame;
    the_response_comes_before_every_event: EventBeforeResponse;
    a_stream_that_the_client_ends_early_or_twice_ends_once: Terminate;
    a_reconnected_client_starts_with_new_streams: Reconnect;
    logs_contain_no_secrets: Secrets;
}
