//! Documentation: CommonMark of the model to CommonMark that is safe for rustdoc.

use std::collections::HashMap;

use super::Lowering;
use crate::{ast::Member, ir, traits::Traits};

impl Lowering<'_, '_, '_> {
    /// The documentation of a member: its own, or that of its target.
    pub(super) fn member_docs(&self, member: &Member) -> ir::Docs {
        let mut traits = member.traits.clone();
        if let (None, Some(target)) =
            (&traits.documentation, self.resolved.model.get(&member.target))
        {
            traits.documentation = target.traits.documentation.clone();
        }
        self.docs(&traits)
    }

    /// The documentation of a shape or member.
    pub(super) fn docs(&self, traits: &Traits) -> ir::Docs {
        let mut text = traits.documentation.clone().unwrap_or_default();
        if let Some(range) = &traits.range {
            let range = match (&range.min, &range.max) {
                (Some(min), Some(max)) => format!("{min} to {max}"),
                (Some(min), None) => format!("at least {min}"),
                (None, max) => format!("at most {}", max.as_deref().unwrap_or_default()),
            };
            text.push_str(&format!("\n\nRange: {range}."));
        }
        let deprecated = traits.deprecated.as_ref().map(|it| {
            // Others are an error to clippy.
            let since = it.since.clone().filter(|it| is_version(it));
            let note = match (&it.message, &it.since) {
                (Some(message), Some(text)) if since.is_none() => {
                    Some(format!("since {text}: {message}"))
                }
                (Some(message), _) => Some(message.clone()),
                (None, Some(text)) if since.is_none() => Some(format!("since {text}")),
                (None, _) => None,
            };
            ir::Deprecated { since, note }
        });
        let mut cleaner = Cleaner { paths: &self.paths, links: Vec::new() };
        let text = cleaner.clean(&text);
        cleaner.links.sort();
        cleaner.links.dedup();
        ir::Docs { text, links: cleaner.links, deprecated }
    }
}

/// Whether a text is three numbers with points in between.
fn is_version(text: &str) -> bool {
    let is_number = |it: &str| {
        let is_padded = it.len() > 1 && it.starts_with('0');
        (1..=9).contains(&it.len()) && !is_padded && it.bytes().all(|it| it.is_ascii_digit())
    };
    text.split('.').count() == 3 && text.split('.').all(is_number)
}

/// How long a code span or a link may be, in bytes.
const MAX_SPAN: usize = 2_000;

struct Cleaner<'a> {
    /// The paths of the types that a text may name.
    paths: &'a HashMap<String, String>,
    /// What the text named.
    links: Vec<(String, String)>,
}

impl Cleaner<'_> {
    /// Makes text of a model safe for rustdoc: nothing in it may be a link that leads nowhere, a tag, a
    /// doc test, or a character that rustc refuses.
    fn clean(&mut self, text: &str) -> String {
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
                self.clean_line(line.trim(), &mut clean);
            }
            clean.push('\n');
        }
        if is_code {
            clean.push_str("```\n");
        }
        clean.trim_end().to_owned()
    }

    /// Escapes what is neither in a code span nor a Markdown link.
    fn clean_line(&mut self, line: &str, clean: &mut String) {
        let mut rest = line;
        while let Some(at) = rest.find(['`', '[', ']', '<']) {
            let (before, special) = rest.split_at(at);
            clean.push_str(before);
            // What is not closed soon is not closed: to look at all of a long line each time takes too long.
            let near = &special[..special.floor_char_boundary(MAX_SPAN)];
            let kept = match special.as_bytes()[0] {
                b'`' => code_span(near),
                b'[' => link(near),
                b'<' if near.starts_with("<http") => near.find('>').map(|it| it + 1),
                _ => None,
            };
            let len = kept.unwrap_or_else(|| {
                clean.push('\\');
                1
            });
            rest = &special[len..];
            // A name, a colon and a word on a line by themselves would be the definition of a link.
            let is_definition = rest.starts_with(':') && rest.split(' ').take(4).count() < 4;
            match !is_definition && self.link_to(&special[..len]) {
                true => clean.push_str(&format!("[{}]", &special[..len])),
                false => clean.push_str(&special[..len]),
            }
        }
        clean.push_str(rest);
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
        let paths = HashMap::from([("Shape".to_owned(), "crate::types::Shape".to_owned())]);
        let mut cleaner = Cleaner { paths: &paths, links: Vec::new() };
        assert_eq!(cleaner.clean(text), expected);
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
    fn links_code_spans_that_name_a_shape() {
        check("a `Shape`, not a `Shapes`", "a [`Shape`], not a `Shapes`");
        check("`Shape`: what it is for", "[`Shape`]: what it is for");
        check("`Shape`: word", "`Shape`: word");
        check("```\n`Shape`\n```", "```text\n`Shape`\n```");
    }
}
