//! What changed between two models of a service, and whom it breaks.
//!
//! A client or a server *breaks* if something that worked with the old model stops working with the new
//! one: the program is not understood or refused any more by the other side, or it does not compile with
//! the new crate. That what is new does not work with who does not know it yet is no break.
//!
//! | change | in a | client | server | why |
//! |---|---|---|---|---|
//! | service: renamed |  | ok | BREAKS | the server's trait has another name |
//! | service: version changed |  | ok | ok | it is not on the wire |
//! | operation: added |  | ok | ok | a server answers that it is not implemented, until it is |
//! | operation: removed |  | BREAKS | BREAKS | its methods are gone |
//! | operation: method renamed |  | BREAKS | BREAKS | it is called otherwise in Rust |
//! | operation: request is another shape |  | BREAKS | BREAKS | the types of the call change |
//! | operation: response is another shape |  | BREAKS | BREAKS | the types of the call change |
//! | operation: call became a stream |  | BREAKS | BREAKS | it returns a subscription, not a response |
//! | operation: stream became a call |  | BREAKS | BREAKS | it returns a response, not a subscription |
//! | operation: events added in another direction |  | ok | ok | who does not know of them goes on without |
//! | operation: events removed in one direction |  | BREAKS | BREAKS | they are neither sent nor read any more |
//! | operation: events are another shape |  | BREAKS | BREAKS | the types of the stream change |
//! | operation: error added |  | ok | ok | who does not know it gets it as an error it does not know |
//! | operation: error removed |  | BREAKS | BREAKS | its variant is gone |
//! | shape: added |  | ok | ok | nothing used it |
//! | shape: removed |  | BREAKS | BREAKS | its type is gone |
//! | shape: another type |  | BREAKS | BREAKS | its values are others |
//! | shape: moved in Rust |  | BREAKS | BREAKS | its type has another path |
//! | shape: build() can fail now | request | BREAKS | ok | it returns a Result |
//! | shape: build() can fail now | response | ok | BREAKS | it returns a Result |
//! | shape: build() cannot fail any more | request | BREAKS | ok | it returns no Result |
//! | shape: build() cannot fail any more | response | ok | BREAKS | it returns no Result |
//! | shape: no Default any more |  | BREAKS | BREAKS | there is no value without what is required |
//! | shape: validate() is gone |  | BREAKS | BREAKS | there is nothing to check |
//! | member: added, optional |  | ok | ok | who does not know it passes it over |
//! | member: added, required | request | BREAKS | ok | requests without it are refused |
//! | member: added, required | response | ok | BREAKS | it must be set |
//! | member: removed |  | BREAKS | BREAKS | its field and setter are gone |
//! | member: renamed in Rust |  | BREAKS | BREAKS | its field and setter are called otherwise |
//! | member: name in JSON changed |  | BREAKS | BREAKS | the other side looks for the old one |
//! | type changed |  | BREAKS | BREAKS | its values are others |
//! | member: target changed, with the same type |  | ok | ok | nothing else changes |
//! | member: became required | request | BREAKS | ok | requests without it are refused |
//! | member: became required | response | ok | BREAKS | it must be set |
//! | member: no longer required |  | ok | ok | what was sent goes on being right |
//! | member: became an Option | request | ok | BREAKS | who reads it finds another type |
//! | member: became an Option | response | BREAKS | ok | who reads it finds another type |
//! | member: is no Option any more | request | ok | BREAKS | who reads it finds another type |
//! | member: is no Option any more | response | BREAKS | ok | who reads it finds another type |
//! | member: default changed |  | BREAKS | BREAKS | what is not sent means something else |
//! | member: default added |  | ok | ok | what is not sent has a meaning now |
//! | member: default removed |  | BREAKS | BREAKS | what is not sent has no meaning any more |
//! | member: filled in when it is not set |  | ok | ok | what was sent goes on being right |
//! | member: no longer filled in |  | BREAKS | ok | a client has to set it |
//! | constraint tightened | request | BREAKS | ok | requests that were right are refused |
//! | constraint tightened | response | ok | ok | only requests are checked |
//! | constraint loosened |  | ok | ok | what was right stays right |
//! | pattern changed | request | BREAKS | ok | requests that were right may be refused |
//! | pattern changed | response | ok | ok | only requests are checked |
//! | member: value added |  | ok | ok | enums are open: others keep the text |
//! | member: value removed |  | BREAKS | BREAKS | its variant is gone |
//! | member: value on the wire changed |  | BREAKS | BREAKS | the other side does not know it |
//! | member: variant renamed in Rust |  | BREAKS | BREAKS | it is called otherwise |
//! | member: alternative added |  | ok | ok | unions are open: it reads as unknown |
//! | member: alternative removed |  | BREAKS | BREAKS | its variant is gone |
//! | member: no From any more |  | BREAKS | BREAKS | another alternative has the same type |
//! | shape: error is the other side's fault |  | ok | ok | it says something else about who is to blame |
//! | shape: retryable changed |  | ok | ok | who retries decides otherwise |
//! | sensitive changed |  | ok | ok | only what is logged changes |
//! | deprecated |  | ok | ok | it compiles with a warning |
//! | no longer deprecated |  | ok | ok | a warning goes away |
//! | documentation changed |  | ok | ok | only what people read changes |
//!
//! The order of members, of shapes and of operations has no effect, and is not compared. What has an
//! effect in a request and another one in a response has both where a shape is in both.

mod constraints;
mod members;
mod rules;
mod shapes;

use std::fmt;

use crate::{Diagnostics, Source, Words, shape_id::ShapeId, traits::Traits, view::View};

use constraints::Constraints;
pub use rules::Effect;
use rules::{Rule, Way};

/// Something, and the model that has it.
type Seen<'v, 'm, T> = (&'v View<'m>, T);

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
    // The service may have been renamed: with one service in each there is nothing to choose.
    let (old_model, new_model) = (View::parse(old)?, View::parse(new)?);
    let old = View::new(&old_model, old, service, words)?;
    let new = View::new(&new_model, new, service, words)?;
    let mut changes = Changes::default();
    shapes::service(&old, &new, &mut changes);
    shapes::operations(&old, &new, &mut changes);
    shapes::shapes(&old, &new, &mut changes);
    Ok(changes.0)
}

/// One change, and what it means for those who use the service already.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Change {
    /// What changed: the type of a shape in Smithy, or `member`.
    pub kind: &'static str,
    /// Absolute ID of the shape or member.
    pub id: String,
    /// How it changed.
    pub what: String,
    /// What it means for clients.
    pub client: Effect,
    /// What it means for servers.
    pub server: Effect,
    /// Why.
    pub why: String,
}

impl Change {
    /// Whether it breaks somebody.
    pub fn breaks(&self) -> bool {
        self.client.max(self.server) == Effect::Breaks
    }
}

/// The changes for people: a line for each, and one that counts.
pub fn render(changes: &[Change]) -> String {
    /// Wider columns are not aligned.
    const WIDTH: usize = 60;
    let width = |of: fn(&Change) -> &str| {
        let widths = changes.iter().map(|it| of(it).chars().count());
        widths.filter(|it| *it <= WIDTH).max().unwrap_or_default()
    };
    let (kind, id, what) = (width(|it| it.kind), width(|it| &it.id), width(|it| &it.what));
    let mut text = String::new();
    for it in changes {
        let (client, server) = (it.client, it.server);
        text.push_str(&format!(
            "{:kind$}  {:id$}  {:what$}  client: {client:6}  server: {server:6}  {}\n",
            it.kind, it.id, it.what, it.why
        ));
    }
    let broken =
        |of: fn(&Change) -> Effect| changes.iter().filter(|it| of(it) == Effect::Breaks).count();
    let plural = if changes.len() == 1 { "" } else { "s" };
    let (clients, servers) = (broken(|it| it.client), broken(|it| it.server));
    text.push_str(&match (changes.len(), clients, servers) {
        (0, ..) => "no changes\n".to_owned(),
        (count, 0, 0) => format!("{count} change{plural}: nothing breaks\n"),
        (count, ..) => {
            format!("{count} change{plural}: {clients} break clients, {servers} break servers\n")
        }
    });
    text
}

/// Which sides send a shape.
#[derive(Clone, Copy, Debug, Default)]
struct Ways {
    request: bool,
    response: bool,
}

impl Ways {
    fn has(self, way: Way) -> bool {
        match way {
            Way::Any => true,
            Way::Request => self.request,
            Way::Response => self.response,
        }
    }
}

/// The changes that are found, in order.
#[derive(Default)]
struct Changes(Vec<Change>);

impl Changes {
    fn about(&mut self, kind: &'static str, id: &ShapeId, ways: Ways) -> Changed<'_> {
        Changed { changes: self, kind, id: id.to_string(), ways }
    }
}

/// A shape or member of which changes are found.
struct Changed<'c> {
    changes: &'c mut Changes,
    kind: &'static str,
    id: String,
    ways: Ways,
}

impl Changed<'_> {
    fn member(&mut self, name: &str) -> Changed<'_> {
        let id = format!("{}${name}", self.id);
        Changed { changes: self.changes, kind: "member", id, ways: self.ways }
    }

    /// Adds one change; of several rules with the same words those count that are for the shape's ways.
    fn found(&mut self, rules: &[&'static Rule], detail: impl fmt::Display) {
        let rules: Vec<_> = rules.iter().copied().filter(|it| self.ways.has(it.way)).collect();
        let Some(first) = rules.first() else { return };
        let detail = detail.to_string();
        let what = match &*detail {
            "" => first.what.to_owned(),
            detail => format!("{}: {detail}", first.what),
        };
        let effect = |of: fn(&Rule) -> Effect| rules.iter().map(|it| of(it)).max();
        let (client, server) = (effect(|it| it.client), effect(|it| it.server));
        let mut reasons: Vec<_> = rules.iter().map(|it| it.why).collect();
        reasons.dedup();
        self.changes.0.push(Change {
            kind: self.kind,
            id: self.id.clone(),
            what,
            client: client.unwrap_or(Effect::Ok),
            server: server.unwrap_or(Effect::Ok),
            why: reasons.join("; "),
        });
    }

    /// Compares what every shape and member can have.
    fn traits(&mut self, before: &Traits, after: &Traits) {
        if before.sensitive != after.sensitive {
            let detail = if after.sensitive { "it is now" } else { "it is no longer" };
            self.found(&[&rules::SENSITIVE], detail);
        }
        match (&before.deprecated, &after.deprecated) {
            (None, Some(_)) => self.found(&[&rules::DEPRECATED], ""),
            (Some(_), None) => self.found(&[&rules::NOT_DEPRECATED], ""),
            _ => {}
        }
        fn documents(it: &Traits) -> impl PartialEq {
            let links = it.external_documentation.clone();
            (
                it.documentation.clone(),
                it.title.clone(),
                it.since.clone(),
                links,
                it.unstable,
                it.internal,
            )
        }
        if documents(before) != documents(after) {
            self.found(&[&rules::DOCUMENTATION], "");
        }
    }

    /// Compares what values are allowed.
    fn constraints(&mut self, before: &Constraints, after: &Constraints) {
        let (tighter, looser) = constraints::compare(before, after);
        if !tighter.is_empty() {
            let rules = [&rules::TIGHTER_REQUEST, &rules::TIGHTER_RESPONSE];
            self.found(&rules, tighter.join("; "));
        }
        if !looser.is_empty() {
            self.found(&[&rules::LOOSER], looser.join("; "));
        }
        // Which of two patterns allows more cannot be told.
        if let (Some(before), Some(after)) = (&before.pattern, &after.pattern)
            && before != after
        {
            let rules = [&rules::PATTERN_REQUEST, &rules::PATTERN_RESPONSE];
            self.found(&rules, format!("{before:?} -> {after:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::rules;

    #[test]
    fn the_table_has_every_rule() {
        let source = include_str!("diff.rs");
        let table = source.lines().filter_map(|it| it.strip_prefix("//! | "));
        let rows = rules::ALL.iter().map(|(kind, it)| {
            let about = if *kind == "any" { String::new() } else { format!("{kind}: ") };
            format!(
                "{about}{} | {} | {} | {} | {} |",
                it.what, it.way, it.client, it.server, it.why
            )
        });
        let (table, rows): (Vec<_>, Vec<_>) = (table.skip(1).collect(), rows.collect());
        assert_eq!(table, rows);
    }
}
