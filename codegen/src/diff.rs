//! What changed between two models of a service, and what that breaks.
//!
//! A client or a server *breaks* if something that worked with the old model stops working with the new
//! one: the other side does not understand or refuses it, or it does not compile with the new crate. The
//! order of members, shapes and operations has no effect and is not compared.

mod rules;

use std::{
    cmp::Ordering::{self, Equal, Greater, Less},
    collections::HashMap,
};

use crate::{
    Diagnostics, Source, Words,
    facts::{self, Facts, Item, Kind, table},
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
    let mut diff = Diff { old: &old, new: &new, rows: Vec::new(), broken: [0, 0] };
    // The service may have been renamed.
    diff.compare(&old.service, &new.service);
    diff.compare_all(&old.operations, &new.operations);
    diff.compare_all(&old.shapes, &new.shapes);
    let count = match diff.rows.len() {
        0 => return Ok(("no changes\n".to_owned(), false)),
        1 => "1 change".to_owned(),
        count => format!("{count} changes"),
    };
    let lines = table(&diff.rows);
    Ok(match diff.broken {
        [0, 0] => (format!("{lines}{count}: nothing breaks\n"), false),
        [clients, servers] => {
            (format!("{lines}{count}: {clients} break clients, {servers} break servers\n"), true)
        }
    })
}

/// How a fact differs between the models.
#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    Added,
    Removed,
    Changed,
    /// The bounds exclude values that were allowed.
    Tightened,
    Loosened,
}

/// The changes found so far.
struct Diff<'f> {
    old: &'f Facts,
    new: &'f Facts,
    rows: Vec<[String; 6]>,
    /// How many changes break clients, and how many break servers.
    broken: [usize; 2],
}

impl Diff<'_> {
    /// Compares items by their IDs, in the order of the new model, then those that are gone.
    fn compare_all(&mut self, old: &[Item], new: &[Item]) {
        let nothing = Item::default();
        let [in_old, in_new] = [old, new]
            .map(|items| items.iter().map(|item| (&*item.id, item)).collect::<HashMap<_, _>>());
        for item in new {
            self.compare(in_old.get(&*item.id).unwrap_or(&&nothing), item);
        }
        for item in old.iter().filter(|item| !in_new.contains_key(&*item.id)) {
            self.compare(item, &nothing);
        }
    }

    /// Compares two items, of which one may be nothing.
    fn compare(&mut self, old: &Item, new: &Item) {
        match (old.exists, new.exists) {
            (None, Some(kind)) if !is_implied(new, self.old) => self.add(new, kind, On::Added, ""),
            (Some(kind), None) if !is_implied(old, self.new) => {
                self.add(old, kind, On::Removed, "");
            }
            (None, _) | (_, None) => {}
            (Some(kind), _) if old.kind != new.kind => {
                self.add(new, kind, On::Changed, &format!("{} -> {}", old.kind, new.kind));
            }
            _ => {
                for (kinds, on, ..) in RULES {
                    for kind in *kinds {
                        let differences = differences(*kind, old, new).into_iter();
                        for (_, values) in differences.filter(|(found, _)| found == on) {
                            self.add(new, *kind, *on, &values);
                        }
                    }
                }
                self.compare_all(&old.members, &new.members);
            }
        }
    }

    /// Adds a change, if there is a rule for it.
    fn add(&mut self, item: &Item, kind: Kind, on: On, values: &str) {
        let rule = RULES.iter().find(|rule| rule.0.contains(&kind) && rule.1 == on);
        let Some((_, _, what, breaks, why)) = rule else { return };
        let breaks = breaks(item.has(Kind::ClientSends), item.has(Kind::ServerSends));
        self.broken = [0, 1].map(|side| self.broken[side] + usize::from(breaks[side]));
        let [client, server] = breaks.map(|breaks| if breaks { "BREAKS" } else { "ok" });
        let (client, server) = (format!("client: {client}"), format!("server: {server}"));
        let (kind, why) = (item.kind.to_owned(), (*why).to_owned());
        self.rows.push([kind, item.id.clone(), what.replace("{}", values), client, server, why]);
    }
}

/// Whether a shape that the other model lacks is no type in Rust, or is in the module of an operation that
/// the other model lacks as well.
fn is_implied(item: &Item, other: &Facts) -> bool {
    let is_in = |path: &str, operation: &Item| {
        operation.values(Kind::Method).any(|it| path.starts_with(&format!("operation::{it}::")))
    };
    item.exists == Some(Kind::Shape)
        && item.values(Kind::Path).next().is_none_or(|path| {
            path.starts_with("operation::") && !other.operations.iter().any(|it| is_in(path, it))
        })
}

/// How the facts of one kind differ, with the values in words.
fn differences(kind: Kind, old: &Item, new: &Item) -> Vec<(On, String)> {
    let missing = |item: &Item, other: &Item| -> Vec<String> {
        let values = item.values(kind).filter(|it| !other.values(kind).any(|other| other == *it));
        values.map(str::to_owned).collect()
    };
    let (gone, come) = (missing(old, new), missing(new, old));
    match (kind, &gone[..], &come[..]) {
        _ if is_told(kind, old, new) => Vec::new(),
        // A type can have several paths, and another one breaks nothing.
        (Kind::Path, [], _) => Vec::new(),
        (Kind::Path, [gone, ..], _) => {
            let path = new.values(kind).next().unwrap_or_default();
            vec![(On::Changed, format!("{gone} -> {path}"))]
        }
        (Kind::Length | Kind::Range, [old], [new]) => {
            vec![(compare_bounds(old, new), format!("{old} -> {new}"))]
        }
        (_, [old], [new]) if kind != Kind::Error => vec![(On::Changed, format!("{old} -> {new}"))],
        _ => {
            let come = come.into_iter().map(|value| (On::Added, value));
            come.chain(gone.into_iter().map(|value| (On::Removed, value))).collect()
        }
    }
}

/// Whether a change of one kind follows from another change, which is reported.
fn is_told(kind: Kind, old: &Item, new: &Item) -> bool {
    let is_same = |kind| old.values(kind).eq(new.values(kind));
    match kind {
        // What changed within the same target is reported there.
        Kind::Type => is_same(Kind::Target) && is_same(Kind::Format),
        Kind::Length | Kind::Range | Kind::Pattern | Kind::UniqueItems => {
            is_same(Kind::Target) && old.text(kind).is_empty() && new.text(kind).is_empty()
        }
        Kind::Target => !is_same(Kind::Type),
        Kind::Path => !is_same(Kind::Method) || !is_same(Kind::ServiceName),
        Kind::ClientEvents | Kind::ServerEvents => !is_same(Kind::Stream),
        Kind::Token => old.has(Kind::Token) && !new.has(Kind::Required),
        _ => false,
    }
}

/// Whether bounds allow less or more than before, or are the same in other words.
fn compare_bounds(old: &str, new: &str) -> On {
    let bounds = |text| match numbers(text)[..] {
        [min, max] => (min, max),
        [min] if text.contains("at least") => (min, "inf"),
        [max] => ("-inf", max),
        _ => ("-inf", "inf"),
    };
    let (old, new) = (bounds(old), bounds(new));
    match (order(old.0, new.0), order(old.1, new.1)) {
        (Less, _) | (_, Greater) => On::Tightened,
        (Equal, Equal) => On::Changed,
        _ => On::Loosened,
    }
}

fn numbers(text: &str) -> Vec<&str> {
    text.split(' ').filter(|word| word.parse::<f64>().is_ok()).collect()
}

/// Orders two numbers. A double is exact enough for those that are no integers.
fn order(a: &str, b: &str) -> Ordering {
    if let (Ok(a), Ok(b)) = (a.parse::<i128>(), b.parse::<i128>()) {
        return a.cmp(&b);
    }
    let double = |text: &str| text.parse::<f64>().unwrap_or_default();
    double(a).partial_cmp(&double(b)).unwrap_or(Equal)
}
