//! Resources to owners: the attributes as sorted text, what they say of where the sender runs, and the peer's address
//! where no rule over attributes finds a service. Each distinct resource of a request is one owner.

use std::collections::HashMap;
use std::net::IpAddr;

use model::{Owner, Value};
use store::OwnerFacts;
use store::pattern::cut;

use crate::Limits;
use crate::attributes::{self, WORKLOADS};
use crate::limits::OWNER_VALUE;
use crate::value::{Cuts, attribute};
use crate::wire::{Cursor, Malformed, WRONG_TYPE, Wire, text};

/// What a request's owners are made with, and those it has already.
pub(crate) struct Owners<'a> {
    /// Who sent the request.
    peer: Option<IpAddr>,
    /// Whether attributes alone say which service it is.
    found: &'a dyn Fn(&OwnerFacts) -> bool,
    /// Most attributes of a resource.
    most: usize,
    /// Most owners of the request.
    owners: usize,
    by_bytes: HashMap<&'a [u8], u32>,
    by_owner: HashMap<Owner, u32>,
}

/// A resource: one that was numbered before, or one that will be when a span needs it.
pub(crate) enum Resource<'a> {
    /// It has a number.
    Known(u32),
    /// It has none yet; the bytes are there when one message holds all of it.
    New(Box<(Owner, OwnerFacts)>, Option<&'a [u8]>),
}

impl<'a> Owners<'a> {
    /// None yet.
    pub(crate) fn new(peer: Option<IpAddr>, found: &'a dyn Fn(&OwnerFacts) -> bool, limits: &Limits) -> Self {
        let (most, owners) = (limits.nested_attributes, limits.owners);
        Self { peer, found, most, owners, by_bytes: HashMap::new(), by_owner: HashMap::new() }
    }

    /// Reads a resource from its parts; more than one are merged, as protobuf demands.
    pub(crate) fn read(&self, parts: &[&'a [u8]], cuts: &mut Cuts) -> Result<Resource<'a>, Malformed> {
        let whole = match parts {
            [] => Some(&[][..]),
            [one] => Some(*one),
            _ => None,
        };
        if let Some(number) = whole.and_then(|bytes| self.by_bytes.get(bytes)) {
            return Ok(Resource::Known(*number));
        }
        let mut attributes = Vec::new();
        for part in parts {
            resource(part, self.most, &mut attributes, cuts)?;
        }
        Ok(Resource::New(Box::new(self.named(sorted(attributes, cuts))), whole))
    }

    /// A resource of attributes that another format than OTLP's has; a key that comes again counts no more.
    pub(crate) fn told(&self, attributes: Vec<(&str, Value)>, cuts: &mut Cuts) -> Resource<'a> {
        Resource::New(Box::new(self.named(sorted(attributes, cuts))), None)
    }

    fn named(&self, attributes: Vec<(String, String)>) -> (Owner, OwnerFacts) {
        let mut facts = facts(&attributes);
        let peer = self.peer.filter(|_| !(self.found)(&facts));
        facts.peer = self.peer;
        (Owner { attributes, peer }, facts)
    }

    /// The number of a resource, from `add` when it is a new owner; none when the request has as many as it may have.
    pub(crate) fn number(&mut self, resource: Resource<'a>, add: impl FnOnce(Owner, OwnerFacts) -> u32) -> Option<u32> {
        let (pair, bytes) = match resource {
            Resource::Known(number) => return Some(number),
            Resource::New(pair, bytes) => (pair, bytes),
        };
        let (owner, facts) = *pair;
        let number = match self.by_owner.get(&owner) {
            Some(number) => *number,
            None if self.by_owner.len() >= self.owners => return None,
            None => {
                let number = add(owner.clone(), facts);
                self.by_owner.insert(owner, number);
                number
            }
        };
        // The same may be written in very many ways, which are not all worth remembering.
        if let Some(bytes) = bytes.filter(|_| self.by_bytes.len() < self.owners) {
            self.by_bytes.insert(bytes, number);
        }
        Some(number)
    }
}

/// Reads the attributes of a `Resource` message.
fn resource<'a>(
    bytes: &'a [u8],
    most: usize,
    into: &mut Vec<(&'a str, Value)>,
    cuts: &mut Cuts,
) -> Result<(), Malformed> {
    let mut cursor = Cursor::new(bytes);
    while let Some(field) = cursor.field()? {
        match field {
            (1, Wire::Bytes(bytes)) => attribute(bytes, most, into, cuts)?,
            (2, Wire::Varint(_)) => {}
            (3, Wire::Bytes(bytes)) => entity(bytes)?,
            (1..=3, _) => return Err(WRONG_TYPE),
            _ => {}
        }
    }
    Ok(())
}

/// Checks a reference to an entity; it only names attributes that are there anyway.
fn entity(bytes: &[u8]) -> Result<(), Malformed> {
    let mut cursor = Cursor::new(bytes);
    while let Some(field) = cursor.field()? {
        match field {
            (1..=4, Wire::Bytes(bytes)) => _ = text(bytes)?,
            (1..=4, _) => return Err(WRONG_TYPE),
            _ => {}
        }
    }
    Ok(())
}

/// Attributes as sorted text; of a key that comes twice the first counts.
fn sorted(attributes: Vec<(&str, Value)>, cuts: &mut Cuts) -> Vec<(String, String)> {
    let mut sorted: Vec<(String, String)> = attributes
        .into_iter()
        .filter(|(key, _)| !attributes::is_private(key))
        .map(|(key, value)| {
            let long = value.to_string();
            let short = cut(&long, OWNER_VALUE);
            cuts.values += u64::from(short.len() < long.len());
            (key.to_owned(), short.to_owned())
        })
        .collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    sorted.dedup_by(|later, first| later.0 == first.0);
    sorted
}

/// What attributes that ascend by key say of where the sender runs.
pub(crate) fn facts(attributes: &[(String, String)]) -> OwnerFacts {
    let get = |key: &str| {
        let found = attributes.binary_search_by(|(k, _)| k.as_str().cmp(key)).ok();
        found.map(|i| attributes[i].1.clone()).filter(|value| !value.is_empty())
    };
    let workload = WORKLOADS.iter().find_map(|(key, kind)| Some(((*kind).to_owned(), get(key)?)));
    OwnerFacts {
        pod_uid: get("k8s.pod.uid"),
        namespace: get("k8s.namespace.name").or_else(|| get("service.namespace")),
        pod_name: get("k8s.pod.name"),
        // Some senders leave the runtime in front: `containerd://…`.
        container_id: get("container.id").map(|id| id.rsplit("://").next().unwrap_or_default().to_owned()),
        pod_ip: get("k8s.pod.ip"),
        workload,
        service_name: get("service.name").filter(|name| !attributes::is_made_up(name)),
        peer: None,
        cluster: get("k8s.cluster.uid").or_else(|| get("k8s.cluster.name")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(attributes: &[(&str, &str)]) -> Vec<(String, String)> {
        let values = attributes.iter().map(|(key, value)| (*key, Value::Text((*value).to_owned()))).collect();
        sorted(values, &mut Cuts::default())
    }

    #[test]
    fn facts_come_from_the_attributes_in_their_order_of_preference() {
        let facts = facts(&pairs(&[
            ("service.name", "checkout"),
            ("service.namespace", "other"),
            ("k8s.namespace.name", "shop"),
            ("k8s.replicaset.name", "checkout-5d"),
            ("k8s.deployment.name", "checkout"),
            ("container.id", "containerd://abc"),
            ("k8s.cluster.name", "prod"),
        ]));
        assert_eq!(facts.namespace.as_deref(), Some("shop"));
        assert_eq!(facts.workload, Some(("Deployment".into(), "checkout".into())));
        assert_eq!(facts.container_id.as_deref(), Some("abc"));
        assert_eq!(facts.cluster.as_deref(), Some("prod"));
    }

    #[test]
    fn service_name_made_up_by_the_sdk_counts_as_unset() {
        assert_eq!(facts(&pairs(&[("service.name", "unknown_service:java")])).service_name, None);
        assert_eq!(facts(&pairs(&[("service.name", "")])).service_name, None);
    }

    #[test]
    fn command_lines_never_become_part_of_an_owner() {
        let kept = pairs(&[
            ("process.command_args", "--token=canary"),
            ("process.environment_variable.TOKEN", "canary"),
            ("process.pid", "7"),
        ]);
        assert_eq!(kept, vec![("process.pid".to_owned(), "7".to_owned())]);
    }

    #[test]
    fn of_a_key_that_comes_twice_the_first_counts() {
        assert_eq!(pairs(&[("b", "1"), ("a", "2"), ("b", "3")]), pairs(&[("a", "2"), ("b", "1")]));
    }

    #[test]
    fn peer_belongs_to_the_owner_only_where_attributes_find_nothing() {
        let peer: IpAddr = "10.0.0.9".parse().unwrap();
        for (found, want) in [(true, None), (false, Some(peer))] {
            let known = |_: &OwnerFacts| found;
            let owners = Owners::new(Some(peer), &known, &Limits::default());
            let Resource::New(pair, _) = owners.read(&[], &mut Cuts::default()).unwrap() else { panic!("known") };
            assert_eq!(pair.0.peer, want);
            assert_eq!(pair.1.peer, Some(peer));
        }
    }
}
