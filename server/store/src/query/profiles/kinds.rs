//! Which types of profiles a service has, and who sent them. Pure.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use model::{ProfileType, ProfileTypes, RevisionHash, SampleType, ServiceId, Timestamp, Window};

use super::Take;
use crate::Error;
use crate::block::profiles::ProfileBlock;
use crate::query::part::Part;

/// Pods and types that are told.
const PODS: usize = 500;
const TYPES: usize = 200;

/// See the module.
pub(super) struct Kinds {
    service: ServiceId,
    window: Window,
    types: BTreeMap<SampleType, (u64, Timestamp)>,
    pods: BTreeSet<String>,
    revisions: BTreeMap<RevisionHash, Timestamp>,
}

impl Kinds {
    pub(super) fn new(service: ServiceId, window: Window) -> Self {
        let (types, pods, revisions) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        Self { service, window, types, pods, revisions }
    }

    pub(super) fn finish(self) -> ProfileTypes {
        let row = |(sample, (profiles, last))| ProfileType { sample, profiles, last };
        let mut types: Vec<ProfileType> = self.types.into_iter().map(row).collect();
        types.sort_by_key(|row| row.sample.rank());
        let mut revisions: Vec<(RevisionHash, Timestamp)> = self.revisions.into_iter().collect();
        revisions.sort_by_key(|(_, last)| Reverse(*last));
        ProfileTypes {
            types,
            pods: self.pods.into_iter().take(PODS).collect(),
            revisions: revisions.into_iter().map(|(hash, _)| hash).collect(),
            covered_from: None,
        }
    }
}

impl Take for Kinds {
    fn look(&mut self, part: &Part, block: &ProfileBlock) -> Result<(), Error> {
        for profiles in block.sections() {
            let (name, unit) = block.type_of(&profiles);
            let sample = SampleType::new(name, unit);
            for head in &block.profiles[profiles] {
                let at = Timestamp(head.at);
                let is_asked = self.window.contains(at) && part.is_of(head.owner, at, &self.service);
                let Some(whose) = part.whose(head.owner, at).filter(|_| is_asked) else { continue };
                let row = self.types.entry(sample.clone()).or_insert((0, at));
                *row = (row.0 + 1, row.1.max(at));
                if let Some(pod) = whose.pod_name.as_deref().filter(|pod| !self.pods.contains(*pod)) {
                    self.pods.insert(pod.to_owned());
                }
                if let Some(revision) = &whose.revision {
                    let last = self.revisions.entry(revision.clone()).or_insert(at);
                    *last = (*last).max(at);
                }
            }
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.types.len() > TYPES
    }
}
