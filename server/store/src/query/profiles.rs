//! Profiles of a service: which there are, and some of them merged into a tree. Blocks are read newest first, each
//! only if its filter says that it can hold what is asked for, and of each only the samples of one type.

mod kinds;
mod merged;
mod pruned;

use std::sync::Arc;

use model::{FrameTree, ProfileTypes, ServiceId, Window};

use super::part::Part;
use super::walk::{self, Look, Scope, walk};
use crate::block::columns::Signal;
use crate::block::points::filter;
use crate::block::profiles::{ProfileBlock, hash_of};
use crate::partition::Shared;
use crate::{Error, ProfileAsk};
use kinds::Kinds;
use merged::Merged;

/// For which there are so many bytes are enough: they are the same in every block.
const FEW_BYTES: i64 = 32 << 20;

/// See `Telemetry::profile_types`.
pub(crate) async fn types(shared: &Shared, service: &ServiceId, window: Window) -> Result<ProfileTypes, Error> {
    let scope = Scope { service: service.clone(), window, asks_keys: false, bytes: FEW_BYTES };
    let kinds = Profiles { sample: None, take: Kinds::new(service.clone(), window) };
    let (kinds, covered_from) = walk(shared, scope, kinds).await?;
    Ok(ProfileTypes { covered_from, ..kinds.take.finish() })
}

/// See `Telemetry::profile`.
pub(crate) async fn tree(shared: &Shared, ask: ProfileAsk) -> Result<FrameTree, Error> {
    let service = ask.service.clone();
    let scope = |window| Scope { service: service.clone(), window, asks_keys: false, bytes: walk::BYTES };
    let (of, against) = (ask.of.window, ask.against.as_ref().map(|slice| slice.window));
    let sample = Some(hash_of(&ask.sample.name, &ask.sample.unit));
    let (mut found, covered_from) = walk(shared, scope(of), Profiles { sample, take: Merged::new(ask) }).await?;
    let mut covered_before = None;
    // What is compared with may be days older: it is looked for on its own, and nothing in between is read.
    if let Some(window) = against {
        let turned = Profiles { sample, take: found.take.turned() };
        (found, covered_before) = walk(shared, scope(window), turned).await?;
    }
    super::blocking(move || FrameTree { covered_from, covered_before, ..found.take.finish() }).await
}

/// What is taken from blocks of profiles.
trait Take: Send + Sync + 'static {
    /// Takes what it needs of a block.
    fn look(&mut self, part: &Part, block: &ProfileBlock) -> Result<(), Error>;

    /// Whether it has as much as it may have.
    fn is_full(&self) -> bool;
}

/// A question about blocks of profiles, of one type where its hash is given.
struct Profiles<T> {
    sample: Option<u64>,
    take: T,
}

impl<T: Take> Look for Profiles<T> {
    type Seen = ProfileBlock;
    const SIGNAL: Signal = Signal::Samples;

    fn may_match(&self, part: &Part, stored: &[u8]) -> Result<bool, Error> {
        filter::may_match(stored, &part.owners, self.sample.as_slice())
    }

    fn see(&self, _: &Arc<Part>, sealed: &[u8]) -> Result<ProfileBlock, Error> {
        ProfileBlock::open(sealed)
    }

    fn take(&mut self, part: &Arc<Part>, seen: ProfileBlock) -> Result<(), Error> {
        self.take.look(part, &seen)
    }

    fn is_full(&self) -> bool {
        self.take.is_full()
    }
}
