//! Spans in a store, judged: what is known goes in, the verdict a person expects comes out.

mod late;

use model::*;
use store::{Batch, ClusterRecord, Config, Keep, OwnerFacts, Store};
use tokio_util::sync::CancellationToken;

use super::Judging;
use store::fixtures;

const START: Timestamp = Timestamp(29_800_000 * MINUTE);
/// Requests a minute of a pod and endpoint.
const RATE: i64 = 60;
const ENDPOINTS: [&str; 2] = ["POST /checkout", "GET /cart"];

struct Shop {
    store: Store,
    _folder: tempfile::TempDir,
    spans: u64,
}

fn id() -> ServiceId {
    ServiceId::new("c1", "shop", "Deployment", "checkout")
}

fn at(minutes: i64) -> Timestamp {
    START.plus(minutes * MINUTE)
}

fn service() -> ServiceState {
    let revision = Some(RevisionHash("b".into()));
    let (wanted, ready, updated, available) = (2, 2, 2, 2);
    let created = at(-3 * 1_440);
    ServiceState { id: id(), created, wanted, ready, updated, available, revision, ..fixtures::service("checkout") }
}

fn pod(name: &str, revision: &str, created: i64, ended: Option<i64>) -> PodState {
    PodState {
        revision: Some(RevisionHash(revision.into())),
        node: Some("n1".into()),
        ended: ended.map(at),
        history: vec![(at(created), PodPhase::Starting), (at(created).plus(SECOND), PodPhase::Ready)],
        containers: vec![fixtures::container("app")],
        ..fixtures::pod(id(), name, at(created))
    }
}

fn deploy(sequence: u32, started: i64) -> Deploy {
    Deploy {
        id: DeployId { service: id(), sequence },
        from: Some(RevisionHash("a".into())),
        to: RevisionHash("b".into()),
        from_name: Some("v1".into()),
        to_name: "v2".into(),
        kind: DeployKind::Image,
        phase: DeployPhase::Settled { at: at(started + 3) },
        started: at(started),
        rollback: false,
        reconstructed: false,
        cause: None,
        changes: vec![],
    }
}

/// A deploy that has nothing before it.
fn first(sequence: u32, started: i64) -> Deploy {
    Deploy { from: None, from_name: None, kind: DeployKind::First, ..deploy(sequence, started) }
}

impl Shop {
    /// Two old pods that end in the third minute, two new ones from the first minute on.
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keep = Keep { age: 30 * DAY, bytes: 1 << 30 };
        let config = Config { path: folder.path().to_owned(), raw: keep, summaries: keep };
        let shop = Self { store: Store::open(config).await.unwrap(), _folder: folder, spans: 0 };
        let mut record = ClusterRecord::new(ClusterId("c1".into()));
        record.services = vec![service()];
        record.pods = [
            pod("old-1", "a", -2_000, Some(3)),
            pod("old-2", "a", -2_000, Some(3)),
            pod("new-1", "b", 1, None),
            pod("new-2", "b", 1, None),
        ]
        .map(std::sync::Arc::new)
        .into();
        record.deploys = vec![deploy(2, 0)];
        shop.store.record(&record).await.unwrap();
        shop
    }

    async fn record(&self, change: impl FnOnce(&mut ClusterRecord)) {
        let mut record = ClusterRecord::new(ClusterId("c1".into()));
        change(&mut record);
        self.store.record(&record).await.unwrap();
    }

    /// Requests of a pod over minutes; one in so many of an endpoint fails with an error of this name.
    async fn serve(
        &mut self,
        pod: &str,
        minutes: std::ops::Range<i64>,
        fails: impl Fn(&str) -> Option<(u64, &'static str)>,
    ) {
        let mut batch = Batch::new(u128::from(self.spans + 1).to_be_bytes());
        let facts = OwnerFacts { pod_uid: Some(pod.into()), ..OwnerFacts::default() };
        let owner = batch.owner(Owner { attributes: vec![("pod".into(), pod.into())], peer: None }, facts);
        for minute in minutes {
            for (endpoint, n) in ENDPOINTS.into_iter().flat_map(|endpoint| (0..RATE).map(move |n| (endpoint, n))) {
                self.spans += 1;
                let chance = random(self.spans);
                let error =
                    fails(endpoint).filter(|(every, _)| chance.is_multiple_of(*every)).map_or("", |(_, error)| error);
                let duration = 40_000_000 + (chance >> 20) as i64 % 40_000_000;
                let start = at(minute).plus(n * MINUTE / RATE);
                batch.push(&fixtures::span(owner, self.spans, endpoint, start, duration, error));
            }
        }
        self.store.telemetry().append(batch).await.unwrap();
    }

    /// What a pod's container holds, minute by minute.
    async fn hold(&mut self, pod: &str, minutes: std::ops::Range<i64>) {
        self.spans += 1;
        let mut batch = Batch::new(u128::from(self.spans).to_be_bytes());
        let facts = OwnerFacts { pod_uid: Some(pod.into()), ..OwnerFacts::default() };
        let owner = batch.owner(Owner { attributes: vec![("pod".into(), pod.into())], peer: None }, facts);
        let series = store::SeriesRow {
            owner,
            name: "container.memory.working_set",
            kind: MetricKind::Gauge,
            unit: "By",
            description: "",
            scope: "",
            labels: &[],
            bounds: &[],
        };
        for minute in minutes {
            let at = at(minute);
            batch.push_point(&series, &store::PointRow { at, start: Timestamp(0), value: 1e8, distribution: None });
        }
        self.store.telemetry().append(batch).await.unwrap();
    }

    /// The usual requests: six hours of the old pods, ten minutes of the new ones.
    async fn traffic(&mut self, fails: impl Fn(&str) -> Option<(u64, &'static str)>) {
        let usual = |_: &str| Some((200, "Timeout"));
        for pod in ["old-1", "old-2"] {
            self.serve(pod, -360..3, usual).await;
        }
        for pod in ["new-1", "new-2"] {
            self.serve(pod, 1..60, &fails).await;
        }
    }

    /// The verdict on a deploy when all that is due by then was looked at.
    async fn judged(&self, sequence: u32, minutes: i64) -> Option<Verdict> {
        Judging::new(self.store.clone(), START, CancellationToken::new())
            .look(at(minutes).plus(10 * SECOND))
            .await
            .unwrap();
        self.store.verdict(&DeployId { service: id(), sequence }).await.unwrap()
    }
}

/// SplitMix64's mix: the same span, the same number.
fn random(n: u64) -> u64 {
    let z = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9).wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[tokio::test]
async fn a_harmless_deploy_is_not_flagged() {
    let mut shop = Shop::open().await;
    shop.traffic(|_| Some((200, "Timeout"))).await;
    for minutes in [2, 5, 10, 30] {
        let verdict = shop.judged(2, minutes).await.unwrap();
        assert!(!verdict.level.is_bad(), "{minutes}: {}", verdict.headline);
        assert!(verdict.evidence.iter().all(|e| e.outcome != Outcome::Flagged && !e.why.to_string().is_empty()));
    }
    let verdict = shop.judged(2, 60).await.unwrap();
    assert_eq!(verdict.level, VerdictLevel::Healthy, "{}", verdict.headline);
}

#[tokio::test]
async fn errors_on_one_endpoint_fail_the_deploy_within_two_minutes_of_data() {
    let mut shop = Shop::open().await;
    let fails = |endpoint: &str| (endpoint == "POST /checkout").then_some((3, "PaymentTimeout"));
    shop.traffic(fails).await;
    let verdict = shop.judged(2, 3).await.unwrap();
    assert_eq!(verdict.level, VerdictLevel::Failed, "{}", verdict.headline);
    let headline = verdict.headline.to_string();
    assert!(headline.starts_with("POST /checkout fails ") && headline.contains("since v2; on v1 it was"), "{headline}");
    let judgement = &shop.store.newest_judgements()[&id()];
    assert_eq!((judgement.judged.sequence, judgement.judged.level), (2, VerdictLevel::Failed));
    assert!(judgement.judged.note.contains("requests against"), "{}", judgement.judged.note);
    let later = shop.judged(2, 10).await.unwrap();
    assert!(later.evidence.iter().any(|e| e.subject.as_deref() == Some("PaymentTimeout")));
}

#[tokio::test]
async fn without_requests_the_pods_alone_decide() {
    let shop = Shop::open().await;
    let verdict = shop.judged(2, 10).await.unwrap();
    assert_eq!(verdict.level, VerdictLevel::Healthy);
    assert!(verdict.headline.to_string().starts_with("No request data on v2"), "{}", verdict.headline);
}

#[tokio::test]
async fn new_pods_that_crash_fail_the_deploy() {
    let shop = Shop::open().await;
    shop.record(|record| {
        let mut pod = pod("new-1", "b", 1, None);
        pod.containers[0].state = "CrashLoopBackOff".into();
        record.pods = [pod].map(std::sync::Arc::new).into();
        record.deploys = vec![Deploy { phase: DeployPhase::RollingOut, ..deploy(2, 0) }];
    })
    .await;
    let verdict = shop.judged(2, 4).await.unwrap();
    assert_eq!(verdict.level, VerdictLevel::Failed);
    assert!(verdict.headline.to_string().contains("keep crashing: new-1"), "{}", verdict.headline);
}

#[tokio::test]
async fn a_rollback_says_so_of_the_deploy_it_took_back() {
    let mut shop = Shop::open().await;
    shop.traffic(|endpoint| (endpoint == "POST /checkout").then_some((3, "PaymentTimeout"))).await;
    assert_eq!(shop.judged(2, 8).await.unwrap().level, VerdictLevel::Failed);
    let (from, to) = (Some(RevisionHash("b".into())), RevisionHash("a".into()));
    let back = Deploy { from, to, rollback: true, ..deploy(3, 9) };
    shop.record(|record| record.deploys = vec![back]).await;
    let verdict = shop.judged(2, 12).await.unwrap();
    assert_eq!(verdict.level, VerdictLevel::RolledBack);
    assert!(
        verdict.headline.to_string().contains("was taken back. Said of it was: POST /checkout fails"),
        "{}",
        verdict.headline
    );
    let levels: Vec<_> = shop.store.feed(&FeedQuery { limit: 9, ..FeedQuery::default() }).await.unwrap();
    let levels: Vec<_> = levels.iter().map(|row| row.verdict.as_ref().map(|judged| judged.level)).collect();
    assert_eq!(levels.len(), 2);
    assert_eq!(levels[1], Some(VerdictLevel::RolledBack));
}

#[tokio::test]
async fn a_rollback_is_held_against_the_revision_it_replaced_where_little_is_known_of_before() {
    let mut shop = Shop::open().await;
    let usual = |_: &str| Some((200, "Timeout"));
    let bad = |endpoint: &str| (endpoint == "POST /checkout").then_some((3, "PaymentTimeout"));
    shop.serve("old-1", -4..3, usual).await;
    shop.serve("new-1", 1..9, bad).await;
    let (from, to) = (Some(RevisionHash("b".into())), RevisionHash("a".into()));
    let names = (Some("v2".to_owned()), "v1".to_owned());
    let back = Deploy { from, to, from_name: names.0, to_name: names.1, rollback: true, ..deploy(3, 9) };
    shop.record(|record| {
        record.deploys = vec![back];
        record.pods = [pod("new-1", "b", 1, Some(9)), pod("back-1", "a", 9, None)].map(std::sync::Arc::new).into();
    })
    .await;
    shop.serve("back-1", 10..25, usual).await;
    let verdict = shop.judged(3, 24).await.unwrap();
    let better: Vec<_> = verdict.evidence.iter().filter(|e| e.outcome == Outcome::Better).collect();
    assert_eq!(verdict.level, VerdictLevel::Healthy, "{}", verdict.headline);
    assert!(better.iter().any(|e| e.endpoint.as_deref() == Some("POST /checkout")), "{better:?}");
    // Only while it ran alone, from a minute after its rollout was over.
    let replaced = better[0].old.as_ref().unwrap();
    assert_eq!((replaced.name.as_str(), replaced.window), ("v2", Window::new(at(5), at(9))));
    let said = verdict.headline.to_string();
    assert!(said.starts_with("Better with v1: ") && said.ends_with(" on v2"), "{said}");
}

#[tokio::test]
async fn what_was_judged_is_not_looked_at_before_it_is_due() {
    let shop = Shop::open().await;
    let mut judging = Judging::new(shop.store.clone(), at(-9), CancellationToken::new());
    assert_eq!(judging.look(at(5).plus(10 * SECOND)).await.unwrap(), 1);
    assert_eq!(judging.look(at(5).plus(40 * SECOND)).await.unwrap(), 0);
    assert_eq!(judging.look(at(6).plus(10 * SECOND)).await.unwrap(), 1);
    assert_eq!(judging.look(at(90)).await.unwrap(), 1);
    assert_eq!(judging.look(at(481)).await.unwrap(), 1, "what leaks is seen late");
    assert_eq!(judging.look(at(10_000)).await.unwrap(), 0, "it is done with");
}

#[tokio::test]
async fn a_first_revision_that_was_found_long_after_is_not_judged() {
    let shop = Shop::open().await;
    let old = Deploy { to: RevisionHash("a".into()), reconstructed: true, ..first(1, -2_000) };
    shop.record(|record| record.deploys = vec![old]).await;
    let mut judging = Judging::new(shop.store.clone(), at(-9), CancellationToken::new());
    assert_eq!(judging.look(at(0)).await.unwrap(), 2);
    assert!(shop.store.verdict(&DeployId { service: id(), sequence: 1 }).await.unwrap().is_none());
}

#[tokio::test]
async fn a_first_revision_is_judged_without_a_past_and_counts_until_the_next() {
    let mut shop = Shop::open().await;
    shop.record(|record| record.deploys = vec![first(2, 0)]).await;
    for pod in ["new-1", "new-2"] {
        shop.serve(pod, 1..20, |endpoint| (endpoint == "POST /checkout").then_some((3, "PaymentTimeout"))).await;
    }
    let verdict = shop.judged(2, 5).await.unwrap();
    assert_eq!(verdict.level, VerdictLevel::Failed, "{}", verdict.headline);
    let headline = verdict.headline.to_string();
    assert!(
        headline.starts_with("POST /checkout fails 3") && headline.contains("nothing to be compared"),
        "{headline}"
    );
    assert_eq!(shop.store.newest_judgements()[&id()].judged.headline, verdict.headline);
    let feed = shop.store.feed(&FeedQuery { limit: 9, ..FeedQuery::default() }).await.unwrap();
    assert_eq!(feed[0].verdict.as_ref().map(|judged| judged.level), Some(VerdictLevel::Failed));
    let newest = shop.store.directory().newest_deploy(&id()).map(|deploy| deploy.kind);
    assert_eq!(newest, Some(DeployKind::First), "catalog and health know it");
}

#[tokio::test]
async fn a_first_revision_without_requests_is_judged_by_its_pods() {
    let shop = Shop::open().await;
    shop.record(|record| record.deploys = vec![first(2, 0)]).await;
    let verdict = shop.judged(2, 10).await.unwrap();
    assert_eq!(verdict.level, VerdictLevel::Healthy);
    assert!(verdict.headline.to_string().starts_with("No request data on v2"), "{}", verdict.headline);
}
