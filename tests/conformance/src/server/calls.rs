//! Requests.

use eventstream_rpc::frame::HeaderValue;

use super::{Serving, is_response};
use crate::verdict::{Verdict, fails};
use test_util::wire::{END, ERROR, Received};

/// A request that is not JSON is answered as the Java server does, and disturbs nothing else.
pub async fn undecodable_request() -> Verdict {
    let serving = Serving::start()?;
    let mut it = serving.connect().await?;
    for payload in ["{", "[]", "", r#"{"keyPath": 5}"#] {
        let reply = it.call("GetConfiguration", payload).await?;
        if (reply.kind, reply.flags) != (ERROR, END) {
            return fails(format!("{payload:?} is answered with {}", reply.payload()));
        }
    }
    it.next_call_works().await
}

/// A handler that panics ends its call with the error of the Java server for that, and nothing else.
pub async fn plain_text_error() -> Verdict {
    let serving = Serving::start()?;
    let mut it = serving.connect().await?;
    let reply = it.call("GetConfiguration", r#"{"keyPath":["panic"]}"#).await?;
    is_as_java(&reply, "text/plain", "InternalServerError")?;
    it.next_call_works().await
}

/// Whether it is an error without a shape, with this text in it.
fn is_as_java(reply: &Received, content_type: &str, text: &str) -> Verdict {
    let is_as_java = (reply.kind, reply.flags) == (ERROR, END)
        && reply.text(":content-type") == Some(content_type)
        && reply.text("service-model-type").is_none()
        && reply.payload().contains(text);
    if is_as_java { Ok(()) } else { fails(format!("answers {}", reply.payload())) }
}

/// An operation that the service does not have is refused as the Java server does.
pub async fn unknown_operation() -> Verdict {
    let serving = Serving::start()?;
    let mut it = serving.connect().await?;
    let reply = it.call("Teleport", "{}").await?;
    is_as_java(&reply, "application/json", "Unsupported Operation")?;
    it.next_call_works().await
}

/// Headers that nobody has heard of, of any type, are passed over.
pub async fn unknown_header() -> Verdict {
    let serving = Serving::start()?;
    let mut it = serving.connect().await?;
    let request = it
        .request(0, "GetConfiguration", r#"{"keyPath":["k"]}"#)
        .header("x-text", "text")
        .header(":x-number", HeaderValue::Int64(7))
        .header("x-flag", HeaderValue::Bool(false))
        .header("x-id", HeaderValue::Uuid([7; 16]));
    it.peer.send(&request).await?;
    is_response(&it.receive().await?, "GetConfigurationResponse")
}

/// A value that an enum did not have when the server was made reaches the handler as it is.
pub async fn unknown_enum_value() -> Verdict {
    let serving = Serving::start()?;
    let mut it = serving.connect().await?;
    let reply = it.call("UpdateState", r#"{"state":"POSTPONED"}"#).await?;
    is_response(&reply, "UpdateStateResponse")
}

/// A message of a kind that did not exist when the server was made reaches the handler as such.
pub async fn unknown_union_member() -> Verdict {
    let serving = Serving::start()?;
    let mut it = serving.connect().await?;
    let message = r#"{"topic":"unknown","publishMessage":{"videoMessage":{"message":"AA=="}}}"#;
    let reply = it.call("PublishToTopic", message).await?;
    is_response(&reply, "PublishToTopicResponse")
}

/// Members that are null are members that are not there; a null in a list that has none is refused.
pub async fn null_members() -> Verdict {
    let serving = Serving::start()?;
    let mut it = serving.connect().await?;
    let request = r#"{"componentName":null,"keyPath":["k"]}"#;
    is_response(&it.call("GetConfiguration", request).await?, "GetConfigurationResponse")?;
    let message = r#"{"topic":"t","publishMessage":
        {"jsonMessage":null,"binaryMessage":{"message":"AA==","context":null}}}"#;
    is_response(&it.call("PublishToTopic", message).await?, "PublishToTopicResponse")?;
    let reply = it.call("GetConfiguration", r#"{"keyPath":["k",null]}"#).await?;
    is_as_java(&reply, "text/plain", "InternalServerError")?;
    it.next_call_works().await
}

/// A handler that waits holds up no other call of its connection.
pub async fn other_calls_while_one_waits() -> Verdict {
    let serving = Serving::start()?;
    let mut it = serving.connect().await?;
    it.send("GetConfiguration", r#"{"keyPath":["wait"]}"#).await?;
    it.next_call_works().await
}

/// A handler ends when the client that waits for it has gone.
pub async fn handler_of_a_client_that_goes_away() -> Verdict {
    let mut serving = Serving::start()?;
    let mut it = serving.connect().await?;
    it.send("GetConfiguration", r#"{"keyPath":["wait"]}"#).await?;
    // It is at work by the time that what was sent after it has been answered.
    it.next_call_works().await?;
    it.peer.close();
    serving.something_is_gone().await?;
    serving.connect().await?.next_call_works().await
}
