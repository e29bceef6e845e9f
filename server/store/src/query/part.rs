//! What a question about one service needs of a file: which of its owners are the service's, and what they say.

use hashbrown::HashMap;
use model::{Owner, ServiceId, Text, Timestamp};

use super::traces;
use crate::owners::Resolved;
use crate::partition::Shared;
use crate::partition::file::DataFile;
use crate::{Attribution, Directory, Error};

/// See the module.
pub(super) struct Part {
    pub(super) resolved: Resolved,
    /// Numbers of the service's owners, ascending.
    pub(super) owners: Vec<u32>,
    /// The service's owners in full, where the question is about resources.
    full: HashMap<u32, Owner>,
}

impl Part {
    /// Of a file; `asks_keys` says whether the question is about resources.
    pub(super) async fn of(
        shared: &Shared,
        file: &DataFile,
        service: &ServiceId,
        asks_keys: bool,
    ) -> Result<Self, Error> {
        let resolved = file.resolved(&shared.registry, &shared.directory.load_full()).await?;
        let owners = resolved.owners_of(std::slice::from_ref(service));
        let full = match asks_keys && !owners.is_empty() {
            true => traces::owners(&mut *file.readers.get().await?, &owners).await?,
            false => HashMap::new(),
        };
        Ok(Self { resolved, owners, full })
    }

    /// Whether an owner was a service's at a time.
    pub(super) fn is_of(&self, owner: u32, at: Timestamp, service: &ServiceId) -> bool {
        let is_known = self.owners.binary_search(&owner).is_ok();
        is_known && self.resolved.timelines[owner as usize].at(at).service.as_deref() == Some(service)
    }

    /// The pod of one of the service's owners at a time, and the shown name of its revision.
    pub(super) fn names(&self, owner: u32, at: Timestamp, directory: &Directory) -> (Option<String>, Option<String>) {
        let whose = self.resolved.timelines[owner as usize].at(at);
        let revision = whose.service.as_deref().zip(whose.revision.as_ref());
        let name = revision.and_then(|(service, revision)| directory.revision_name(service, revision));
        (whose.pod_name.as_ref().map(Text::to_string), name.map(str::to_owned))
    }

    /// Whose an owner was at a time; nothing where the file has no such owner.
    pub(super) fn whose(&self, owner: u32, at: Timestamp) -> Option<&Attribution> {
        Some(self.resolved.timelines.get(owner as usize)?.at(at))
    }

    /// What an owner's resource says of a key; its pod and revision are keys too.
    pub(super) fn of_owner(&self, owner: u32, key: &str) -> Option<String> {
        let timeline = self.resolved.timelines.get(owner as usize)?;
        match key {
            "pod" => {
                let facts = &self.resolved.owners.get(owner as usize)?.known.facts;
                timeline
                    .all()
                    .rev()
                    .find_map(|whose| whose.pod_name.as_ref().map(Text::to_string))
                    .or_else(|| facts.pod_name.clone())
            }
            "revision" => timeline.all().rev().find_map(|whose| Some(whose.revision.as_ref()?.to_string())),
            key => self.full.get(&owner)?.get(key).map(str::to_owned),
        }
    }

    /// Whether any owner's resource has a key.
    pub(super) fn has_key(&self, key: &str) -> bool {
        matches!(key, "pod" | "revision") || self.full.values().any(|owner| owner.get(key).is_some())
    }
}
