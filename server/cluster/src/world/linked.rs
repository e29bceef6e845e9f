//! Objects that belong to services by what they refer to, found by what is referred to.

use super::index::Index;
use crate::kind::Kind;
use crate::links::{Hindered, Link};
use crate::selector::Selector;
use crate::slim::Meta;
use crate::text::{Labels, Text};

/// An object that belongs to services by reference, without its document.
#[derive(Debug, Clone)]
pub(crate) struct Linked {
    pub(crate) kind: Kind,
    pub(crate) meta: Meta,
    pub(crate) links: Box<[Link]>,
    pub(crate) selector: Selector,
    pub(crate) leads_to: Option<Link>,
    pub(crate) state: Text,
    pub(crate) good: Option<bool>,
    pub(crate) hindered: Option<Hindered>,
}

impl Linked {
    /// Whether it says the same of itself as another.
    fn says_as(&self, other: &Self) -> bool {
        self.links == other.links
            && self.selector == other.selector
            && self.leads_to == other.leads_to
            && self.state == other.state
            && self.good == other.good
            && self.hindered == other.hindered
    }
}

impl Index {
    /// Adds or replaces an object. What it said before is given back, unless it says the same.
    pub(crate) fn put_linked(&mut self, linked: Linked) -> Option<Linked> {
        let before = self.drop_linked(&linked.meta.uid.clone());
        let same = before.as_ref().is_some_and(|before| before.says_as(&linked));
        for link in &linked.links {
            self.links.entry(link.clone()).or_default().insert(linked.meta.uid.clone());
        }
        let told = if same { None } else { Some(before.unwrap_or_else(|| linked.clone())) };
        self.linked.insert(linked.meta.uid.clone(), linked);
        told
    }

    /// Removes an object.
    pub(crate) fn drop_linked(&mut self, uid: &str) -> Option<Linked> {
        let linked = self.linked.remove(uid)?;
        for link in &linked.links {
            if let Some(uids) = self.links.get_mut(link) {
                uids.remove(uid);
                if uids.is_empty() {
                    self.links.remove(link);
                }
            }
        }
        Some(linked)
    }

    /// Objects that refer to something, by kind and name.
    pub(crate) fn linked_to(&self, link: &Link) -> Vec<&Linked> {
        let uids = self.links.get(link).into_iter().flatten();
        let mut found: Vec<&Linked> = uids.filter_map(|uid| self.linked.get(uid)).collect();
        found.sort_by(|a, b| (a.kind, &a.meta.namespace, &a.meta.name).cmp(&(b.kind, &b.meta.namespace, &b.meta.name)));
        found
    }

    /// Objects that select pods with these labels.
    pub(crate) fn selecting(&self, namespace: &Text, labels: &Labels) -> Vec<&Linked> {
        let mut found = self.linked_to(&Link::Pods(namespace.clone()));
        found.retain(|linked| linked.selector.matches(labels));
        found
    }
}
