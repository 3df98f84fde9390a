//! Sanitizing of HTML, which AWS models contain: known elements are closed in order, links are the only attributes,
//! and everything else becomes text.

use super::markdown::{is_web, wrap};

/// The block elements.
const BLOCKS: &str = "blockquote caution center dd div dl dt fullname h1 h2 h3 h4 h5 h6 important li note ol p \
                      pre script style table tbody td tfoot th thead tip tr ul";

/// The inline elements.
const INLINE: &str =
    "a abbr b br cite code del em hr i ins kbd q s samp small span strong sub sup tt u var";

/// How deep elements may be nested. Deeper tags are dropped.
const MAX_DEPTH: usize = 64;

/// Whether a text is HTML: it contains a block element outside of code spans.
pub(super) fn is_html(text: &str) -> bool {
    let outside = text.split('`').step_by(2);
    let mut tags = outside.flat_map(|part| part.match_indices('<').map(|(at, _)| &part[at..]));
    tags.any(|text| Tag::at(text).is_some_and(|tag| tag.is_block))
}

/// Converts HTML to HTML blocks of CommonMark, in which Markdown has no effect.
pub(super) fn blocks(html: &str) -> String {
    let mut out = String::new();
    let mut open = OpenElements::default();
    let mut rest = html;
    while !rest.is_empty() {
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
        } else if let Some(tag) = Tag::at(rest) {
            rest = &rest[tag.len..];
            if !tag.is_end && matches!(tag.name, "script" | "style") {
                rest = &rest[rest.find(&format!("</{}", tag.name)).unwrap_or(rest.len())..];
            } else {
                open.block(&tag, &mut out);
            }
        } else {
            let next = rest.char_indices().skip(1).find(|it| it.1 == '<');
            let (text, after) = rest.split_at(next.map_or(rest.len(), |it| it.0));
            if !text.trim().is_empty() {
                open.paragraph(&mut out);
            }
            let is_pre = open.0.iter().any(|(name, _)| *name == "pre");
            let gap = if is_pre { "<br>" } else { " " };
            out.push_str(&text.replace('<', "&lt;").replace('\n', gap));
            rest = after;
        }
    }
    out.push_str(&open.close(0));
    let line = |line: &str| {
        if line.contains("<pre>") {
            line.to_owned()
        } else {
            wrap(&line.split_whitespace().collect::<Vec<_>>().join(" "), 0)
        }
    };
    let mut lines: Vec<_> = out.trim().lines().map(line).collect();
    lines.dedup_by(|a, b| a.is_empty() && b.is_empty());
    lines.join("\n")
}

/// A tag, such as `<a href="…">` or `</p>`.
pub(super) struct Tag<'t> {
    name: &'static str,
    is_end: bool,
    pub(super) is_block: bool,
    /// The address of a link to the web.
    address: Option<&'t str>,
    pub(super) len: usize,
}

impl<'t> Tag<'t> {
    /// The tag at the start of a text, if its element is known.
    pub(super) fn at(text: &'t str) -> Option<Self> {
        let tag = text.strip_prefix('<')?;
        let end = tag.find(['<', '>']).filter(|end| tag[*end..].starts_with('>'))?;
        let inner = tag[..end].trim_end_matches('/');
        let (is_end, inner) = inner.strip_prefix('/').map_or((false, inner), |it| (true, it));
        let (name, attributes) = inner.split_once([' ', '\n']).unwrap_or((inner, ""));
        let find = |names: &'static str| names.split(' ').find(|it| it.eq_ignore_ascii_case(name));
        let block = find(BLOCKS);
        let name = block.or_else(|| find(INLINE))?;
        let value = attributes.split_once("href=").map(|it| it.1.trim_start_matches(['"', '\'']));
        let address = value.and_then(|it| it.split(['"', '\'', ' ', '\n']).next());
        let address = address.filter(|it| is_web(it));
        Some(Self { name, is_end, is_block: block.is_some(), address, len: end + 2 })
    }
}

/// The open elements: their names in the model and in the output.
#[derive(Default)]
pub(super) struct OpenElements(Vec<(&'static str, &'static str)>);

impl OpenElements {
    /// Converts the tag of an inline element.
    pub(super) fn inline(&mut self, tag: &Tag<'_>) -> String {
        if tag.is_end {
            let at = self.0.iter().rposition(|(name, _)| *name == tag.name);
            return at.map(|at| self.close(at)).unwrap_or_default();
        }
        let (name, attributes) = match (tag.name, tag.address) {
            ("a", Some(address)) => ("a", format!(" href=\"{address}\"")),
            // A link without an address is usually the name of an item.
            ("a", None) => ("code", String::new()),
            ("note" | "important" | "caution" | "tip", _) => ("div", " class=\"warning\"".into()),
            ("fullname" | "center", _) => ("div", String::new()),
            (name, _) => (name, String::new()),
        };
        if self.0.len() >= MAX_DEPTH {
            return String::new();
        }
        self.0.extend((!matches!(name, "br" | "hr")).then_some((tag.name, name)));
        format!("<{name}{attributes}>")
    }

    /// The end tags of all elements but the `kept` outermost ones.
    pub(super) fn close(&mut self, kept: usize) -> String {
        self.0.drain(kept..).rev().map(|(_, name)| format!("</{name}>")).collect()
    }

    /// Writes a tag between blocks or in a block. An empty line ends the outermost blocks.
    fn block(&mut self, tag: &Tag<'_>, out: &mut String) {
        if !tag.is_block {
            self.paragraph(out);
        } else if !tag.is_end {
            let outer = self.0.iter().take_while(|(name, _)| *name != "p").count();
            out.push_str(&self.close(outer));
            out.push_str(if outer == 0 { "\n\n" } else { "\n" });
        }
        out.push_str(&self.inline(tag));
        out.push_str(if self.0.is_empty() { "\n\n" } else { "" });
    }

    /// Starts a paragraph unless a block is open.
    fn paragraph(&mut self, out: &mut String) {
        if self.0.is_empty() {
            out.push_str("<p>");
            self.0.push(("p", "p"));
        }
    }
}
