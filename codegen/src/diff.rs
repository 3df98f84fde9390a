//! What changed between two models of a service, and what that breaks.
//!
//! A client or a server *breaks* if something that worked with the old model stops working with the new
//! one: the other side does not understand or refuses it, or it does not compile with the new crate. The
//! order of members, shapes and operations has no effect and is not compared.

mod rules;

use std::collections::HashSet;

use crate::{
    Diagnostics, Source, Words,
    facts::{self, Facts, Item, Kind},
};

use rules::{RULES, Rule};

/// Compares a service in two models. `words` are those of the [`Config`](crate::Config) with which its crate
/// is generated.
///
/// # Errors
///
/// What is wrong with one of the models.
pub fn diff(
    old: &[Source<'_>],
    new: &[Source<'_>],
    service: Option<&str>,
    words: &Words,
) -> Result<Vec<Change>, Diagnostics> {
    let (old, new) = (facts::read(old, service, words)?, facts::read(new, service, words)?);
    let mut changes = Changes::new(&old, &new);
    // The service may have been renamed.
    changes.compare(&old.service, &new.service);
    changes.compare_all(&old.operations, &new.operations);
    changes.compare_all(&old.shapes, &new.shapes);
    Ok(changes.found)
}

/// One change, and what it means for existing clients and servers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Change {
    /// What changed: the type of a shape in Smithy, or `member`.
    pub kind: &'static str,
    /// Absolute ID of the shape or member.
    pub id: String,
    /// How it changed.
    pub what: String,
    /// Whether clients stop working, or do not compile.
    pub breaks_client: bool,
    /// Whether servers do.
    pub breaks_server: bool,
    /// Why.
    pub why: &'static str,
}

impl Change {
    /// Whether it breaks a client or a server.
    pub fn breaks(&self) -> bool {
        self.breaks_client || self.breaks_server
    }

    /// What it means for clients and for servers, in a word.
    pub fn effects(&self) -> [&'static str; 2] {
        [self.breaks_client, self.breaks_server].map(|breaks| if breaks { "BREAKS" } else { "ok" })
    }
}

/// The changes for people: a line for each, and one that counts.
pub fn render(changes: &[Change]) -> String {
    /// Wider columns are not aligned.
    const WIDTH: usize = 60;
    let width = |of: fn(&Change) -> &str| {
        let widths = changes.iter().map(|change| of(change).chars().count());
        widths.filter(|width| *width <= WIDTH).max().unwrap_or_default()
    };
    let (kinds, ids) = (width(|change| change.kind), width(|change| &change.id));
    let whats = width(|change| &change.what);
    let mut text = String::new();
    for change in changes {
        let Change { kind, id, what, why, .. } = change;
        let [client, server] = change.effects();
        text.push_str(&format!(
            "{kind:kinds$}  {id:ids$}  {what:whats$}  client: {client:6}  server: {server:6}  {why}\n",
        ));
    }
    let clients = changes.iter().filter(|change| change.breaks_client).count();
    let servers = changes.iter().filter(|change| change.breaks_server).count();
    let plural = if changes.len() == 1 { "" } else { "s" };
    text + &match (changes.len(), clients + servers) {
        (0, _) => "no changes\n".to_owned(),
        (count, 0) => format!("{count} change{plural}: nothing breaks\n"),
        (count, _) => {
            format!("{count} change{plural}: {clients} break clients, {servers} break servers\n")
        }
    }
}

/// How a fact differs between the models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    Added,
    Removed,
    Changed,
    /// The bounds exclude values that were allowed.
    Tightened,
    Loosened,
}

/// The changes found so far.
struct Changes<'f> {
    old: &'f Facts,
    new: &'f Facts,
    /// The IDs of the shapes that clients send, and of those that servers send.
    sent: [HashSet<&'f str>; 2],
    found: Vec<Change>,
}

impl<'f> Changes<'f> {
    fn new(old: &'f Facts, new: &'f Facts) -> Self {
        let sent = [
            &[Kind::Request, Kind::ClientEvents][..],
            &[Kind::Response, Kind::ServerEvents, Kind::Error],
        ];
        let sent = sent
            .map(|kinds| [old, new].into_iter().flat_map(|facts| sent_as(facts, kinds)).collect());
        Self { old, new, sent, found: Vec::new() }
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
            (None, None) => {}
            (None, Some(kind)) => {
                if !is_implied(new, self.old) {
                    self.add(new, kind, On::Added, "");
                }
            }
            (Some(kind), None) => {
                if !is_implied(old, self.new) {
                    self.add(old, kind, On::Removed, "");
                }
            }
            (Some(kind), _) if old.kind != new.kind => {
                self.add(new, kind, On::Changed, &format!("{} -> {}", old.kind, new.kind));
            }
            _ => {
                for Rule(kinds, on, ..) in RULES {
                    for kind in *kinds {
                        let differences = differences(*kind, old, new).into_iter();
                        for (_, detail) in differences.filter(|(found, _)| found == on) {
                            self.add(new, *kind, *on, &detail);
                        }
                    }
                }
                self.compare_all(&old.members, &new.members);
            }
        }
    }

    /// Adds a change, if there is a rule for it.
    fn add(&mut self, item: &Item, kind: Kind, on: On, detail: &str) {
        let rule = RULES.iter().find(|rule| rule.0.contains(&kind) && rule.1 == on);
        let Some(Rule(_, _, what, breaks, why)) = rule else { return };
        let shape = item.id.split('$').next().unwrap_or_default();
        let [client_sends, server_sends] = [0, 1].map(|side| self.sent[side].contains(shape));
        let [breaks_client, breaks_server] = breaks(client_sends, server_sends);
        let (kind, id, what) = (item.kind, item.id.clone(), what.replace("{}", detail));
        self.found.push(Change { kind, id, what, breaks_client, breaks_server, why });
    }
}

/// The shapes with which operations begin in these ways, and all that they contain.
fn sent_as<'f>(facts: &'f Facts, kinds: &[Kind]) -> HashSet<&'f str> {
    let mut sent = HashSet::new();
    let ends =
        facts.operations.iter().flat_map(|item| kinds.iter().flat_map(|kind| item.values(*kind)));
    let mut pending: Vec<&str> = ends.collect();
    while let Some(id) = pending.pop() {
        let shape = facts.shapes.iter().find(|shape| shape.id == id && sent.insert(id));
        let members = shape.into_iter().flat_map(|shape| &shape.members);
        pending.extend(members.flat_map(|member| member.values(Kind::Target)));
    }
    sent
}

/// Whether a shape that the other model lacks is no type in Rust, or belongs to an operation that the
/// other model lacks as well.
fn is_implied(item: &Item, other: &Facts) -> bool {
    let is_missing = |owner| !other.operations.iter().any(|operation| operation.id == owner);
    let is_shape = item.exists == Some(Kind::Shape);
    is_shape && (!item.has(Kind::Path) || item.values(Kind::Owner).any(is_missing))
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
        (Kind::Path, [gone, ..], _) => {
            let path = new.values(kind).next().unwrap_or_default();
            vec![(On::Changed, format!("{gone} -> {path}"))]
        }
        (Kind::Path, ..) => Vec::new(),
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
