//! What was read of containers and volumes, as shares of what they may have. Pure.

use std::collections::{BTreeMap, HashMap};

use analysis::{Measured, SaturationRules, saturation, throttled};
use model::{LeakOf, PodState, Saturation, SaturationOf, Timestamp};

use super::reader::{Points, Run};

/// What the living pods of a service have too little of, the worst first. `held` are periods a second by pod and
/// container: those in which it wanted to run, and of them those in which it was held.
pub(super) fn find(
    runs: &[Run],
    held: Vec<(Vec<String>, Points, Points)>,
    pods: &HashMap<&str, &PodState>,
    now: Timestamp,
) -> Vec<Saturation> {
    let living = |name: &str| pods.get(name).copied().filter(|pod| pod.ended.is_none());
    let mut all: BTreeMap<SaturationOf, Vec<Measured>> = BTreeMap::new();
    for run in runs {
        let Some(limit) = run.limit.filter(|limit| *limit > 0.0) else { continue };
        if living(&run.pod).is_none_or(|pod| run.is_past(pod)) {
            continue;
        }
        let of = match &run.of {
            LeakOf::Memory { container } => SaturationOf::Memory { container: container.clone() },
            LeakOf::Volume { volume } => SaturationOf::Volume { volume: volume.clone() },
        };
        let shares = run.level.iter().map(|(at, bytes)| (*at, bytes / limit)).collect();
        all.entry(of).or_default().push(Measured { pod: run.pod.clone(), shares, whole: Some(limit) });
    }
    for (key, periods, held) in held {
        let [pod, container] = key.as_slice() else { continue };
        if living(pod).is_some() {
            let of = SaturationOf::Cpu { container: container.clone() };
            let shares = throttled(&periods, &held);
            all.entry(of).or_default().push(Measured { pod: pod.clone(), shares, whole: None });
        }
    }
    let rules = SaturationRules::default();
    let mut found: Vec<Saturation> =
        all.iter().filter_map(|(of, measured)| saturation(of, now, measured, &rules)).collect();
    found.sort_by_key(|one| !one.degrades);
    found
}
