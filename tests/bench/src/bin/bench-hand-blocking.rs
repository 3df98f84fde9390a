//! A hand-written blocking client: it writes a request and reads until the response arrives.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    time::Instant,
};

use bench::{Input, connect, decode, event_bytes, publish, subscribe};
use bench_client::{Args, IN_FLIGHT, Latencies, Mode, TOPIC, report, socket};

struct Client {
    stream: UnixStream,
    input: Input,
    out: Vec<u8>,
    last_id: i32,
}

impl Client {
    fn connect() -> Self {
        let stream = UnixStream::connect(socket()).expect("the server accepts the client");
        let mut client = Self { stream, input: Input::default(), out: Vec::new(), last_id: 0 };
        connect(&mut client.out);
        client.write();
        assert_eq!(decode(client.read()).message_type, 5, "the client is accepted");
        client
    }

    fn queue(&mut self, message: &[u8]) {
        self.last_id += 1;
        publish(&mut self.out, self.last_id, TOPIC, message);
    }

    fn write(&mut self) {
        self.stream.write_all(&self.out).expect("the server reads");
        self.out.clear();
    }

    fn read(&mut self) -> &[u8] {
        // A returned borrow would last through the loop, so the frame is looked up twice.
        while !self.input.has_frame() {
            let len = self.stream.read(self.input.unused()).expect("the server answers");
            self.input.filled(len);
        }
        self.input.next_frame().expect("the frame is complete")
    }

    fn publish(&mut self, message: &[u8]) {
        self.queue(message);
        self.write();
        let id = self.last_id;
        assert_eq!(decode(self.read()).stream_id, id);
    }
}

fn main() {
    let args = Args::read();
    let message = args.message();
    let mut client = Client::connect();
    match args.mode {
        Mode::First => client.publish(&message),
        Mode::Sequential => {
            for _ in 0..args.warm_up() {
                client.publish(&message);
            }
            let mut latencies = Latencies::start(args.count);
            for _ in 0..args.count {
                let start = Instant::now();
                client.publish(&message);
                latencies.done(start);
            }
            latencies.report();
        }
        Mode::InFlight => {
            let start = Instant::now();
            let (mut sent, mut done) = (0, 0);
            while done < args.count {
                while sent < args.count && sent - done < IN_FLIGHT {
                    client.queue(&message);
                    sent += 1;
                }
                client.write();
                decode(client.read());
                done += 1;
                while let Some(frame) = client.input.next_frame() {
                    decode(frame);
                    done += 1;
                }
            }
            report(args.count, start);
        }
        Mode::Events => {
            let start = Instant::now();
            subscribe(&mut client.out, 1, &args.events_topic());
            client.write();
            let (mut count, mut bytes) = (0, 0);
            while count < args.count {
                let message = decode(client.read());
                if message.shape.ends_with(b"SubscriptionResponseMessage") {
                    bytes += event_bytes(message.payload).len();
                    count += 1;
                }
            }
            assert_eq!(bytes, args.count * args.size, "all bytes are received");
            report(args.count, start);
        }
    }
}
