//! Metrics of components of AWS.

use crate::support::{Program, Raw};
use greengrass_local_core::LocalCore;
use serde_json::json;
use test_util::in_time;

const METRICS: &str = "aws.greengrass.ipc.componentmetric";
const PUT: &str = "aws.greengrass#PutComponentMetric";

#[tokio::test]
async fn metrics_are_checked_in_the_order_of_the_nucleus() {
    let core = LocalCore::builder()
        .deny_by_default()
        .allow("aws.x", METRICS, PUT, "ok*")
        .component("aws.greengrass.StreamManager")
        .component("com.example.X")
        .start()
        .await
        .unwrap();
    let (invalid, denied) = (Err("InvalidArgumentsError"), Err("UnauthorizedError"));
    let (aws, manager, other) = ("aws.x", "aws.greengrass.StreamManager", "com.example.X");
    let long = "o".repeat(33);
    let metric =
        |name: &str, unit: &str, value: f64| json!({ "name": name, "unit": unit, "value": value });
    for (component, metrics, expected) in [
        (aws, json!([metric("ok", "BYTES", 0.0), metric("ok2", "per_cent", 1.5)]), Ok(())),
        (manager, json!([metric("any", "Megabytes", 1.0)]), Ok(())),
        (other, json!([]), denied),
        (aws, json!([]), invalid),
        (aws, json!(null), invalid),
        (aws, json!([metric("", "BYTES", 0.0)]), invalid),
        (aws, json!([metric(&long, "BYTES", 0.0)]), invalid),
        (aws, json!([metric("ok", "", 0.0)]), invalid),
        (aws, json!([metric("ok", "BYTES", -1.0)]), invalid),
        (aws, json!([metric("ok", "Byte", 1.0)]), invalid),
        (aws, json!([{ "name": "ok", "unit": "BYTES" }]), Err("ServiceError")),
        (aws, json!([metric("other", "BYTES", 0.0)]), denied),
        // The first metric with a fault decides, but units are checked last.
        (aws, json!([metric("other", "BYTES", 0.0), metric("", "BYTES", 0.0)]), denied),
        (aws, json!([metric("", "BYTES", 0.0), metric("other", "BYTES", 0.0)]), invalid),
        (aws, json!([metric("ok", "Byte", 1.0), metric("other", "BYTES", 0.0)]), denied),
    ] {
        let mut raw = Raw::connect(&core, component).await;
        let answer = raw.call("PutComponentMetric", json!({ "metrics": metrics }).to_string());
        let answer = answer.await.map(drop);
        assert_eq!(answer, expected.map_err(str::to_owned), "{component} {metrics}");
    }
}

#[tokio::test]
async fn metrics_are_logged_up_to_the_first_one_with_an_unknown_unit() {
    let mut program =
        Program::start(&["--verbose", "--component", "aws.x"].map(str::to_owned)).await;
    let mut raw = Raw::on(&program.socket, &program.tokens[0]).await;
    let metrics = json!([
        { "name": "depth", "unit": "COUNT_PER_SECOND", "value": 1.5 },
        { "name": "other", "unit": "Byte", "value": 1 },
        { "name": "last", "unit": "BYTES", "value": 1 },
    ]);
    let error = raw.error("PutComponentMetric", json!({ "metrics": metrics }).to_string()).await;
    assert_eq!(error["message"], "the unit of metric other is unknown");
    raw.call("PutComponentMetric", json!({ "metrics": [metrics[2]] }).to_string()).await.unwrap();
    let mut lines = Vec::new();
    while lines.len() < 3 {
        let line =
            in_time("a line", program.log.next_line()).await.unwrap().expect("metrics are logged");
        lines.extend(Some(line).filter(|it| it.contains("metrics are") || it.contains("metric ")));
    }
    assert!(lines[0].contains("metrics are in this log only"), "{lines:?}");
    assert!(lines[1].ends_with("aws.x: metric depth: 1.5 CountPerSecond"), "{lines:?}");
    assert!(lines[2].ends_with("aws.x: metric last: 1 Bytes"), "{lines:?}");
}
