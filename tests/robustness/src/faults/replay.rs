//! Replays recorded messages of and to the official SDKs to this project's client and server, in different pieces.
//!
//! The protocol cores are tested without sockets. The bytes of a recorded case arrive message by message, split at each
//! byte, in pieces of different lengths, or merged. The outcome must always be the same.

use std::{
    task::{Context, Poll, Waker},
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use bytes::{BufMut, BytesMut};
use eventstream_rpc::{
    client::SubscribeOptions,
    error::ConnectionError,
    frame::Decoder,
    protocol::{
        Endpoint, MessageType, Role, RpcMessage, client,
        server::{self, Answer},
    },
};
use serde_json::Value;

use crate::{faults::Tally, invariants::recorded::frame};

const CLIENT: &str = include_str!("../../../conformance/data/client-observations.json");
const SERVER: &str = include_str!("../../../conformance/data/server-observations.json");
const PYTHON: &str = include_str!("../../../conformance/data/python-frames.json");

/// The length, in bytes, above which messages are split only at their first and last bytes.
const LONG_MESSAGE: usize = 16 * 1024;

/// The number of pieces above which a case is skipped, because it would take minutes.
const MAX_PIECES: usize = 16 * 1024;

/// Replays each recorded case whose messages are at most `longest` bytes long. It is split at each `stride`th byte.
///
/// # Errors
///
/// If the outcome of a case depends on how its bytes arrive.
pub fn replay(stride: usize, longest: usize) -> Result<Tally> {
    let mut tally = Tally::default();
    for (side, cases, run) in [
        ("client", cases(CLIENT)?, of_client as fn(&Case, &[Vec<u8>]) -> Vec<String>),
        ("server", cases(SERVER)?, of_server),
        ("server", python_sdk()?, of_server),
    ] {
        for case in cases {
            if case.frames.iter().any(|it| it.len() > longest) {
                continue;
            }
            let expected = run(&case, &case.frames);
            let check_same = |pieces_name: &str, pieces: &[Vec<u8>]| {
                let actual = run(&case, pieces);
                ensure!(
                    actual == expected,
                    "{side}, {}, {pieces_name}: {actual:#?}\n{expected:#?}",
                    case.name
                );
                anyhow::Ok(())
            };
            let mut count = 0;
            for at in (0..case.frames.len()).flat_map(|it| case.split_points(it)).step_by(stride) {
                check_same(&format!("split at {at:?}"), &case.split(at))?;
                count += 1;
            }
            tally.count(&format!("{side}, split"), count);
            // If all messages arrive at the same time, a request that is cancelled or followed by a protocol violation
            // is not served. The outcome must be a part of the expected one, in the same order.
            let merged = run(&case, &case.merged());
            let mut rest = expected.iter();
            ensure!(
                merged.iter().all(|it| it == NOT_ENDED || rest.any(|expected| expected == it)),
                "{side}, {}, merged: {merged:#?}\n{expected:#?}",
                case.name
            );
            tally.count(&format!("{side}, merged"), 1);
            for len in [1, 2, 3, 7, 16, 100] {
                let pieces = case.in_pieces(len);
                if pieces.len() < MAX_PIECES {
                    check_same(&format!("pieces of {len}"), &pieces)?;
                    tally.count(&format!("{side}, in small pieces"), 1);
                }
            }
        }
    }
    Ok(tally)
}

/// A recorded case.
struct Case {
    name: String,
    /// Whether the client of the case subscribes or makes a call.
    is_subscription: bool,
    calls: bool,
    frames: Vec<Vec<u8>>,
}

impl Case {
    /// The positions at which a frame is split.
    fn split_points(&self, frame: usize) -> Vec<(usize, usize)> {
        let len = self.frames[frame].len();
        let offsets = match len {
            0 => Vec::new(),
            len if len <= LONG_MESSAGE => (1..len).collect(),
            len => (1..150).chain(len - 50..len).collect::<Vec<_>>(),
        };
        offsets.into_iter().map(|at| (frame, at)).collect()
    }

    fn split(&self, (frame, at): (usize, usize)) -> Vec<Vec<u8>> {
        let mut pieces = self.frames.clone();
        let rest = pieces[frame].split_off(at);
        pieces.insert(frame + 1, rest);
        pieces
    }

    /// Merges all frames after the first into one piece.
    fn merged(&self) -> Vec<Vec<u8>> {
        match self.frames.split_first() {
            Some((first, rest)) => vec![first.clone(), rest.concat()],
            None => Vec::new(),
        }
    }

    fn in_pieces(&self, len: usize) -> Vec<Vec<u8>> {
        let pieces = self.frames.iter().flat_map(|it| it.chunks(len));
        pieces.map(<[u8]>::to_vec).collect()
    }
}

fn cases(data: &str) -> Result<Vec<Case>> {
    let data: Value = serde_json::from_str(data)?;
    let cases = data["cases"].as_array().context("no cases")?.iter().map(|case| {
        let action = case["action"].as_str().unwrap_or_default();
        let frames = case["frames"].as_array().into_iter().flatten().map(frame);
        Case {
            name: case["name"].as_str().unwrap_or_default().to_owned(),
            is_subscription: action.starts_with("subscribe"),
            calls: case["request"].is_string(),
            frames: frames.collect(),
        }
    });
    Ok(cases.collect())
}

/// The recorded frames of the official Python SDK, each case with its connect message. Frames are named `CASE#NUMBER`.
fn python_sdk() -> Result<Vec<Case>> {
    let data: Value = serde_json::from_str(PYTHON)?;
    let frames = data["frames"].as_array().context("no frames")?;
    let named: Vec<(&str, Vec<u8>)> = frames
        .iter()
        .filter_map(|it| Some((it["name"].as_str()?.split_once('#')?.0, frame(&it["hex"]))))
        .collect();
    let connect =
        named.iter().find(|(name, _)| *name == "connect").context("no connect message")?;
    let mut cases: Vec<Case> = Vec::new();
    for (name, frame) in &named {
        match cases.last_mut().filter(|it| it.name == *name) {
            Some(case) => case.frames.push(frame.clone()),
            None => cases.push(Case {
                name: (*name).to_owned(),
                is_subscription: false,
                calls: false,
                frames: vec![connect.1.clone(), frame.clone()],
            }),
        }
    }
    Ok(cases)
}

/// The description of a connection that has not ended.
const NOT_ENDED: &str = "None";

fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn describe(message: &RpcMessage) -> String {
    format!(
        "{:?} {} {} {:?} {}",
        message.message_type,
        message.flags.0,
        message.stream_id,
        message.service_model_type(),
        String::from_utf8_lossy(message.payload())
    )
}

/// Takes the output of a core and records its messages.
fn written(core: &mut Endpoint<impl Role>, log: &mut Vec<String>) {
    let mut bytes = BytesMut::new();
    core.take_output(&mut bytes);
    core.wrote(bytes.len());
    let mut decoder = Decoder::default();
    while let Ok(Some(frame)) = decoder.decode(&mut bytes) {
        log.extend(RpcMessage::read(frame).map(|it| format!("sent {}", describe(&it))));
    }
}

fn text(dst: &mut BytesMut) -> Result<(), eventstream_rpc::json::Error> {
    dst.put_slice(b"{}");
    Ok(())
}

/// Runs the client core with these bytes from the server. Returns its results, followed by its messages.
fn of_client(case: &Case, pieces: &[Vec<u8>]) -> Vec<String> {
    let now = Instant::now();
    let (mut log, mut sent, mut input, mut key) = (Vec::new(), Vec::new(), BytesMut::new(), None);
    let mut core = client::Core::new(client::Config::default(), &client::Connect::default())
        .expect("the connect message is short");
    written(&mut core, &mut sent);
    for piece in pieces {
        input.extend_from_slice(piece);
        core.receive(&mut input, now);
        if key.is_none() && case.calls && core.poll_connected(&cx()).is_ready() {
            let options = SubscribeOptions::default();
            let request = client::Request {
                operation: "test#Operation",
                request_shape: "test#Request",
                response_shape: "test#Response",
                deadline: None,
                subscribe: case.is_subscription.then_some(&options),
            };
            key = core.open(&request, text).ok();
        }
        written(&mut core, &mut sent);
    }
    core.fail(ConnectionError::ClosedByPeer);
    log.push(format!("{:?}", core.ended()));
    log.push(format!("{:?}", core.poll_connected(&cx())));
    if let Some(key) = key {
        let reply = core.poll_reply(key, &cx());
        log.push(match reply {
            Poll::Ready(Ok(message)) => describe(&message),
            other => format!("{other:?}"),
        });
        while let Poll::Ready(Some(next)) = core.poll_event(key, &cx()) {
            log.push(match next {
                Ok(client::SubscriptionItem::Event(message)) => describe(&message),
                other => format!("{other:?}"),
            });
        }
    }
    written(&mut core, &mut sent);
    log.extend(sent);
    log
}

/// Runs the server core with these bytes from a client. It accepts all clients and serves all requests.
fn of_server(_: &Case, pieces: &[Vec<u8>]) -> Vec<String> {
    let now = Instant::now();
    let (mut log, mut sent, mut input) = (Vec::new(), Vec::new(), BytesMut::new());
    let mut core = server::Core::new(server::Config::default(), now);
    for piece in pieces {
        input.extend_from_slice(piece);
        core.receive(&mut input, now);
        while let Poll::Ready(Some(message)) = core.poll_incoming(&cx()) {
            if message.message_type == MessageType::Connect {
                log.push(format!("connect {}", String::from_utf8_lossy(message.payload())));
                core.accept();
            } else {
                let operation = message.operation().unwrap_or_default();
                log.push(format!("{operation} {}", describe(&message)));
                let id = message.stream_id;
                let _ = if operation.contains("Subscribe") {
                    core.expect_events(id, true);
                    core.send(id, Answer::OpenResponse, "test#Response", text)
                } else {
                    core.send(id, Answer::Response, "test#Response", text)
                };
            }
            core.receive(&mut input, now);
        }
        written(&mut core, &mut sent);
    }
    log.push(format!("{:?}", core.ended()));
    log.extend(sent);
    log
}
