//! How many kubelets answer, and what the others say. Pure.

use std::collections::{BTreeMap, BTreeSet};

use model::{KubeletStatus, KubeletTrouble};

use super::client::Trouble;
use super::plan::Target;

/// So many kinds of trouble are told apart.
const SHOWN: usize = 8;

/// What came of asking each kubelet last.
#[derive(Debug, Default)]
pub(super) struct Tally {
    nodes: u32,
    last: BTreeMap<Target, (bool, Vec<Trouble>)>,
}

impl Tally {
    /// Forgets all others.
    pub(super) fn keep(&mut self, targets: &[Target]) {
        self.nodes = targets.len() as u32;
        let kept: BTreeSet<&Target> = targets.iter().collect();
        self.last.retain(|target, _| kept.contains(target));
    }

    /// What came of asking one.
    pub(super) fn note(&mut self, target: Target, answered: bool, troubles: Vec<Trouble>) {
        self.last.insert(target, (answered, troubles));
    }

    /// The sum of it.
    pub(super) fn status(&self) -> KubeletStatus {
        let mut troubles: BTreeMap<&Trouble, (u32, &str)> = BTreeMap::new();
        for (target, (_, said)) in &self.last {
            for trouble in said {
                troubles.entry(trouble).or_insert((0, &target.node)).0 += 1;
            }
        }
        let mut troubles: Vec<KubeletTrouble> = troubles
            .into_iter()
            .map(|(trouble, (nodes, example))| KubeletTrouble {
                reason: trouble.reason.clone(),
                add: trouble.add.clone(),
                nodes,
                example: example.to_owned(),
            })
            .collect();
        troubles.sort_by_key(|trouble| std::cmp::Reverse(trouble.nodes));
        troubles.truncate(SHOWN);
        let answering = self.last.values().filter(|(answered, _)| *answered).count() as u32;
        KubeletStatus { off: None, nodes: self.nodes, answering, troubles }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slim::Node;

    fn target(name: &str) -> Target {
        let json = format!(
            r#"{{"metadata": {{"name": "{name}"}}, "status": {{"addresses": [{{"type": "InternalIP", "address": "10.0.0.1"}}]}}}}"#
        );
        Target::of(&serde_json::from_str::<Node>(&json).unwrap()).unwrap()
    }

    #[test]
    fn what_concerns_most_nodes_is_first() {
        let trouble = |reason: &str| Trouble { reason: reason.into(), add: None, is_silence: false };
        let mut tally = Tally::default();
        let targets = ["a", "b", "c", "d"].map(target);
        tally.keep(&targets);
        tally.note(targets[0].clone(), true, vec![]);
        tally.note(targets[1].clone(), true, vec![trouble("a summary is missing")]);
        tally.note(targets[2].clone(), false, vec![trouble("refused")]);
        tally.note(targets[3].clone(), false, vec![trouble("refused")]);
        let status = tally.status();
        assert_eq!((status.nodes, status.answering), (4, 2));
        let told: Vec<_> =
            status.troubles.iter().map(|it| (it.reason.as_str(), it.nodes, it.example.as_str())).collect();
        assert_eq!(told, [("refused", 2, "c"), ("a summary is missing", 1, "b")]);
        tally.keep(&targets[..1]);
        assert_eq!(tally.status().troubles, []);
    }
}
