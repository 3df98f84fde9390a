//! Compatibility of two models of a service.
//!
//! A change *breaks* clients or servers if their code does not compile with the new crate, or if a peer that uses the
//! other model rejects or misunderstands what they send. The order of members, shapes and operations has no effect and
//! is not compared.

mod rules;

use std::{
    cmp::Ordering::{Equal, Greater, Less},
    collections::HashMap,
};

use crate::{
    Diagnostics, Source, Words,
    facts::{self, Facts, Item, table},
    text::compare_numbers,
};

use Change::{Added, Changed, Loosened, Removed, Tightened};
use rules::RULES;

/// Lists the changes of a service between two models, one per line, and returns whether any of them breaks clients
/// or servers. `words` are those of the [`Config`](crate::Config) with which the crate is generated.
///
/// # Errors
///
/// Returns the errors of a model that has any.
pub fn diff(
    old: &[Source<'_>],
    new: &[Source<'_>],
    service: Option<&str>,
    words: &Words,
) -> Result<(String, bool), Diagnostics> {
    let (old, new) = (facts::read(old, service, words)?, facts::read(new, service, words)?);
    let mut diff = Diff { old: &old, new: &new, rows: Vec::new() };
    // Services are compared directly, because their IDs may differ.
    diff.compare(&old.service, &new.service);
    diff.compare_all(&old.items, &new.items);
    let count = match diff.rows.len() {
        0 => return Ok(("no changes\n".to_owned(), false)),
        1 => "1 change".to_owned(),
        count => format!("{count} changes"),
    };
    let broken = |at: usize| diff.rows.iter().filter(|row| row[at].ends_with("BREAKS")).count();
    let breaks = match (broken(3), broken(4)) {
        (0, 0) => "nothing breaks".to_owned(),
        (clients, servers) => format!("{clients} break clients, {servers} break servers"),
    };
    Ok((format!("{}{count}: {breaks}\n", table(&diff.rows)), breaks != "nothing breaks"))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Added,
    Removed,
    Changed,
    /// The bounds exclude values that were allowed before.
    Tightened,
    Loosened,
}

struct Diff<'f> {
    old: &'f Facts,
    new: &'f Facts,
    rows: Vec<[String; 6]>,
}

impl Diff<'_> {
    /// Compares items by their IDs, in the order of the new model, with removed items at the end.
    fn compare_all(&mut self, old: &[Item], new: &[Item]) {
        let nothing = Item::default();
        let mut removed: HashMap<_, _> = old.iter().map(|item| (&*item.id, item)).collect();
        for item in new {
            self.compare(removed.remove(&*item.id).unwrap_or(&nothing), item);
        }
        for item in old.iter().filter(|item| removed.contains_key(&*item.id)) {
            self.compare(item, &nothing);
        }
    }

    /// Compares two items. An item that does not exist is an empty one.
    fn compare(&mut self, old: &Item, new: &Item) {
        let item = if new.exists.is_empty() { old } else { new };
        for (kinds, on, what, breaks, why) in RULES {
            let differences = kinds.iter().flat_map(|kind| self.differences(kind, old, new));
            let values: Vec<_> = differences.filter(|it| it.0 == *on).map(|it| it.1).collect();
            let breaks = breaks(item.is_sent).map(|breaks| if breaks { "BREAKS" } else { "ok" });
            self.rows.extend(values.into_iter().map(|values| {
                let [client, server] = breaks;
                let (client, server) = (format!("client: {client}"), format!("server: {server}"));
                let (kind, what) = (item.kind.to_owned(), what.replace("{}", &values));
                [kind, item.id.clone(), what, client, server, (*why).to_owned()]
            }));
        }
        if old.kind == new.kind {
            self.compare_all(&old.members, &new.members);
        }
    }

    /// How the facts of one kind differ, with a description of the values.
    fn differences(&self, kind: &str, old: &Item, new: &Item) -> Vec<(Change, String)> {
        let missing = |item: &Item, other: &Item| -> Vec<String> {
            let is_in = |value: &str| other.values(kind).any(|it| it == value);
            item.values(kind).filter(|it| !is_in(it)).map(str::to_owned).collect()
        };
        let (removed, added) = (missing(old, new), missing(new, old));
        match (kind, &removed[..], &added[..]) {
            _ if self.is_implied_by_other(kind, old, new) => Vec::new(),
            // A type can have several paths, so an additional one breaks nothing.
            ("path", [], _) => Vec::new(),
            ("path", [removed, ..], _) => {
                let path = new.values(kind).next().unwrap_or_default();
                vec![(Changed, format!("{removed} -> {path}"))]
            }
            ("length" | "range", [old], [new]) => {
                vec![(compare_bounds(old, new), format!("{old} -> {new}"))]
            }
            (_, [old], [new]) if kind != "error" => vec![(Changed, format!("{old} -> {new}"))],
            _ => {
                let added = added.into_iter().map(|value| (Added, value));
                added.chain(removed.into_iter().map(|value| (Removed, value))).collect()
            }
        }
    }

    /// Whether a change of one kind is implied by another change, which is reported instead.
    fn is_implied_by_other(&self, kind: &str, old: &Item, new: &Item) -> bool {
        let are_alike = ![old.exists, new.exists].contains(&"") && old.kind == new.kind;
        let is_same = |kind| old.values(kind).eq(new.values(kind));
        match kind {
            // Items that exist in both models are compared by their facts, others by their existence.
            _ if are_alike == [old.exists, new.exists].contains(&kind) => true,
            "type" => is_implied(old, self.new) || is_implied(new, self.old),
            // A change of the target itself is reported for the target.
            "value type" => is_same("target") && is_same("format"),
            "length" | "range" | "pattern" | "unique items" => {
                is_same("target") && old.text(kind).is_empty() && new.text(kind).is_empty()
            }
            "target" => !is_same("value type"),
            "path" => !is_same("method") || !is_same("service name"),
            "events from the client" | "events from the server" => !is_same("stream"),
            "token" => old.has("token") && !new.has("required"),
            _ => false,
        }
    }
}

/// Whether a type that the other model lacks belongs to an operation that it also lacks.
fn is_implied(item: &Item, other: &Facts) -> bool {
    let path = item.values("path").next();
    let module = path.and_then(|it| it.strip_prefix("operation::")?.split("::").next());
    module.is_some_and(|it| !other.items.iter().any(|item| item.values("method").eq([it])))
}

/// Whether bounds allow fewer values than before, more, or the same.
fn compare_bounds(old: &str, new: &str) -> Change {
    let [(old_min, old_max), (new_min, new_max)] = [old, new].map(|text| {
        let mut numbers = text.split(' ').filter(|word| word.parse::<f64>().is_ok());
        let first = numbers.next().unwrap_or_default();
        match (text.contains("at least"), text.contains("at most")) {
            (true, _) => (first, "inf"),
            (_, true) => ("-inf", first),
            _ => (first, numbers.next().unwrap_or(first)),
        }
    });
    let order = |a, b| compare_numbers(a, b).unwrap_or(Equal);
    match (order(old_min, new_min), order(old_max, new_max)) {
        (Less, _) | (_, Greater) => Tightened,
        (Equal, Equal) => Changed,
        _ => Loosened,
    }
}
