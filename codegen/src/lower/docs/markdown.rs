//! Converts CommonMark to text about which rustdoc does not warn: without broken links, unknown tags or doc tests, and
//! with lists and quotes indented as the lints require.

use std::{borrow::Cow, collections::HashMap, iter::Peekable, str::Lines};

use super::html::{OpenElements, Tag};
use crate::text::longest_ticks;

/// Sanitizes CommonMark, and links code spans that contain the name of a type. The map has the names as keys.
pub(super) struct Sanitizer<'a>(pub(super) &'a HashMap<String, String>);

/// The maximum length of a line of documentation, without indentation and `///`.
const WIDTH: usize = 96;

/// The maximum depth of lists and quotes, and the maximum number of backticks of a code span. More become text.
const MAX: usize = 8;

impl Sanitizer<'_> {
    /// Sanitizes the blocks of a text. `depth` is the number of block quotes around it.
    pub(super) fn blocks(&self, text: &str, depth: usize) -> String {
        let mut out = String::with_capacity(text.len() + text.len() / 16);
        let mut lines = text.lines().peekable();
        // The columns at which the text of each open list item begins, in the output and in the source.
        let mut items: Vec<(usize, usize)> = Vec::new();
        while let Some(line) = lines.next() {
            let mut body = line.trim();
            let is_apart = out.is_empty() || out.ends_with("\n\n");
            if body.is_empty() {
                out.push_str(if is_apart { "" } else { "\n" });
                continue;
            }
            let mut indent = spaces(line);
            while items.last().is_some_and(|(_, column)| indent < *column) {
                items.pop();
            }
            let (mut margin, column) = items.last().copied().unwrap_or_default();
            out.push_str(&" ".repeat(margin));
            let (block, gap) = if is_apart && indent >= column + 4 {
                (indented_code(line, &mut lines, column + 4), "\n\n")
            } else {
                while let Some(mark) = list_mark(body).filter(|_| items.len() < MAX) {
                    out.push_str(&body[..=mark]);
                    body = body[mark..].trim_start();
                    (margin, indent) = (margin + mark + 1, indent + mark + 1);
                    items.push((margin, indent));
                }
                if let Some((mark, language)) = fence(body) {
                    let is_end =
                        |line: &str| line.starts_with(mark) && fence(line) == Some((line, ""));
                    let code = lines.by_ref().take_while(|line| !is_end(line.trim()));
                    let code = code.map(|line| &line[spaces(line).min(indent)..]);
                    (code_block(language, code), "\n")
                } else if body.starts_with('>') && depth < MAX {
                    (self.quote(body, &mut lines, depth), "\n\n")
                } else {
                    let text = self.paragraph(body, &mut lines);
                    // A tag at the start of a line may begin an HTML block, which ends at an empty line.
                    let is_html = text.starts_with('<') && !text.starts_with("<http");
                    let wrapped = || wrap(&text, margin + 2 * depth);
                    if is_html { (text, "\n\n") } else { (wrapped(), "\n") }
                }
            };
            out.push_str(&block.replace('\n', &format!("\n{}", " ".repeat(margin))));
            out.push_str(gap);
        }
        out.truncate(out.trim_end().len());
        out
    }

    /// A quote: the lines with marks, and the lines without marks that continue its last paragraph.
    fn quote(&self, first: &str, lines: &mut Peekable<Lines<'_>>, depth: usize) -> String {
        let unmarked = |line: &str| {
            let text = line.trim().strip_prefix('>').unwrap_or(line.trim());
            format!("{}\n", text.strip_prefix(' ').unwrap_or(text))
        };
        let mut quoted = unmarked(first);
        while let Some(line) = lines.next_if(|it| it.trim().starts_with('>') || is_text(it)) {
            quoted.push_str(&unmarked(line));
        }
        let quoted = self.blocks(&quoted, depth + 1);
        let quoted: Vec<_> = quoted.lines().map(|it| format!("> {it}")).collect();
        quoted.join("\n")
    }

    /// A paragraph or a heading.
    fn paragraph(&self, first: &str, lines: &mut Peekable<Lines<'_>>) -> String {
        let mut text = first.to_owned();
        while let Some(line) = lines.next_if(|it| !first.starts_with('#') && is_text(it)) {
            text.push_str(if first.starts_with('<') { " " } else { "\n" });
            text.push_str(line.trim());
        }
        let mut out = String::new();
        // A mark that is nested too deep becomes text.
        let mark = list_mark(first).unwrap_or(usize::from(first.starts_with('>')));
        if mark > 0 {
            out.push_str(&format!("{}\\{}", &text[..mark - 1], &text[mark - 1..mark]));
        }
        self.inline(&text[mark..], &mut out);
        out
    }

    /// Escapes everything but code spans, links to the web and known inline tags.
    fn inline(&self, text: &str, out: &mut String) {
        let mut open = OpenElements::default();
        let mut rest = text;
        while let Some(at) = rest.find(['`', '[', ']', '<', '\\', 'h']) {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            let (len, safe): (usize, Cow<'_, str>) = match rest.as_bytes()[0] {
                b'`' => self.ticks(rest, rest.len() == text.len()),
                b'h' => match address(rest) {
                    Some(address) => (address.len(), format!("<{address}>").into()),
                    None => (1, "h".into()),
                },
                b'[' => link(rest).map_or((1, "\\[".into()), |link| (link.len(), link.into())),
                b']' => (1, "\\]".into()),
                // An escape in the source.
                b'\\' if rest[1..].starts_with(|it: char| it.is_ascii_punctuation()) => {
                    (2, rest[..2].into())
                }
                // A backslash at the end must not escape an end tag.
                b'\\' if rest.len() == 1 => (1, "\\\\".into()),
                b'\\' => (1, "\\".into()),
                _ => {
                    let tag = Tag::at(rest).filter(|tag| !tag.is_block);
                    let html = tag.map(|tag| (tag.len, Cow::from(open.inline(&tag))));
                    let link = address(&rest[1..]).and_then(|it| rest.get(..it.len() + 2));
                    let link = link.filter(|it| it.ends_with('>')).map(|it| (it.len(), it.into()));
                    html.filter(|(_, html)| !html.is_empty()).or(link).unwrap_or((1, "\\<".into()))
                }
            };
            // After a link, rustdoc treats even an escaped bracket as part of the link.
            let is_behind = &*safe == "\\[" && out.ends_with(']');
            out.push_str(if is_behind { "&#91;" } else { &safe });
            rest = &rest[len..];
        }
        out.push_str(rest);
        out.push_str(&open.close(0));
    }

    /// A code span, linked if it names a type; or escaped backticks if no code span begins here.
    fn ticks<'t>(&self, text: &'t str, is_first: bool) -> (usize, Cow<'t, str>) {
        let Some(span) = span_at(text) else {
            let ticks = text.len() - text.trim_start_matches('`').len();
            return (ticks, "\\`".repeat(ticks).into());
        };
        let name = &span[1..span.len() - 1];
        let is_definition = is_first && is_definition(&text[span.len()..]);
        let is_link = self.0.contains_key(name) && !is_definition;
        (span.len(), if is_link { format!("[{span}]").into() } else { span.into() })
    }
}

fn spaces(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// An indented code block, up to the next line with less indentation.
fn indented_code(first: &str, lines: &mut Peekable<Lines<'_>>, column: usize) -> String {
    let is_code = |line: &&str| line.trim().is_empty() || spaces(line) >= column;
    let mut code = vec![first];
    code.extend(std::iter::from_fn(|| lines.next_if(is_code)));
    let len = code.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |at| at + 1);
    code_block("text", code[..len].iter().map(|line| line.get(column..).unwrap_or_default()))
}

/// The mark and the language of a line that starts a fenced code block.
fn fence(line: &str) -> Option<(&str, &str)> {
    let info = line.trim_start_matches(line.chars().next().filter(|it| "`~".contains(*it))?);
    let mark = &line[..line.len() - info.len()];
    let is_fence = mark.len() >= 3 && !(mark.starts_with('`') && info.contains('`'));
    is_fence.then_some((mark, info.trim()))
}

/// A code block that is not a doc test, in a fence that its content does not close.
fn code_block<'l>(language: &str, code: impl Iterator<Item = &'l str>) -> String {
    const KEPT: &str = "bash console http java json python sh sql text toml typescript xml yaml";
    let language = KEPT.split(' ').find(|it| *it == language).unwrap_or("text");
    let code: String = code.map(|line| format!("{line}\n")).collect();
    let fence = "`".repeat(longest_ticks(&code).max(2) + 1);
    format!("{fence}{language}\n{code}{fence}")
}

/// The code span at the start of a text. It must end on the same line, because the next may begin a block.
fn span_at(text: &str) -> Option<&str> {
    let text = text.lines().next()?;
    let ticks = |text: &str| text.len() - text.trim_start_matches('`').len();
    let len = Some(ticks(text)).filter(|len| *len <= MAX)?;
    let mut at = len;
    loop {
        at += text[at..].find('`')?;
        let found = ticks(&text[at..]);
        at += found;
        if found == len {
            return Some(&text[..at]);
        }
    }
}

/// Whether a link followed by this text would be a link definition: a colon, an address and an optional title.
fn is_definition(after: &str) -> bool {
    let line = after.strip_prefix(':').and_then(|it| it.trim_start().lines().next());
    let title = line.map(|line| line.split_whitespace().nth(1).unwrap_or("("));
    title.is_some_and(|it| it.starts_with(['"', '\'', '(']))
}

pub(super) fn is_web(address: &str) -> bool {
    address.starts_with("http://") || address.starts_with("https://")
}

/// The bare address at the start of a text.
fn address(text: &str) -> Option<&str> {
    let is_end = |it: char| it.is_whitespace() || "<>\"`[]\\|*".contains(it);
    let whole = Some(text).filter(|it| is_web(it))?.split(is_end).next()?;
    let address = whole.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', ')']);
    // A closing parenthesis belongs to the address if the address contains the opening one.
    let is_closed = address.contains('(') && whole[address.len()..].starts_with(')');
    let address = &whole[..address.len() + usize::from(is_closed)];
    Some(address).filter(|it| !it.ends_with("//"))
}

/// The inline link to the web at the start of a text.
fn link(text: &str) -> Option<&str> {
    let close = 1 + text[1..].find([']', '[', '<', '\\', '\n']).filter(|it| *it > 0)?;
    let address = text[close..].strip_prefix("](").filter(|it| is_web(it))?;
    let end = address.find(|it: char| it.is_whitespace() || "<>[`)".contains(it))?;
    address[end..].starts_with(')').then(|| &text[..close + 2 + end + 1])
}

/// Whether a line continues a paragraph.
fn is_text(line: &str) -> bool {
    let line = line.trim();
    let begins_block = line.starts_with(['#', '>']) || fence(line).is_some();
    !line.is_empty() && !begins_block && list_mark(line).is_none()
}

/// The length of the list mark at the start of a line, without the space after it.
fn list_mark(line: &str) -> Option<usize> {
    let digits = line.bytes().take(10).take_while(u8::is_ascii_digit).count();
    let len = match digits {
        0 if line.starts_with(['-', '*', '+']) => 1,
        1..=9 if line[digits..].starts_with(['.', ')']) => digits + 1,
        _ => return None,
    };
    let is_item = line[len..].starts_with(' ') && !line[len..].trim().is_empty();
    // A line of equal marks is a thematic break.
    let is_rule = digits == 0 && line.chars().all(|it| it == ' ' || line.starts_with(it));
    (is_item && !is_rule).then_some(len)
}

/// Breaks long lines at spaces. `margin` is the width of the indentation that is added later.
pub(crate) fn wrap(text: &str, margin: usize) -> String {
    let width = WIDTH.saturating_sub(margin);
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let is_whole = line.chars().count() <= width || line.starts_with(['|', '#']);
        let mut len = 0;
        for word in line.split(' ') {
            let is_full = len + 1 + word.chars().count() >= width;
            if len > 0 && is_full && !is_whole && !is_mark(word) {
                out.push('\n');
                len = 0;
            } else if len > 0 {
                out.push(' ');
                len += 1;
            }
            out.push_str(word);
            len += word.chars().count();
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out
}

/// Whether a word at the start of a line would begin a block.
fn is_mark(word: &str) -> bool {
    let mark = word.trim_start_matches(|it: char| it.is_ascii_digit());
    let is_mark = !mark.is_empty() && mark.chars().all(|it| "-+*=_~#.)".contains(it));
    let is_tag = word.starts_with('<') && !word.starts_with("<http");
    let is_fence = word.starts_with("```") || word.starts_with("~~~");
    is_mark || is_tag || is_fence || word.starts_with(['>', '|'])
}
