//! Promises about responses and errors of calls.

use eventstream_rpc::frame::HeaderValue;
use serde_json::Value;
use test_util::wire::{END, ERROR, MESSAGE, MessageBuilder};

use crate::{
    session::{Session, configuration},
    verdict::{Verdict, fails},
};

/// Checks that the call failed with this class and text. An empty class is not checked.
fn check_error(result: &Value, class: &str, text: &str) -> Verdict {
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

/// A response that is not valid JSON fails only its call.
pub async fn undecodable_reply(mut session: Session) -> Verdict {
    let invalid = |stream| {
        MessageBuilder::new(MESSAGE, END, stream)
            .shape("aws.greengrass#GetConfigurationResponse")
            .payload("{")
    };
    let result = session.answer("call", invalid).await?;
    check_error(&result, "", "")?;
    session.next_call_works().await
}

/// The error that the Java nucleus sends when its handler fails has its text.
pub async fn plain_text_error(mut session: Session) -> Verdict {
    let error = |stream| {
        let error = MessageBuilder::new(ERROR, END, stream).header(":content-type", "text/plain");
        error.payload("InternalServerError")
    };
    let result = session.answer("call", error).await?;
    check_error(&result, "", "InternalServerError")?;
    session.next_call_works().await
}

/// An error of nucleus lite, whose text is in the member `_message`, has its class and text.
pub async fn lite_error(mut session: Session) -> Verdict {
    let error = |stream| {
        let error =
            MessageBuilder::new(ERROR, END, stream).shape("aws.greengrass#ResourceNotFoundError");
        error.payload(r#"{"_message":"Key not found.","_errorCode":"ResourceNotFoundError"}"#)
    };
    let result = session.answer("call", error).await?;
    check_error(&result, "ResourceNotFound", "Key not found.")?;
    session.next_call_works().await
}

/// The error that the Java nucleus sends for an unknown operation has its text.
pub async fn error_without_shape(mut session: Session) -> Verdict {
    let error = |stream| {
        let error =
            MessageBuilder::new(ERROR, END, stream).header(":content-type", "application/json");
        error.payload(r#"{"error":"Unsupported Operation","message":"no such operation here"}"#)
    };
    let result = session.answer("call", error).await?;
    check_error(&result, "", "no such operation here")?;
    session.next_call_works().await
}

/// Unknown headers of any type are ignored.
pub async fn unknown_header(mut session: Session) -> Verdict {
    let reply = |stream| {
        configuration(stream, "well")
            .header("x-text", "text")
            .header(":x-number", HeaderValue::Int64(7))
            .header("x-flag", HeaderValue::Bool(true))
            .header("x-time", HeaderValue::Timestamp(1_700_000_000_000))
            .header("x-id", HeaderValue::Uuid([7; 16]))
    };
    let result = session.answer("call", reply).await?;
    if result["ok"] != "well" {
        return fails("the call fails");
    }
    session.next_call_works().await
}

/// An enum value that the client's model does not contain is preserved.
pub async fn unknown_enum_value(mut session: Session) -> Verdict {
    let reply = |stream| {
        let reply = MessageBuilder::new(MESSAGE, END, stream)
            .shape("aws.greengrass#RestartComponentResponse");
        reply.payload(r#"{"restartStatus":"POSTPONED"}"#)
    };
    let result = session.answer("restart", reply).await?;
    match result.get("ok") {
        Some(value) if value == "POSTPONED" => Ok(()),
        Some(_) => fails("the value is lost"),
        None => fails("the call fails"),
    }
}
