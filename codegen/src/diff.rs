//! What changed between two models of a service, and what that breaks.
//!
//! A client or a server *breaks* if something that worked with the old model stops working with the new
//! one: the other side does not understand or refuses it, or it does not compile with the new crate. The
//! order of members, shapes and operations has no effect and is not compared.

mod rules;

use std::collections::HashSet;

use crate::{
    Diagnostics, Source, Words,
    facts::{self, Facts, Item, Kind, table},
};

use rules::{RULES, Rule};

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
    let mut diff = Diff::new(&old, &new);
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
    /// The IDs of the shapes that clients send, and of those that servers send.
    sent: [HashSet<&'f str>; 2],
    rows: Vec<[String; 6]>,
    /// How many changes break clients, and how many break servers.
    broken: [usize; 2],
}

impl<'f> Diff<'f> {
    fn new(old: &'f Facts, new: &'f Facts) -> Self {
        use Kind::{ClientEvents, Error, Request, Response, ServerEvents};
        let ends = [&[Request, ClientEvents][..], &[Response, ServerEvents, Error]];
        let sent = ends.map(|ends| [old, new].iter().flat_map(|it| contained(it, ends)).collect());
        Self { old, new, sent, rows: Vec::new(), broken: [0, 0] }
    }

    /// Compares items by their IDs, in the order of the new model, then those that are gone.
    fn compare_all(&mut self, old: &[Item], new: &[Item]) {
        let nothing = Item::default();
        let find = |items: &[Item], id: &str| items.iter().position(|item| item.id == id);
        for item in new {
            self.compare(find(old, &item.id).map_or(&nothing, |at| &old[at]), item);
        }
        for item in old.iter().filter(|item| find(new, &item.id).is_none()) {
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
                for Rule(kinds, on, ..) in RULES {
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
        let Some(Rule(_, _, what, breaks, why)) = rule else { return };
        let shape = item.id.split('$').next().unwrap_or_default();
        let [client_sends, server_sends] = [0, 1].map(|side| self.sent[side].contains(shape));
        let breaks = breaks(client_sends, server_sends);
        self.broken = [0, 1].map(|side| self.broken[side] + usize::from(breaks[side]));
        let [client, server] = breaks.map(|breaks| if breaks { "BREAKS" } else { "ok" });
        let (kind, id, what) = (item.kind.to_owned(), item.id.clone(), what.replace("{}", values));
        let effects = [format!("client: {client}"), format!("server: {server}")];
        let [client, server] = effects;
        self.rows.push([kind, id, what, client, server, (*why).to_owned()]);
    }
}

/// The shapes that operations have in these ways, and all that they contain.
fn contained<'f>(facts: &'f Facts, ends: &[Kind]) -> HashSet<&'f str> {
    let ends = ends.iter().flat_map(|end| facts.operations.iter().flat_map(|it| it.values(*end)));
    let mut pending: Vec<_> = ends.collect();
    let mut found = HashSet::new();
    while let Some(id) = pending.pop() {
        let shape = facts.shapes.iter().find(|shape| shape.id == id && found.insert(id));
        let members = shape.into_iter().flat_map(|shape| &shape.members);
        pending.extend(members.flat_map(|member| member.values(Kind::Target)));
    }
    found
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
        Kind::MethodName => !is_same(Kind::VariantName),
        Kind::ClientEvents | Kind::ServerEvents => !is_same(Kind::Stream),
        Kind::Token => old.has(Kind::Token) && !new.has(Kind::Required),
        _ => false,
    }
}

/// Whether bounds allow less or more than before, or are the same in other words.
fn compare_bounds(old: &str, new: &str) -> On {
    // Bounds are decimals of any size; to order two of them a double is exact enough.
    let bounds = |text: &str| {
        let numbers: Vec<f64> = text.split(' ').filter_map(|word| word.parse().ok()).collect();
        match numbers[..] {
            [min, max] => (min, max),
            [min] if text.contains("at least") => (min, f64::INFINITY),
            [max] => (f64::NEG_INFINITY, max),
            _ => (f64::NEG_INFINITY, f64::INFINITY),
        }
    };
    match (bounds(old), bounds(new)) {
        (old, new) if new.0 > old.0 || new.1 < old.1 => On::Tightened,
        (old, new) if new != old => On::Loosened,
        _ => On::Changed,
    }
}
