//! Replays to this project's server what a scripted client sent to both nuclei.
//!
//! `data/server-observations.json` contains the messages of the scripted client. `data/server-outcomes.txt` contains
//! the reviewed outcomes of this project's server. Notes name the nucleus that it agrees with, or the reason if it
//! agrees with neither. `UPDATE_OUTCOMES=1` rewrites the outcomes and keeps the notes; review the changes.
//!
//! After an error, this server waits a second for the client to close the connection first. The Java nucleus closes it
//! immediately. The table has `closed after a while` where the servers otherwise agree.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use super::support::{check_table, describe, frame};
use greengrass_core_ipc::{
    operation::{
        get_configuration::{
            GetConfigurationError, GetConfigurationRequest, GetConfigurationResponse,
        },
        publish_to_iot_core::{
            PublishToIoTCoreError, PublishToIoTCoreRequest, PublishToIoTCoreResponse,
        },
        publish_to_topic::{PublishToTopicError, PublishToTopicRequest, PublishToTopicResponse},
        subscribe_to_topic::{SubscribeToTopic, SubscribeToTopicError, SubscribeToTopicResponse},
        update_configuration::{
            UpdateConfigurationError, UpdateConfigurationRequest, UpdateConfigurationResponse,
        },
        update_state::{UpdateStateError, UpdateStateRequest, UpdateStateResponse},
    },
    server::{
        Config, ConnectRequest, GreengrassCoreIpc, GreengrassCoreIpcService, Identity, Rejected,
        RequestContext, StreamingRequest, StreamingResponse, serve_connection,
    },
};
use serde_json::{Value, json};
use test_util::MessageReader;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/server-outcomes.txt");

#[tokio::test(start_paused = true)]
async fn every_case_has_the_outcome_of_the_table() {
    let data: Value =
        serde_json::from_str(include_str!("../../data/server-observations.json")).unwrap();
    let mut outcomes = Vec::new();
    for case in data["cases"].as_array().unwrap() {
        outcomes.push((case["name"].as_str().unwrap().to_owned(), run(case).await));
    }
    check_table(TABLE, &outcomes);
}

async fn run(case: &Value) -> Vec<String> {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let service = GreengrassCoreIpcService::new(Nucleus);
    let server = tokio::spawn(serve_connection(server, service, authenticate, Config::default()));
    let (mut input, mut output) = tokio::io::split(client);
    let log = Arc::new(Mutex::new(Vec::new()));
    let reading = tokio::spawn({
        let log = Arc::clone(&log);
        async move {
            let mut reader = MessageReader::default();
            let mut buffer = [0; 4096];
            while let Ok(len @ 1..) = input.read(&mut buffer).await {
                reader.extend(&buffer[..len]);
                while let Some(message) = reader.message().unwrap() {
                    log.lock().unwrap().push(describe(&message));
                }
            }
        }
    });
    for recorded in case["frames"].as_array().unwrap() {
        match recorded.as_str() {
            Some("half_close") => output.shutdown().await.unwrap(),
            // Ignored: the server may have closed the socket.
            _ => drop(output.write_all(&frame(recorded)).await),
        }
        settle(1).await;
    }
    let is_closed = reading.is_finished();
    settle(60).await;
    let end = match (is_closed, reading.is_finished()) {
        (true, _) => "closed",
        (false, true) => "closed after a while",
        (false, false) => "open",
    };
    reading.abort();
    server.abort();
    let mut lines = std::mem::take(&mut *log.lock().unwrap());
    lines.push(end.to_owned());
    lines
}

/// Waits until only timeouts can happen: the paused clock advances only when all tasks are idle.
async fn settle(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn authenticate(request: &ConnectRequest) -> Result<Identity, Rejected> {
    let payload: Value = serde_json::from_slice(&request.payload).map_err(|_| Rejected)?;
    match payload.get("authToken") {
        Some(token) if *token == "HVxHzvai1gf3rqfx" => Ok(Identity("com.example.Comp".to_owned())),
        _ => Err(Rejected),
    }
}

/// A service that answers all operations of the recordings.
struct Nucleus;

impl GreengrassCoreIpc for Nucleus {
    async fn update_state(
        &self,
        _: UpdateStateRequest,
        _: RequestContext,
    ) -> Result<UpdateStateResponse, UpdateStateError> {
        Ok(UpdateStateResponse::default())
    }

    async fn subscribe_to_topic(
        &self,
        _: StreamingRequest<SubscribeToTopic>,
        _: RequestContext,
    ) -> Result<StreamingResponse<SubscribeToTopic>, SubscribeToTopicError> {
        let events = tokio_stream::pending();
        Ok(StreamingResponse::new(SubscribeToTopicResponse::default(), events))
    }

    async fn publish_to_topic(
        &self,
        _: PublishToTopicRequest,
        _: RequestContext,
    ) -> Result<PublishToTopicResponse, PublishToTopicError> {
        Ok(PublishToTopicResponse::default())
    }

    async fn publish_to_iot_core(
        &self,
        _: PublishToIoTCoreRequest,
        _: RequestContext,
    ) -> Result<PublishToIoTCoreResponse, PublishToIoTCoreError> {
        Ok(PublishToIoTCoreResponse::default())
    }

    async fn get_configuration(
        &self,
        request: GetConfigurationRequest,
        _: RequestContext,
    ) -> Result<GetConfigurationResponse, GetConfigurationError> {
        let value = json!({ "keyPath": request.key_path });
        Ok(GetConfigurationResponse::builder().value(value).build())
    }

    async fn update_configuration(
        &self,
        _: UpdateConfigurationRequest,
        _: RequestContext,
    ) -> Result<UpdateConfigurationResponse, UpdateConfigurationError> {
        Ok(UpdateConfigurationResponse::default())
    }
}
