//! The rules that select the devices of a group, such as `thingName: lamp* AND thingName: *1 OR thingName: door`.

/// A rule: one of its lists has only patterns that match the name of the thing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rule(Vec<Vec<String>>);

const TERM: &str = "thingName:";

impl Rule {
    /// Parses a rule. The error says what is expected.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let mut any = vec![Vec::new()];
        loop {
            let name = match words.next().and_then(|it| it.strip_prefix(TERM)) {
                Some("") => words.next(),
                name => name,
            };
            let pattern = name.and_then(pattern).ok_or_else(|| {
                format!(
                    "the rule {text:?} has no name after {TERM:?}: letters, digits, '-', '_' and '\\:', with '*' at \
                     the start or at the end"
                )
            })?;
            if let Some(all) = any.last_mut() {
                all.push(pattern);
            }
            match words.next() {
                None => return Ok(Self(any)),
                Some("AND") => {}
                Some("OR") => any.push(Vec::new()),
                Some(word) => {
                    return Err(format!("the rule {text:?} has {word:?} instead of AND or OR"));
                }
            }
        }
    }

    /// Whether the rule selects a thing.
    pub(super) fn selects(&self, thing: &str) -> bool {
        self.0.iter().any(|all| all.iter().all(|it| matches(it, thing)))
    }
}

/// The pattern of a term, if it is valid.
fn pattern(text: &str) -> Option<String> {
    let inner = text.strip_prefix('*').unwrap_or(text);
    let inner = inner.strip_suffix('*').unwrap_or(inner).replace("\\:", "");
    let is_valid = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_';
    inner.chars().all(is_valid).then(|| text.replace("\\:", ":"))
}

fn matches(pattern: &str, thing: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (None, None) => pattern == thing,
        (Some(end), None) => thing.ends_with(end),
        (None, Some(start)) => thing.starts_with(start),
        (Some(rest), Some(_)) => thing.contains(rest.strip_suffix('*').unwrap_or_default()),
    }
}
