//! Patterns of resources.

/// A resource of a policy. It matches whole texts, and case is significant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: String,
    pieces: Vec<Piece>,
    /// Its place in the list of resources, which may also have invalid ones.
    index: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Piece {
    /// Literal text, without escapes.
    Text(String),
    /// `*`, or `#` as the whole pattern: any text, which may be empty and contain slashes.
    Any,
    /// `+` as a whole level: any text without a slash, which may be empty.
    Level,
    /// `/#` at the end: a slash and any text, or nothing, so that `x/#` matches `x`.
    Below,
}

const BLANK: &str = "the resource is blank";
const QUESTION_MARK: &str = "? is reserved; write ${?} for the character";
const ESCAPE: &str = "${ starts an escape: ${*}, ${?} or ${$}; write ${$}{ for the characters";

impl Pattern {
    /// Reads a pattern. `*` is a wildcard; `${*}`, `${?}` and `${$}` are escaped characters. With
    /// `has_mqtt_wildcards`, `+` and `#` are wildcards in the positions where MQTT allows them. The error says what
    /// is wrong.
    pub(crate) fn parse(text: &str, has_mqtt_wildcards: bool) -> Result<Self, &'static str> {
        if is_blank(text) {
            return Err(BLANK);
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let before = &text[..text.len() - rest.len()];
            let starts_level = before.is_empty() || before.ends_with('/');
            let next = rest[first.len_utf8()..].chars().next();
            let mut length = first.len_utf8();
            match (first, next) {
                ('$', Some('{')) => {
                    let escapes = [("${*}", '*'), ("${?}", '?'), ("${$}", '$')];
                    let found = escapes.iter().find(|(escape, _)| rest.starts_with(escape));
                    let (escape, character) = found.ok_or(ESCAPE)?;
                    push(&mut pieces, *character);
                    length = escape.len();
                }
                ('?', _) => return Err(QUESTION_MARK),
                ('*', _) => pieces.push(Piece::Any),
                ('+', None | Some('/')) if has_mqtt_wildcards && starts_level => {
                    pieces.push(Piece::Level);
                }
                ('#', None) if has_mqtt_wildcards && before.is_empty() => pieces.push(Piece::Any),
                ('#', None) if has_mqtt_wildcards && starts_level => {
                    pop_slash(&mut pieces);
                    pieces.push(Piece::Below);
                }
                (character, _) => push(&mut pieces, character),
            }
            rest = &rest[length..];
        }
        Ok(Self { text: text.to_owned(), pieces, index: 0 })
    }

    pub(super) fn at(self, index: usize) -> Self {
        Self { index, ..self }
    }

    pub(super) fn index(&self) -> usize {
        self.index
    }

    /// The text of the pattern, with escapes.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Whether the pattern matches the whole text.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let text = text.as_bytes();
        let (mut piece, mut at) = (0, 0);
        // The piece after the last `*`, and where it was tried last. Earlier `*` need no further attempts, because
        // a piece that starts later does not end earlier.
        let mut retry = None;
        loop {
            match self.pieces.get(piece) {
                Some(Piece::Any) => {
                    piece += 1;
                    retry = Some((piece, at));
                    continue;
                }
                Some(other) => {
                    if let Some(length) = other.length(&text[at..]) {
                        piece += 1;
                        at += length;
                        continue;
                    }
                }
                None if at == text.len() => return true,
                None => {}
            }
            match retry {
                Some((after, tried)) if tried < text.len() => {
                    retry = Some((after, tried + 1));
                    (piece, at) = (after, tried + 1);
                }
                _ => return false,
            }
        }
    }
}

impl Piece {
    /// The length of the match at the start of `text`, in bytes.
    fn length(&self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Text(own) => text.starts_with(own.as_bytes()).then_some(own.len()),
            Self::Level => Some(text.iter().position(|it| *it == b'/').unwrap_or(text.len())),
            Self::Below => matches!(text.first(), None | Some(b'/')).then_some(text.len()),
            Self::Any => Some(0),
        }
    }
}

fn push(pieces: &mut Vec<Piece>, character: char) {
    match pieces.last_mut() {
        Some(Piece::Text(text)) => text.push(character),
        _ => pieces.push(Piece::Text(character.to_string())),
    }
}

fn pop_slash(pieces: &mut Vec<Piece>) {
    if let Some(Piece::Text(text)) = pieces.last_mut() {
        text.pop();
        if text.is_empty() {
            pieces.pop();
        }
    }
}

/// Whether a text is empty or consists of Unicode spaces, which do not include tabs and line breaks.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(|it| it.is_whitespace() && !it.is_control())
}
