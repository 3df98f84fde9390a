//! The modules of a crate use each other in one direction: the one that the table in its documentation shows.
//!
//! The table in `lib.rs` of the generator and of the runtime lists every module. One that comes later may use those
//! of the rows before it. Sources are read as tokens: what is in comments, in `quote!` and in tests does not count.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Item, UseTree};

#[test]
fn modules_of_the_generator_use_those_before_them() {
    check("codegen/src");
}

#[test]
fn modules_of_the_runtime_use_those_before_them() {
    check("runtime/src");
}

#[track_caller]
fn check(source: &str) {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let root = workspace.join(source);
    let library = Library::read(&root);
    let mut edges = Vec::new();
    for module in &library.modules {
        let file = file_of(&root, module);
        read_file(&file, &mut vec![module.clone()], &mut edges);
    }
    let wrong: Vec<_> = edges.iter().filter_map(|edge| library.fault(edge)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(edges.len() > library.rows.len(), "the sources of {source} are read");
}

/// A path from one module to what another one has.
struct Edge {
    file: PathBuf,
    line: usize,
    from: String,
    /// What follows `crate::`.
    to: String,
}

/// What `lib.rs` says.
struct Library {
    modules: Vec<String>,
    /// The row of each module in the table, and of a function of `lib.rs` itself that modules may use.
    rows: BTreeMap<String, usize>,
    /// The module that each name of the root comes from. Types and constants of `lib.rs` itself come from none: they
    /// are the interface, and hold no logic.
    names: BTreeMap<String, Option<String>>,
}

impl Library {
    fn read(root: &Path) -> Self {
        let file = parse(&root.join("lib.rs"));
        let rows = rows(&file.attrs);
        let (mut modules, mut functions, mut names) = (Vec::new(), Vec::new(), BTreeMap::new());
        for item in &file.items {
            match item {
                Item::Mod(it) if it.content.is_none() => modules.push(it.ident.to_string()),
                Item::Fn(it) => functions.push(it.sig.ident.to_string()),
                Item::Const(it) => drop(names.insert(it.ident.to_string(), None)),
                Item::Enum(it) => drop(names.insert(it.ident.to_string(), None)),
                Item::Struct(it) => drop(names.insert(it.ident.to_string(), None)),
                Item::Use(it) => {
                    let UseTree::Path(path) = &it.tree else { continue };
                    for name in leaves(&path.tree) {
                        names.insert(name, Some(path.ident.to_string()));
                    }
                }
                _ => {}
            }
        }
        modules.sort();
        let listed: Vec<_> = rows.keys().filter(|it| !functions.contains(it)).cloned().collect();
        assert_eq!(listed, modules, "the table of {}/lib.rs lists each module", root.display());
        Self { modules, rows, names }
    }

    /// What is wrong with an edge, and what to do.
    fn fault(&self, edge: &Edge) -> Option<String> {
        let Edge { file, line, from, to } = edge;
        let to = match self.names.get(to) {
            Some(None) => return None,
            Some(Some(module)) => module,
            None => to,
        };
        let is_before = |row| row < &self.rows[from];
        if from == to || self.rows.get(to).is_some_and(is_before) {
            return None;
        }
        let file = file.display();
        Some(format!(
            "{file}:{line}: `{from}` uses `{to}`, which is not in a row before it in the table of lib.rs: move \
             what is used to a module before both, pass it in, or change the table"
        ))
    }
}

/// The row of each module in the table with the heading `module`.
fn rows(attributes: &[Attribute]) -> BTreeMap<String, usize> {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(doc) if doc.path.is_ident("doc") => Some(doc.value.to_token_stream()),
        _ => None,
    });
    let lines: Vec<_> = lines.map(|it| it.to_string()).collect();
    let table = lines.iter().skip_while(|it| !it.contains("| module |")).skip(2);
    let rows = table.take_while(|it| it.contains('|')).enumerate();
    let names = rows.flat_map(|(row, line)| {
        let cell = line.split('|').nth(1).unwrap();
        let names = cell.split('`').skip(1).step_by(2);
        names.map(move |name| (name.to_owned(), row)).collect::<Vec<_>>()
    });
    names.collect()
}

/// The names that a `use` brings into scope.
fn leaves(tree: &UseTree) -> Vec<String> {
    match tree {
        UseTree::Path(it) => leaves(&it.tree),
        UseTree::Name(it) => vec![it.ident.to_string()],
        UseTree::Rename(it) => vec![it.rename.to_string()],
        UseTree::Glob(_) => Vec::new(),
        UseTree::Group(it) => it.items.iter().flat_map(leaves).collect(),
    }
}

/// Adds the edges of a file and of the files of its modules.
fn read_file(file: &Path, module: &mut Vec<String>, edges: &mut Vec<Edge>) {
    for item in parse(file).items {
        if is_for_tests(attributes(&item)) {
            continue;
        }
        match item {
            Item::Mod(it) if it.content.is_none() => {
                let name = it.ident.to_string();
                let below = file.with_extension("");
                module.push(name.clone());
                read_file(&file_of(&below, &name), module, edges);
                module.pop();
            }
            item => read_tokens(item.to_token_stream(), file, module, edges),
        }
    }
}

/// Adds the edge of each path that begins with `crate` or `super`.
fn read_tokens(tokens: TokenStream, file: &Path, module: &[String], edges: &mut Vec<Edge>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        let ident = match token {
            TokenTree::Group(group) => {
                read_tokens(group.stream(), file, module, edges);
                continue;
            }
            TokenTree::Ident(ident) => ident,
            _ => continue,
        };
        let is_macro = is_punct(tokens.get(at), '!');
        if is_macro && (ident == "quote" || ident == "quote_spanned") {
            at += 2;
            continue;
        }
        // How many modules up from here the path begins.
        let (mut up, mut next) = match ident.to_string().as_str() {
            "crate" => (module.len(), at),
            "super" => (1, at),
            _ => continue,
        };
        let is_path = |at| is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':');
        while is_path(next) && is_ident(tokens.get(next + 2), "super") {
            up += 1;
            next += 3;
        }
        if !is_path(next) || up < module.len() {
            continue;
        }
        let line = ident.span().start().line;
        for to in first_names(&tokens[next + 2..]) {
            edges.push(Edge { file: file.to_owned(), line, from: module[0].clone(), to });
        }
        at = next;
    }
}

/// The first name of a path, or of each path in braces.
fn first_names(tokens: &[TokenTree]) -> Vec<String> {
    match tokens.first() {
        // Macros are at the root, regardless of where they are defined.
        Some(TokenTree::Ident(_)) if is_punct(tokens.get(1), '!') => Vec::new(),
        Some(TokenTree::Ident(ident)) => vec![ident.to_string()],
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let tokens: Vec<_> = group.stream().into_iter().collect();
            let paths = tokens.split(|it| is_punct(Some(it), ','));
            paths.flat_map(first_names).collect()
        }
        _ => Vec::new(),
    }
}

fn is_punct(token: Option<&TokenTree>, expected: char) -> bool {
    matches!(token, Some(TokenTree::Punct(it)) if it.as_char() == expected)
}

fn is_ident(token: Option<&TokenTree>, expected: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(it)) if it == expected)
}

/// Whether something is only there for unit tests or for the model checker.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().filter(|it| it.path().is_ident("cfg")).any(|attribute| {
        let condition = attribute.to_token_stream().to_string();
        let has = |word| condition.split(|it: char| !it.is_alphanumeric()).any(|it| it == word);
        (has("test") || has("shuttle")) && !has("not")
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(it) => &it.attrs,
        Item::Enum(it) => &it.attrs,
        Item::Fn(it) => &it.attrs,
        Item::Impl(it) => &it.attrs,
        Item::Macro(it) => &it.attrs,
        Item::Mod(it) => &it.attrs,
        Item::Static(it) => &it.attrs,
        Item::Struct(it) => &it.attrs,
        Item::Trait(it) => &it.attrs,
        Item::Type(it) => &it.attrs,
        Item::Use(it) => &it.attrs,
        _ => &[],
    }
}

fn file_of(folder: &Path, module: &str) -> PathBuf {
    folder.join(module).with_extension("rs")
}

fn parse(file: &Path) -> syn::File {
    let text = fs::read_to_string(file).unwrap_or_else(|it| panic!("{}: {it}", file.display()));
    syn::parse_file(&text).unwrap_or_else(|it| panic!("{}: {it}", file.display()))
}
