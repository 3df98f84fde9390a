//! Recorded messages in the format of the test data.

use serde_json::Value;

/// Decodes a recorded frame, which is hexadecimal text or a list of pairs of hexadecimal text and a repeat count. Other
/// values, such as the note that the client closed its side, give no bytes.
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
