//! Which operations and shapes a service has.

use super::{Resolved, resolve};
use crate::{
    Source,
    ast::{self, Shape},
    diagnostic::Reporter,
};

const SHAPES: &str = r#"
    "a#In": { "type": "structure", "members": { "list": { "target": "a#List" } } },
    "a#Out": { "type": "structure" },
    "a#Failure": { "type": "structure", "traits": { "smithy.api#error": "client" } },
    "b#Unused": { "type": "structure", "members": { "also": { "target": "a#Alone" } } },
    "a#Alone": { "type": "string" },
    "a#Kind": { "type": "enum", "members": { "A": { "target": "smithy.api#Unit" } } },
    "a#List": { "type": "list", "member": { "target": "a#Item" } },
    "a#Item": { "type": "union", "members": {
        "again": { "target": "a#List" }, "kind": { "target": "a#Map" } } },
    "a#Map": { "type": "map", "key": { "target": "a#Kind" }, "value": { "target": "smithy.api#Long" } }"#;

/// Resolves [`SHAPES`], operations of these names and what else there is.
#[track_caller]
fn check(names: &[&str], more: &str, inspect: impl Fn(&Resolved<'_>)) {
    let operations = names.iter().map(|it| {
        format!(
            r#""a#{it}": {{ "type": "operation", "input": {{ "target": "a#In" }},
            "output": {{ "target": "a#Out" }}, "errors": [{{ "target": "a#Failure" }}] }},"#
        )
    });
    let operations: String = operations.collect();
    let json = format!(r#"{{ "smithy": "2.0", "shapes": {{ {operations} {more}, {SHAPES} }} }}"#);
    let sources = [Source { path: "model.json", json: &json }];
    let mut reporter = Reporter::new(&sources);
    let model = ast::parse(&sources, &mut reporter);
    match resolve(&model, None, &[], &mut reporter) {
        Some(resolved) => inspect(&resolved),
        None => panic!("{}", reporter.finish()),
    }
}

fn names<'m>(shapes: &[&'m Shape]) -> Vec<&'m str> {
    shapes.iter().map(|it| it.id.name()).collect()
}

#[test]
fn the_closure_is_what_the_operations_reach_in_the_order_of_their_ids() {
    let service = r#""a#V": { "type": "service", "operations": [{ "target": "a#O" }] }"#;
    check(&["O"], service, |it| {
        let expected = ["Failure", "In", "Item", "Kind", "List", "Map", "Out"];
        assert_eq!(names(&it.closure), expected);
    });
}

#[test]
fn operations_of_resources_follow_those_of_the_service_from_the_top_down() {
    let shapes = r#"
        "a#V": { "type": "service", "operations": [{ "target": "a#Own" }],
            "resources": [{ "target": "a#R1" }, { "target": "a#R2" }] },
        "a#R2": { "type": "resource", "operations": [{ "target": "a#Last" }] },
        "a#R1": { "type": "resource", "resources": [{ "target": "a#R3" }],
            "collectionOperations": [{ "target": "a#Collection" }],
            "operations": [{ "target": "a#Other" }],
            "delete": { "target": "a#Delete" }, "create": { "target": "a#Create" } },
        "a#R3": { "type": "resource", "read": { "target": "a#Inner" } }"#;
    let operations = ["Collection", "Create", "Delete", "Inner", "Last", "Other", "Own", "Unbound"];
    check(&operations, shapes, |it| {
        let expected = ["Own", "Create", "Delete", "Other", "Collection", "Inner", "Last"];
        assert_eq!(names(&it.operations.iter().map(|it| it.shape).collect::<Vec<_>>()), expected);
    });
}

#[test]
fn what_cannot_be_read_is_not_reported_again_where_it_is_used() {
    let json = r#"{ "smithy": "2.0", "shapes": {
        "a#V": { "type": "service", "operations": [{ "target": "a#O" }] },
        "a#O": { "type": "operation", "input": { "target": "a#In" }, "errors": [{ "target": "a#In" }] },
        "a#In": { "type": "struct" },
        "a#M": { "type": "map", "key": { "target": "a#In" }, "value": { "target": "a#In" } } } }"#;
    let sources = [Source { path: "model.json", json }];
    let mut reporter = Reporter::new(&sources);
    let model = ast::parse(&sources, &mut reporter);
    assert!(resolve(&model, None, &[], &mut reporter).is_none());
    let diagnostics = reporter.finish();
    let messages: Vec<_> = diagnostics.iter().map(|it| &*it.message).collect();
    assert_eq!(messages, [r#""struct" is not a type of shape"#]);
}
