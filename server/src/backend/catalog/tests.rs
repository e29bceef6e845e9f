//! Which services the catalog lists, in which order, and what it says of each.

use model::{
    AdverseEvent, AdverseKind, CatalogSort, ClusterId, ClusterStatus, Connection, DeployId, DeployPhase, Health,
    MINUTE, Owner, PodState, Revision, Timestamp,
};
use store::{Batch, ClusterRecord, OwnerFacts, Store};

use super::find::ROWS;
use super::*;
use crate::fixtures::{self, id, open};

/// Answers over a store whose cluster is connected.
fn answers(store: Store, now: Timestamp) -> Answers {
    store.set_cluster_status(ClusterStatus {
        id: "c1".into(),
        name: "c1".into(),
        connection: Connection::Connected,
        heard: Some(now),
        watchers: vec![],
        kubelets: Default::default(),
        logs: Default::default(),
    });
    let ingest = ingest::Ingest::new(store.clone(), ingest::Limits::default());
    Answers::new(store, ingest, vec![], false)
}

fn pod(service: ServiceId, created: Timestamp) -> PodState {
    let name = format!("pod-{}", service.name);
    fixtures::pod(service, &name, created)
}

/// A container of a service that was restarted so often, a minute apart, until now.
fn restarts(service: ServiceId, times: i64, now: Timestamp) -> AdverseEvent {
    let times: Vec<Timestamp> = (1..=times).rev().map(|ago| now.plus(-ago * MINUTE)).collect();
    let key = format!("c1|{service}|Restart||");
    AdverseEvent { key, exit_code: Some(1), ..fixtures::adverse(Some(service), AdverseKind::Restart, &times) }
}

fn ledger() -> ServiceId {
    ServiceId::new("c1", "pay", "Deployment", "ledger")
}

fn mail() -> ServiceId {
    ServiceId::new("c1", "shop", "StatefulSet", "mail")
}

/// Four services on the list, no two columns of which give the same order, and two off it:
///
/// | name   | health   | requests | fail | take  | ready  | restarts | revision | deploy      |
/// |--------|----------|----------|------|-------|--------|----------|----------|-------------|
/// | cart   | healthy  | 30       | none | 90 ms | 1 of 1 | 1        | v1       | 50 min ago  |
/// | ledger | failing  | 10       | 1    | 50 ms | 0 of 1 | 0        | v3       | 5 min ago   |
/// | mail   | degraded | 60       | 1    | 10 ms | 1 of 3 | 3        | v2       | 3 hours ago |
/// | web    | healthy  | nothing is known of it                                            |
///
/// `nightly` is a CronJob, `gone` is deleted.
struct Shop {
    answers: Answers,
    now: Timestamp,
    _folder: tempfile::TempDir,
}

impl Shop {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).await;
        let now = now();
        store.record(&told(now)).await.unwrap();
        let shop = Self { answers: answers(store, now), now, _folder: folder };
        shop.serve("pod-cart", (30, 0), 90_000_000).await;
        shop.serve("pod-ledger", (10, 1), 50_000_000).await;
        shop.serve("pod-mail", (60, 1), 10_000_000).await;
        shop
    }

    /// Requests of a pod three minutes ago, the first few of which fail; durations in nanoseconds.
    async fn serve(&self, pod: &str, counts: (u64, u64), duration: i64) {
        self.serve_at(self.now.plus(-3 * MINUTE), pod, counts, duration).await;
    }

    async fn serve_at(&self, start: Timestamp, pod: &str, (requests, errors): (u64, u64), duration: i64) {
        let mut batch = Batch::new(u128::from(requests).to_be_bytes());
        let facts = OwnerFacts { pod_uid: Some(pod.into()), ..OwnerFacts::default() };
        let owner = batch.owner(Owner { attributes: vec![("pod".into(), pod.into())], peer: None }, facts);
        for n in 1..=requests {
            let error = if n <= errors { "Timeout" } else { "" };
            batch.push(&fixtures::span(owner, requests << 32 | n, "GET /", start, duration, error));
        }
        self.answers.store.telemetry().append(batch).await.unwrap();
    }

    async fn page(&self, ask: CatalogQuery) -> CatalogPage {
        page(&self.answers, &Viewer::local(), ask, Window::before(self.now, HOUR)).await.unwrap()
    }

    /// Names of the services on a page.
    async fn names(&self, ask: CatalogQuery) -> Vec<String> {
        self.page(ask).await.rows.into_iter().map(|row| row.id.name).collect()
    }
}

/// What the cluster says of the shop.
fn told(now: Timestamp) -> ClusterRecord {
    let ago = |minutes: i64| now.plus(-minutes * MINUTE);
    let revision = |name: &str| Some(name.to_owned());
    let service = fixtures::service;
    let deploy = |service: ServiceId, minutes: i64| Deploy {
        id: DeployId { service, sequence: 1 },
        started: ago(minutes),
        phase: DeployPhase::Settled { at: ago(minutes) },
        ..fixtures::deploy(1)
    };
    let mut record = ClusterRecord::new(ClusterId("c1".into()));
    record.services = vec![
        ServiceState { revision_name: revision("v1"), ..service("cart") },
        ServiceState {
            id: ledger(),
            ready: 0,
            down_since: Some(ago(30)),
            revision_name: revision("v3"),
            ..service("ledger")
        },
        ServiceState { id: mail(), wanted: 3, revision_name: revision("v2"), ..service("mail") },
        ServiceState { revision_name: None, ..service("web") },
        ServiceState {
            id: ServiceId::new("c1", "shop", "CronJob", "nightly"),
            grouped: true,
            wanted: 0,
            ready: 0,
            ..service("nightly")
        },
        ServiceState { deleted: Some(ago(20)), wanted: 0, ready: 0, ..service("gone") },
    ];
    record.pods = [id("cart"), ledger(), mail()].into_iter().map(|service| pod(service, ago(240)).into()).collect();
    let again = Deploy { id: DeployId { service: ledger(), sequence: 2 }, ..deploy(ledger(), 5) };
    record.deploys = vec![deploy(id("cart"), 50), deploy(ledger(), 10), again, deploy(mail(), 180)];
    record.adverse = vec![restarts(id("cart"), 1, now), restarts(mail(), 3, now)];
    record
}

/// All rows in the order of their names.
fn by_name() -> CatalogQuery {
    CatalogQuery { sort: CatalogSort::Name, limit: 9, ..CatalogQuery::default() }
}

#[tokio::test]
async fn every_column_orders_the_rows_both_ways_and_what_is_not_known_comes_last() {
    let shop = Shop::open().await;
    let rows = [
        (CatalogSort::Name, ["cart", "ledger", "mail", "web"], ["web", "mail", "ledger", "cart"]),
        // Of two that are healthy, that with requests comes first.
        (CatalogSort::Health, ["ledger", "mail", "cart", "web"], ["cart", "web", "mail", "ledger"]),
        (CatalogSort::Requests, ["mail", "cart", "ledger", "web"], ["ledger", "cart", "mail", "web"]),
        (CatalogSort::Errors, ["ledger", "mail", "cart", "web"], ["cart", "mail", "ledger", "web"]),
        (CatalogSort::P95, ["cart", "ledger", "mail", "web"], ["mail", "ledger", "cart", "web"]),
        // Of two that lack as many pods or were restarted as often, the identity decides, either way.
        (CatalogSort::Ready, ["mail", "ledger", "cart", "web"], ["cart", "web", "ledger", "mail"]),
        (CatalogSort::Restarts, ["mail", "cart", "ledger", "web"], ["ledger", "web", "cart", "mail"]),
        (CatalogSort::Revision, ["cart", "mail", "ledger", "web"], ["ledger", "mail", "cart", "web"]),
        (CatalogSort::LastDeploy, ["ledger", "cart", "mail", "web"], ["mail", "cart", "ledger", "web"]),
    ];
    assert_eq!(rows.map(|(sort, ..)| sort), CatalogSort::ALL);
    for (sort, first, turned) in rows {
        assert_eq!(shop.names(CatalogQuery { sort, ..by_name() }).await, first, "{sort:?}");
        assert_eq!(shop.names(CatalogQuery { sort, reverse: true, ..by_name() }).await, turned, "{sort:?} turned");
    }
}

#[tokio::test]
async fn each_window_is_a_part_of_the_whole_list() {
    let shop = Shop::open().await;
    for sort in CatalogSort::ALL {
        let whole = shop.names(CatalogQuery { sort, ..by_name() }).await;
        for (offset, limit) in (0..6).flat_map(|offset| (0..6).map(move |limit| (offset, limit))) {
            let page = shop.page(CatalogQuery { sort, offset, limit, ..by_name() }).await;
            let names: Vec<_> = page.rows.into_iter().map(|row| row.id.name).collect();
            let part: Vec<_> = whole.iter().skip(offset as usize).take(limit as usize).cloned().collect();
            assert_eq!((names, page.matched), (part, 4), "{sort:?}: {limit} from {offset}");
        }
    }
}

#[tokio::test]
async fn a_rate_is_of_the_time_since_requests_began() {
    let shop = Shop::open().await;
    // Of one window the board answers the same for all who ask: each time asks for another.
    let rate = async |ago: i64| {
        let window = Window::before(shop.now.plus(-ago * model::SECOND), HOUR);
        page(&shop.answers, &Viewer::local(), by_name(), window).await.unwrap().rows[0].rate.unwrap()
    };
    let since_then = 30.0 / 190.0..=30.0 / 170.0;
    let new = rate(0).await;
    assert!(since_then.contains(&new), "{new}");
    let month = Window::before(shop.now, 30 * model::DAY);
    let of_month = async || {
        let (viewer, split) = (Viewer::local(), model::Split::Together);
        super::super::apm::charts(&shop.answers, &viewer, &id("cart"), month, split).await.unwrap()
    };
    let charts = of_month().await;
    assert!(since_then.contains(&charts.total.rate.unwrap()), "{:?}", charts.total);
    let drawn: Vec<f64> = charts.requests[0].points.iter().flatten().copied().collect();
    assert!(drawn.len() == 1 && drawn[0] >= 30.0 / 190.0, "{drawn:?}");
    shop.serve_at(shop.now.plus(-90 * MINUTE), "pod-cart", (7, 0), 1).await;
    assert!((rate(1).await - 30.0 / 3_600.0).abs() < 1e-9, "it served before: a silence is measured");
    assert!(of_month().await.total.rate.unwrap() < 37.0 / 5_300.0, "an hour and a half");
}

#[tokio::test]
async fn each_filter_keeps_what_it_names() {
    let shop = Shop::open().await;
    let all = by_name;
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let pages = [
        (all(), words(&["cart", "ledger", "mail", "web"])),
        (CatalogQuery { namespaces: words(&["pay"]), ..all() }, words(&["ledger"])),
        (CatalogQuery { namespaces: words(&["pay", "shop"]), ..all() }, words(&["cart", "ledger", "mail", "web"])),
        (CatalogQuery { kinds: words(&["StatefulSet"]), ..all() }, words(&["mail"])),
        (CatalogQuery { kinds: words(&["StatefulSet", "CronJob"]), ..all() }, words(&["mail"])),
        (CatalogQuery { health: vec![Health::Failing], ..all() }, words(&["ledger"])),
        (CatalogQuery { health: vec![Health::Degraded, Health::Healthy], ..all() }, words(&["cart", "mail", "web"])),
        (CatalogQuery { changed: true, ..all() }, words(&["cart", "ledger"])),
        (CatalogQuery { grouped: true, ..all() }, words(&["cart", "gone", "ledger", "mail", "nightly", "web"])),
        (CatalogQuery { grouped: true, kinds: words(&["CronJob"]), ..all() }, words(&["nightly"])),
        (CatalogQuery { text: "SHOP v2".into(), ..all() }, words(&["mail"])),
        (CatalogQuery { namespaces: words(&["shop"]), changed: true, ..all() }, words(&["cart"])),
    ];
    for (ask, names) in pages {
        assert_eq!(shop.names(ask.clone()).await, names, "{ask:?}");
    }
}

#[tokio::test]
async fn counts_of_health_are_of_what_the_other_filters_keep() {
    let shop = Shop::open().await;
    let ask = CatalogQuery { namespaces: vec!["shop".into()], health: vec![Health::Degraded], ..by_name() };
    let page = shop.page(ask).await;
    assert_eq!((page.matched, page.total, page.deploys), (1, 4, 3), "two of them are of one service");
    let counted: Vec<(Health, u32)> = page.counts.into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(counted, [(Health::Degraded, 1), (Health::Healthy, 2)]);
    assert_eq!(
        (page.namespaces, page.kinds),
        (vec!["pay".to_owned(), "shop".into()], vec!["Deployment".to_owned(), "StatefulSet".into()],)
    );
}

#[tokio::test]
async fn a_page_begins_at_its_offset_and_has_no_more_rows_than_its_limit() {
    let shop = Shop::open().await;
    for (offset, limit, names) in
        [(0, 2, &["cart", "ledger"][..]), (1, 2, &["ledger", "mail"]), (3, 2, &["web"]), (4, 2, &[]), (0, 0, &[])]
    {
        let page = shop.page(CatalogQuery { offset, limit, ..by_name() }).await;
        let shown: Vec<&str> = page.rows.iter().map(|row| row.id.name.as_str()).collect();
        assert_eq!((shown.as_slice(), page.matched), (names, 4), "{limit} from {offset}");
    }
}

#[tokio::test]
async fn nobody_gets_more_than_two_hundred_rows() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let now = now();
    let services = (0..=ROWS).map(|n| fixtures::service(&format!("s{n}"))).collect();
    fixtures::record(&store, services, vec![]).await;
    let ask = CatalogQuery { limit: u32::MAX, ..CatalogQuery::default() };
    let page = page(&answers(store, now), &Viewer::local(), ask, Window::before(now, HOUR)).await.unwrap();
    assert_eq!((page.rows.len(), page.matched), (200, 201));
}

#[tokio::test]
async fn pods_of_the_old_revision_are_not_told_as_ready_on_the_wanted_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let hash = |text: &str| RevisionHash(text.into());
    let pod = |name: &str, revision: &str, created: i64, phase: PodPhase| PodState {
        revision: Some(hash(revision)),
        phase,
        history: vec![(Timestamp(created), phase)],
        ..fixtures::pod(id("cart"), name, Timestamp(created))
    };
    let revision = |name: &str| Revision {
        service: id("cart"),
        hash: hash(name),
        name: format!("2.{name}"),
        number: 1,
        created: Timestamp(1),
        images: vec![],
        template: String::new(),
    };
    let mut record = ClusterRecord::new(ClusterId("c1".into()));
    let cart =
        ServiceState { revision: Some(hash("b")), revision_name: Some("2.b".into()), ..fixtures::service("cart") };
    record.services = vec![cart.clone()];
    record.revisions = vec![revision("a"), revision("b")];
    record.pods =
        [pod("p1", "a", 1, PodPhase::Ready), pod("p2", "b", 2, PodPhase::Pending)].map(std::sync::Arc::new).into();
    store.record(&record).await.unwrap();
    let said = || ready_on(&cart, &store.directory());
    assert_eq!(said(), ["2.a"]);
    let after = async |pods: Vec<PodState>| {
        let mut record = ClusterRecord::new(ClusterId("c1".into()));
        record.pods = pods.into_iter().map(std::sync::Arc::new).collect();
        store.record(&record).await.unwrap();
    };
    after(vec![pod("p2", "b", 2, PodPhase::Ready)]).await;
    assert_eq!(said(), ["2.a", "2.b"], "some are of the new one");
    after(vec![pod("p1", "a", 1, PodPhase::Terminating)]).await;
    assert!(said().is_empty(), "all that are ready are of the wanted one");
}

#[tokio::test]
async fn the_head_counts_what_the_kubernetes_tab_tells_of_a_range_in_the_past_too() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let now = now();
    let ago = |minutes: &[i64]| minutes.iter().map(|ago| now.plus(-ago * MINUTE)).collect::<Vec<_>>();
    let event = |kind, minutes: &[i64]| AdverseEvent {
        key: format!("{kind:?}"),
        ..fixtures::adverse(Some(id("cart")), kind, &ago(minutes))
    };
    // One began before the hour and came again after it, one fell into it.
    let events = [event(AdverseKind::OomKill, &[180, 10]), event(AdverseKind::Eviction, &[90])];
    let mut record = ClusterRecord::new(ClusterId("c1".into()));
    (record.services, record.adverse) = (vec![fixtures::service("cart")], events.to_vec());
    store.record(&record).await.unwrap();
    let answers = answers(store, now);
    for (ago, findings) in [(0, 1), (60, 1), (120, 1), (240, 0)] {
        let window = Window::before(now.plus(-ago * MINUTE), HOUR);
        let head = header(&answers, &Viewer::local(), &id("cart"), window).await.unwrap();
        let tab = crate::backend::kubernetes::tab(&answers, &Viewer::local(), &id("cart"), window, None).await.unwrap();
        assert_eq!((head.adverse, tab.events.len()), (findings, findings as usize), "{ago} minutes ago");
    }
}

#[tokio::test]
async fn health_beside_a_past_range_is_of_now() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let now = now();
    // It has had no ready pod for half an hour; an hour ago it had.
    let down = ServiceState { ready: 0, down_since: Some(now.plus(-HOUR / 2)), ..fixtures::service("cart") };
    fixtures::record(&store, vec![down], vec![]).await;
    let answers = answers(store, now);
    let of = async |window: Window| {
        let head = header(&answers, &Viewer::local(), &id("cart"), window).await.unwrap();
        let ask = CatalogQuery { limit: 9, ..CatalogQuery::default() };
        let listed = page(&answers, &Viewer::local(), ask, window).await.unwrap();
        assert_eq!((listed.of_past, &listed.rows[0].health), (head.of_past, &head.health));
        (head.of_past, head.health.health)
    };
    assert_eq!(of(Window::before(now, HOUR)).await, (false, Health::Failing));
    assert_eq!(of(Window::before(now.plus(-HOUR), HOUR)).await, (true, Health::Failing), "not healthy, as it was");
}
