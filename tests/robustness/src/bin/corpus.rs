//! Writes the initial corpus of the fuzz targets, derived from recorded messages.
//!
//! The inputs are written to `tests/fuzz/corpus/TARGET/`, where the fuzzer adds its own. The folder is not part of the
//! repository.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use robustness::invariants::recorded::frame;
use serde_json::Value;

/// The maximum length of an input, in bytes. Longer inputs slow the fuzzer down.
const MAX_LEN: usize = 4096;

/// The number of shapes that the target `json` uses.
const SHAPES: u8 = 18;

fn main() -> Result<(), Box<dyn Error>> {
    let tests = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let read = |path: &str| -> Result<Value, Box<dyn Error>> {
        Ok(serde_json::from_slice(&fs::read(tests.join(path))?)?)
    };
    let framing = read("../runtime/tests/data/framing.json")?;
    let client = read("conformance/data/client-observations.json")?;
    let server = read("conformance/data/server-observations.json")?;
    let python = read("conformance/data/python-frames.json")?;

    let mut corpus = Corpus { root: tests.join("fuzz/corpus"), count: 0 };
    for (name, frame) in frames(&framing).chain(frames(&python)) {
        corpus.codec(&name, &frame)?;
    }
    for (name, frames) in cases(&client) {
        for (index, frame) in frames.iter().enumerate() {
            corpus.codec(&format!("{name}-{index}"), frame)?;
            corpus.json(&format!("{name}-{index}"), frame)?;
        }
        corpus.add("client_core", &name, &client_program(&frames))?;
    }
    for (name, frames) in cases(&server) {
        for (index, frame) in frames.iter().enumerate() {
            corpus.json(&format!("{name}-{index}"), frame)?;
        }
        corpus.add("server_core", &name, &server_program(&frames))?;
    }
    for (name, frame) in frames(&python) {
        corpus.json(&name, &frame)?;
    }
    println!("{} inputs", corpus.count);
    Ok(())
}

/// The writer of the corpus, which counts the inputs.
struct Corpus {
    root: PathBuf,
    count: usize,
}

impl Corpus {
    fn add(&mut self, target: &str, name: &str, input: &[u8]) -> std::io::Result<()> {
        if input.len() > MAX_LEN {
            return Ok(());
        }
        let folder = self.root.join(target);
        fs::create_dir_all(&folder)?;
        self.count += 1;
        fs::write(folder.join(name.replace('/', "-")), input)
    }

    /// Adds a frame unchanged, and with corrected lengths and checksums.
    fn codec(&mut self, name: &str, frame: &[u8]) -> std::io::Result<()> {
        self.add("codec", name, &[&[0, 7], frame].concat())?;
        self.add("codec", &format!("{name}-sealed"), &[&[1, 7], frame].concat())
    }

    /// Adds the payload of a frame as JSON of each shape.
    fn json(&mut self, name: &str, frame: &[u8]) -> std::io::Result<()> {
        let Some(lengths) = frame.first_chunk::<8>() else { return Ok(()) };
        let headers_len = u32::from_be_bytes([lengths[4], lengths[5], lengths[6], lengths[7]]);
        let Some(payload) = frame.get(12 + headers_len as usize..frame.len().saturating_sub(4))
        else {
            return Ok(());
        };
        if payload.first() != Some(&b'{') {
            return Ok(());
        }
        for shape in 0..SHAPES {
            self.add("json", &format!("{name}-{shape}"), &[&[shape], payload].concat())?;
        }
        Ok(())
    }
}

/// The steps of a client that opens a call and a subscription, receives these frames, and polls after each of them.
fn client_program(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut program = vec![32, 0, 0, 32, 7];
    for frame in frames {
        push_frame(&mut program, 18 + 224, frame);
        // Writes the output and polls both replies and the next event.
        program.extend([22, 24, 255, 255, 6, 0, 6, 1, 9, 1]);
    }
    program
}

/// The steps of a server that receives these frames and responds.
fn server_program(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut program = vec![16];
    for frame in frames {
        push_frame(&mut program, 8 + 224, frame);
        // Accepts the client, polls requests, responds to the first two and sends an event.
        program.extend([11, 29, 11, 11, 22, 0, 14, 0, 14, 1, 17, 1, 24, 0, 27, 255, 255]);
    }
    program
}

/// Adds the step that delivers a frame.
fn push_frame(program: &mut Vec<u8>, step: u8, frame: &[u8]) {
    let Ok(len) = u16::try_from(frame.len()) else { return };
    program.push(step);
    program.extend(len.to_le_bytes());
    program.extend(frame);
}

/// The frames of a file that lists single frames.
fn frames(data: &Value) -> impl Iterator<Item = (String, Vec<u8>)> {
    ["positive", "negative", "frames"]
        .into_iter()
        .filter_map(|list| data[list].as_array())
        .flatten()
        .filter_map(|it| Some((it["name"].as_str()?.to_owned(), frame(&it["hex"]))))
}

/// The frames of each case of a file.
fn cases(data: &Value) -> impl Iterator<Item = (String, Vec<Vec<u8>>)> {
    data["cases"].as_array().into_iter().flatten().filter_map(|case| {
        let frames = case["frames"].as_array()?.iter().map(frame).collect();
        Some((case["name"].as_str()?.to_owned(), frames))
    })
}
