//! Tags and text to CommonMark.

use super::{Tag, code_span, decode, push_escaped};

/// HTML to CommonMark.
pub(in super::super) fn to_markdown(html: &str) -> String {
    let mut writer = Writer::default();
    let mut rest = html;
    while !rest.is_empty() {
        let text = rest.find('<').unwrap_or(rest.len());
        if text > 0 {
            writer.text(&rest[..text]);
            rest = &rest[text..];
        } else if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
        } else if let Some(tag) = Tag::at(rest) {
            rest = &rest[tag.len..];
            if !tag.is_end && matches!(&*tag.name, "script" | "style") {
                // What is in it is not for people.
                let end = format!("</{}", tag.name);
                let after = rest.find(&end).and_then(|at| rest[at..].split_once('>'));
                rest = after.map_or("", |(_, after)| after);
                continue;
            }
            writer.tag(&tag);
        } else {
            writer.text("<");
            rest = &rest[1..];
        }
    }
    writer.finish()
}

#[derive(Default)]
struct Writer {
    out: String,
    /// What comes before the next text.
    gap: Gap,
    /// Whether white space was met since the last text.
    space: bool,
    /// What begins the next line: the mark of a list item, a heading.
    mark: String,
    /// For each list: the number of its next item, if it has numbers, and how far its text is indented.
    lists: Vec<(Option<u32>, usize)>,
    /// The marks of emphasis that are open, and where each begins.
    emphasis: Vec<(&'static str, usize)>,
    /// The text of a code span that is open.
    code: Option<String>,
    /// Whether text is preformatted.
    is_pre: bool,
    /// The links that are open: where their text begins, and their address.
    links: Vec<(usize, Option<String>)>,
    /// The table that is open: its rows, and where the text of the cell begins.
    rows: Option<Vec<Vec<String>>>,
    cell: Option<usize>,
}

#[derive(Clone, Copy, Default, PartialEq, PartialOrd)]
enum Gap {
    #[default]
    None,
    /// A line break that is seen.
    Break,
    /// A new line.
    Line,
    /// An empty line.
    Block,
}

impl Writer {
    fn text(&mut self, text: &str) {
        let text = decode(text);
        if self.is_pre {
            self.out.push_str(&text);
            return;
        }
        if let Some(code) = &mut self.code {
            code.push_str(&text);
            return;
        }
        self.space |= text.starts_with(|it: char| it.is_whitespace());
        for (index, word) in text.split_whitespace().enumerate() {
            self.space |= index > 0;
            let is_start = self.begin();
            push_escaped(word, is_start, &mut self.out);
        }
        self.space |= text.ends_with(|it: char| it.is_whitespace());
    }

    /// Writes what comes before text; whether that text begins a block.
    fn begin(&mut self) -> bool {
        let gap = std::mem::take(&mut self.gap);
        let space = std::mem::take(&mut self.space);
        let mark = std::mem::take(&mut self.mark);
        let in_cell = self.cell.is_some();
        let is_first = self.out.is_empty();
        let depth = self.lists.len();
        // The mark of an item stands where the text of the list around it does.
        let indent = match (mark.is_empty(), depth) {
            (_, 0) => 0,
            (true, _) => self.lists[depth - 1].1,
            (false, 1) => 0,
            (false, _) => self.lists[depth - 2].1,
        };
        match gap {
            Gap::None if space && !is_first => self.push_space(),
            Gap::None => {}
            _ if in_cell => self.out.push(' '),
            Gap::Break if !is_first => self.out.push_str("\\\n"),
            Gap::Block if !is_first => self.out.push_str("\n\n"),
            _ if !is_first => self.out.push('\n'),
            _ => {}
        }
        if gap != Gap::None && !in_cell {
            self.out.push_str(&" ".repeat(indent));
        }
        self.out.push_str(&mark);
        is_first || gap != Gap::None
    }

    /// Writes white space; that at the beginning of emphasis stands before it, because a mark and a space are
    /// no emphasis but can be a list item.
    fn push_space(&mut self) {
        let mut at = self.out.len();
        for (mark, start) in self.emphasis.iter().rev() {
            if self.out.get(*start..at) == Some(*mark) {
                at = *start;
            }
        }
        if at < self.out.len() && (at == 0 || self.out[..at].ends_with([' ', '\n'])) {
            return;
        }
        self.out.insert(at, ' ');
        let starts = self.emphasis.iter_mut().map(|it| &mut it.1);
        let starts = starts.chain(self.links.iter_mut().map(|it| &mut it.0));
        starts.filter(|it| **it >= at).for_each(|it| *it += 1);
    }

    /// Ends what is open within a paragraph, and says what comes before the next text.
    fn gap(&mut self, gap: Gap) {
        if gap > Gap::Break {
            self.end_code();
            while let Some((mark, _)) = self.emphasis.pop() {
                self.close(mark);
            }
            self.links.clear();
        }
        if gap > self.gap {
            self.gap = gap;
        }
        self.space = false;
    }

    fn tag(&mut self, tag: &Tag<'_>) {
        if self.is_pre && tag.name != "pre" {
            return;
        }
        match (&*tag.name, tag.is_end) {
            ("code" | "tt" | "samp" | "kbd", false) => {
                self.code.get_or_insert_default();
            }
            ("code" | "tt" | "samp" | "kbd", true) => self.end_code(),
            _ if self.code.is_some() && !is_block(&tag.name) => {}
            ("b" | "strong", false) => self.open("**"),
            ("b" | "strong", true) => self.end_emphasis("**"),
            ("i" | "em" | "var" | "cite", false) => self.open("*"),
            ("i" | "em" | "var" | "cite", true) => self.end_emphasis("*"),
            ("a", false) => {
                let (gap, space) = (self.gap, self.space);
                if gap != Gap::None || space || !self.mark.is_empty() {
                    self.begin();
                }
                self.links.push((self.out.len(), tag.address()));
            }
            ("a", true) => self.end_link(),
            ("br", _) => self.gap(Gap::Break),
            ("pre", false) => {
                self.gap(Gap::Block);
                self.begin();
                self.out.push_str("```text\n");
                self.is_pre = true;
            }
            ("pre", true) if self.is_pre => self.end_pre(),
            ("ul" | "ol" | "dl", false) => {
                self.gap(if self.lists.is_empty() { Gap::Block } else { Gap::Line });
                let number = (tag.name == "ol").then_some(1);
                let around = self.lists.last().map_or(0, |it| it.1);
                self.lists.push((number, around));
            }
            ("ul" | "ol" | "dl", true) => {
                self.lists.pop();
                self.mark.clear();
                self.gap(if self.lists.is_empty() { Gap::Block } else { Gap::Line });
            }
            ("li" | "dt", false) => self.item(),
            ("li" | "dt" | "dd", true) => self.gap(Gap::Line),
            ("dd", false) => {
                self.gap(Gap::None);
                if !self.out.ends_with([':', '.']) && self.mark.is_empty() {
                    self.out.push(':');
                }
                self.gap = Gap::None;
                self.space = true;
            }
            ("h1" | "h2" | "h3" | "h4" | "h5" | "h6", false) => {
                self.gap(Gap::Block);
                if self.lists.is_empty() {
                    self.mark = "#".repeat(usize::from(tag.name.as_bytes()[1] - b'0')) + " ";
                }
            }
            ("note" | "important" | "caution" | "tip", false) => {
                self.gap(Gap::Block);
                self.begin();
                let (first, rest) = tag.name.split_at(1);
                self.out.push_str(&format!("**{}{rest}:**", first.to_ascii_uppercase()));
                self.space = true;
            }
            ("table", false) => {
                self.gap(Gap::Block);
                self.rows = Some(Vec::new());
            }
            ("table", true) => self.end_table(),
            ("tr", false) => {
                if let Some(rows) = &mut self.rows {
                    rows.push(Vec::new());
                }
            }
            ("td" | "th", false) if self.rows.is_some() => {
                self.end_cell();
                self.gap = Gap::None;
                self.space = false;
                self.cell = Some(self.out.len());
            }
            ("td" | "th", true) => self.end_cell(),
            // A note begins with its own words.
            ("p", false)
                if self.gap == Gap::None && self.out.ends_with([':', '*']) && self.space => {}
            // Nor does the first paragraph of an item begin a new block.
            ("p" | "div", false) if !self.mark.is_empty() => {}
            (name, _) if is_block(name) => self.gap(Gap::Block),
            _ => {}
        }
    }

    fn item(&mut self) {
        if self.lists.is_empty() {
            self.lists.push((None, 0));
            self.gap(Gap::Block);
        }
        let is_first = !self.mark.is_empty();
        self.gap(Gap::Line);
        if !is_first && self.gap == Gap::Block && self.out.ends_with(|it| it != '\n') {
            // Paragraphs of items are apart, items are not.
            self.gap = if self.has_item() { Gap::Line } else { Gap::Block };
        }
        let around = self.lists.iter().rev().nth(1).map_or(0, |it| it.1);
        let list = self.lists.last_mut().expect("there is one now");
        self.mark = match &mut list.0 {
            Some(number) => {
                *number += 1;
                format!("{}. ", *number - 1)
            }
            None => "- ".to_owned(),
        };
        list.1 = around + self.mark.len();
    }

    /// Whether the innermost list has an item already.
    fn has_item(&self) -> bool {
        let around = self.lists.iter().rev().nth(1).map_or(0, |it| it.1);
        self.lists.last().is_some_and(|it| it.1 > around)
    }

    fn open(&mut self, mark: &'static str) {
        self.begin();
        self.emphasis.push((mark, self.out.len()));
        self.out.push_str(mark);
    }

    fn end_emphasis(&mut self, mark: &'static str) {
        if let Some(at) = self.emphasis.iter().rposition(|it| it.0 == mark) {
            for (mark, _) in self.emphasis.split_off(at).into_iter().rev() {
                self.close(mark);
            }
        }
    }

    /// Closes emphasis; what would be empty goes.
    fn close(&mut self, mark: &str) {
        if let Some(rest) = self.out.strip_suffix(mark) {
            self.out.truncate(rest.len());
        } else {
            self.out.push_str(mark);
        }
    }

    fn end_code(&mut self) {
        let Some(code) = self.code.take() else { return };
        let words: Vec<_> = code.split_whitespace().collect();
        if !words.is_empty() {
            self.begin();
            self.out.push_str(&code_span(&words.join(" ")));
        }
        self.space |= code.ends_with(|it: char| it.is_whitespace());
    }

    fn end_link(&mut self) {
        self.end_code();
        let Some((start, address)) = self.links.pop() else { return };
        let Some(label) = self.out.get(start..).map(str::trim) else { return };
        if label.is_empty() {
            return;
        }
        let link = match address {
            Some(address) => format!("[{label}]({address})"),
            // Links without an address name things.
            None if label.chars().all(|it| it.is_ascii_alphanumeric() || "_-.:".contains(it)) => {
                code_span(label)
            }
            None => return,
        };
        self.out.truncate(start);
        self.out.push_str(&link);
    }

    fn end_pre(&mut self) {
        self.is_pre = false;
        while self.out.ends_with(['\n', ' ']) {
            self.out.pop();
        }
        self.out.push_str("\n```");
        self.gap(Gap::Block);
    }

    fn end_cell(&mut self) {
        self.end_code();
        while let Some((mark, _)) = self.emphasis.pop() {
            self.close(mark);
        }
        let Some(start) = self.cell.take() else { return };
        let text = self.out.get(start..).unwrap_or_default();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
        self.out.truncate(start.min(self.out.len()));
        if let Some(row) = self.rows.as_mut().and_then(|it| it.last_mut()) {
            row.push(text);
        }
    }

    fn end_table(&mut self) {
        self.end_cell();
        let rows = self.rows.take().unwrap_or_default();
        let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
        if columns == 0 {
            return;
        }
        self.gap(Gap::Block);
        for (index, row) in rows.iter().filter(|it| !it.is_empty()).enumerate() {
            let cell = |at: usize| row.get(at).map_or("", String::as_str);
            let cells: Vec<_> = (0..columns).map(cell).collect();
            self.begin();
            self.out.push_str(&format!("| {} |", cells.join(" | ")));
            if index == 0 {
                self.gap = Gap::Line;
                self.begin();
                self.out.push_str(&format!("|{}", " --- |".repeat(columns)));
            }
            self.gap = Gap::Line;
        }
        self.gap(Gap::Block);
    }

    fn finish(mut self) -> String {
        if self.is_pre {
            self.end_pre();
        }
        if self.rows.is_some() {
            self.end_table();
        }
        self.gap(Gap::Block);
        self.out
    }
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "div"
            | "ul"
            | "ol"
            | "li"
            | "dl"
            | "dt"
            | "dd"
            | "pre"
            | "table"
            | "tr"
            | "td"
            | "th"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "note"
            | "important"
            | "caution"
            | "tip"
            | "fullname"
            | "blockquote"
            | "center"
            | "hr"
    )
}
