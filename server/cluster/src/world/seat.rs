//! A pod and what was said of it: what it was like before goes on when it is replaced by what it is now.

use model::{Asked, PodPhase, PodState, Timestamp};

use crate::adverse::Counted;
use crate::identity::Key;
use crate::slim::{Container, Pod};
use crate::text::Text;

/// Changes kept of what is asked for a pod's containers: what sizes pods in place may do so all day.
const MOST_CHANGES: usize = 64;

/// A pod and what was said of it.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    pub(crate) pod: Pod,
    pub(crate) service: Option<Key>,
    pub(crate) counted: Counted,
    pub(crate) history: Vec<(Timestamp, PodPhase)>,
    /// What was asked for a container before, until when, oldest first.
    pub(crate) before: Vec<(Text, Timestamp, Asked)>,
    /// The zone of its node, once that was said; a node that is gone says it no more.
    pub(crate) zone: Text,
    /// Hash of what was recorded last.
    pub(crate) told: u64,
}

impl Seat {
    /// A pod that is seen for the first time, or again after the cluster was not watched.
    pub(crate) fn new(pod: Pod, known: Option<PodState>, now: Timestamp) -> Self {
        let none = (Vec::new(), None, Vec::new(), Text::default());
        let (history, counted, before, zone) = known.map_or(none, |known| {
            let of = |container: &Container| known.containers.iter().find(|one| *one.name == *container.name);
            let counted = pod.own_containers().map(|container| of(container).map_or(0, |one| one.restarts)).collect();
            let (mut before, mut changed) = (Vec::new(), Vec::new());
            for container in &pod.containers {
                let Some(one) = of(container) else { continue };
                let name = || container.name.clone();
                before.extend(one.before.iter().map(|(until, asked)| (name(), *until, asked.clone())));
                // One that was recorded before amounts were has none; that is no change.
                if one.asked.differs(&asked(container)) && tells(&one.asked) {
                    changed.push((name(), now, one.asked.clone()));
                }
            }
            before.sort_by_key(|(_, until, _)| *until);
            before.extend(changed);
            let zone = known.zone.as_deref().filter(|_| known.node.as_deref() == pod.node.some()).unwrap_or_default();
            (known.history, Some(counted), before, zone.into())
        });
        Self { pod, service: None, counted, history, before, zone, told: 0 }
    }

    /// The pod as it is now; what it asked for before is kept where that is something else.
    pub(crate) fn replace(&mut self, pod: Pod, now: Timestamp) {
        for was in &self.pod.containers {
            let is = pod.containers.iter().find(|is| is.name == was.name);
            if let Some(is) = is.filter(|is| (&is.asked, &is.image_id) != (&was.asked, &was.image_id))
                && asked(was).differs(&asked(is))
            {
                self.before.push((was.name.clone(), now, asked(was)));
            }
        }
        let surplus = self.before.len().saturating_sub(MOST_CHANGES);
        self.before.drain(..surplus);
        self.pod = pod;
    }
}

fn tells(asked: &Asked) -> bool {
    let nothing = Asked { image: asked.image.clone(), ..Asked::default() };
    *asked != nothing
}

/// What is asked for a container now.
pub(crate) fn asked(container: &Container) -> Asked {
    Asked {
        image: container.image.to_string(),
        requests: container.requests,
        limits: container.limits,
        digest: container.image_id.some().map(str::to_owned),
    }
}
