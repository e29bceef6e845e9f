//! What is wrong with a node, from its conditions.

use model::{AdverseKind, Timestamp};

use super::{Repeat, Sighting, words};
use crate::redact::Redactor;
use crate::slim::Node;

/// What is wrong with a node now.
pub(crate) fn of_node(node: &Node, redactor: &Redactor, now: Timestamp) -> Vec<Sighting> {
    let bad = node.conditions.iter().filter_map(|condition| {
        let (reason, what) = match (&*condition.kind, &*condition.status) {
            ("Ready", "True") => return None,
            ("Ready", "Unknown") => ("NodeNotReady", "The node does not report any more: it is down or cut off."),
            ("Ready", _) => ("NodeNotReady", "The node is not ready"),
            ("MemoryPressure", "True") => ("MemoryPressure", "The node runs out of memory and puts pods out."),
            ("DiskPressure", "True") => ("DiskPressure", "The node runs out of disk space and puts pods out."),
            ("PIDPressure", "True") => ("PIDPressure", "The node runs out of process ids."),
            ("NetworkUnavailable", "True") => ("NetworkUnavailable", "The node's network is not set up."),
            _ => return None,
        };
        let detail = words::short(&redactor.message(&condition.message));
        let message = if what.ends_with('.') { what.to_owned() } else { format!("{what}: {detail}.") };
        Some(Sighting {
            kind: AdverseKind::Node,
            reason: reason.into(),
            mark: reason.into(),
            container: None,
            message,
            exit_code: None,
            at: condition.since.0.unwrap_or(now),
            repeat: Repeat::Condition,
        })
    });
    bad.collect()
}
