//! CommonMark to doc comments.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::Docs;

/// How long a line of documentation may be, without indentation and `///`.
const WIDTH: usize = 96;

/// `#[doc]` attributes, one for each line.
pub(super) fn outer(text: &str) -> TokenStream {
    let lines = lines(text).into_iter().map(|line| quote!(#[doc = #line]));
    quote!(#(#lines)*)
}

/// `#![doc]` attributes, one for each line.
pub(super) fn inner(text: &str) -> TokenStream {
    let lines = lines(text).into_iter().map(|line| quote!(#![doc = #line]));
    quote!(#(#lines)*)
}

/// The documentation of a shape, or `otherwise` if it has none, with `#[deprecated]`.
pub(super) fn of(docs: &Docs, otherwise: &str) -> TokenStream {
    let text = outer(&or(&docs.text, otherwise));
    let deprecated = deprecated(docs);
    quote!(#text #deprecated)
}

/// `#[deprecated]`, if something is.
pub(super) fn deprecated(docs: &Docs) -> TokenStream {
    match docs.deprecated.as_ref().map(|it| &it.note) {
        None => TokenStream::new(),
        Some(None) => quote!(#[deprecated]),
        Some(Some(note)) => quote!(#[deprecated(note = #note)]),
    }
}

/// Clean documentation, or `otherwise`, which is clean, if there is none.
pub(super) fn or(text: &str, otherwise: &str) -> String {
    match text.trim() {
        "" => otherwise.to_owned(),
        text => clean(text),
    }
}

/// The lines of a doc comment, each with the space that follows the slashes.
fn lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut is_code = false;
    for line in text.lines() {
        is_code ^= line.trim_start().starts_with("```");
        match line.trim_end() {
            "" => lines.push(String::new()),
            line if is_code || line.chars().count() <= WIDTH || line.starts_with('|') => {
                lines.push(format!(" {line}"));
            }
            line => wrap(line, &mut lines),
        }
    }
    lines
}

/// Breaks a long line at spaces; what follows stands under the text of a list item.
fn wrap(line: &str, lines: &mut Vec<String>) {
    let text = line.trim_start_matches([' ', '-', '*']);
    let marker = &line[..line.len() - text.len()];
    let mut current = format!(" {marker}");
    let indent = " ".repeat(current.len());
    let mut is_empty = true;
    for word in text.split(' ') {
        if !is_empty && current.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut current, indent.clone()));
            is_empty = true;
        }
        if !is_empty {
            current.push(' ');
        }
        current.push_str(word);
        is_empty = false;
    }
    lines.push(current);
}

/// Makes text of a model safe for rustdoc: nothing in it may be a link that leads nowhere, a tag, a
/// doc test, or a character that rustc refuses.
fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\t', "    ");
    let is_allowed = |it: &char| {
        let is_bidi = matches!(it, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        (*it == '\n' || !it.is_control()) && !is_bidi
    };
    let text: String = text.chars().filter(is_allowed).collect();
    let mut clean = String::with_capacity(text.len());
    let mut is_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
            // A fence without a language is a doc test.
            let is_bare = is_code && line.trim() == "```";
            clean.push_str(if is_bare { "```text" } else { line.trim() });
        } else if is_code {
            clean.push_str(line);
        } else {
            // Four spaces would begin code, and so a doc test.
            let indent = line.len() - line.trim_start().len();
            clean.push_str(&" ".repeat(indent.min(3)));
            clean_line(line.trim(), &mut clean);
        }
        clean.push('\n');
    }
    if is_code {
        clean.push_str("```\n");
    }
    clean.trim_end().to_owned()
}

/// Escapes what is neither in a code span nor a Markdown link.
fn clean_line(line: &str, clean: &mut String) {
    let mut rest = line;
    while let Some(at) = rest.find(['`', '[', ']', '<']) {
        let (before, special) = rest.split_at(at);
        clean.push_str(before);
        let kept = match special.as_bytes()[0] {
            b'`' => code_span(special),
            b'[' => link(special),
            b'<' if special.starts_with("<http") => special.find('>').map(|it| it + 1),
            _ => None,
        };
        let len = kept.unwrap_or_else(|| {
            clean.push('\\');
            1
        });
        clean.push_str(&special[..len]);
        rest = &special[len..];
    }
    clean.push_str(rest);
}

/// The length of the code span at the front of `text`, if it is closed on the line.
fn code_span(text: &str) -> Option<usize> {
    let ticks = text.len() - text.trim_start_matches('`').len();
    let fence = &text[..ticks];
    text[ticks..].find(fence).map(|it| it + 2 * ticks)
}

/// The length of the inline link to the web at the front of `text`, if there is one.
fn link(text: &str) -> Option<usize> {
    let close = text.find("](http")?;
    let label = &text[1..close];
    let end = text[close..].find(')')?;
    (!label.contains(['[', ']', '`', '<'])).then_some(close + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(clean(text), expected);
    }

    #[test]
    fn escapes_what_rustdoc_would_take_for_something_else() {
        check("see [Foo] and <b>", "see \\[Foo\\] and \\<b>");
        check("`[Foo]` is `<T>`", "`[Foo]` is `<T>`");
        check("an [AWS page](https://aws.amazon.com/x)", "an [AWS page](https://aws.amazon.com/x)");
        check("    indented\r\nback", "   indented\nback");
        check("```\nlet x;\n```", "```text\nlet x;\n```");
        check("```json\n{\n", "```json\n{\n```");
        check("a\u{202e}b\u{0}c", "abc");
        check("an open ` tick", "an open \\` tick");
    }

    #[test]
    fn wraps_long_lines_under_list_items() {
        let text = format!("- {}", "word ".repeat(40).trim_end());
        let lines = lines(&text);
        assert!(lines.len() > 1 && lines.iter().all(|it| it.len() <= WIDTH));
        assert!(lines[0].starts_with(" - word") && lines[1].starts_with("   word"));
    }
}
