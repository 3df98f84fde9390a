//! HTML, as AWS models have it, to CommonMark.

#[cfg(test)]
mod tests;
mod writer;

pub(super) use writer::to_markdown;

/// Whether a text is HTML: whether it has a tag that makes a block.
pub(super) fn is_html(text: &str) -> bool {
    const BLOCKS: [&str; 21] = [
        "p",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "div",
        "table",
        "pre",
        "note",
        "important",
        "fullname",
        "script",
        "style",
    ];
    // Tags within a code span are spoken about.
    let outside = text.split('`').step_by(2);
    outside
        .flat_map(|it| it.match_indices('<').map(move |(at, _)| &it[at..]))
        .any(|it| matches!(Tag::at(it), Some(tag) if BLOCKS.contains(&&*tag.name)))
}

/// A tag, such as `<a href="…">` or `</p>`.
pub(super) struct Tag<'t> {
    /// In small letters.
    pub(super) name: String,
    pub(super) is_end: bool,
    attributes: &'t str,
    /// How long it is.
    pub(super) len: usize,
}

/// How long a tag may be.
const MAX_TAG: usize = 2048;

impl<'t> Tag<'t> {
    /// The tag at the front of a text, if it is one that HTML has.
    pub(super) fn at(text: &'t str) -> Option<Self> {
        let body = text.strip_prefix('<')?;
        let (is_end, body) = match body.strip_prefix('/') {
            Some(body) => (true, body),
            None => (false, body),
        };
        let len = body.find(|it: char| !it.is_ascii_alphanumeric())?;
        let name = body.get(..len).filter(|it| it.len() <= 10)?.to_ascii_lowercase();
        if !KNOWN.contains(&&*name) {
            return None;
        }
        let rest = &body[len..];
        let near = &rest[..rest.floor_char_boundary(MAX_TAG)];
        let end = near.find(['<', '>']).filter(|it| near[*it..].starts_with('>'))?;
        let attributes = &rest[..end];
        if !attributes.is_empty() && !attributes.starts_with([' ', '\n', '/']) {
            return None;
        }
        Some(Self { name, is_end, attributes, len: text.len() - rest.len() + end + 1 })
    }

    /// The address of a link, if it is one on the web.
    pub(super) fn address(&self) -> Option<String> {
        let value =
            self.attributes.split_once("href")?.1.trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|it| matches!(it, '"' | '\''));
        let value = match quote {
            Some(quote) => value[1..].split(quote).next(),
            None => value.split_whitespace().next(),
        };
        let address = decode(value?.trim());
        let is_web = address.starts_with("http://") || address.starts_with("https://");
        let is_plain = !address.contains(|it: char| it.is_whitespace() || "<>`\\".contains(it));
        (is_web && is_plain).then(|| address.replace('(', "%28").replace(')', "%29"))
    }
}

/// The tags that mean something, or that can be left out.
const KNOWN: [&str; 54] = [
    "a",
    "abbr",
    "b",
    "blockquote",
    "br",
    "caution",
    "center",
    "cite",
    "code",
    "dd",
    "del",
    "div",
    "dl",
    "dt",
    "em",
    "fullname",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "important",
    "ins",
    "kbd",
    "li",
    "note",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "script",
    "small",
    "span",
    "strong",
    "style",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tip",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
];

/// A code span, with as many ticks as it takes.
pub(super) fn code_span(text: &str) -> String {
    let longest = text.split(|it| it != '`').map(str::len).max().unwrap_or_default();
    let ticks = "`".repeat(longest + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{space}{text}{space}{ticks}")
}

/// Appends a word so that it means nothing in CommonMark.
fn push_escaped(word: &str, is_start: bool, out: &mut String) {
    let is_number = |it: &str| {
        it.ends_with(['.', ')']) && it[..it.len() - 1].bytes().all(|it| it.is_ascii_digit())
    };
    if is_start && word.len() > 1 && is_number(word) {
        let (number, mark) = word.split_at(word.len() - 1);
        out.push_str(&format!("{number}\\{mark}"));
        return;
    }
    if is_start && word.starts_with(['#', '>', '+', '-', '=', '|', '~']) {
        out.push('\\');
    }
    for it in word.chars() {
        if matches!(it, '\\' | '*' | '_' | '[' | ']' | '<') {
            out.push('\\');
        }
        out.push(it);
    }
}

/// Replaces character references.
fn decode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(12).position(|it| it == b';');
        let decoded = end.and_then(|end| Some((reference(&rest[1..end])?, end + 1)));
        let (character, len) = decoded.unwrap_or(('&', 1));
        out.push(character);
        rest = &rest[len..];
    }
    out.push_str(rest);
    out
}

fn reference(name: &str) -> Option<char> {
    Some(match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "mdash" => '—',
        "ndash" => '–',
        "hellip" => '…',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "copy" => '©',
        "reg" => '®',
        "trade" => '™',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            let character = char::from_u32(code)?;
            super::is_kept(character).then_some(character)?
        }
    })
}
