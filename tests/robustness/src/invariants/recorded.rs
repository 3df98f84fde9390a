//! Recorded messages, as the files of test data write them.

use serde_json::Value;

/// A recorded frame: hex, or pairs of hex and how often it is repeated. What is neither, such as the note that
/// the client closed its side, is no bytes.
pub fn frame(recorded: &Value) -> Vec<u8> {
    match recorded {
        Value::String(hex) => unhex(hex),
        Value::Array(parts) => {
            let part = |it: &Value| {
                Some(unhex(it[0].as_str()?).repeat(usize::try_from(it[1].as_u64()?).ok()?))
            };
            parts.iter().filter_map(part).flatten().collect()
        }
        _ => Vec::new(),
    }
}

fn unhex(hex: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    (0..hex.len()).step_by(2).map_while(byte).collect()
}
