//! The `use` declarations at the top of a file.
//!
//! Emitters write full paths, which become imported names. A `use` that an emitter writes moves to the top.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use proc_macro2::{Delimiter, Group, Ident, Literal, Spacing, TokenStream, TokenTree};
use quote::quote;

use super::ident;

/// The first segments of paths that are imported, each with its group: the standard library, other crates, this
/// crate.
const ROOTS: [(&str, usize); 5] =
    [("std", 0), ("eventstream_rpc", 1), ("serde", 1), ("crate", 2), ("super", 3)];

/// Modules that are imported instead of their items, whose names are too short.
const MODULES: [&str; 2] = ["fmt", "greengrass"];

/// The names that are in scope in a file.
#[derive(Debug, Default)]
pub struct Scope {
    /// The imported names by group and module path.
    imported: BTreeMap<(usize, Vec<String>), BTreeSet<String>>,
    /// The names that the file defines or exports.
    own: HashSet<String>,
}

/// Shortens the paths in a file, and inserts the declarations after the inner attributes.
pub(super) fn import(tokens: TokenStream) -> (TokenStream, Scope) {
    let mut scope = Scope::default();
    let mut items = scope.shorten(tokens, Delimiter::None, false);
    let is_inner = |it: &&[TokenTree]| is_punct(it.first(), '#') && is_punct(it.get(1), '!');
    let attributes = items.chunks(3).take_while(is_inner).count() * 3;
    let rest = items.split_off(attributes);
    items.extend(scope.declarations());
    items.extend(rest);
    (items.into_iter().collect(), scope)
}

impl Scope {
    /// Whether the last segment of a path is in scope and means the same as the path.
    pub fn has(&self, path: &str) -> bool {
        let (key, name) = key(path.split("::").map(str::to_owned).collect());
        self.own.contains(&name) || self.imported.get(&key).is_some_and(|it| it.contains(&name))
    }

    fn add(&mut self, path: &[Ident]) {
        let (key, name) = key(path.iter().map(unraw).collect());
        self.imported.entry(key).or_default().insert(name);
    }

    /// Shortens the paths in a group. Within `#[serde(..)]` they become string literals.
    fn shorten(&mut self, tokens: TokenStream, group: Delimiter, is_serde: bool) -> Vec<TokenTree> {
        let mut out: Vec<TokenTree> = Vec::new();
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            let is_after =
                |it: &str| matches!(out.last(), Some(TokenTree::Ident(last)) if last == it);
            let mut path = match token {
                TokenTree::Ident(word) => vec![word],
                TokenTree::Group(inner) => {
                    let is_serde = is_serde || (group == Delimiter::Bracket && is_after("serde"));
                    let tokens = self.shorten(inner.stream(), inner.delimiter(), is_serde);
                    out.push(Group::new(inner.delimiter(), tokens.into_iter().collect()).into());
                    continue;
                }
                token => {
                    out.push(token);
                    continue;
                }
            };
            if path[0] == "use" {
                let path = tokens.by_ref().take_while(|it| !is_punct(Some(it), ';'));
                let path: TokenStream = path.collect();
                if is_after("pub") {
                    self.own.extend(idents(path.clone()).iter().map(unraw));
                    out.extend(quote!(use #path;));
                } else {
                    self.add(&idents(path));
                }
                continue;
            }
            if ["struct", "enum", "trait"].into_iter().any(is_after) {
                self.own.insert(unraw(&path[0]));
            }
            let is_root = ROOTS.iter().any(|it| path[0] == it.0);
            while is_root && !is_item(&path) && is_colons(tokens.peek()) {
                if let Some(TokenTree::Ident(segment)) = tokens.nth(2) {
                    path.push(segment);
                }
            }
            let is_macro = is_punct(tokens.peek(), '!');
            match &path[..] {
                [_, .., name] if !is_macro => {
                    self.add(&path);
                    out.push(if is_serde {
                        Literal::string(&name.to_string()).into()
                    } else {
                        name.clone().into()
                    });
                }
                _ => out.extend(quote!(#(#path)::*)),
            }
        }
        out
    }

    fn declarations(&self) -> TokenStream {
        let modules = self.imported.iter().map(|((_, module), names)| {
            let module = module.iter().map(|it| ident(it));
            let names: Vec<_> =
                names.iter().filter(|it| !self.own.contains(*it)).map(|it| ident(it)).collect();
            match &names[..] {
                [] => TokenStream::new(),
                [name] => quote!(use #(#module::)*#name;),
                names => quote!(use #(#module::)*{#(#names),*};),
            }
        });
        modules.collect()
    }
}

/// The group and the module of a path, and its last segment.
fn key(mut path: Vec<String>) -> ((usize, Vec<String>), String) {
    let name = path.pop().unwrap_or_default();
    let group = ROOTS.iter().find(|it| path.first().is_some_and(|first| first == it.0));
    ((group.map_or(0, |it| it.1), path), name)
}

/// Whether a prefix of a path is what is imported: a type, or one of [`MODULES`].
fn is_item(path: &[Ident]) -> bool {
    match path {
        [] | [_] => false,
        // The module of an operation may be called `fmt` or `_1st`.
        [root, operation, _] if root == "crate" && operation == "operation" => false,
        [.., name] if MODULES.iter().any(|it| name == it) => true,
        [.., name] => !name.to_string().starts_with(|it: char| it.is_ascii_lowercase()),
    }
}

fn idents(tokens: TokenStream) -> Vec<Ident> {
    let idents = tokens.into_iter().flat_map(|token| match token {
        TokenTree::Ident(ident) => vec![ident],
        TokenTree::Group(group) => idents(group.stream()),
        _ => Vec::new(),
    });
    idents.collect()
}

fn is_punct(token: Option<&TokenTree>, punct: char) -> bool {
    matches!(token, Some(TokenTree::Punct(it)) if it.as_char() == punct)
}

fn is_colons(token: Option<&TokenTree>) -> bool {
    is_punct(token, ':')
        && matches!(token, Some(TokenTree::Punct(it)) if it.spacing() == Spacing::Joint)
}

fn unraw(ident: &Ident) -> String {
    ident.to_string().trim_start_matches("r#").to_owned()
}
