//! Cells of some services with whose they were: the one walk of questions that are about services.

use hashbrown::HashSet;
use model::{ServiceId, Timestamp};

use super::{Loaded, of_owners};
use crate::Attribution;
use crate::rollup::Rollup;

/// A cell of one of the services that were asked for.
pub(super) struct Own<'a, T> {
    pub(super) rollup: &'a Rollup,
    pub(super) cell: &'a T,
    pub(super) service: &'a ServiceId,
    /// Whose it was then.
    pub(super) whose: &'a Attribution,
}

/// The cells of services; `owner` says whose a cell is, and as of when.
pub(super) fn own<'a, T: 'a>(
    loaded: impl IntoIterator<Item = &'a Loaded>,
    services: &'a [ServiceId],
    cells: fn(&Rollup) -> &[T],
    owner: fn(&T) -> (u32, i64),
) -> impl Iterator<Item = Own<'a, T>> {
    let asked: HashSet<&ServiceId> = services.iter().collect();
    loaded.into_iter().flat_map(move |file| {
        let (owners, asked) = (file.resolved.owners_of(services), asked.clone());
        file.rollups.iter().flat_map(move |rollup| {
            let of_rollup = of_owners(cells(rollup), Some(&owners), move |cell| owner(cell).0);
            let own = |cell| {
                let (owner, at) = owner(cell);
                let whose = file.resolved.timelines[owner as usize].at(Timestamp(at));
                let service = whose.service.as_deref().filter(|service| asked.contains(service))?;
                Some(Own { rollup, cell, service, whose: whose.as_ref() })
            };
            of_rollup.filter_map(own).collect::<Vec<_>>()
        })
    })
}
