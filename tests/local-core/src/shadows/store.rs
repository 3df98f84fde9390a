//! The shadows of all things.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};

use super::{
    document::{Document, Node, Seconds, times, values},
    name::{Key, UNNAMED},
    rejection::{Kind, Rejection},
    update::Update,
};

/// The shadows of a thing by name. The name of the classic shadow is empty.
type Thing = BTreeMap<String, Document>;

#[derive(Debug, Default)]
pub(super) struct Store {
    things: Mutex<BTreeMap<String, Thing>>,
    /// The keys of the tokens of pages.
    hasher: RandomState,
}

/// What an accepted request causes.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The messages, by the last level of their topics. The last one is also the response.
    pub(super) messages: Vec<(&'static str, Value)>,
    pub(super) change: Change,
}

#[derive(Debug)]
pub(super) enum Change {
    None,
    /// The new [snapshot](Document::snapshot).
    Updated(Value),
    Deleted,
}

impl Store {
    /// The document of a shadow with all its parts.
    pub(super) fn get(&self, key: &Key, now: Seconds) -> Result<Outcome, Rejection> {
        let things = self.lock();
        let document = things.get(&key.thing).and_then(|it| it.get(&key.shadow));
        let document = document.ok_or_else(|| not_found(key))?.current(now);
        Ok(Outcome { messages: vec![("accepted", document)], change: Change::None })
    }

    /// Merges an update into a shadow, or creates it.
    pub(super) fn update(
        &self,
        key: &Key,
        payload: &[u8],
        max_size: usize,
        now: Seconds,
    ) -> Result<Outcome, Rejection> {
        let update = Update::read(payload)?;
        let mut things = self.lock();
        let old = things.get(&key.thing).and_then(|it| it.get(&key.shadow));
        let new = apply(old, &update, max_size, now)
            .map_err(|it| Rejection { client_token: update.client_token.clone(), ..it })?;
        let messages = messages(old, &new, &update, now);
        let change = Change::Updated(new.snapshot());
        things.entry(key.thing.clone()).or_default().insert(key.shadow.clone(), new);
        Ok(Outcome { messages, change })
    }

    /// Deletes a shadow. The next update creates it with version 1.
    pub(super) fn delete(&self, key: &Key, now: Seconds) -> Result<Outcome, Rejection> {
        let mut things = self.lock();
        let shadows = things.get_mut(&key.thing).ok_or_else(|| not_found(key))?;
        let document = shadows.remove(&key.shadow).ok_or_else(|| not_found(key))?;
        if shadows.is_empty() {
            things.remove(&key.thing);
        }
        let accepted = json!({ "version": document.version, "timestamp": now });
        Ok(Outcome { messages: vec![("accepted", accepted)], change: Change::Deleted })
    }

    /// Adds a shadow that was stored.
    pub(super) fn insert(&self, key: Key, document: Document) {
        self.lock().entry(key.thing).or_default().insert(key.shadow, document);
    }

    /// A page of the names of the named shadows of a thing, and the token of the next page after a full one.
    pub(super) fn list(
        &self,
        caller: &str,
        thing: &str,
        token: Option<&str>,
        size: usize,
    ) -> Result<(Vec<String>, Option<String>), Rejection> {
        let start = match token {
            None => 0,
            Some(token) => self.start(caller, thing, token).ok_or_else(|| {
                Rejection::new(Kind::Invalid, "the token is not one of this component and thing")
            })?,
        };
        let things = self.lock();
        let names = things.get(thing).into_iter().flat_map(Thing::keys);
        let names = names.filter(|it| !it.is_empty()).skip(start).take(size).cloned();
        let names: Vec<_> = names.collect();
        let is_full = names.len() == size;
        Ok((names, is_full.then(|| self.token(caller, thing, start + size))))
    }

    /// The token of the page that starts at this position.
    fn token(&self, caller: &str, thing: &str, start: usize) -> String {
        format!("{start:x}.{:x}", self.hasher.hash_one((caller, thing, start)))
    }

    fn start(&self, caller: &str, thing: &str, token: &str) -> Option<usize> {
        let start = usize::from_str_radix(token.split_once('.')?.0, 16).ok()?;
        (self.token(caller, thing, start) == token).then_some(start)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Thing>> {
        self.things.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_found(key: &Key) -> Rejection {
    let name = if key.shadow.is_empty() { UNNAMED } else { &key.shadow };
    Rejection::new(Kind::NotFound, format!("No shadow exists with name: {name}"))
}

/// The document after an update.
fn apply(
    old: Option<&Document>,
    update: &Update,
    max_size: usize,
    now: Seconds,
) -> Result<Document, Rejection> {
    update.check_depth()?;
    match (old, update.version) {
        (_, None) | (None, Some(1)) => {}
        (None, Some(_)) => return Err(Rejection::new(Kind::Invalid, "Invalid version")),
        (Some(old), Some(version)) if old.version == version => {}
        (Some(_), Some(_)) => return Err(Rejection::new(Kind::Conflict, "Version conflict")),
    }
    let mut new = old.cloned().unwrap_or_default();
    new.version += 1;
    new.merge(&update.state, now);
    if new.size() > max_size {
        let text = "The payload exceeds the maximum size allowed";
        return Err(Rejection::new(Kind::TooLarge, text));
    }
    Ok(new)
}

/// The messages after an update. The last one is the response as well.
fn messages(
    old: Option<&Document>,
    new: &Document,
    update: &Update,
    now: Seconds,
) -> Vec<(&'static str, Value)> {
    let mut messages = Vec::new();
    let delta = new.delta();
    if !delta.is_empty() {
        let (state, metadata) = (values(&delta), times(&delta, true));
        messages.push(("delta", json!({ "state": state, "metadata": metadata })));
    }
    let previous = old.map(Document::snapshot);
    messages.push(("documents", json!({ "previous": previous, "current": new.snapshot() })));
    let metadata = Node::new(&update.state, now).times(true);
    messages.push(("accepted", json!({ "state": update.state, "metadata": metadata })));
    for (name, message) in &mut messages {
        if *name != "documents" {
            message["version"] = new.version.into();
        }
        message["timestamp"] = now.into();
        if let Some(token) = &update.client_token {
            message["clientToken"] = (&**token).into();
        }
    }
    messages
}
