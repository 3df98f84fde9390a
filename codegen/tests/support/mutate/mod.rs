//! Random mutations of models that respect their structure.
//!
//! A mutation changes the JSON tree: it copies parts of one model to suitable places in another, changes the targets of
//! members, and inserts texts that are hard to handle. The same seed gives the same models.

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "not every user of the file uses all of it"
)]

mod node;
mod run;

pub use node::Node;
pub use run::{Outcome, run};
pub use test_util::Random;

/// The models to mutate, and parts of them.
pub struct Corpus {
    models: Vec<Node>,
    /// The models without errors. Most mutations of the others have no effect.
    accepted: Vec<Node>,
    /// Every string and key of all models, without duplicates.
    words: Vec<String>,
    /// Every entry of `traits`: the key and the value.
    traits: Vec<(String, Node)>,
    /// Every shape.
    shapes: Vec<(String, Node)>,
}

/// Texts that are hard to handle.
const ODD_TEXTS: [&str; 24] = [
    "",
    " ",
    "_",
    "__",
    "a#b",
    "smithy.api#Unit",
    "smithy.api#Nope",
    "t.edge#Svc",
    "Self",
    "self",
    "crate",
    "type",
    "Option",
    "Unknown",
    "\u{202e}x",
    "a\rb\tc\u{0}",
    "/// *//* #![x] ```",
    "<p>x</b><script>y",
    "[`Foo`] [x][y] {} {{",
    "é",
    "1st",
    "-1",
    "NaN",
    "9999-12-31T23:59:60Z",
];

const ODD_NUMBERS: [&str; 14] = [
    "0",
    "-0",
    "1",
    "-1",
    "127",
    "-129",
    "2147483648",
    "9223372036854775808",
    "-9223372036854775809",
    "1e400",
    "1.5",
    "0.1e-7",
    "123456789012345678901234567890",
    "1E+2",
];

const TYPES: [&str; 24] = [
    "apply",
    "bigDecimal",
    "bigInteger",
    "blob",
    "boolean",
    "byte",
    "document",
    "double",
    "enum",
    "float",
    "intEnum",
    "integer",
    "list",
    "long",
    "map",
    "operation",
    "resource",
    "service",
    "set",
    "short",
    "string",
    "structure",
    "timestamp",
    "union",
];

impl Corpus {
    /// A corpus of these models. Texts that are not JSON are ignored.
    pub fn new<'a>(models: impl IntoIterator<Item = &'a str>) -> Self {
        let mut corpus = Self {
            models: Vec::new(),
            accepted: Vec::new(),
            words: Vec::new(),
            traits: Vec::new(),
            shapes: Vec::new(),
        };
        for model in models {
            let Some(node) = Node::parse(model) else { continue };
            if matches!(run(model, "unchanged"), Outcome::Accepted(_)) {
                corpus.accepted.push(node.clone());
            }
            corpus.models.push(node);
        }
        for model in &corpus.models {
            model.visit(&mut |node| match node {
                Node::String(text) => corpus.words.push(text.clone()),
                Node::Object(entries) => {
                    corpus.words.extend(entries.iter().map(|(key, _)| key.clone()));
                    for (key, value) in entries {
                        match value {
                            Node::Object(inner) if key == "traits" => {
                                corpus.traits.extend_from_slice(inner)
                            }
                            Node::Object(inner) if key == "shapes" => {
                                corpus.shapes.extend_from_slice(inner)
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            });
        }
        corpus.words.sort();
        corpus.words.dedup();
        corpus
            .traits
            .sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.to_string().cmp(&b.1.to_string())));
        corpus.traits.dedup_by(|a, b| a.0 == b.0 && a.1.to_string() == b.1.to_string());
        corpus
    }

    /// The text of a mutated model.
    pub fn model(&self, random: &mut Random) -> String {
        let start = if random.below(8) > 0 { &self.accepted } else { &self.models };
        let mut model = random.pick(start).clone();
        for _ in 0..=random.below(3) {
            self.mutate(&mut model, random);
        }
        let mut text = model.to_string();
        if random.below(20) == 0 {
            spoil(&mut text, random);
        }
        text
    }

    fn mutate(&self, model: &mut Node, random: &mut Random) {
        let ids = model.shape_ids();
        match random.below(16) {
            0..=2 => retarget(model, &ids, random),
            3..=5 => self.add_trait(model, random),
            6 => self.add_shapes(model, random),
            7 => rename_member(model, self, random),
            8 => add_mixin(model, &ids, random),
            9 => {
                if let Some(Node::String(version)) = model.get_mut("smithy") {
                    *version = random.pick(&["1.0", "2.0", "1", "2", "3"]).to_string();
                }
            }
            10 => change_type(model, random),
            11 => repeat(model, random),
            _ => self.change_anything(model, random),
        }
    }

    fn add_trait(&self, model: &mut Node, random: &mut Random) {
        if self.traits.is_empty() {
            return;
        }
        let (id, value) = random.pick(&self.traits).clone();
        let value = if random.below(8) == 0 { self.value(random) } else { value };
        let is_holder = |it: &Node| it.get("target").is_some() || it.get("type").is_some();
        let Some(Node::Object(entries)) = model.pick_where(random, &is_holder) else { return };
        match entries.iter_mut().find(|(key, _)| key == "traits") {
            Some((_, Node::Object(traits))) => traits.push((id, value)),
            Some(_) => {}
            None => entries.push(("traits".to_owned(), Node::Object(vec![(id, value)]))),
        }
    }

    fn add_shapes(&self, model: &mut Node, random: &mut Random) {
        let Some(Node::Object(shapes)) = model.get_mut("shapes") else { return };
        for _ in 0..=random.below(3) {
            shapes.push(random.pick(&self.shapes).clone());
        }
    }

    /// Deletes, duplicates, swaps or replaces a node anywhere in the tree.
    fn change_anything(&self, model: &mut Node, random: &mut Random) {
        let value = self.value(random);
        let word = random.pick(&self.words).clone();
        let Some(node) = model.pick_where(random, &|_| true) else { return };
        match node {
            Node::Object(entries) if !entries.is_empty() => {
                let index = random.below(entries.len());
                match random.below(5) {
                    0 => drop(entries.remove(index)),
                    1 => entries.push(entries[index].clone()),
                    2 => entries[index].0 = word,
                    3 => entries[index].1 = value,
                    _ => {
                        let other = random.below(entries.len());
                        entries.swap(index, other);
                    }
                }
            }
            Node::Array(elements) if !elements.is_empty() => {
                let index = random.below(elements.len());
                match random.below(3) {
                    0 => drop(elements.remove(index)),
                    1 => elements.push(elements[index].clone()),
                    _ => elements[index] = value,
                }
            }
            Node::String(text) if random.below(3) > 0 => *text = word,
            node => *node = value,
        }
    }

    fn value(&self, random: &mut Random) -> Node {
        match random.below(8) {
            0 => Node::Null,
            1 => Node::Bool(random.below(2) == 0),
            2 => Node::Number(random.pick(&ODD_NUMBERS).to_string()),
            3 => Node::String(random.pick(&ODD_TEXTS).to_string()),
            4 => Node::String(random.pick(&self.words).clone()),
            5 => Node::Array(Vec::new()),
            6 => Node::Object(Vec::new()),
            _ => random
                .pick(&self.models)
                .clone()
                .pick_where(random, &|_| true)
                .cloned()
                .unwrap_or(Node::Null),
        }
    }
}

/// Changes the target of a reference or member to another shape of the model or the prelude.
fn retarget(model: &mut Node, ids: &[String], random: &mut Random) {
    const PRELUDE: [&str; 8] =
        ["String", "Unit", "Document", "BigDecimal", "Timestamp", "Blob", "PrimitiveLong", "Float"];
    let target = match random.below(4) {
        0 => format!("smithy.api#{}", random.pick(&PRELUDE)),
        _ if ids.is_empty() => return,
        _ => random.pick(ids).clone(),
    };
    let has_target = |it: &Node| matches!(it.get("target"), Some(Node::String(_)));
    if let Some(node) = model.pick_where(random, &has_target)
        && let Some(Node::String(text)) = node.get_mut("target")
    {
        *text = target;
    }
}

fn rename_member(model: &mut Node, corpus: &Corpus, random: &mut Random) {
    let name = match random.below(2) {
        0 => random.pick(&ODD_TEXTS).to_string(),
        _ => random.pick(&corpus.words).clone(),
    };
    let has_members =
        |it: &Node| matches!(it.get("members"), Some(Node::Object(it)) if !it.is_empty());
    if let Some(node) = model.pick_where(random, &has_members)
        && let Some(Node::Object(members)) = node.get_mut("members")
    {
        let index = random.below(members.len());
        members[index].0 = name;
    }
}

fn add_mixin(model: &mut Node, ids: &[String], random: &mut Random) {
    if ids.is_empty() {
        return;
    }
    let reference =
        Node::Object(vec![("target".to_owned(), Node::String(random.pick(ids).clone()))]);
    if let Some(Node::Object(entries)) = model.pick_where(random, &|it| it.get("type").is_some()) {
        match entries.iter_mut().find(|(key, _)| key == "mixins") {
            Some((_, Node::Array(mixins))) => mixins.push(reference),
            Some(_) => {}
            None => entries.push(("mixins".to_owned(), Node::Array(vec![reference]))),
        }
    }
}

fn change_type(model: &mut Node, random: &mut Random) {
    let has_type = |it: &Node| matches!(it.get("type"), Some(Node::String(_)));
    if let Some(node) = model.pick_where(random, &has_type)
        && let Some(Node::String(text)) = node.get_mut("type")
    {
        *text = random.pick(&TYPES).to_string();
    }
}

/// Creates many members or elements, a long text, or many levels.
fn repeat(model: &mut Node, random: &mut Random) {
    let times = 1 << random.below(9);
    match model.pick_where(random, &|it| !matches!(it, Node::Null | Node::Bool(_))) {
        Some(Node::Object(entries)) if !entries.is_empty() => {
            let (key, value) = entries[random.below(entries.len())].clone();
            entries.extend((0..times).map(|it| (format!("{key}{it}"), value.clone())));
        }
        Some(Node::Array(elements)) if !elements.is_empty() => {
            let element = elements[random.below(elements.len())].clone();
            elements.extend(std::iter::repeat_n(element, times));
        }
        Some(Node::String(text)) => *text = text.repeat(times),
        Some(node) => {
            for _ in 0..times {
                *node = Node::Array(vec![std::mem::replace(node, Node::Null)]);
            }
        }
        None => {}
    }
}

/// Changes bytes of the text.
fn spoil(text: &mut String, random: &mut Random) {
    let mut at = random.below(text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    match random.below(3) {
        0 => text.truncate(at),
        1 => text.insert_str(at, random.pick::<&str>(&ODD_TEXTS)),
        _ => text.insert_str(
            at,
            random.pick::<&str>(&["{", "}", "[", "]", "\"", ",", ":", "\\u", "\u{feff}"]),
        ),
    }
}

/// The models to start from: the edge cases, the goldens and the services of this workspace.
pub fn models(codegen: &std::path::Path) -> std::io::Result<Vec<String>> {
    let workspace = codegen.parent().expect("codegen is in a workspace");
    let tests = codegen.join("tests");
    let mut pending = vec![
        workspace.join("model"),
        workspace.join("tests/echo/model"),
        tests.join("edge-cases/cases"),
        tests.join("edge-cases/more"),
        tests.join("diagnostics"),
        tests.join("golden"),
    ];
    let mut models = Vec::new();
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            let mut inside: Vec<_> =
                path.read_dir()?.map(|it| it.map(|it| it.path())).collect::<Result<_, _>>()?;
            inside.sort();
            pending.extend(inside);
        } else if path.extension().is_some_and(|it| it == "json") {
            // Some are not UTF-8 on purpose.
            models.extend(std::fs::read_to_string(&path));
        }
    }
    Ok(models)
}
