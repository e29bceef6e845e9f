//! Other services at the time of a deploy, without those that call this one: what they all suffer is not its doing.

use std::collections::{BTreeMap, BTreeSet};

use analysis::Peer;
use model::{MINUTE, Red, ServiceId, Step, Window};
use store::{By, Directory, RedQuery, Store};

/// So many others are looked at.
const PEERS: usize = 40;

/// Those that serve and do not call a service, directly or not: of its own namespace first.
pub(super) fn choose(busy: &[ServiceId], callers: &BTreeSet<&ServiceId>, service: &ServiceId) -> Vec<ServiceId> {
    let is_peer = |id: &&ServiceId| id.cluster == service.cluster && *id != service && !callers.contains(id);
    let mut chosen: Vec<&ServiceId> = busy.iter().filter(is_peer).collect();
    chosen.sort_by_key(|id| (id.namespace != service.namespace, *id));
    chosen.into_iter().take(PEERS).cloned().collect()
}

/// Everyone whose calls reach a service.
pub(super) fn callers<'a>(
    calls: &'a [(ServiceId, String)],
    directory: &'a Directory,
    service: &'a ServiceId,
) -> BTreeSet<&'a ServiceId> {
    let mut by_callee: BTreeMap<&ServiceId, BTreeSet<&ServiceId>> = BTreeMap::new();
    for (caller, name) in calls {
        directory.called(caller, name).for_each(|callee| {
            by_callee.entry(callee).or_default().insert(caller);
        });
    }
    let (mut found, mut rest) = (BTreeSet::new(), vec![service]);
    while let Some(callee) = rest.pop() {
        let direct = by_callee.get(callee).into_iter().flatten();
        rest.extend(direct.filter(|caller| **caller != service && found.insert(**caller)));
    }
    found
}

/// Services that served in a window.
pub(super) async fn busy(store: &Store, window: Window) -> Result<Vec<ServiceId>, store::Error> {
    let ask = RedQuery { services: None, window, step: Step(MINUTE), by: By::Service };
    Ok(store.telemetry().red(ask).await?.into_iter().map(|row| row.service).collect())
}

/// Their requests before and since.
pub(super) async fn measure(
    store: &Store,
    peers: Vec<ServiceId>,
    before: Window,
    since: Window,
) -> Result<Vec<Peer>, store::Error> {
    if peers.is_empty() {
        return Ok(Vec::new());
    }
    let mut found: BTreeMap<ServiceId, (Red, Red)> = BTreeMap::new();
    for (window, is_now) in [(before, false), (since, true)] {
        let ask = RedQuery { services: Some(peers.clone()), window, step: Step(MINUTE), by: By::Service };
        for row in store.telemetry().red(ask).await? {
            let sums = found.entry(row.service).or_default();
            let sum = if is_now { &mut sums.1 } else { &mut sums.0 };
            row.cells.iter().for_each(|(_, red)| sum.merge(red));
        }
    }
    Ok(found.into_iter().map(|(id, (before, now))| Peer { name: id.local(), before, now }).collect())
}
