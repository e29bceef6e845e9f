//! All that is known of one cluster, owned by a single task: objects go in, records for the store come out. Has no
//! clock, no client and no store: time is a parameter, and tests feed it objects.
//!
//! Nothing comes out before every kind that may be listed had its first list, so no view is ever empty or half.

mod dirty;
mod index;
mod intake;
mod keep;
mod linked;
mod members;
mod memory;
mod pods;
mod related;
mod seat;
mod service;
mod services;
mod settle;
mod settled;
mod track;
mod troubles;

use ahash::{HashMap, HashSet};

use model::{ClusterId, Timestamp};
use store::{ClusterMemory, Version};

use crate::adverse;
use crate::identity::Key;
use crate::kind::Kind;
use crate::kubelet::Target;
use crate::links::Link;
use crate::redact::Redactor;
use crate::slim::Object;
use crate::text::{Interner, Text};
use dirty::Dirty;
use index::Index;
use intake::Prepared;
use memory::Remembered;
pub use settled::{Question, Settled};
use track::Track;

/// What one watcher lists: a kind, in one namespace or in all.
pub type Scope = (Kind, Option<Text>);

/// What a list that is under way brought.
#[derive(Debug, Default)]
struct Staged {
    /// What was not known, or not so.
    new: Vec<Prepared>,
    /// Uids of what is known to be just so: a list made anew is not held in memory twice.
    known: Vec<Text>,
}

/// All that is known of one cluster.
#[derive(Debug)]
pub struct World {
    cluster: ClusterId,
    redactor: Redactor,
    interner: Interner,
    index: Index,
    tracks: HashMap<Key, Box<Track>>,
    /// Services by the ConfigMaps they read.
    uses: HashMap<index::Name, HashSet<Key>>,
    /// Services by what other objects may refer to of them.
    referred: HashMap<Link, HashSet<Key>>,
    adverse: adverse::Ledger,
    remembered: Remembered,
    waiting: HashSet<Scope>,
    /// Lists that were never made, though there may be something to list: what is remembered of them is not gone.
    unseen: HashSet<Scope>,
    staged: HashMap<Scope, Staged>,
    versions: Vec<Version>,
    dirty: Dirty,
    /// A list that may tell of what was missed came since the last time something was settled.
    listed: bool,
    settled_before: bool,
    /// Adverse events of what is gone were ended.
    released: bool,
}

/// Whether objects of a kind in a namespace are of a list.
fn is_of((kind, scope): &Scope, name: &str, namespace: &str) -> bool {
    kind.name() == name && scope.as_ref().is_none_or(|scope| **scope == *namespace)
}

/// Whether objects of a kind in a namespace are of any of these lists.
fn is_of_any(scopes: &HashSet<Scope>, name: &str, namespace: &str) -> bool {
    scopes.iter().any(|scope| is_of(scope, name, namespace))
}

impl World {
    /// A cluster of which nothing was said yet, with what was known when it was last watched. `scopes` are the lists
    /// to wait for.
    pub fn new(
        cluster: ClusterId,
        redactor: Redactor,
        memory: ClusterMemory,
        scopes: impl IntoIterator<Item = Scope>,
    ) -> Self {
        let scopes: HashSet<Scope> = scopes.into_iter().collect();
        let mut world = Self {
            cluster,
            redactor,
            interner: Interner::default(),
            index: Index::default(),
            tracks: HashMap::default(),
            uses: HashMap::default(),
            referred: HashMap::default(),
            adverse: adverse::Ledger::default(),
            remembered: Remembered::default(),
            waiting: scopes.clone(),
            unseen: scopes,
            staged: HashMap::default(),
            versions: Vec::new(),
            dirty: Dirty::default(),
            listed: false,
            settled_before: false,
            released: false,
        };
        world.remember(memory);
        world
    }

    /// The cluster.
    pub fn cluster(&self) -> &ClusterId {
        &self.cluster
    }

    /// Whether every list that may be made was made.
    pub fn is_ready(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The kubelets of its nodes, in order.
    pub(crate) fn kubelets(&self) -> Vec<Target> {
        let mut all: Vec<Target> = self.index.nodes.values().filter_map(Target::of).collect();
        all.sort();
        all
    }

    /// An object was added or changed.
    pub fn apply(&mut self, object: Object, now: Timestamp) {
        if let Some(prepared) = self.prepare(object, now) {
            self.put(prepared, now);
        }
    }

    /// An object is gone.
    pub fn delete(&mut self, object: &Object, now: Timestamp) {
        self.remove(object.kind(), &object.meta().uid, now);
    }

    /// A list begins; what an earlier unfinished one brought is dropped.
    pub fn begin(&mut self, scope: Scope) {
        self.staged.insert(scope, Staged::default());
    }

    /// Objects of a list that is under way; they count when it is done.
    pub fn stage(&mut self, scope: &Scope, objects: Vec<Object>, now: Timestamp) {
        let mut staged = self.staged.remove(scope).unwrap_or_default();
        for object in objects {
            let Some(prepared) = self.prepare(object, now) else { continue };
            if self.index.knows(&prepared) {
                staged.known.push(prepared.meta().uid.clone());
            } else {
                staged.new.push(prepared);
            }
        }
        self.staged.insert(scope.clone(), staged);
    }

    /// A list is done: its objects replace what was known, and what was not listed is gone.
    pub fn finish(&mut self, scope: &Scope, now: Timestamp) {
        let staged = self.staged.remove(scope).unwrap_or_default();
        let new = staged.new.iter().map(|prepared| prepared.meta().uid.clone());
        let listed: HashSet<Text> = new.chain(staged.known).collect();
        for uid in self.index.uids(scope.0, scope.1.as_ref()) {
            if !listed.contains(&uid) {
                self.remove(scope.0, &uid, now);
            }
        }
        for prepared in staged.new {
            self.put(prepared, now);
        }
        self.index.unlisted.remove(&scope.0);
        self.waiting.remove(scope);
        self.see(scope);
        self.listed |= scope.0.tells_revisions() || scope.0 == Kind::Pod;
        self.interner.sweep();
    }

    /// A whole list at once.
    pub fn replace(&mut self, scope: &Scope, objects: Vec<Object>, now: Timestamp) {
        self.begin(scope.clone());
        self.stage(scope, objects, now);
        self.finish(scope, now);
    }

    /// The cluster does not have the kind.
    pub fn absent(&mut self, scope: &Scope) {
        self.unavailable(scope);
        self.see(scope);
    }

    /// A list may not be made. What is known of it stays, and so does what is remembered, which may be there still.
    pub fn forbidden(&mut self, scope: &Scope) {
        self.unavailable(scope);
    }

    fn unavailable(&mut self, scope: &Scope) {
        self.waiting.remove(scope);
        self.staged.remove(scope);
        if self.index.uids(scope.0, None).is_empty() {
            self.index.unlisted.insert(scope.0);
        }
    }

    /// All of a scope is known: of what is remembered of it, what was not listed is gone.
    fn see(&mut self, scope: &Scope) {
        if self.unseen.remove(scope) && self.settled_before {
            let own = |key: &&Key| is_of(scope, key.kind(), key.namespace());
            self.dirty.services.extend(self.tracks.keys().filter(own).cloned());
        }
    }

    /// Versions that wait to be stored. They are only texts, so they may be stored before anything else is settled.
    pub fn take_versions(&mut self) -> Vec<Version> {
        std::mem::take(&mut self.versions)
    }

    /// How many versions wait to be stored.
    pub fn versions_waiting(&self) -> usize {
        self.versions.len()
    }

    /// How many objects of a scope are known.
    pub fn count(&self, scope: &Scope) -> u64 {
        self.index.count(scope.0, scope.1.as_ref())
    }
}
