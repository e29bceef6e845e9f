//! Strings that many objects share: names, labels, images. Kept once by the interner, shared by reference.

use ahash::{HashMap, HashSet};
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

pub use model::Text;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::slim::{Asked, Owner};
use crate::template::Facts;

/// Labels, by key; equal sets are one allocation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Labels(Arc<[(Text, Text)]>);

impl Default for Labels {
    fn default() -> Self {
        Self(Arc::from([]))
    }
}

impl Labels {
    /// The value of a label.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.text(key).map(|text| &**text)
    }

    /// The value of a label, to be shared.
    pub(crate) fn text(&self, key: &str) -> Option<&Text> {
        self.0.binary_search_by(|(name, _)| (**name).cmp(key)).ok().map(|at| &self.0[at].1)
    }

    /// Keys and values, in order.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = &(Text, Text)> {
        self.0.iter()
    }

    /// Whether every one of `wanted` is among these; an empty selector selects nothing.
    pub fn matches(&self, wanted: &Labels) -> bool {
        !wanted.0.is_empty() && wanted.0.iter().all(|(key, value)| self.get(key) == Some(value))
    }
}

impl FromIterator<(Text, Text)> for Labels {
    fn from_iter<I: IntoIterator<Item = (Text, Text)>>(pairs: I) -> Self {
        let mut pairs: Vec<(Text, Text)> = pairs.into_iter().collect();
        pairs.sort();
        Self(pairs.into())
    }
}

struct LabelsVisitor;

impl<'de> Visitor<'de> for LabelsVisitor {
    type Value = Labels;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of strings")
    }
    fn visit_unit<E>(self) -> Result<Labels, E> {
        Ok(Labels::default())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
        let mut pairs: Vec<(Text, Text)> = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(pairs.into_iter().collect())
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LabelsVisitor)
    }
}

/// Keeps one copy of each string and of each set of labels.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    texts: HashSet<Text>,
    labels: HashSet<Labels>,
    owners: HashSet<Arc<Owner>>,
    asked: HashSet<Arc<Asked>>,
    facts: HashMap<Text, Arc<Facts>>,
}

impl Interner {
    /// Replaces a text by the shared one.
    pub(crate) fn text(&mut self, text: &mut Text) {
        match self.texts.get(text) {
            Some(known) => *text = known.clone(),
            None => {
                self.texts.insert(text.clone());
            }
        }
    }

    /// Replaces labels by the shared ones.
    pub(crate) fn labels(&mut self, labels: &mut Labels) {
        if let Some(known) = self.labels.get(labels) {
            *labels = known.clone();
            return;
        }
        let mut pairs = labels.0.to_vec();
        for (key, value) in &mut pairs {
            self.text(key);
            self.text(value);
        }
        *labels = Labels(pairs.into());
        self.labels.insert(labels.clone());
    }

    /// Replaces an owner by the shared one.
    pub(crate) fn owner(&mut self, owner: &mut Option<Arc<Owner>>) {
        if let Some(owner) = owner {
            share(&mut self.owners, owner);
        }
    }

    /// Replaces what was asked for by the shared one.
    pub(crate) fn asked(&mut self, asked: &mut Arc<Asked>) {
        share(&mut self.asked, asked);
    }

    /// The shared facts of a template: a Deployment and its ReplicaSet have the same.
    pub(crate) fn facts(&mut self, facts: Facts) -> Arc<Facts> {
        self.facts.entry(facts.hash.clone()).or_insert_with(|| Arc::new(facts)).clone()
    }

    /// Forgets what nobody holds any more.
    pub(crate) fn sweep(&mut self) {
        self.facts.retain(|_, facts| Arc::strong_count(facts) > 1);
        self.asked.retain(|asked| Arc::strong_count(asked) > 1);
        self.owners.retain(|owner| Arc::strong_count(owner) > 1);
        self.labels.retain(|labels| Arc::strong_count(&labels.0) > 1);
        self.texts.retain(|text| text.holders() > 1);
    }
}

fn share<T: Eq + Hash>(known: &mut HashSet<Arc<T>>, one: &mut Arc<T>) {
    match known.get(one) {
        Some(shared) => *one = shared.clone(),
        None => {
            known.insert(one.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_strings_are_kept_once_and_swept_when_nobody_holds_them() {
        let mut interner = Interner::default();
        let (mut one, mut two) = (Text::from("shop"), Text::from("shop"));
        interner.text(&mut one);
        interner.text(&mut two);
        assert!(std::ptr::eq(one.as_str(), two.as_str()));
        drop((one, two));
        interner.sweep();
        assert!(interner.texts.is_empty());
    }

    #[test]
    fn an_empty_selector_selects_nothing() {
        let labels: Labels = serde_json::from_str(r#"{"app":"web","tier":null}"#).unwrap();
        assert_eq!(labels.get("app"), Some("web"));
        assert!(labels.matches(&serde_json::from_str(r#"{"app":"web"}"#).unwrap()));
        assert!(!labels.matches(&serde_json::from_str(r#"{"app":"api"}"#).unwrap()));
        assert!(!labels.matches(&Labels::default()));
    }
}
