//! The raw socket: requests and responses, or a stream, of the same lengths as real messages but without content.
//!
//! `bench-raw serve` is the server, whose behaviour the first line of each client selects. The other modes are those of
//! a benchmark client.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    time::Instant,
};

use bench::publish_lens;
use bench_client::{Args, Latencies, Mode, report, socket};

fn main() {
    if std::env::args().nth(1).as_deref() == Some("serve") {
        let listener = UnixListener::bind(socket()).expect("the server can listen");
        for stream in listener.incoming() {
            let stream = stream.expect("a client can be accepted");
            std::thread::spawn(move || serve(stream));
        }
    }
    let args = Args::read();
    let mut stream = UnixStream::connect(socket()).expect("the server accepts the client");
    let (request_len, response_len) = publish_lens(args.size);
    match args.mode {
        Mode::Sequential => {
            writeln!(stream, "answer {request_len} {response_len}").expect("the server reads");
            let (request, mut response) = (vec![1; request_len], vec![0; response_len]);
            let mut exchange = || {
                stream.write_all(&request).expect("the server reads");
                stream.read_exact(&mut response).expect("the server answers");
            };
            for _ in 0..args.warm_up() {
                exchange();
            }
            let mut latencies = Latencies::start(args.count);
            for _ in 0..args.count {
                let start = Instant::now();
                exchange();
                latencies.done(start);
            }
            latencies.report();
        }
        Mode::Events => {
            let start = Instant::now();
            // The length of an event is about that of a request with the same bytes.
            writeln!(stream, "send {request_len} {}", args.count).expect("the server reads");
            let (mut buffer, mut left) = (vec![0; 64 * 1024], args.count * request_len);
            while left > 0 {
                let len = stream.read(&mut buffer).expect("the server sends");
                assert!(len > 0, "the stream is complete");
                left -= len;
            }
            report(args.count, start);
        }
        Mode::First | Mode::InFlight => panic!("the raw socket does not support this mode"),
    }
}

fn serve(stream: UnixStream) {
    let mut input = BufReader::new(stream.try_clone().expect("the descriptor can be duplicated"));
    let mut line = String::new();
    if input.read_line(&mut line).unwrap_or_default() == 0 {
        // A connection that only tested whether the server listens.
        return;
    }
    let words: Vec<_> = line.split_whitespace().collect();
    let [mode, len, number] = words[..] else { panic!("invalid command {line:?}") };
    let (len, number): (usize, usize) =
        (len.parse().expect("a number"), number.parse().expect("a number"));
    let mut stream = stream;
    match mode {
        "answer" => {
            let (mut request, response) = (vec![0; len], vec![1; number]);
            // The buffer contains no further request: the client waits for each response.
            let mut first = Some(input);
            loop {
                let read = match first.take() {
                    Some(mut buffered) => buffered.read_exact(&mut request),
                    None => stream.read_exact(&mut request),
                };
                if read.and_then(|()| stream.write_all(&response)).is_err() {
                    return;
                }
            }
        }
        "send" => {
            let each = (64 * 1024 / len).max(1);
            let block = vec![1; len * each];
            let mut left = number;
            while left > 0 {
                let count = left.min(each);
                if stream.write_all(&block[..count * len]).is_err() {
                    return;
                }
                left -= count;
            }
        }
        other => panic!("unknown command {other:?}"),
    }
}
