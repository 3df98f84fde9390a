//! The generator asks for traits by their names, as texts: each must be one that it checks.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::Item;

use crate::sources;

/// Methods of `Traits` whose first argument is the name of a trait, or of `Trait` with a key of its value.
const METHODS: [&str; 4] = ["bounds", "find", "has", "text"];

#[test]
fn each_trait_that_the_generator_asks_for_is_known() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../codegen/src");
    let known = known(&root.join("ast/traits.rs"));
    let mut asked = 0;
    let mut wrong = Vec::new();
    // These ask facts in the same words.
    let is_about_facts = |it: &PathBuf| it.ends_with("diff.rs") || it.ends_with("show.rs");
    for file in sources(&root).into_iter().filter(|it| !is_about_facts(it)) {
        let mut names = Vec::new();
        arguments(fs::read_to_string(&file).unwrap().parse().unwrap(), &mut names);
        asked += names.len();
        let unknown = names.iter().filter(|it| !known.contains(*it));
        wrong.extend(unknown.map(|it| format!("{}: {it:?}", file.display())));
    }
    assert!(wrong.is_empty(), "neither a trait nor a key in ast/traits.rs:\n{}", wrong.join("\n"));
    assert!(asked > 60, "the sources are read: {asked}");
}

/// The names and keys in the tables of traits.
fn known(file: &Path) -> BTreeSet<String> {
    let file = syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap();
    let tables = file.items.iter().filter_map(|item| match item {
        Item::Const(table) if table.ident == "RULES" || table.ident == "OTHERS" => {
            Some(&table.expr)
        }
        _ => None,
    });
    let texts = tables.flat_map(|it| texts(it.to_token_stream()));
    texts.flat_map(|it| it.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn texts(tokens: TokenStream) -> Vec<String> {
    let of_token = |token| match token {
        TokenTree::Group(group) => texts(group.stream()),
        token => text(&token).into_iter().collect(),
    };
    tokens.into_iter().flat_map(of_token).collect()
}

/// Adds the names in `.has("name")` and its like.
fn arguments(tokens: TokenStream, names: &mut Vec<String>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        arguments(group.stream(), names);
        let Some([TokenTree::Punct(dot), TokenTree::Ident(method)]) =
            at.checked_sub(2).map(|it| &tokens[it..at])
        else {
            continue;
        };
        let argument = group.stream().into_iter().next().and_then(|it| text(&it));
        let is_name = |it: &String| it.chars().all(|it| it.is_ascii_alphanumeric());
        if dot.as_char() == '.' && METHODS.iter().any(|it| method == it) {
            names.extend(argument.filter(is_name));
        }
    }
}

fn text(token: &TokenTree) -> Option<String> {
    let TokenTree::Literal(literal) = token else { return None };
    syn::parse_str::<syn::LitStr>(&literal.to_string()).ok().map(|it| it.value())
}
