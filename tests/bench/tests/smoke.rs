//! A test of the benchmark program with minimal counts.

use std::process::Command;

#[test]
fn every_part_prints_its_table() {
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["compare", "component", "servers", "growth", "load", "--smoke"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let titles = [
        "publish 1 KiB, one at a time",
        "publish 1 KiB, 64 in flight",
        "events of 1 KiB",
        "events of 64 KiB",
        "the smallest component",
        "from the start of the process",
        "64 in flight, 0 subscribers",
        "64 in flight, 10 subscribers",
        "local core: connections with one subscription each",
        "publish messages of growing size",
        "messages of 1 KiB to subscribers per second",
    ];
    for title in titles {
        assert!(text.contains(title), "no {title:?} in {text}");
    }
    // Each client has a row with numbers.
    for client in ["raw socket", "hand-written, tokio", "ours, tokio"] {
        let rows: Vec<_> = text.lines().filter(|it| it.trim_start().starts_with(client)).collect();
        assert!(!rows.is_empty(), "no {client:?} in {text}");
        assert!(rows.iter().all(|it| it.contains(|it: char| it.is_ascii_digit())), "{rows:?}");
    }
}
