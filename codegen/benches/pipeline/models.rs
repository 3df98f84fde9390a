//! Deterministic generators of models that are too large to be stored.

use std::fmt::Write;

use test_util::Random;

/// A service with one operation and `count` structures, each with five members that target random structures. Almost
/// all structures are in one component with a huge number of cycles.
pub(crate) fn dense(count: usize) -> String {
    let mut random = Random::new(1);
    let mut model = Model::new();
    model.shape("a#Service", r#""type": "service", "operations": [{ "target": "a#Call" }]"#);
    model.shape(
        "a#Call",
        r#""type": "operation", "input": { "target": "a#S0" }, "output": { "target": "a#S1" }"#,
    );
    for shape in 0..count {
        let members =
            (0..5).map(|it| format!(r#""m{it}": {{ "target": "a#S{}" }}"#, random.below(count)));
        let members: Vec<_> = members.collect();
        model.shape(
            &format!("a#S{shape}"),
            &format!(r#""type": "structure", "members": {{ {} }}"#, members.join(", ")),
        );
    }
    model.finish()
}

/// A model of at least this many bytes, like that of a large service: many operations, each with a request and a
/// response of documented members, and shared shapes.
pub(crate) fn large(bytes: usize) -> String {
    let mut random = Random::new(2);
    let mut model = Model::new();
    model.shape(
        "a#Failed",
        r#""type": "structure", "members": { "message": { "target": "smithy.api#String" } }, "traits": { "smithy.api#error": "client" }"#,
    );
    model.shape("a#Names", r#""type": "list", "member": { "target": "smithy.api#String" }"#);
    let mut operations = Vec::new();
    while model.0.len() < bytes {
        let at = operations.len();
        let docs = |random: &mut Random, words| {
            format!(r#""smithy.api#documentation": "{}""#, sentence(random, words))
        };
        let structure = |random: &mut Random, count: usize| {
            let targets =
                ["smithy.api#String", "smithy.api#Integer", "a#Names", "smithy.api#Timestamp"];
            let member = |index: usize| {
                let target = match random.below(6) {
                    index @ 0..4 => targets[index].to_owned(),
                    4 => format!("a#State{at}"),
                    _ => format!("a#Detail{}", random.below(at + 1)),
                };
                let required = if index == 0 { r#""smithy.api#required": {}, "# } else { "" };
                let docs = docs(random, 30);
                format!(
                    r#""member{index}": {{ "target": "{target}", "traits": {{ {required}{docs} }} }}"#
                )
            };
            let members: Vec<_> = (0..count).map(member).collect();
            format!(r#""type": "structure", "members": {{ {} }}"#, members.join(", "))
        };
        let structures = [("Request", 10), ("Response", 8), ("Detail", 6)];
        for (name, count) in structures {
            let id = if name == "Detail" {
                format!("a#Detail{at}")
            } else {
                format!("a#Call{at}{name}")
            };
            let body = structure(&mut random, count);
            model.shape(&id, &body);
        }
        let values: Vec<_> = (0..5)
            .map(|index| {
                format!(
                    r#""VALUE_{index}": {{ "target": "smithy.api#Unit", "traits": {{ {} }} }}"#,
                    docs(&mut random, 8)
                )
            })
            .collect();
        model.shape(
            &format!("a#State{at}"),
            &format!(r#""type": "enum", "members": {{ {} }}"#, values.join(", ")),
        );
        let text = docs(&mut random, 80);
        model.shape(
            &format!("a#Call{at}"),
            &format!(
                r#""type": "operation", "input": {{ "target": "a#Call{at}Request" }}, "output": {{ "target": "a#Call{at}Response" }}, "errors": [{{ "target": "a#Failed" }}], "traits": {{ {text} }}"#
            ),
        );
        operations.push(format!(r#"{{ "target": "a#Call{at}" }}"#));
    }
    let operations = operations.join(", ");
    model.shape("a#Service", &format!(r#""type": "service", "operations": [{operations}]"#));
    model.finish()
}

struct Model(String);

impl Model {
    fn new() -> Self {
        Self("{\n\"smithy\": \"2.0\",\n\"shapes\": {".to_owned())
    }

    fn shape(&mut self, id: &str, body: &str) {
        let comma = if self.0.ends_with('{') { "" } else { "," };
        write!(self.0, "{comma}\n\"{id}\": {{ {body} }}").expect("a string takes all");
    }

    fn finish(self) -> String {
        self.0 + "\n}\n}\n"
    }
}

fn sentence(random: &mut Random, words: usize) -> String {
    const WORDS: [&str; 12] = [
        "the",
        "state",
        "of",
        "a",
        "component",
        "which",
        "`MaxItems`",
        "is",
        "returned",
        "by",
        "an",
        "operation",
    ];
    let words = (0..words).map(|_| *random.pick(&WORDS));
    words.collect::<Vec<_>>().join(" ") + "."
}
