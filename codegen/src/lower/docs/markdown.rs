//! CommonMark of a model to CommonMark that is safe for rustdoc: nothing in it is a link that leads
//! nowhere, a tag, or a doc test, and lists are indented as the lints ask.

mod code;
mod quote;

use std::collections::HashMap;

use super::html::{Tag, code_span};
use code::{Fence, Spans, push_code};

/// Makes a text safe, and links the code spans in it that name a type.
pub(super) struct Cleaner<'a> {
    /// The paths of the types that a text may name.
    pub(super) paths: &'a HashMap<String, String>,
    /// What the text named.
    pub(super) links: Vec<(String, String)>,
}

/// How long an address may be.
const MAX_ADDRESS: usize = 2048;

/// How long the text of a tag may be that is to become a link or a code span.
const MAX_INLINE: usize = 512;

impl Cleaner<'_> {
    /// Cleans a text, whose characters are all allowed.
    pub(super) fn clean(&mut self, text: &str) -> String {
        self.blocks(text, 0)
    }

    /// Cleans the whole text, or what is quoted at a depth.
    fn blocks(&mut self, text: &str, depth: usize) -> String {
        let mut clean = String::with_capacity(text.len() + text.len() / 16);
        let mut lines = text.lines().peekable();
        // How far the text of each open list item is indented, in the source and here.
        let mut items: Vec<(usize, usize)> = Vec::new();
        let mut is_paragraph = false;
        while let Some(line) = lines.next() {
            let body = line.trim();
            if body.is_empty() {
                is_paragraph = false;
                if !clean.is_empty() && !clean.ends_with("\n\n") {
                    clean.push('\n');
                }
                continue;
            }
            let indent = line.len() - line.trim_start().len();
            let mark = list_mark(body);
            let begins = mark.is_some() || body.starts_with(['>', '#']);
            if !is_paragraph || begins {
                while items.last().is_some_and(|it| indent < it.0) {
                    items.pop();
                }
            }
            let (around, here) = items.last().copied().unwrap_or_default();
            let margin = " ".repeat(here);
            if let Some(fence) = Fence::open(body) {
                let mut code = Vec::new();
                for line in lines.by_ref() {
                    if fence.is_closed_by(line) {
                        break;
                    }
                    let spaces = line.len() - line.trim_start_matches(' ').len();
                    code.push(&line[spaces.min(indent)..]);
                }
                push_code(fence.language(), &code, &margin, &mut clean);
                is_paragraph = false;
            } else if !is_paragraph && indent >= around + 4 {
                // Code by indentation: it goes on to the first line that is not indented.
                let strip = |line: &'_ str| line.len().min(around + 4);
                let mut code = vec![&line[strip(line)..]];
                while let Some(next) = lines.peek() {
                    let spaces = next.len() - next.trim_start_matches(' ').len();
                    if !next.trim().is_empty() && spaces < around + 4 {
                        break;
                    }
                    code.push(next.get(strip(next).min(spaces)..).unwrap_or_default());
                    lines.next();
                }
                while code.last().is_some_and(|it| it.trim().is_empty()) {
                    code.pop();
                }
                push_code("text", &code, &margin, &mut clean);
                clean.push('\n');
                is_paragraph = false;
            } else {
                clean.push_str(&margin);
                let mut rest = body;
                let mut margin = margin;
                if let Some(mark) = mark {
                    let text = body[mark..].trim_start();
                    clean.push_str(&body[..mark]);
                    clean.push(' ');
                    items.push((indent + mark + 1, here + mark + 1));
                    margin.push_str(&" ".repeat(mark + 1));
                    rest = text;
                }
                if rest.starts_with('>') && depth < quote::MAX_DEPTH {
                    let quoted = self.blocks(&quote::take(rest, &mut lines), depth + 1);
                    let quoted: Vec<_> = quoted.split('\n').map(|it| format!("> {it}")).collect();
                    let quoted = quoted.iter().map(|it| it.trim_end());
                    clean.push_str(&quoted.collect::<Vec<_>>().join(&format!("\n{margin}")));
                    // What comes next is not a part of it.
                    clean.push_str("\n\n");
                    is_paragraph = false;
                    continue;
                }
                if rest.starts_with('>') {
                    clean.push('\\');
                }
                self.line(rest, &mut clean);
                clean.push('\n');
                is_paragraph = !rest.starts_with('#');
            }
        }
        clean.truncate(clean.trim_end().len());
        clean
    }

    /// Escapes what is neither in a code span nor a link.
    fn line(&mut self, line: &str, clean: &mut String) {
        let spans = Spans::of(line);
        let mut at = 0;
        while at < line.len() {
            let rest = &line[at..];
            let plain = rest.find(['`', '[', ']', '<', '\\', 'h']).unwrap_or(rest.len());
            clean.push_str(&rest[..plain]);
            at += plain;
            let rest = &line[at..];
            at += match rest.as_bytes().first() {
                None => break,
                Some(b'`') => self.ticks(rest, spans.end(at).map(|end| end - at), clean),
                Some(b'\\') => escaped(rest, clean),
                Some(b'h') => address(rest, line[..at].chars().next_back(), clean),
                Some(b'[') => match link(rest) {
                    Some(len) => push(&rest[..len], clean),
                    None => {
                        clean.push('\\');
                        push("[", clean)
                    }
                },
                Some(b']') => {
                    clean.push('\\');
                    push("]", clean)
                }
                _ => angle(rest, clean),
            };
        }
    }

    /// A code span, or ticks that open none.
    fn ticks(&mut self, rest: &str, span: Option<usize>, clean: &mut String) -> usize {
        let Some(len) = span else {
            let ticks = rest.len() - rest.trim_start_matches('`').len();
            clean.extend((0..ticks).map(|_| "\\`"));
            return ticks;
        };
        let span = &rest[..len];
        let after = &rest[len..];
        // A name, a colon and a word on a line by themselves would be the definition of a link.
        let is_definition =
            after.starts_with(':') && after.len() < 400 && after.split(' ').count() < 4;
        match !is_definition && self.link_to(span) {
            true => clean.push_str(&format!("[{span}]")),
            false => clean.push_str(span),
        }
        len
    }

    /// Whether a piece of text is the name of a type in a code span. It then becomes a link.
    fn link_to(&mut self, piece: &str) -> bool {
        let name = piece.trim_matches('`');
        match self.paths.get(name) {
            Some(path) if piece.len() == name.len() + 2 => {
                self.links.push((name.to_owned(), path.clone()));
                true
            }
            _ => false,
        }
    }
}

fn push(text: &str, clean: &mut String) -> usize {
    clean.push_str(text);
    text.len()
}

/// A backslash, with what it stands before.
fn escaped(rest: &str, clean: &mut String) -> usize {
    match rest[1..].chars().next().filter(char::is_ascii_punctuation) {
        Some(next) => push(&rest[..1 + next.len_utf8()], clean),
        None => push("\\", clean),
    }
}

/// A bare address becomes a link; rustdoc asks for that.
fn address(rest: &str, before: Option<char>, clean: &mut String) -> usize {
    let is_address = rest.starts_with("http://") || rest.starts_with("https://");
    if !is_address || before.is_some_and(|it| it.is_alphanumeric()) {
        return push("h", clean);
    }
    let is_end = |it: char| it.is_whitespace() || "<>\"`[]\\|*".contains(it);
    let end = rest.char_indices().take(MAX_ADDRESS).find(|(_, it)| is_end(*it));
    let end = end.map_or(rest.len().min(MAX_ADDRESS), |it| it.0);
    let Some(address) = rest.get(..end) else { return push("h", clean) };
    let mut address = address.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', ')']);
    // A parenthesis belongs to the address if it was opened there.
    if rest[address.len()..].starts_with(')') && address.contains('(') {
        address = &rest[..address.len() + 1];
    }
    if !address.ends_with("//") {
        clean.push_str(&format!("<{address}>"));
    } else {
        clean.push_str(address);
    }
    address.len()
}

/// An address in angle brackets, a tag, or something that is neither.
fn angle(rest: &str, clean: &mut String) -> usize {
    if rest.starts_with("<http://") || rest.starts_with("<https://") {
        let is_end = |it: char| it.is_whitespace() || it == '>';
        let end =
            rest.char_indices().take(MAX_ADDRESS).skip(1).find(|(_, it)| is_end(*it) || *it == '<');
        if let Some((end, '>')) = end {
            return push(&rest[..=end], clean);
        }
    }
    if rest.starts_with("<!--")
        && let Some(end) = rest[..rest.floor_char_boundary(MAX_ADDRESS)].find("-->")
    {
        return end + 3;
    }
    let Some(tag) = Tag::at(rest) else {
        clean.push('\\');
        return push("<", clean);
    };
    match (&*tag.name, tag.is_end) {
        ("b" | "strong", _) => clean.push_str("**"),
        ("i" | "em", _) => clean.push('*'),
        ("br", _) => clean.push(' '),
        ("code" | "tt" | "a", false) => {
            let body = &rest[tag.len..];
            let end = format!("</{}>", tag.name);
            let near = &body[..body.floor_char_boundary(MAX_INLINE)];
            let Some(len) = near.find(&end) else { return tag.len };
            let text = body[..len].trim();
            let plain = text.replace(['[', ']', '`', '<', '\\'], "");
            match (tag.address(), text.is_empty()) {
                (_, true) => {}
                (Some(address), _) => clean.push_str(&format!("[{plain}]({address})")),
                (None, _) if tag.name == "a" => clean.push_str(&plain),
                (None, _) => clean.push_str(&code_span(text)),
            }
            return tag.len + len + end.len();
        }
        _ => {}
    }
    tag.len
}

/// The length of the inline link to the web at the front of `text`, if there is one.
fn link(text: &str) -> Option<usize> {
    let mut characters = text.char_indices().skip(1);
    let close = loop {
        match characters.next()? {
            (_, '\\') => drop(characters.next()),
            (at, ']') => break at,
            (_, '[' | '<') => return None,
            _ => {}
        }
    };
    let address = text[close..].strip_prefix("](")?;
    if !address.starts_with("http://") && !address.starts_with("https://") {
        return None;
    }
    let is_end = |it: char| it.is_whitespace() || "<>[`)".contains(it);
    let (end, last) = address.char_indices().take(MAX_ADDRESS).find(|it| is_end(it.1))?;
    (last == ')' && close > 1).then_some(close + 2 + end + 1)
}

/// How long the mark of a list item is at the front of a line, without the space after it.
pub(crate) fn list_mark(line: &str) -> Option<usize> {
    let digits = line.bytes().take(10).take_while(u8::is_ascii_digit).count();
    let len = match digits {
        0 if line.starts_with(['-', '*', '+']) => 1,
        1..=9 if line[digits..].starts_with(['.', ')']) => digits + 1,
        _ => return None,
    };
    let is_item = line[len..].starts_with(' ') && !line[len..].trim().is_empty();
    // A line of the same marks is a rule.
    let is_rule = digits == 0 && line.chars().all(|it| it == ' ' || line.starts_with(it));
    (is_item && !is_rule).then_some(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let paths = HashMap::from([("Shape".to_owned(), "crate::types::Shape".to_owned())]);
        let mut cleaner = Cleaner { paths: &paths, links: Vec::new() };
        assert_eq!(cleaner.clean(text), expected);
    }

    #[test]
    fn escapes_what_rustdoc_would_take_for_something_else() {
        check("see [Foo] and <Bar>", "see \\[Foo\\] and \\<Bar>");
        check("see \\[Foo] and \\<b>", "see \\[Foo\\] and \\<b>");
        check("`[Foo]` is `<T>`", "`[Foo]` is `<T>`");
        check(
            "an [AWS page](https://aws.amazon.com/x) and [not](here)",
            "an [AWS page](https://aws.amazon.com/x) and \\[not\\](here)",
        );
        check("an open ` tick, and `` two", "an open \\` tick, and \\`\\` two");
        check(
            "<b>bold</b> <code>a[0]</code> <a href=\"https://x.y\">z</a><br>w",
            "**bold** `a[0]` [z](https://x.y) w",
        );
        check(
            "go to https://x.y/z?a=b, or (http://q.r).",
            "go to <https://x.y/z?a=b>, or (<http://q.r>).",
        );
        check("<https://x.y> ahttp://b h", "<https://x.y> ahttp://b h");
        check("a <!-- b --> c", "a  c");
    }

    #[test]
    fn code_is_no_test() {
        check("```\nlet x;\n```", "```text\nlet x;\n```");
        check("```json\n{\n", "```json\n{\n```");
        check("~~~ rust,no_run\nx\n```\n~~~\ny", "````text\nx\n```\n````\ny");
        check("a\n\n    let x;\n\n      y\n\nb", "a\n\n```text\nlet x;\n\n  y\n```\n\nb");
        check("    x", "```text\nx\n```");
        check("- a\n\n      code\n", "- a\n\n  ```text\n  code\n  ```");
        check("a\n    b", "a\nb");
    }

    #[test]
    fn lists_are_indented_as_the_lints_ask() {
        check("* a\nb\n* c\n    * d\n\n      e\n\nf", "* a\n  b\n* c\n  * d\n\n    e\n\nf");
        check("1. a\n   b\n10) c", "1. a\n   b\n10) c");
        check("- - -\n**b** c", "- - -\n**b** c");
    }

    #[test]
    fn every_line_of_a_quote_has_its_mark() {
        check("> a\nb\n\nc", "> a\n> b\n\nc");
        check(">a\n> > b\n> c\n# d", "> a\n> > b\n> > c\n\n# d");
        check("> - a\n> b\nc\n- d", "> - a\n>   b\n>   c\n\n- d");
        check("- > a\nb\n- c", "- > a\n  > b\n\n- c");
        check("> ```\n> [a]\n> ```\nb", "> ```text\n> [a]\n> ```\n\nb");
        check("> # a\nb", "> # a\n\nb");
        check("- a\n> b\n- c\n# d", "- a\n> b\n\n- c\n# d");
        check(&format!("{}a", ">".repeat(10)), &format!("{}\\>>a", "> ".repeat(8)));
    }

    #[test]
    fn links_code_spans_that_name_a_shape() {
        check("a `Shape`, not a `Shapes`", "a [`Shape`], not a `Shapes`");
        check("`Shape`: what it is for", "[`Shape`]: what it is for");
        check("`Shape`: word", "`Shape`: word");
        check("```\n`Shape`\n```", "```text\n`Shape`\n```");
    }

    #[test]
    fn long_texts_take_no_time_to_speak_of() {
        let mut ticks = String::new();
        for len in 1..600 {
            ticks.push_str(&"`".repeat(len));
            ticks.push(' ');
        }
        for piece in [
            "[",
            "<",
            "`",
            "<p ",
            "[a](http://",
            "http://",
            "`a`:",
            "<code>",
            "\\",
            "- ",
            "> ",
            ">\n",
            "> a\nb\n",
            "    x\n",
            "~~~\n",
            "<!--",
        ] {
            let text = piece.repeat(200_000 / piece.len());
            let mut cleaner = Cleaner { paths: &HashMap::new(), links: Vec::new() };
            assert!(cleaner.clean(&text).len() <= text.len() * 2);
        }
        let mut cleaner = Cleaner { paths: &HashMap::new(), links: Vec::new() };
        assert_eq!(cleaner.clean(&ticks).len(), ticks.len() * 2 - 599 - 1);
    }
}
