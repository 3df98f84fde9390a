//! Replies to calls.

use eventstream_rpc::frame::HeaderValue;
use serde_json::Value;
use test_util::wire::{END, ERROR, MESSAGE, MessageBuilder};

use crate::{
    session::{Session, configuration},
    verdict::{Verdict, fails},
};

/// Whether the client says that the call failed, and with which text; and with which class, where there is
/// one.
fn says(result: &Value, class: &str, text: &str) -> Verdict {
    if result.get("failed").is_none() {
        return fails("the call succeeds");
    }
    let has = |key: &str, part| result[key].as_str().is_some_and(|it| it.contains(part));
    match (has("failed", class), has("text", text)) {
        (true, true) => Ok(()),
        (true, false) => fails("the text is lost"),
        (false, true) => fails("the class is lost"),
        (false, false) => fails("class and text are lost"),
    }
}

/// A reply that is not JSON fails its call and nothing else.
pub async fn undecodable_reply(mut it: Session) -> Verdict {
    let broken = |stream| {
        MessageBuilder::new(MESSAGE, END, stream)
            .shape("aws.greengrass#GetConfigurationResponse")
            .payload("{")
    };
    let result = it.answer("call", broken).await?;
    says(&result, "", "")?;
    it.next_call_works().await
}

/// The error of a Java nucleus whose handler has failed comes with its text.
pub async fn plain_text_error(mut it: Session) -> Verdict {
    let error = |stream| {
        let error = MessageBuilder::new(ERROR, END, stream).header(":content-type", "text/plain");
        error.payload("InternalServerError")
    };
    let result = it.answer("call", error).await?;
    says(&result, "", "InternalServerError")?;
    it.next_call_works().await
}

/// An error of nucleus lite, which has its text in `_message`, comes with its class and its text.
pub async fn lite_error(mut it: Session) -> Verdict {
    let error = |stream| {
        let error =
            MessageBuilder::new(ERROR, END, stream).shape("aws.greengrass#ResourceNotFoundError");
        error.payload(r#"{"_message":"Key not found.","_errorCode":"ResourceNotFoundError"}"#)
    };
    let result = it.answer("call", error).await?;
    says(&result, "ResourceNotFound", "Key not found.")?;
    it.next_call_works().await
}

/// The error of a Java nucleus that does not know the operation comes with its text.
pub async fn error_without_shape(mut it: Session) -> Verdict {
    let error = |stream| {
        let error =
            MessageBuilder::new(ERROR, END, stream).header(":content-type", "application/json");
        error.payload(r#"{"error":"Unsupported Operation","message":"no such operation here"}"#)
    };
    let result = it.answer("call", error).await?;
    says(&result, "", "no such operation here")?;
    it.next_call_works().await
}

/// Headers that nobody has heard of, of any type, are passed over.
pub async fn unknown_header(mut it: Session) -> Verdict {
    let reply = |stream| {
        configuration(stream, "well")
            .header("x-text", "text")
            .header(":x-number", HeaderValue::Int64(7))
            .header("x-flag", HeaderValue::Bool(true))
            .header("x-time", HeaderValue::Timestamp(1_700_000_000_000))
            .header("x-id", HeaderValue::Uuid([7; 16]))
    };
    let result = it.answer("call", reply).await?;
    if result["ok"] != "well" {
        return fails("the call fails");
    }
    it.next_call_works().await
}

/// A value that an enum did not have when the client was made comes as it is.
pub async fn unknown_enum_value(mut it: Session) -> Verdict {
    let reply = |stream| {
        let reply = MessageBuilder::new(MESSAGE, END, stream)
            .shape("aws.greengrass#RestartComponentResponse");
        reply.payload(r#"{"restartStatus":"POSTPONED"}"#)
    };
    let result = it.answer("restart", reply).await?;
    match result.get("ok") {
        Some(value) if value == "POSTPONED" => Ok(()),
        Some(_) => fails("the value is lost"),
        None => fails("the call fails"),
    }
}
