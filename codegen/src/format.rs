//! Formatting of tokens as text.

use crate::{
    GeneratedFile,
    emit::{self, LINE_BREAK, LINK, ROW, Scope},
};

/// Formats a file: the header, then the items, with blank lines between them.
pub(crate) fn format(file: emit::File, header: &str) -> GeneratedFile {
    let emit::File { path, tokens, scope } = file;
    // Emitters write valid Rust: tests cover every kind of shape.
    let tree = syn::parse2(tokens).unwrap_or_else(|error| panic!("{path}: {error}"));
    GeneratedFile { path, contents: separate(header, &rows(prettyplease::unparse(&tree)), &scope) }
}

/// Puts each row of a macro call on its own line; prettyplease fills them like a paragraph.
fn rows(text: String) -> String {
    let row = format!(" {ROW:?} ");
    let Some(first) = text.find(&row) else { return text };
    let start = text[..first].rfind("{\n").map_or(0, |it| it + 2);
    let (before, rest) = text.split_at(start);
    let (rows, after) = rest.split_at(rest.find("\n}").unwrap_or(rest.len()));
    let rows = rows.lines().map(str::trim).collect::<Vec<_>>().join(" ").replace(&row, "\n    ");
    format!("{before}    {rows}{after}")
}

/// Puts blank lines between items; prettyplease writes none.
fn separate(header: &str, text: &str, scope: &Scope) -> String {
    let mut out = String::with_capacity(header.len() + text.len() + text.len() / 16);
    out.push_str(header);
    // `item` is the first line of the last item at the root.
    let (mut before, mut item) = ("", "");
    for line in text.lines() {
        if is_boundary(before, item, line) {
            out.push('\n');
        }
        let (indent, text) = line.split_at(depth(line));
        let mark = if text.starts_with("///") || text.starts_with("//!") { &text[..3] } else { "" };
        // One literal contains all lines of a documentation.
        for part in text[mark.len()..].split(LINE_BREAK) {
            let mut parts = part.split(LINK);
            out.extend([indent, mark, parts.next().unwrap_or_default(), "\n"]);
            let mut links = parts.filter(|it| !is_in_scope(it, scope)).peekable();
            if links.peek().is_some() {
                out.extend([indent, mark, "\n"]);
            }
            for link in links {
                out.extend([indent, mark, " ", link, "\n"]);
            }
        }
        before = line;
        if indent.is_empty() && !text.starts_with(['}', ')', ']']) {
            item = line;
        }
    }
    out
}

/// Whether a link definition, ``[`Name`]: path::to::Name``, is redundant because the name is in scope.
fn is_in_scope(link: &str, scope: &Scope) -> bool {
    let (label, path) = link.split_once(": ").unwrap_or_default();
    path.rsplit("::").next() == Some(label.trim_matches(['[', ']', '`'])) && scope.has(path)
}

fn depth(line: &str) -> usize {
    line.bytes().take_while(|byte| *byte == b' ').count()
}

fn is_boundary(before: &str, item: &str, line: &str) -> bool {
    let depth_of_both = depth(line);
    if depth(before) != depth_of_both {
        return false;
    }
    let (before, after) = (&before[depth_of_both..], &line[depth_of_both..]);
    if before.is_empty() || after.is_empty() || after.starts_with('}') {
        return false;
    }
    let is_inner = |it: &str| it.starts_with("//!") || it.starts_with("#![");
    match depth_of_both {
        _ if is_inner(before) => !is_inner(after),
        _ if before.starts_with("///") || before.starts_with("#[") => false,
        0 => before.ends_with(['}', ';']) && (list(item).is_none() || list(item) != list(after)),
        4 => before == "}" || before.ends_with(';') && starts_item(after),
        _ => false,
    }
}

/// The list of declarations that a line belongs to. Lists are separated by blank lines.
fn list(line: &str) -> Option<usize> {
    let lists: [&[&str]; 5] = [
        &["use std"],
        &["use crate", "use super"],
        &["use "],
        &["pub use "],
        // Of the items at the root, only modules have an attribute on its own line.
        &["mod ", "pub mod ", "#[cfg(feature"],
    ];
    lists.iter().position(|it| it.iter().any(|start| line.starts_with(start)))
}

/// Whether a line in an impl or trait is the first of a function.
fn starts_item(line: &str) -> bool {
    ["fn ", "pub fn ", "pub async fn ", "pub const fn ", "///", "#["]
        .iter()
        .any(|it| line.starts_with(it))
}
