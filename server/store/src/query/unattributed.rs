//! Data of no known service, with the reason.

use hashbrown::HashMap;
use model::{Timestamp, Unattributed, Window};

use super::{Rows, traces};
use crate::Error;
use crate::owners::OwnerHash;
use crate::partition::Shared;
use crate::partition::file::Family;

/// So many senders are named, those with the most records.
const MOST: usize = 200;
/// So many attributes are shown of each.
const ATTRIBUTES: usize = 12;

/// See `Telemetry::unattributed`.
pub(crate) async fn unattributed(shared: &Shared, window: Window) -> Result<Vec<Unattributed>, Error> {
    let mut found: HashMap<OwnerHash, Unattributed> = HashMap::new();
    for file in shared.files(Family::Raw).iter().filter(|file| file.begins() < window.to) {
        let Some(loaded) = super::load_file(shared, file, Rows::Arrived(window), None).await? else { continue };
        let mut counts: HashMap<u32, (u64, u64, i64)> = HashMap::new();
        for count in loaded.rollups.iter().flat_map(|rollup| &rollup.owners) {
            let (spans, logs, last) = counts.entry(count.owner).or_insert((0, 0, i64::MIN));
            *spans += count.spans;
            *logs += count.logs;
            *last = (*last).max(count.last);
        }
        counts.retain(|owner, (_, _, last)| {
            loaded.resolved.timelines[*owner as usize].at(Timestamp(*last)).service.is_none()
        });
        let numbers: Vec<u32> = counts.keys().copied().collect();
        let mut owners = match traces::owners(&mut *file.readers.get().await?, &numbers).await {
            Err(error) if error.is_damage() => {
                shared.damaged(format!("{}: {error}", file.path.display()));
                continue;
            }
            owners => owners?,
        };
        for (number, (spans, logs, last)) in counts {
            let known = &loaded.resolved.owners[number as usize].known;
            let Some(owner) = owners.remove(&number) else { continue };
            let whose = loaded.resolved.timelines[number as usize].at(Timestamp(last));
            let entry = found.entry(known.hash).or_insert_with(|| Unattributed {
                name: owner.get("service.name").unwrap_or_default().to_owned(),
                peer: known.facts.peer.or(owner.peer).map(|peer| peer.to_canonical().to_string()),
                attributes: owner.attributes.iter().take(ATTRIBUTES).cloned().collect(),
                reason: whose.reason.clone().unwrap_or_default(),
                spans: 0,
                logs: 0,
                last: Timestamp(last),
            });
            entry.spans += spans;
            entry.logs += logs;
            entry.last = entry.last.max(Timestamp(last));
        }
    }
    let mut found: Vec<Unattributed> = found.into_values().collect();
    found.sort_by(|a, b| (b.spans + b.logs).cmp(&(a.spans + a.logs)).then_with(|| a.name.cmp(&b.name)));
    found.truncate(MOST);
    Ok(found)
}
