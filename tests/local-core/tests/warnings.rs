//! Warnings about requests that a device treats in another or a surprising way.

use crate::support::{Program, Raw};

#[tokio::test]
async fn what_a_device_does_is_logged() {
    let mut program = Program::start(&["--component", "a"].map(str::to_owned)).await;
    let token = program.tokens[0].clone();
    assert!(program.connection(&token.to_lowercase()).connect().await.is_err());
    let line = program.log.next_line().await.unwrap().unwrap();
    assert!(line.contains("the token of a is rejected in other upper and lower case"), "{line}");
    let line = program.log.next_line().await.unwrap().unwrap();
    assert!(line.contains("a connection is rejected: the token is unknown"), "{line}");
    let mut raw = Raw::on(&program.socket, &token).await;
    let publish = |message: &str| format!(r#"{{"topic":"t","publishMessage":{message}}}"#);
    for (operation, request, warning) in [
        ("PublishToTopic", publish("{}"), "receive an event without a message"),
        (
            "PublishToTopic",
            publish(r#"{"jsonMessage":{"message":[["a",1]]}}"#),
            "reads some lists as objects",
        ),
        ("PublishToTopic", publish(r#"{"binaryMessage":{"message":"aGk"}}"#), "without padding"),
        ("PublishToTopic", publish("5"), "some such requests are accepted by the Java nucleus"),
        (
            "UpdateConfiguration",
            r#"{"keyPath":[],"timestamp":1,"valueToMerge":{"ACCESSCONTROL":{}}}"#.to_owned(),
            "a device accepts accessControl in other upper and lower case",
        ),
    ] {
        let _ = raw.call(operation, request).await;
        let line = program.log.next_line().await.unwrap().unwrap();
        assert!(line.contains("WARN") && line.contains(warning), "{line}");
    }
}
