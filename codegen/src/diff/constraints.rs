//! Which values are allowed, and whether that is more or less than before.

use std::cmp::Ordering;

use crate::traits::{Length, Range, Traits};

/// What limits the values of a shape or member.
#[derive(Default)]
pub(super) struct Constraints {
    length: Option<Length>,
    range: Option<Range>,
    pub(super) pattern: Option<String>,
    unique_items: bool,
}

impl Constraints {
    pub(super) fn of(traits: &Traits) -> Self {
        Self {
            length: traits.length,
            range: traits.range.clone(),
            pattern: traits.pattern.clone(),
            unique_items: traits.unique_items,
        }
    }

    /// These, or where there is none those of the target.
    pub(super) fn or(self, target: Option<&Traits>) -> Self {
        let target = target.map(Self::of).unwrap_or_default();
        Self {
            length: self.length.or(target.length),
            range: self.range.or(target.range),
            pattern: self.pattern.or(target.pattern),
            unique_items: self.unique_items || target.unique_items,
        }
    }
}

/// What is allowed no longer, and what is allowed now, in words. Two patterns are not compared.
pub(super) fn compare(before: &Constraints, after: &Constraints) -> (Vec<String>, Vec<String>) {
    let mut found = Found::default();
    let text = |it: Option<u64>| it.map(|it| it.to_string());
    let length =
        |it: &Constraints| it.length.map_or((None, None), |it| (text(it.min), text(it.max)));
    let (before_length, after_length) = (length(before), length(after));
    found.least("length", before_length.0, after_length.0);
    found.most("length", before_length.1, after_length.1);
    let range = |it: &Constraints| it.range.clone().unwrap_or_default();
    let (before_range, after_range) = (range(before), range(after));
    found.least("value", before_range.min, after_range.min);
    found.most("value", before_range.max, after_range.max);
    match (&before.pattern, &after.pattern) {
        (None, Some(pattern)) => found.tighter.push(format!("pattern {pattern:?}")),
        (Some(pattern), None) => found.looser.push(format!("no pattern, was {pattern:?}")),
        _ => {}
    }
    match (before.unique_items, after.unique_items) {
        (false, true) => found.tighter.push("items are unique".to_owned()),
        (true, false) => found.looser.push("items need not be unique".to_owned()),
        _ => {}
    }
    (found.tighter, found.looser)
}

#[derive(Default)]
struct Found {
    tighter: Vec<String>,
    looser: Vec<String>,
}

impl Found {
    fn least(&mut self, what: &str, before: Option<String>, after: Option<String>) {
        let order = compare_numbers(before.as_deref(), after.as_deref(), f64::NEG_INFINITY);
        self.bound(what, "at least", order, before, after);
    }

    fn most(&mut self, what: &str, before: Option<String>, after: Option<String>) {
        let order = compare_numbers(before.as_deref(), after.as_deref(), f64::INFINITY);
        self.bound(what, "at most", order.reverse(), before, after);
    }

    /// `order` is less if the bound is tighter now.
    fn bound(
        &mut self,
        what: &str,
        word: &str,
        order: Ordering,
        before: Option<String>,
        after: Option<String>,
    ) {
        let detail = match (before, after) {
            (before, Some(after)) => {
                let before = before.unwrap_or_else(|| "without limit".to_owned());
                format!("{what} {word} {after}, was {before}")
            }
            (Some(before), None) => format!("{what} without limit, was {word} {before}"),
            (None, None) => return,
        };
        match order {
            Ordering::Less => self.tighter.push(detail),
            Ordering::Greater => self.looser.push(detail),
            Ordering::Equal => {}
        }
    }
}

/// Bounds are decimals of any size; to order two of them a double is exact enough.
fn compare_numbers(before: Option<&str>, after: Option<&str>, none: f64) -> Ordering {
    let number = |it: Option<&str>| it.map_or(none, |it| it.parse().unwrap_or(none));
    number(before).total_cmp(&number(after))
}
