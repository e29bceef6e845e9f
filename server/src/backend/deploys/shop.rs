//! A store in which a service moved from one revision to another, for tests: what pods serve is put in as spans.

use model::{
    ClusterId, ConfigChange, Deploy, DeployPhase, HOUR, MINUTE, Owner, PodState, Revision, RevisionHash, SECOND,
    ServiceState, Timestamp, Viewer,
};
use store::{Batch, ClusterRecord, OwnerFacts, Store, Version};

use super::Answers;
use crate::fixtures::{self, deploy, id, open, service};

/// Answers over a store, and the hour before now, to the minute.
pub(super) struct Shop {
    pub(super) answers: Answers,
    pub(super) start: Timestamp,
    spans: u64,
    _folder: tempfile::TempDir,
}

pub(super) fn hash(text: &str) -> RevisionHash {
    RevisionHash(text.into())
}

pub(super) fn viewer() -> Viewer {
    Viewer::local()
}

impl Shop {
    /// Revision `a` for half an hour, then `b`; `old`, of which nothing but its name is kept.
    pub(super) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).await;
        let start = crate::jobs::now().plus(-HOUR).floor(MINUTE);
        let at = |minutes: i64| start.plus(minutes * MINUTE);
        let revision = |name: &str, created: i64| Revision {
            service: id("cart"),
            hash: hash(name),
            name: format!("{name}-name"),
            number: created,
            created: at(created),
            images: vec![],
            template: format!("template-{name}"),
        };
        let mut record = ClusterRecord::new(ClusterId("c1".into()));
        record.services = vec![ServiceState { revision: Some(hash("b")), ..service("cart") }];
        record.revisions = vec![revision("old", -600), revision("a", 0), revision("b", 30)];
        record.pods =
            [pod("p1", "a", at(0), Some(at(31))), pod("p2", "b", at(30), None)].map(std::sync::Arc::new).into();
        record.deploys = vec![Deploy {
            from: Some(hash("a")),
            started: at(30),
            phase: DeployPhase::Settled { at: at(31) },
            ..deploy(1)
        }];
        let edit = |minutes: i64, from: &str, to: &str| ConfigChange {
            cluster: "c1".into(),
            namespace: "shop".into(),
            name: "limits".into(),
            at: at(minutes),
            keys: vec!["limit".into()],
            from: Some(format!("limits-{from}")),
            to: format!("limits-{to}"),
            services: vec![id("cart")],
        };
        record.config_changes = vec![edit(-5, "1", "2"), edit(20, "2", "3"), edit(25, "3", "4"), edit(40, "4", "5")];
        let version = |hash: &str, text: &str| Version {
            kind: "Template".into(),
            namespace: "shop".into(),
            name: hash.into(),
            at: at(0),
            hash: hash.into(),
            text: text.into(),
            manager: None,
            changed: None,
        };
        record.versions = vec![version("template-a", "image: v1\n"), version("template-b", "image: v2\n")];
        record.versions.extend((1..6).map(|n| version(&format!("limits-{n}"), &format!("limit: {n}\n"))));
        store.record(&record).await.unwrap();
        let ingest = ingest::Ingest::new(store.clone(), ingest::Limits::default());
        Self { answers: Answers::new(store, ingest, vec![], false), start, spans: 0, _folder: folder }
    }

    pub(super) fn store(&self) -> &Store {
        &self.answers.store
    }

    /// Requests of a pod, one a second over minutes: one in so many fails with an error.
    pub(super) async fn serve(
        &mut self,
        pod: &str,
        minutes: std::ops::Range<i64>,
        duration: i64,
        (every, error): (u64, &str),
    ) {
        let mut batch = Batch::new(u128::from(self.spans + 1).to_be_bytes());
        let facts = OwnerFacts { pod_uid: Some(pod.into()), ..OwnerFacts::default() };
        let owner = batch.owner(Owner { attributes: vec![("pod".into(), pod.into())], peer: None }, facts);
        for second in minutes.start * 60..minutes.end * 60 {
            self.spans += 1;
            let error = if self.spans.is_multiple_of(every) { error } else { "" };
            let start = self.start.plus(second * SECOND);
            batch.push(&fixtures::span(owner, self.spans, "GET /", start, duration, error));
        }
        self.store().telemetry().append(batch).await.unwrap();
    }
}

fn pod(name: &str, revision: &str, created: Timestamp, ended: Option<Timestamp>) -> PodState {
    PodState { revision: Some(hash(revision)), ended, ..fixtures::pod(id("cart"), name, created) }
}
