//! Tokens to the text that people read.

use std::collections::BTreeMap;

use crate::{
    GeneratedFile,
    emit::{self, LINE_BREAK},
    sides::{self, Conditions},
};

/// Formats the files as they come: the header, then what prettyplease makes of the items, with blank lines
/// between them. What stands behind a condition that is not met is left out, and the files that nothing
/// leads to then.
pub(crate) fn format<'a>(
    files: impl Iterator<Item = emit::File> + 'a,
    conditions: &'a Conditions,
    header: &'a str,
) -> Box<dyn Iterator<Item = GeneratedFile> + 'a> {
    if conditions.is_trivial() {
        return Box::new(files.map(move |it| text(it.path.clone(), header, &tree(it))));
    }
    let mut trees: BTreeMap<_, _> = files.map(|it| (it.path.clone(), tree(it))).collect();
    trees.values_mut().for_each(|it| conditions.apply(it));
    let trees = sides::reachable(trees).into_iter();
    Box::new(trees.map(move |(path, tree)| text(path, header, &tree)))
}

fn tree(file: emit::File) -> syn::File {
    let path = file.path;
    // The emitters write Rust; the tests parse what they write for every kind of shape.
    syn::parse2(file.tokens).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn text(path: String, header: &str, tree: &syn::File) -> GeneratedFile {
    GeneratedFile { path, contents: separate(header, &prettyplease::unparse(tree)) }
}

/// Puts a blank line between items, as people do; prettyplease puts none.
fn separate(header: &str, text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 16 + header.len());
    out.push_str(header);
    let mut previous = Line::default();
    // The first line of the item before, for items of several lines.
    let mut item = "";
    for line in text.lines().map(Line::new) {
        if is_boundary(previous, item, line) {
            out.push('\n');
        }
        push_line(&mut out, line);
        previous = line;
        if line.indent.is_empty() && !line.text.starts_with(['}', ')', ']']) {
            item = line.text;
        }
    }
    out
}

/// A line of the text.
#[derive(Clone, Copy, Default)]
struct Line<'t> {
    /// The spaces at its beginning.
    indent: &'t str,
    /// What stands behind them.
    text: &'t str,
}

impl<'t> Line<'t> {
    fn new(line: &'t str) -> Self {
        let (indent, text) = line.split_at(line.bytes().take_while(|it| *it == b' ').count());
        Self { indent, text }
    }
}

/// Adds a line, or the several that a documentation has.
fn push_line(out: &mut String, line: Line<'_>) {
    let mut push = |mark: &str, text: &str| {
        out.push_str(line.indent);
        out.push_str(mark);
        out.push_str(text);
        out.push('\n');
    };
    if line.text.starts_with("///") || line.text.starts_with("//!") {
        let (mark, text) = line.text.split_at("///".len());
        text.split(LINE_BREAK).for_each(|it| push(mark, it));
    } else {
        push("", line.text);
    }
}

/// Whether a blank line belongs between two lines.
fn is_boundary(previous: Line<'_>, item: &str, line: Line<'_>) -> bool {
    let (before, after) = (previous.text, line.text);
    let is_inner = before.is_empty() || after.is_empty() || after.starts_with('}');
    if is_inner || previous.indent.len() != line.indent.len() {
        return false;
    }
    if before.starts_with("//!") || before.starts_with("#![") {
        return !after.starts_with("//!") && !after.starts_with("#![");
    }
    if before.starts_with("///") || before.starts_with("#[") {
        return false;
    }
    match line.indent.len() {
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
