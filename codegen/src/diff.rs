//! What changed between two models of a service, and what that breaks.
//!
//! A client or a server *breaks* if something that worked with the old model stops working with the new
//! one: the other side does not understand or refuses it, or it does not compile with the new crate. The
//! order of members, shapes and operations has no effect and is not compared.

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

use rules::RULES;

/// The changes of a service between two models, a line for each, and whether they break a client or a
/// server. `words` are those of the [`Config`](crate::Config) with which its crate is generated.
///
/// # Errors
///
/// What is wrong with one of the models.
pub fn diff(
    old: &[Source<'_>],
    new: &[Source<'_>],
    service: Option<&str>,
    words: &Words,
) -> Result<(String, bool), Diagnostics> {
    let (old, new) = (facts::read(old, service, words)?, facts::read(new, service, words)?);
    let mut diff = Diff { old: &old, new: &new, rows: Vec::new() };
    // The service may have been renamed.
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
enum On {
    Added,
    Removed,
    Changed,
    /// The bounds exclude values that were allowed.
    Tightened,
    Loosened,
}

struct Diff<'f> {
    old: &'f Facts,
    new: &'f Facts,
    rows: Vec<[String; 6]>,
}

impl Diff<'_> {
    /// Compares items by their IDs, in the order of the new model, then those that are gone.
    fn compare_all(&mut self, old: &[Item], new: &[Item]) {
        let nothing = Item::default();
        let mut gone: HashMap<_, _> = old.iter().map(|item| (&*item.id, item)).collect();
        for item in new {
            self.compare(gone.remove(&*item.id).unwrap_or(&nothing), item);
        }
        for item in old.iter().filter(|item| gone.contains_key(&*item.id)) {
            self.compare(item, &nothing);
        }
    }

    /// Compares two items. One of them may be missing.
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

    /// How the facts of one kind differ, with the values in words.
    fn differences(&self, kind: &str, old: &Item, new: &Item) -> Vec<(On, String)> {
        let missing = |item: &Item, other: &Item| -> Vec<String> {
            let is_in = |value: &str| other.values(kind).any(|it| it == value);
            item.values(kind).filter(|it| !is_in(it)).map(str::to_owned).collect()
        };
        let (gone, come) = (missing(old, new), missing(new, old));
        match (kind, &gone[..], &come[..]) {
            _ if self.is_told(kind, old, new) => Vec::new(),
            // A type can have several paths, and another one breaks nothing.
            ("path", [], _) => Vec::new(),
            ("path", [gone, ..], _) => {
                let path = new.values(kind).next().unwrap_or_default();
                vec![(On::Changed, format!("{gone} -> {path}"))]
            }
            ("length" | "range", [old], [new]) => {
                vec![(compare_bounds(old, new), format!("{old} -> {new}"))]
            }
            (_, [old], [new]) if kind != "error" => vec![(On::Changed, format!("{old} -> {new}"))],
            _ => {
                let come = come.into_iter().map(|value| (On::Added, value));
                come.chain(gone.into_iter().map(|value| (On::Removed, value))).collect()
            }
        }
    }

    /// Whether a change of one kind follows from another change, which is reported.
    fn is_told(&self, kind: &str, old: &Item, new: &Item) -> bool {
        let are_alike = ![old.exists, new.exists].contains(&"") && old.kind == new.kind;
        let is_same = |kind| old.values(kind).eq(new.values(kind));
        match kind {
            // Items that are alike differ in what they are like, and others in being there.
            _ if are_alike == [old.exists, new.exists].contains(&kind) => true,
            "type" => is_implied(old, self.new) || is_implied(new, self.old),
            // What changed within the same target is reported there.
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

/// Whether a type that the other model lacks is in the module of an operation that it lacks as well.
fn is_implied(item: &Item, other: &Facts) -> bool {
    let path = item.values("path").next();
    let module = path.and_then(|it| it.strip_prefix("operation::")?.split("::").next());
    module.is_some_and(|it| !other.items.iter().any(|item| item.values("method").eq([it])))
}

/// Whether bounds allow less or more than before, or are the same in other words.
fn compare_bounds(old: &str, new: &str) -> On {
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
        (Less, _) | (_, Greater) => On::Tightened,
        (Equal, Equal) => On::Changed,
        _ => On::Loosened,
    }
}
