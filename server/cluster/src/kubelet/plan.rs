//! Which kubelets there are and when each is asked: spread over the interval, rarer while one does not answer. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use crate::slim::Node;
use crate::versions::digest;

/// The port of a kubelet that does not say its own.
const PORT: u16 = 10_250;
/// A kubelet that does not answer is asked at least so often.
const RAREST: Duration = Duration::from_secs(300);

/// A kubelet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Target {
    /// The node's name.
    pub(super) node: String,
    address: IpAddr,
    port: u16,
}

impl Target {
    /// The kubelet of a node; none where the node has no address yet.
    pub(crate) fn of(node: &Node) -> Option<Self> {
        let port = if node.kubelet_port == 0 { PORT } else { node.kubelet_port };
        Some(Self { node: node.meta.name.to_string(), address: node.address?, port })
    }

    /// Whether it is on this machine.
    pub(super) fn is_local(&self) -> bool {
        self.address.is_loopback()
    }

    /// Host and port as a URL has them.
    pub(super) fn authority(&self) -> String {
        std::net::SocketAddr::new(self.address, self.port).to_string()
    }
}

/// When a kubelet is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) due: Instant,
    failures: u32,
}

impl Turn {
    /// The first time: somewhere in the interval, by the node's name.
    pub(super) fn first(node: &str, now: Instant, interval: Duration) -> Self {
        let drawn = u32::from_str_radix(digest(&[node.as_bytes()]).get(..4).unwrap_or("0"), 16).unwrap_or(0);
        Self { due: now + interval.mul_f64(f64::from(drawn) / 65_536.0), failures: 0 }
    }

    /// After it answered: an interval after the last time, so that the spread stays; what was missed is left out.
    pub(super) fn answered(self, now: Instant, interval: Duration) -> Self {
        let mut due = self.due + interval;
        if due <= now {
            let missed = now.duration_since(due).as_nanos() / interval.as_nanos().max(1) + 1;
            due += interval.saturating_mul(u32::try_from(missed).unwrap_or(u32::MAX));
        }
        Self { due, failures: 0 }
    }

    /// After it did not: twice as long each time.
    pub(super) fn failed(self, now: Instant, interval: Duration) -> Self {
        let pause = interval.saturating_mul(1 << self.failures.min(16)).min(RAREST.max(interval));
        Self { due: now + pause, failures: self.failures.saturating_add(1) }
    }
}

/// Nodes that came and went: those that stay keep what is known of them.
pub(super) fn change<T>(known: &mut BTreeMap<Target, T>, targets: &[Target], mut new: impl FnMut(&Target) -> T) {
    let kept: BTreeSet<&Target> = targets.iter().collect();
    known.retain(|target, _| kept.contains(target));
    for target in targets {
        if !known.contains_key(target) {
            known.insert(target.clone(), new(target));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(15);

    fn node(json: &str) -> Option<String> {
        let node: Node = serde_json::from_str(json).unwrap();
        Target::of(&node).map(|target| target.authority())
    }

    #[test]
    fn a_kubelet_is_where_its_node_says() {
        let own = r#"{"metadata": {"name": "n"}, "status": {"addresses": [{"type": "Hostname", "address": "n"},
            {"type": "InternalIP", "address": "10.0.0.7"}, {"type": "InternalIP", "address": "fd00::7"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 1234}}}}"#;
        assert_eq!(node(own).as_deref(), Some("10.0.0.7:1234"));
        let six = r#"{"status": {"addresses": [{"type": "InternalIP", "address": "fd00::7"}]}}"#;
        assert_eq!(node(six).as_deref(), Some("[fd00::7]:10250"));
        for none in [
            "{}",
            r#"{"status": {"addresses": null, "daemonEndpoints": null}}"#,
            r#"{"status": {"addresses": [{"type": "ExternalIP", "address": "1.2.3.4"}]}}"#,
            r#"{"status": {"addresses": [{"type": "InternalIP", "address": "not one/../"}]}}"#,
        ] {
            assert_eq!(node(none), None, "{none}");
        }
    }

    #[test]
    fn nodes_are_spread_over_the_interval() {
        let now = Instant::now();
        let due = |number: u32| Turn::first(&format!("node-{number}"), now, INTERVAL).due.duration_since(now);
        let mut thirds = [0; 3];
        (0..300).map(due).for_each(|due| thirds[(due.as_millis() / 5_000) as usize] += 1);
        assert!(thirds.iter().all(|third| (60..140).contains(third)), "{thirds:?}");
        assert_eq!(due(7), due(7));
    }

    #[test]
    fn who_answers_keeps_its_turn_and_misses_what_was_missed() {
        let now = Instant::now();
        let turn = Turn { due: now, failures: 3 };
        let after = |millis| turn.answered(now + Duration::from_millis(millis), INTERVAL).due.duration_since(now);
        assert_eq!(after(20), INTERVAL);
        assert_eq!(after(15_000), 2 * INTERVAL);
        assert_eq!(after(50_000), 4 * INTERVAL);
        assert_eq!(turn.answered(now, INTERVAL).failures, 0);
    }

    #[test]
    fn who_does_not_answer_is_asked_more_and_more_rarely() {
        let now = Instant::now();
        let mut turn = Turn { due: now, failures: 0 };
        let mut pauses = Vec::new();
        for _ in 0..40 {
            turn = turn.failed(now, INTERVAL);
            pauses.push(turn.due.duration_since(now).as_secs());
        }
        assert_eq!(pauses[..6], [15, 30, 60, 120, 240, 300]);
        assert_eq!(pauses[39], 300);
        let slow = Duration::from_secs(600);
        assert_eq!(turn.failed(now, slow).due.duration_since(now), slow);
    }

    #[test]
    fn what_is_known_of_a_node_stays_while_it_does() {
        let target = |port| Target { node: "n".into(), address: IpAddr::from([10, 0, 0, 1]), port };
        let mut known = BTreeMap::from([(target(1), "old"), (target(2), "old")]);
        change(&mut known, &[target(2), target(3)], |_| "new");
        assert_eq!(known, BTreeMap::from([(target(2), "old"), (target(3), "new")]));
    }
}
