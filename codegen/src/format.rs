//! Tokens to the text that people read.

use std::collections::BTreeMap;

use crate::{
    GeneratedFile, emit,
    sides::{self, Conditions},
};

/// Formats the files as they come: prettyplease, and blank lines between items. What stands behind a
/// condition that is not met is left out, and the files that nothing leads to then.
pub(crate) fn format<'a>(
    files: impl Iterator<Item = emit::File> + 'a,
    conditions: &'a Conditions,
) -> Box<dyn Iterator<Item = GeneratedFile> + 'a> {
    if conditions.is_trivial() {
        return Box::new(files.map(|it| text(it.path.clone(), &tree(it))));
    }
    let mut trees: BTreeMap<_, _> = files.map(|it| (it.path.clone(), tree(it))).collect();
    trees.values_mut().for_each(|it| conditions.apply(it));
    Box::new(sides::reachable(trees).into_iter().map(|(path, tree)| text(path, &tree)))
}

fn tree(file: emit::File) -> syn::File {
    let path = file.path;
    // The emitters write Rust; the tests parse what they write for every kind of shape.
    syn::parse2(file.tokens).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn text(path: String, tree: &syn::File) -> GeneratedFile {
    GeneratedFile { path, contents: separate(&prettyplease::unparse(tree)) }
}

/// Adds the first line, which says where the file is from.
pub(crate) fn with_header(file: GeneratedFile, header: &str) -> GeneratedFile {
    GeneratedFile { contents: format!("// {header}\n\n{}", file.contents), ..file }
}

/// Puts a blank line between items, as people do; prettyplease puts none.
fn separate(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    let mut previous = "";
    // The first line of the item before, for items of several lines.
    let mut item = "";
    for line in text.lines() {
        if is_boundary(previous, item, line) {
            out.push('\n');
        }
        out.push_str(line);
        out.push('\n');
        previous = line;
        if !line.starts_with([' ', '}', ')', ']']) {
            item = line;
        }
    }
    out
}

/// Whether a blank line belongs between two lines.
fn is_boundary(previous: &str, item: &str, line: &str) -> bool {
    let indent = |it: &str| it.len() - it.trim_start().len();
    let (before, after) = (previous.trim(), line.trim());
    let is_inner = before.is_empty() || after.is_empty() || after.starts_with('}');
    if is_inner || indent(previous) != indent(line) {
        return false;
    }
    if before.starts_with("//!") || before.starts_with("#![") {
        return !after.starts_with("//!") && !after.starts_with("#![");
    }
    if before.starts_with("///") || before.starts_with("#[") {
        return false;
    }
    match indent(line) {
        0 => (before.ends_with('}') || before.ends_with(';')) && !is_same_list(item, after),
        4 => before == "}" || (before.ends_with(';') && starts_item(after)),
        _ => false,
    }
}

/// Whether both items belong to one block of `use` or `mod` declarations.
fn is_same_list(before: &str, after: &str) -> bool {
    let list = |it: &str| match it {
        // Only such declarations carry this attribute alone on a line.
        it if it.starts_with("#[cfg(feature") => Some(4),
        it if it.starts_with("use std") => Some(0),
        it if it.starts_with("use crate") || it.starts_with("use super") => Some(2),
        it if it.starts_with("use ") => Some(1),
        it if it.starts_with("pub use ") => Some(3),
        it if it.starts_with("mod ") || it.starts_with("pub mod ") => Some(4),
        _ => None,
    };
    list(before).is_some() && list(before) == list(after)
}

/// Whether a line within an impl or trait begins a function.
fn starts_item(line: &str) -> bool {
    ["fn ", "pub fn ", "pub async fn ", "pub const fn ", "///", "#["]
        .iter()
        .any(|it| line.starts_with(it))
}
