//! The promises of this project's clients, one test for each.

use conformance::{column::Column, process::TIMEOUT, row::Row};

macro_rules! promises {
    ($($name:ident: $row:ident;)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                let verdict = Row::$row.of_client(Column::Ours, TIMEOUT).await.unwrap();
                assert_eq!(verdict, Ok(()));
            }
        )*

        #[test]
        fn every_promise_has_a_test() {
            let rows = [$(Row::$row),*];
            assert_eq!(Row::ALL, rows);
        }
    };
}

promises! {
    an_invalid_response_fails_only_its_call: UndecodableReply;
    a_plain_text_error_keeps_its_text: PlainTextError;
    an_error_of_nucleus_lite_keeps_its_class_and_text: LiteError;
    an_error_without_a_shape_keeps_its_text: ErrorWithoutShape;
    unknown_headers_are_ignored: UnknownHeader;
    an_unknown_enum_value_is_preserved: UnknownEnumValue;
    an_unknown_union_member_is_an_unknown_event: UnknownUnionMember;
    null_members_are_absent: NullMembers;
    a_ping_is_answered: Ping;
    a_handler_may_make_calls: CallInHandler;
    a_handler_may_wait_for_another_subscription: WaitInHandler;
    events_arrive_in_order: EventOrder;
    no_event_is_lost: NoLoss;
    cancelling_a_call_does_not_break_the_connection: CancelledSend;
    a_pending_call_fails_with_the_connection: PendingCall;
    a_subscription_ends_with_the_connection: Subscription;
    a_malformed_frame_ends_the_connection_and_its_calls: MalformedFrame;
    a_frame_of_maximum_length_is_received: LargeFrame;
    an_event_before_the_response_is_delivered_after_it: EventBeforeResponse;
    a_stream_that_the_server_ends_early_or_twice_ends_once: Terminate;
    the_connection_is_restored_with_its_subscriptions: Reconnect;
    logs_contain_no_secrets: Secrets;
}

/// The blocking client keeps all promises but the one about cancelling a call: a thread cannot cancel its own call.
#[tokio::test]
async fn the_blocking_client_keeps_every_promise() {
    for row in Row::ALL.iter().filter(|it| **it != Row::CancelledSend) {
        let verdict = row.of_client(Column::OursBlocking, TIMEOUT).await.unwrap();
        assert_eq!(verdict, Ok(()), "{}", row.title());
    }
}
