//! Benchmarks of JSON with blobs, compared with base64 in a string and `serde_json`.

use std::hint::black_box;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::BytesMut;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use eventstream_rpc::json::{append, from_slice};
use greengrass_core_ipc::types::{BinaryMessage, SubscriptionResponseMessage};
use serde::{Deserialize, Serialize};

const SIZES: [usize; 3] = [1024, 64 * 1024, 1024 * 1024];

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Plain {
    binary_message: PlainMessage,
}

#[derive(Serialize, Deserialize)]
struct PlainMessage {
    message: String,
}

fn json(c: &mut Criterion) {
    for size in SIZES {
        let bytes: Vec<u8> = (0..size).map(|it| (it * 31 + 7) as u8).collect();
        let message = BinaryMessage::builder().message(bytes.clone()).build();
        let event = SubscriptionResponseMessage::from(message);
        let mut text = BytesMut::new();
        append(&mut text, &event).expect("the event can be encoded");

        let mut group = c.benchmark_group("write");
        group.throughput(Throughput::Bytes(size as u64));
        let mut out = BytesMut::with_capacity(text.len());
        group.bench_function(BenchmarkId::new("ours", size), |b| {
            b.iter(|| {
                out.clear();
                append(&mut out, black_box(&event)).expect("the event can be encoded");
            });
        });
        let mut out = Vec::with_capacity(text.len());
        group.bench_function(BenchmarkId::new("base64 and serde_json", size), |b| {
            b.iter(|| {
                out.clear();
                let message = STANDARD.encode(black_box(&bytes));
                let event = Plain { binary_message: PlainMessage { message } };
                serde_json::to_writer(&mut out, &event).expect("the event can be encoded");
            });
        });
        group.finish();

        let mut group = c.benchmark_group("read");
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::new("ours", size), |b| {
            b.iter(|| from_slice::<SubscriptionResponseMessage>(black_box(&text)).expect("JSON"));
        });
        group.bench_function(BenchmarkId::new("base64 and serde_json", size), |b| {
            b.iter(|| {
                let event: Plain = serde_json::from_slice(black_box(&text)).expect("JSON");
                STANDARD.decode(event.binary_message.message).expect("base64")
            });
        });
        group.finish();
    }
}

criterion_group!(benches, json);
criterion_main!(benches);
