//! This project's server, each promise by its name.

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
    a_request_that_cannot_be_read_is_answered: UndecodableReply;
    a_panic_is_answered_as_the_java_server_does: PlainTextError;
    an_unknown_operation_is_answered_as_the_java_server_does: ErrorWithoutShape;
    unknown_headers_are_passed_over: UnknownHeader;
    an_unknown_enum_value_reaches_the_handler: UnknownEnumValue;
    an_unknown_union_member_reaches_the_handler: UnknownUnionMember;
    null_members_are_absent: NullMembers;
    a_ping_is_answered: Ping;
    a_handler_that_waits_holds_up_no_other: CallInHandler;
    events_keep_their_order: EventOrder;
    no_event_is_lost: NoLoss;
    half_a_message_disturbs_nobody: CancelledSend;
    a_handler_ends_with_its_client: PendingCall;
    events_end_with_their_client: Subscription;
    a_malformed_frame_ends_its_connection_alone: MalformedFrame;
    the_longest_frame_is_served: LargeFrame;
    the_response_comes_before_every_event: EventBeforeResponse;
    a_stream_that_the_client_ends_early_or_twice_is_over_once: Terminate;
    a_client_that_comes_back_starts_anew: Reconnect;
    logs_hold_no_secret: Secrets;
}
