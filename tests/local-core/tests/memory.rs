//! The memory that a large request takes. The test measures the peak of its process, so it runs in its own process.

use crate::support::Raw;
use greengrass_local_core::LocalCore;

/// The peak of this process's resident memory, in KiB.
pub(crate) fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn an_incomplete_request_takes_no_more_memory_than_a_complete_one() {
    test_util::in_own_process(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let core =
                LocalCore::builder().component("a").record_calls(false).start().await.unwrap();
            let mut client = Raw::connect(&core, "a").await;
            let metric = r#"{"name":"n","unit":"COUNT","value":1.5}"#;
            let metrics = format!("{metric},").repeat(4 * 1024 * 1024 / metric.len());
            let request = |last: &str| format!(r#"{{"metrics":[{metrics}{last}]}}"#);

            let before = peak();
            // Buffers and the allocator reach their final size after a few calls.
            for _ in 0..3 {
                client.call("PutComponentMetric", request(metric)).await.unwrap();
            }
            let whole = peak();
            assert!(whole - before > 8 * 1024, "{before} {whole}");
            for last in [
                r#"{"name":"n","value":1.5}"#,
                r#"{"name":"n","unit":"COUNT","value":1,"value":2}"#,
                "null",
            ] {
                // Some of these requests succeed.
                let _ = client.call("PutComponentMetric", request(last)).await;
                let unusual = peak();
                // A request that is held twice would take as much again.
                let limit = (whole - before) / 2;
                assert!(unusual - whole < limit, "{before} {whole} {unusual} with {last}");
            }
        });
    });
}
