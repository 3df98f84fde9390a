//! A client that sends what no library would.

#![allow(dead_code, reason = "not every test file uses all of it")]

use bytes::BytesMut;
use eventstream_rpc::frame::{Decoder, Header, HeaderValue, Message};
use greengrass_local_core::LocalCore;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

/// A component's connection to the socket of a core.
pub(crate) struct Raw {
    io: UnixStream,
    input: BytesMut,
    decoder: Decoder,
    last_stream: i32,
}

impl Raw {
    pub(crate) async fn connect(core: &LocalCore, component: &str) -> Self {
        let io = UnixStream::connect(core.socket_path()).await.unwrap();
        let (input, decoder) = (BytesMut::new(), Decoder::default());
        let mut raw = Self { io, input, decoder, last_stream: 0 };
        let token = format!(r#"{{"authToken":"{}"}}"#, core.auth_token(component));
        raw.send(4, None, token).await;
        let answer = raw.message().await;
        assert_eq!(answer.header(":message-flags"), Some(&HeaderValue::Int32(1)), "let in");
        raw
    }

    /// The JSON of the response, or the name of the error: of its shape, or the text if it has none.
    pub(crate) async fn call(
        &mut self,
        operation: &str,
        payload: impl Into<String>,
    ) -> Result<Value, String> {
        self.last_stream += 1;
        self.send(0, Some(operation), payload.into()).await;
        let answer = self.message().await;
        let text = String::from_utf8(answer.payload.to_vec()).unwrap();
        match (answer.header(":message-type"), answer.header("service-model-type")) {
            (Some(HeaderValue::Int32(0)), _) => Ok(serde_json::from_str(&text).unwrap()),
            (_, Some(HeaderValue::String(shape))) => {
                Err(shape.trim_start_matches("aws.greengrass#").to_owned())
            }
            _ => Err(text),
        }
    }

    /// Reads events up to the error that ends their stream: how many events, and the error.
    pub(crate) async fn events(&mut self) -> (usize, Message) {
        let mut count = 0;
        loop {
            let message = self.message().await;
            if message.header(":message-type") != Some(&HeaderValue::Int32(0)) {
                return (count, message);
            }
            count += 1;
        }
    }

    async fn send(&mut self, kind: i32, operation: Option<&str>, payload: String) {
        let mut headers = vec![
            Header::new(":version", HeaderValue::String("0.1.0".to_owned())),
            Header::new(":message-type", HeaderValue::Int32(kind)),
            Header::new(":message-flags", HeaderValue::Int32(0)),
            Header::new(":stream-id", HeaderValue::Int32(self.last_stream)),
        ];
        headers.extend(operation.map(|it| {
            Header::new("operation", HeaderValue::String(format!("aws.greengrass#{it}")))
        }));
        let mut bytes = BytesMut::new();
        Message { headers, payload: payload.into() }.encode(&mut bytes).unwrap();
        self.io.write_all(&bytes).await.unwrap();
    }

    /// The next message; nothing else reads from the socket.
    pub(crate) async fn message(&mut self) -> Message {
        loop {
            if let Some(message) = self.decoder.decode(&mut self.input).unwrap() {
                return message;
            }
            assert_ne!(self.io.read_buf(&mut self.input).await.unwrap(), 0, "the core closed");
        }
    }
}
