//! Benchmarks of the frame codec, compared with the crate of the AWS SDK for Rust.

use std::hint::black_box;

use aws_smithy_eventstream::frame::{read_message_from, write_message_to};
use aws_smithy_types::event_stream as smithy;
use bytes::{Bytes, BytesMut};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use eventstream_rpc::frame::{Decoder, FrameEncoder, HeaderValueRef};

const SIZES: [usize; 4] = [100, 1024, 64 * 1024, 1024 * 1024];

/// The headers of a request.
const NUMBERS: [(&str, i32); 3] = [(":message-type", 0), (":message-flags", 0), (":stream-id", 7)];
const TEXTS: [(&str, &str); 3] = [
    (":content-type", "application/json"),
    ("service-model-type", "aws.greengrass#PublishToTopicRequest"),
    ("operation", "aws.greengrass#PublishToTopic"),
];

fn encode(payload: &[u8], out: &mut BytesMut) {
    let mut frame = FrameEncoder::new(out);
    for (name, value) in NUMBERS {
        frame.header(name, &HeaderValueRef::Int32(value)).expect("the header is short");
    }
    for (name, value) in TEXTS {
        frame.header(name, &HeaderValueRef::String(value)).expect("the header is short");
    }
    frame.payload(payload);
    frame.finish().expect("the frame is within the limits");
}

fn smithy_message(payload: Bytes) -> smithy::Message {
    let mut message = smithy::Message::new(payload);
    for (name, value) in NUMBERS {
        message = message.add_header(smithy::Header::new(name, smithy::HeaderValue::Int32(value)));
    }
    for (name, value) in TEXTS {
        let value = smithy::HeaderValue::String(value.into());
        message = message.add_header(smithy::Header::new(name, value));
    }
    message
}

fn codec(c: &mut Criterion) {
    for size in SIZES {
        let payload: Bytes = (0..size).map(|it| (it * 31 + 7) as u8).collect();
        let mut wire = BytesMut::new();
        encode(&payload, &mut wire);
        let wire = wire.freeze();

        let mut group = c.benchmark_group("encode");
        group.throughput(Throughput::Bytes(wire.len() as u64));
        let mut out = BytesMut::with_capacity(wire.len());
        group.bench_function(BenchmarkId::new("ours", size), |b| {
            b.iter(|| {
                out.clear();
                encode(black_box(&payload), &mut out);
            });
        });
        let mut out = Vec::with_capacity(wire.len());
        group.bench_function(BenchmarkId::new("aws-smithy-eventstream", size), |b| {
            b.iter(|| {
                out.clear();
                write_message_to(&smithy_message(payload.clone()), &mut out)
                    .expect("the message is valid");
            });
        });
        group.finish();

        let mut group = c.benchmark_group("decode");
        group.throughput(Throughput::Bytes(wire.len() as u64));
        group.bench_function(BenchmarkId::new("ours", size), |b| {
            b.iter_batched_ref(
                || BytesMut::from(&wire[..]),
                |input| {
                    let frame = Decoder::default().decode(input).expect("the frame is valid");
                    let frame = frame.expect("the frame is complete");
                    frame.headers().for_each(|it| _ = black_box(it));
                    black_box(frame.payload());
                    frame
                },
                BatchSize::SmallInput,
            );
        });
        group.bench_function(BenchmarkId::new("aws-smithy-eventstream", size), |b| {
            b.iter(|| {
                let message =
                    read_message_from(&mut black_box(wire.clone())).expect("the frame is valid");
                message.headers().iter().for_each(|it| _ = black_box((it.name(), it.value())));
                black_box(message.payload());
                message
            });
        });
        group.finish();
    }
}

criterion_group!(benches, codec);
criterion_main!(benches);
