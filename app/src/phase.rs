//! How far a deploy is, as every list of deploys says it.

use leptos::prelude::*;
use model::{Deploy, DeployPhase, MINUTE, Timestamp};

use crate::ui::badge::badge;

/// A first look is had a minute after the start; what it needs has arrived a little later.
const FIRST_LOOK: i64 = 2 * MINUTE;

/// What a deploy that is not over is at; nothing of others.
pub(crate) fn phase_badge(phase: &DeployPhase) -> Option<AnyView> {
    match phase {
        DeployPhase::RollingOut => Some(badge("deploy", "rolling out")),
        DeployPhase::Paused { why } => Some(badge("deploy", format!("paused: {why}"))),
        DeployPhase::Stuck { .. } => Some(badge("bad", "stuck")),
        DeployPhase::Settled { .. } | DeployPhase::Superseded { .. } => None,
    }
}

/// Why nothing was said of a deploy by a moment.
pub(crate) fn unjudged(deploy: &Deploy, as_of: Timestamp) -> &'static str {
    match () {
        () if deploy.reconstructed => "not judged: before Binnacle ran",
        () if as_of.since(deploy.started) < FIRST_LOOK => "not judged yet",
        () => "not judged: neither its pods nor requests were seen",
    }
}

#[cfg(test)]
mod tests {
    use model::{DeployId, DeployKind, RevisionHash, ServiceId};

    use super::*;

    #[test]
    fn why_nothing_was_said_is_told_apart() {
        let started = Timestamp(100 * MINUTE);
        let deploy = Deploy {
            id: DeployId { service: ServiceId::new("c", "n", "Deployment", "d"), sequence: 2 },
            from: None,
            to: RevisionHash("b".into()),
            from_name: None,
            to_name: "b".into(),
            kind: DeployKind::Image,
            phase: DeployPhase::RollingOut,
            started,
            rollback: false,
            reconstructed: false,
            cause: None,
            changes: vec![],
        };
        assert_eq!(unjudged(&deploy, started.plus(MINUTE)), "not judged yet");
        assert!(unjudged(&deploy, started.plus(10 * MINUTE)).contains("neither its pods nor requests"));
        let found = Deploy { reconstructed: true, ..deploy };
        assert_eq!(unjudged(&found, started), "not judged: before Binnacle ran");
    }
}
