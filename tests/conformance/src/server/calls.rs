//! Promises about requests.

use eventstream_rpc::frame::HeaderValue;

use super::{TestServer, is_response};
use crate::verdict::{Verdict, fails};
use test_util::wire::{END, ERROR, Received};

/// A request that is not valid JSON is answered with the error of the Java server and affects no other call.
pub async fn undecodable_request() -> Verdict {
    let server = TestServer::start()?;
    let mut client = server.connect().await?;
    for payload in ["{", "[]", "", r#"{"keyPath": 5}"#] {
        let reply = client.call("GetConfiguration", payload).await?;
        if (reply.kind, reply.flags) != (ERROR, END) {
            return fails(format!("{payload:?} is answered with {}", reply.payload()));
        }
    }
    client.next_call_works().await
}

/// A handler that panics ends only its call, with the error of the Java server.
pub async fn plain_text_error() -> Verdict {
    let server = TestServer::start()?;
    let mut client = server.connect().await?;
    let reply = client.call("GetConfiguration", r#"{"keyPath":["panic"]}"#).await?;
    is_java_error(&reply, "text/plain", "InternalServerError")?;
    client.next_call_works().await
}

/// Checks that a reply is an error without a shape that contains this text, as those of the Java server are.
fn is_java_error(reply: &Received, content_type: &str, text: &str) -> Verdict {
    let is_java_error = (reply.kind, reply.flags) == (ERROR, END)
        && reply.text(":content-type") == Some(content_type)
        && reply.text("service-model-type").is_none()
        && reply.payload().contains(text);
    if is_java_error { Ok(()) } else { fails(format!("answers {}", reply.payload())) }
}

/// An unknown operation is answered with the error of the Java server.
pub async fn unknown_operation() -> Verdict {
    let server = TestServer::start()?;
    let mut client = server.connect().await?;
    let reply = client.call("Teleport", "{}").await?;
    is_java_error(&reply, "application/json", "Unsupported Operation")?;
    client.next_call_works().await
}

/// Unknown headers of any type are ignored.
pub async fn unknown_header() -> Verdict {
    let server = TestServer::start()?;
    let mut client = server.connect().await?;
    let request = client
        .request(0, "GetConfiguration", r#"{"keyPath":["k"]}"#)
        .header("x-text", "text")
        .header(":x-number", HeaderValue::Int64(7))
        .header("x-flag", HeaderValue::Bool(false))
        .header("x-id", HeaderValue::Uuid([7; 16]));
    client.peer.send(&request).await?;
    is_response(&client.receive().await?, "GetConfigurationResponse")
}

/// An enum value that the server's model does not contain reaches the handler unchanged.
pub async fn unknown_enum_value() -> Verdict {
    let server = TestServer::start()?;
    let mut client = server.connect().await?;
    let reply = client.call("UpdateState", r#"{"state":"POSTPONED"}"#).await?;
    is_response(&reply, "UpdateStateResponse")
}

/// A union member that the server's model does not contain reaches the handler as unknown.
pub async fn unknown_union_member() -> Verdict {
    let server = TestServer::start()?;
    let mut client = server.connect().await?;
    let message = r#"{"topic":"unknown","publishMessage":{"videoMessage":{"message":"AA=="}}}"#;
    let reply = client.call("PublishToTopic", message).await?;
    is_response(&reply, "PublishToTopicResponse")
}

/// Members with the value `null` count as absent. A `null` in a list without null elements is an error.
pub async fn null_members() -> Verdict {
    let server = TestServer::start()?;
    let mut client = server.connect().await?;
    let request = r#"{"componentName":null,"keyPath":["k"]}"#;
    is_response(&client.call("GetConfiguration", request).await?, "GetConfigurationResponse")?;
    let message = r#"{"topic":"t","publishMessage":
        {"jsonMessage":null,"binaryMessage":{"message":"AA==","context":null}}}"#;
    is_response(&client.call("PublishToTopic", message).await?, "PublishToTopicResponse")?;
    let reply = client.call("GetConfiguration", r#"{"keyPath":["k",null]}"#).await?;
    is_java_error(&reply, "text/plain", "InternalServerError")?;
    client.next_call_works().await
}

/// A waiting handler does not delay other calls of its connection.
pub async fn other_calls_while_one_waits() -> Verdict {
    let server = TestServer::start()?;
    let mut client = server.connect().await?;
    client.send("GetConfiguration", r#"{"keyPath":["wait"]}"#).await?;
    client.next_call_works().await
}

/// A handler is dropped when its connection is lost.
pub async fn handler_of_a_lost_connection() -> Verdict {
    let mut server = TestServer::start()?;
    let mut client = server.connect().await?;
    client.send("GetConfiguration", r#"{"keyPath":["wait"]}"#).await?;
    // The handler runs by the time that the next call is answered.
    client.next_call_works().await?;
    client.peer.close();
    server.wait_for_drop().await?;
    server.connect().await?.next_call_works().await
}
