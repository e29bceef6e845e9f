//! Writes: versions, uids, generations, what is remembered of them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Change, Entry, Objects, State, Touched};
use crate::error::Refusal;
use crate::kind::Kind;
use crate::object::{Key, Object, Render};
use crate::{random, time};

impl Objects {
    /// Creates an object; fills in what every object has.
    pub(crate) fn create(&self, kind: Kind, mut value: Value) -> Result<Arc<Object>, Refusal> {
        let mut state = self.lock();
        let key = Key::of(&value);
        if state.shelf(kind).objects.contains_key(&key) {
            return Err(Refusal::exists(kind, &key.name));
        }
        state.created += 1;
        let metadata = &mut value["metadata"];
        metadata["uid"] = json!(random::uuid(self.seed, state.created));
        metadata["creationTimestamp"] = json!(time::text(self.now()));
        if kind.counts_generations() {
            metadata["generation"] = json!(1);
        }
        Ok(self.commit(&mut state, kind, key, value, Change::Added))
    }

    /// Creates a canned object.
    pub(crate) fn create_canned(&self, kind: Kind, key: Key, render: &Arc<dyn Render>, index: u32) {
        let mut state = self.lock();
        state.version += 1;
        let object = Arc::new(Object::canned(key, state.version, render.clone(), index, 0));
        state.remember(kind, Change::Added, object, None);
        self.tell(kind, state.version);
    }

    /// Changes a canned object, by making it one revision older.
    pub(crate) fn churn(&self, kind: Kind, key: &Key) {
        let mut state = self.lock();
        let Some(before) = state.shelf(kind).objects.get(key).cloned() else { return };
        let (Some((index, revision)), Some(render)) = (before.canned_index(), before.renderer()) else { return };
        state.version += 1;
        let object = Object::canned(key.clone(), state.version, render.clone(), index, revision + 1);
        state.remember(kind, Change::Modified, Arc::new(object), Some(before));
        self.tell(kind, state.version);
    }

    /// Changes an object. Nothing happens where the change changes nothing, as in etcd.
    pub(crate) fn modify(&self, kind: Kind, key: &Key, change: impl FnOnce(&mut Value)) -> Option<Arc<Object>> {
        let changed = self.try_modify(kind, key, |value| {
            change(value);
            Ok(())
        });
        changed.ok()
    }

    /// Changes an object, or refuses to.
    pub(crate) fn try_modify(
        &self,
        kind: Kind,
        key: &Key,
        change: impl FnOnce(&mut Value) -> Result<(), Refusal>,
    ) -> Result<Arc<Object>, Refusal> {
        let mut state = self.lock();
        let before = state.shelf(kind).objects.get(key).cloned();
        let before = before.ok_or_else(|| Refusal::not_found(kind, &key.name))?;
        let old = before.value(kind).into_owned();
        let mut value = old.clone();
        change(&mut value)?;
        keep_identity(kind, &old, &mut value);
        if value == old {
            return Ok(before);
        }
        let done = is_let_go(&value);
        let object = self.commit(&mut state, kind, key.clone(), value, Change::Modified);
        if done {
            drop(state);
            self.remove(kind, key);
        }
        Ok(object)
    }

    /// Removes an object, whatever holds it.
    pub(crate) fn remove(&self, kind: Kind, key: &Key) -> Option<Arc<Object>> {
        let mut state = self.lock();
        let before = state.shelf(kind).objects.get(key)?.clone();
        state.version += 1;
        let mut value = before.value(kind).into_owned();
        value["metadata"]["resourceVersion"] = json!(state.version.to_string());
        state.index(kind, key, Some(&value), None);
        let object = Arc::new(Object::plain(key.clone(), state.version, value));
        state.remember(kind, Change::Deleted, object.clone(), Some(before));
        state.touched.push(Touched { kind, object: object.clone(), gone: true });
        self.tell(kind, state.version);
        Some(object)
    }

    fn commit(&self, state: &mut State, kind: Kind, key: Key, mut value: Value, change: Change) -> Arc<Object> {
        state.version += 1;
        value["metadata"]["resourceVersion"] = json!(state.version.to_string());
        let before = state.shelf(kind).objects.get(&key).cloned();
        state.index(kind, &key, before.as_ref().and_then(|object| object.plain_value()), Some(&value));
        let object = Arc::new(Object::plain(key, state.version, value));
        state.remember(kind, change, object.clone(), before);
        state.touched.push(Touched { kind, object: object.clone(), gone: false });
        self.tell(kind, state.version);
        object
    }

    fn tell(&self, kind: Kind, version: u64) {
        self.changed[kind as usize].send_replace(version);
    }
}

impl State {
    fn remember(&mut self, kind: Kind, change: Change, object: Arc<Object>, before: Option<Arc<Object>>) {
        let version = self.version;
        let shelf = self.shelf_mut(kind);
        if change == Change::Deleted {
            shelf.objects.remove(&object.key);
        } else {
            shelf.objects.insert(object.key.clone(), object.clone());
        }
        shelf.remember(Entry { version, change, object, before });
    }
}

/// What a writer cannot change, and the generation, which counts changes of the spec.
fn keep_identity(kind: Kind, old: &Value, value: &mut Value) {
    for field in ["uid", "creationTimestamp", "name", "namespace", "resourceVersion", "generation"] {
        match old["metadata"].get(field) {
            Some(kept) => value["metadata"][field] = kept.clone(),
            None => _ = value["metadata"].as_object_mut().and_then(|metadata| metadata.remove(field)),
        }
    }
    if kind.counts_generations() && old.get("spec") != value.get("spec") {
        value["metadata"]["generation"] = json!(old["metadata"]["generation"].as_i64().unwrap_or(0) + 1);
    }
}

/// Whether an object was only waiting for its finalizers, and they are done.
fn is_let_go(value: &Value) -> bool {
    let metadata = &value["metadata"];
    let held = metadata["finalizers"].as_array().is_some_and(|held| !held.is_empty());
    let graceful = metadata["deletionGracePeriodSeconds"].as_i64().is_some_and(|seconds| seconds > 0);
    metadata.get("deletionTimestamp").is_some() && !held && !graceful
}
