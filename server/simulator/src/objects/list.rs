//! Lists, in pages of one snapshot.

use std::ops::Bound;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::Objects;
use crate::error::Refusal;
use crate::kind::Kind;
use crate::object::{Key, Object};
use crate::select::Selector;

/// A kind's objects at one version, in order.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    /// The version.
    pub(crate) version: u64,
    /// The objects.
    pub(crate) objects: Arc<[Arc<Object>]>,
}

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Page {
    /// The version of the snapshot that it is of.
    pub(crate) version: u64,
    /// What it has.
    pub(crate) items: Vec<Arc<Object>>,
    /// The token for the next one.
    pub(crate) next: Option<String>,
    /// How many follow, where that is known.
    pub(crate) remaining: Option<usize>,
}

/// What a token says.
#[derive(Serialize, Deserialize)]
struct Token {
    v: String,
    rv: u64,
    start: String,
}

/// What a list is asked for.
#[derive(Debug, Default)]
pub(crate) struct Ask<'a> {
    /// Only one namespace, where not empty.
    pub(crate) namespace: &'a str,
    /// At most so many, or all where 0.
    pub(crate) limit: usize,
    /// The token of the page before, or empty.
    pub(crate) token: &'a str,
    /// What passes.
    pub(crate) selector: Selector,
}

impl Objects {
    /// A page of a kind's objects.
    pub(crate) fn list(&self, kind: Kind, ask: &Ask<'_>) -> Result<Page, Refusal> {
        if !ask.token.is_empty() {
            return self.go_on(kind, ask);
        }
        let mut state = self.lock();
        let version = state.version;
        let shelf = state.shelf_mut(kind);
        let start = Bound::Included(Key::new(ask.namespace, ""));
        let rest = shelf.objects.range((start, Bound::Unbounded)).map(|(_, object)| object);
        let rest = rest.take_while(|object| ask.is_inside(object));
        let (items, more) = take(kind, ask, rest);
        if !more {
            return Ok(Page { version, items, next: None, remaining: None });
        }
        let snapshot = match shelf.snapshot(version) {
            Some(kept) => kept.clone(),
            None => Snapshot { version, objects: shelf.objects.values().cloned().collect() },
        };
        shelf.keep(snapshot.clone());
        drop(state);
        Ok(page(&snapshot, ask, items))
    }

    fn go_on(&self, kind: Kind, ask: &Ask<'_>) -> Result<Page, Refusal> {
        let token = decode(ask.token).ok_or_else(|| Refusal::bad("continue key is not valid"))?;
        let start = token.start.split_once('/').map(|(namespace, name)| Key::new(namespace, name));
        let start = start.ok_or_else(|| Refusal::bad("continue key is not valid"))?;
        // Version 0 is a token of ours for "go on with what is now", given out with an expired one.
        let snapshot = if token.rv == 0 {
            let state = self.lock();
            let objects = state.shelf(kind).objects.values().cloned().collect();
            Snapshot { version: state.version, objects }
        } else {
            self.lock().shelf(kind).snapshot(token.rv).cloned().ok_or_else(|| gone(&token.start))?
        };
        let first = snapshot.objects.partition_point(|object| object.key <= start);
        let rest = snapshot.objects[first..].iter().take_while(|object| ask.is_inside(object));
        let (items, more) = take(kind, ask, rest);
        if !more {
            return Ok(Page { version: snapshot.version, items, next: None, remaining: None });
        }
        self.lock().shelf_mut(kind).keep(snapshot.clone());
        Ok(page(&snapshot, ask, items))
    }
}

impl Ask<'_> {
    fn is_inside(&self, object: &Object) -> bool {
        self.namespace.is_empty() || *object.key.namespace == *self.namespace
    }
}

/// As many as are asked for, and whether there are more.
fn take<'a>(kind: Kind, ask: &Ask<'_>, rest: impl Iterator<Item = &'a Arc<Object>>) -> (Vec<Arc<Object>>, bool) {
    let everything = ask.selector.is_everything();
    let mut passing = rest.filter(|object| everything || ask.selector.matches(&object.value(kind)));
    let most = if ask.limit == 0 { usize::MAX } else { ask.limit };
    let items = passing.by_ref().take(most).cloned().collect();
    (items, passing.next().is_some())
}

fn page(snapshot: &Snapshot, ask: &Ask<'_>, items: Vec<Arc<Object>>) -> Page {
    let last = items.last().map(|object| object.key.clone());
    let remaining = last.as_ref().filter(|_| ask.selector.is_everything()).map(|last| {
        let after = snapshot.objects.partition_point(|object| object.key <= *last);
        snapshot.objects[after..].iter().take_while(|object| ask.is_inside(object)).count()
    });
    let next = last.map(|last| encode(snapshot.version, &format!("{}/{}", last.namespace, last.name)));
    Page { version: snapshot.version, items, next, remaining }
}

fn gone(start: &str) -> Refusal {
    let message = "The provided continue parameter is too old to display a consistent list result. You can start a new \
                   list without the continue parameter, or use the continue token in this response to retrieve the \
                   remainder of the results. Continuing with the provided token results in an inconsistent list - \
                   objects that were created, modified, or deleted between the time the first chunk was returned and \
                   now may show up in the list.";
    Refusal { resume: Some(encode(0, start)), ..Refusal::expired(message) }
}

fn encode(version: u64, start: &str) -> String {
    let token = Token { v: "meta.k8s.io/v1".to_owned(), rv: version, start: start.to_owned() };
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).unwrap_or_default())
}

fn decode(token: &str) -> Option<Token> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
    let token: Token = serde_json::from_slice(&bytes).ok()?;
    (token.v == "meta.k8s.io/v1").then_some(token)
}
