//! Equivalent models generate the same bytes: other orders of files and keys, unused shapes, and the three ways to
//! write an enum.

use std::{fs, path::Path};

use crate::mutate::{Node, Random};
use codegen::{Config, GeneratedFile, Source, generate};
use proptest::prelude::*;

/// A model with every feature, including colliding names.
const MODEL: &str = include_str!("stability/model.json");

/// The same service in three versions of Smithy.
const SPELLINGS: [&str; 3] = [
    include_str!("stability/version-1.json"),
    include_str!("stability/version-2.json"),
    include_str!("stability/enum-trait.json"),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_order_of_files_and_keys_and_unrelated_shapes_change_nothing(seed: u64, files in 1usize..5, unrelated in 0usize..8) {
        let mut random = Random::new(seed);
        let rearranged = rearranged(MODEL, files, unrelated, &mut random);
        let expected = code(&split(Node::parse(MODEL).unwrap(), files));
        prop_assert_eq!(code(&rearranged), expected);
    }
}

/// The same for the large model, once, because it is much slower.
#[test]
fn the_greengrass_crate_does_not_depend_on_the_order_of_shapes_either() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("model/greengrass-core-ipc.json");
    let model = fs::read_to_string(path).unwrap();
    let rearranged = rearranged(&model, 3, 5, &mut Random::new(1));
    let expected = code(&split(Node::parse(&model).unwrap(), 3));
    assert!(code(&rearranged) == expected);
}

#[test]
fn the_spellings_of_one_model_give_the_same_code() {
    let [one, two, three] =
        SPELLINGS.map(|it| code(&[("model.json".to_owned(), Node::parse(it).unwrap())]));
    assert_eq!(one, two, "versions 1.0 and 2.0");
    assert_eq!(three, two, "the trait enum and the shape");
}

fn code(files: &[(String, Node)]) -> Vec<GeneratedFile> {
    let texts: Vec<_> = files.iter().map(|(path, node)| (path, node.to_string())).collect();
    let sources: Vec<_> = texts.iter().map(|(path, json)| Source { path, json }).collect();
    generate(&Config::new("stable"), &sources).unwrap_or_else(|error| panic!("{error}")).files
}

/// Distributes the shapes of a model over files. The names of the files do not depend on their content.
fn split(model: Node, files: usize) -> Vec<(String, Node)> {
    let Some(Node::Object(shapes)) = model.get("shapes").cloned() else { panic!("a model") };
    let mut hands = vec![Vec::new(); files];
    for (index, shape) in shapes.into_iter().enumerate() {
        hands[index % files].push(shape);
    }
    let file = |(index, shapes)| {
        let version = ("smithy".to_owned(), Node::String("2.0".to_owned()));
        let shapes = ("shapes".to_owned(), Node::Object(shapes));
        (format!("{index}.json"), Node::Object(vec![version, shapes]))
    };
    hands.into_iter().enumerate().map(file).collect()
}

fn rearranged(
    model: &str,
    files: usize,
    unrelated: usize,
    random: &mut Random,
) -> Vec<(String, Node)> {
    let mut model = Node::parse(model).unwrap();
    let Some(Node::Object(shapes)) = model.get_mut("shapes") else { panic!("a model") };
    for index in 0..unrelated {
        let id = format!("unrelated.n{index}#Shape{}", random.below(100));
        let text = format!(
            r##"{{"type": "structure", "members": {{"self": {{"target": "{id}"}}, "other": {{"target": "smithy.api#String"}}}}}}"##
        );
        shapes.push((id, Node::parse(&text).unwrap()));
    }
    random.shuffle(shapes);
    let mut files = split(model, files);
    files.iter_mut().for_each(|(_, file)| shuffle(file, true, random));
    random.shuffle(&mut files);
    files
}

/// Shuffles the keys of objects, except members, whose order matters.
fn shuffle(node: &mut Node, is_free: bool, random: &mut Random) {
    match node {
        Node::Object(entries) => {
            if is_free {
                random.shuffle(entries);
            }
            for (key, value) in entries {
                shuffle(value, key != "members", random);
            }
        }
        Node::Array(elements) => elements.iter_mut().for_each(|it| shuffle(it, true, random)),
        _ => {}
    }
}
