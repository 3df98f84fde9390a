//! This project's client, each promise by its name.

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
    a_reply_that_cannot_be_read_fails_its_call_alone: UndecodableReply;
    a_plain_text_error_keeps_its_text: PlainTextError;
    an_error_of_nucleus_lite_keeps_its_class_and_text: LiteError;
    an_error_without_a_shape_keeps_its_text: ErrorWithoutShape;
    unknown_headers_are_passed_over: UnknownHeader;
    an_unknown_enum_value_is_kept: UnknownEnumValue;
    an_unknown_union_member_is_an_event_of_its_own: UnknownUnionMember;
    null_members_are_absent: NullMembers;
    a_ping_is_answered: Ping;
    a_handler_calls: CallInHandler;
    a_handler_waits_for_another_subscription: WaitInHandler;
    events_keep_their_order: EventOrder;
    no_event_is_lost: NoLoss;
    a_call_that_is_dropped_while_it_is_written_leaves_the_connection_whole: CancelledSend;
    a_pending_call_fails_with_the_connection: PendingCall;
    a_subscription_ends_with_the_connection: Subscription;
    a_malformed_frame_ends_the_connection_and_its_calls: MalformedFrame;
    the_longest_frame_arrives: LargeFrame;
    an_event_that_overtakes_the_response_waits_for_it: EventBeforeResponse;
    a_stream_that_the_server_ends_early_or_twice_is_over_once: Terminate;
    the_connection_comes_back_with_its_subscriptions: Reconnect;
    logs_hold_no_secret: Secrets;
}

/// But for the one about dropping a call while it is written, which no thread can do to itself.
#[tokio::test]
async fn the_blocking_client_keeps_each_of_them() {
    for row in Row::ALL.iter().filter(|it| **it != Row::CancelledSend) {
        let verdict = row.of_client(Column::OursBlocking, TIMEOUT).await.unwrap();
        assert_eq!(verdict, Ok(()), "{}", row.title());
    }
}
