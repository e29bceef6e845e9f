//! Who calls whom.

use std::collections::BTreeSet;

use model::{MINUTE, ServiceId, Step, Timestamp, Window};

use super::Need;
use crate::Error;
use crate::partition::Shared;

/// Pairs that are told at most.
const PAIRS: usize = 100_000;

/// See `Telemetry::calls`.
pub(crate) async fn calls(shared: &Shared, window: Window) -> Result<Vec<(ServiceId, String)>, Error> {
    let step = Step(MINUTE);
    let need = Need { window: window.aligned(step), step, services: None, by_pod: false };
    let loaded = super::load(shared, &need).await?;
    super::blocking(move || {
        let mut pairs: BTreeSet<(&ServiceId, &str)> = BTreeSet::new();
        for file in &loaded {
            for rollup in &file.rollups {
                // Sorted by owner and callee: of a run only the first is looked up.
                for run in rollup.calls.chunk_by(|a, b| (a.owner, a.text) == (b.owner, b.text)) {
                    let whose = file.resolved.timelines[run[0].owner as usize].at(Timestamp(run[0].at));
                    if let Some(service) = whose.service.as_deref().filter(|_| pairs.len() < PAIRS) {
                        pairs.insert((service, rollup.texts.get(run[0].text)));
                    }
                }
            }
        }
        pairs.into_iter().map(|(service, callee)| (service.clone(), callee.to_owned())).collect()
    })
    .await
}
