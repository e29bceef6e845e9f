//! The shop's services, clusters and status.

use model::*;

use super::{AS_OF, CLUSTER, Fake, minutes_ago};

type Line =
    (&'static str, &'static str, &'static str, Health, Option<(f64, f64, f64)>, (u32, u32), u32, &'static str, i64);

/// Name, namespace, kind, health, (rate, errors, p95 ms), ready of wanted, restarts, revision, minutes since its deploy.
const SHOP: [Line; 14] = [
    ("checkout", "shop", "Deployment", Health::Failing, Some((412.0, 0.041, 186.0)), (6, 6), 0, "v1.8.2", 8),
    ("thumbnailer", "media", "Deployment", Health::Failing, Some((38.0, 0.0, 92.0)), (3, 4), 0, "2.4.0-rc1", 14),
    ("recommendations", "shop", "Deployment", Health::Degraded, Some((205.0, 0.001, 64.0)), (3, 3), 0, "v3.2.0", 2_900),
    ("cart", "shop", "StatefulSet", Health::Degraded, Some((688.0, 0.0, 210.0)), (3, 3), 0, "config 9f2c", 22),
    ("ledger", "payments", "Deployment", Health::Degraded, Some((57.0, 0.006, 48.0)), (2, 2), 2, "v0.41.0", 8_700),
    ("payments", "payments", "Deployment", Health::RollingOut, Some((301.0, 0.001, 77.0)), (5, 5), 0, "v5.0.1", 1),
    ("storefront", "shop", "Deployment", Health::Healthy, Some((1_900.0, 0.0, 41.0)), (8, 8), 0, "v12.4.0", 190),
    ("catalog", "shop", "Deployment", Health::Healthy, Some((1_100.0, 0.0, 22.0)), (4, 4), 0, "v7.0.3", 1_500),
    ("search", "shop", "Deployment", Health::Healthy, Some((540.0, 0.002, 88.0)), (4, 4), 0, "v2.19.1", 7_300),
    ("identity", "platform", "Deployment", Health::Healthy, Some((233.0, 0.0, 12.0)), (3, 3), 0, "v1.66.0", 17_300),
    ("orders-db", "shop", "StatefulSet", Health::Healthy, None, (2, 2), 0, "16.4", 59_100),
    ("redis-cart", "shop", "StatefulSet", Health::Healthy, None, (1, 1), 0, "7.4", 59_100),
    (
        "notifications",
        "platform",
        "Deployment",
        Health::Healthy,
        Some((19.0, 0.0, 130.0)),
        (2, 2),
        0,
        "v0.9.12",
        13_000,
    ),
    ("log-agent", "kube-system", "DaemonSet", Health::Unknown, None, (12, 12), 0, "3.1.9", 43_200),
];

impl Fake {
    /// All rows, worst first.
    pub(crate) fn services(&self) -> Vec<ServiceRow> {
        let mut rows: Vec<_> = SHOP.iter().map(|line| self.row(line)).collect();
        rows.extend((0..self.extra).map(|n| {
            let mut row = self.row(&SHOP[6 + n as usize % 8]);
            row.id.name = format!("{}-{n:05}", row.id.name);
            row
        }));
        rows
    }

    fn row(&self, line: &Line) -> ServiceRow {
        let (name, namespace, kind, health, signals, (ready, wanted), restarts, revision, since) = *line;
        let spark = |value: f64, rises: bool| {
            let level = |i: i64| if rises && i < 14 { value * 0.1 } else { value * (1.0 + (i * 7 % 5) as f64 * 0.01) };
            (0..24).map(|i| Some(level(i))).collect::<Vec<_>>()
        };
        let of = |pick: fn((f64, f64, f64)) -> f64| signals.map(pick);
        ServiceRow {
            id: ServiceId::new(CLUSTER, namespace, kind, name),
            health: HealthState { health, sentence: self.sentence(name) },
            managed_by: None,
            rate: of(|s| s.0),
            error_share: of(|s| s.1),
            error_spark: of(|s| s.1).map(|share| spark(share, share > 0.01)).unwrap_or_default(),
            p95: of(|s| s.2 * 1e6),
            p95_spark: of(|s| s.2 * 1e6).map(|p95| spark(p95, p95 > 2e8)).unwrap_or_default(),
            ready,
            wanted,
            restarts,
            revision: Some(revision.into()),
            ready_on: if health == Health::RollingOut { vec!["v5.0.0".into()] } else { Vec::new() },
            last_deploy: Some(DeployMark {
                at: minutes_ago(since),
                ended: (health != Health::RollingOut).then(|| minutes_ago(since - 1)),
                name: revision.into(),
                sequence: 12,
                kind: DeployKind::Image,
                rollback: false,
                level: (health == Health::Failing).then_some(VerdictLevel::Failed),
            }),
            deleted: None,
        }
    }

    fn sentence(&self, name: &str) -> Sentence {
        let says = Sentence::plain;
        match name {
            "checkout" => says("v1.8.2 made ").strong(self.text("POST /checkout")).text(" fail: 14.2 % (was 0.7 %)"),
            "thumbnailer" => {
                says("Image ").strong("media/thumbs:2.4.0-rc1").text(" can’t be pulled: rollout stuck for 14 min")
            }
            "recommendations" => says("Memory grows 31 MiB/h since v3.2.0: limit reached in ").strong("11 h"),
            "cart" => says("Config change slowed ").strong("GET /cart/{id}").text(": p95 210 ms (was 38 ms)"),
            "ledger" => says("OOM killed 2× in the last hour, 256 MiB limit"),
            "payments" => says("Rolling out v5.0.1: 2 of 5 pods new, too little data yet"),
            "log-agent" => says("Data of this cluster is older than 2 min"),
            _ => says("Healthy"),
        }
    }

    /// A page of the catalog, filtered and ordered as far as tests need it.
    pub(crate) fn page(&self, ask: &CatalogQuery, window: Window) -> CatalogPage {
        let all = if self.clusters.is_some() { Vec::new() } else { self.services() };
        let total = all.len() as u32;
        let has = |list: &[String], value: &String| list.is_empty() || list.contains(value);
        let mut found: Vec<_> = all
            .into_iter()
            .filter(|row| row.id.local().contains(&ask.text) && has(&ask.namespaces, &row.id.namespace))
            .filter(|row| has(&ask.kinds, &row.id.kind))
            .collect();
        let count = |health| (health, found.iter().filter(|row| row.health.health == health).count() as u32);
        let counts = Health::ALL.map(count).to_vec();
        found.retain(|row| ask.health.is_empty() || ask.health.contains(&row.health.health));
        match ask.sort {
            CatalogSort::Name => found.sort_by(|a, b| a.id.name.cmp(&b.id.name)),
            _ => found.sort_by_key(|row| row.health.health),
        }
        if ask.reverse {
            found.reverse();
        }
        let matched = found.len() as u32;
        CatalogPage {
            window,
            rows: found.into_iter().skip(ask.offset as usize).take(ask.limit as usize).collect(),
            matched,
            total,
            counts,
            namespaces: ["kube-system", "media", "payments", "platform", "shop"].map(String::from).to_vec(),
            kinds: ["DaemonSet", "Deployment", "StatefulSet"].map(String::from).to_vec(),
            deploys: 7,
            clusters: self.clusters.clone().unwrap_or_else(|| vec![self.cluster()]),
            of_past: AS_OF.since(window.to) > MINUTE,
        }
    }

    fn cluster(&self) -> ClusterStatus {
        let watcher = |resource: &str, state: WatchState| WatcherStatus {
            resource: resource.into(),
            namespace: None,
            state,
            objects: 1_240,
            lists: 1,
            events: 88_102,
            heard: Some(AS_OF.plus(-2 * SECOND)),
        };
        let rule = "- apiGroups: [\"\"]\n  resources: [\"nodes\"]\n  verbs: [\"get\", \"list\", \"watch\"]";
        ClusterStatus {
            id: CLUSTER.into(),
            name: "prod-eu-1".into(),
            connection: Connection::Connected,
            heard: Some(AS_OF.plus(-2 * SECOND)),
            kubelets: model::KubeletStatus {
                off: None,
                nodes: 3,
                answering: 2,
                troubles: vec![model::KubeletTrouble {
                    reason: "/stats/summary may not be read (403)".into(),
                    add: Some("- apiGroups: [\"\"]\n  resources: [\"nodes/stats\"]\n  verbs: [\"get\"]\n".into()),
                    nodes: 1,
                    example: "node-3".into(),
                }],
            },
            logs: LogCoverage { pods: 3, read: 2, refused: 1, own: 4, streams: 500, ..LogCoverage::default() },
            watchers: vec![
                watcher("deployments.apps", WatchState::Synced),
                watcher("pods", WatchState::Synced),
                watcher("nodes", WatchState::Forbidden { rule: rule.into() }),
                watcher("events", WatchState::Failing { reason: self.text("connection reset"), since: minutes_ago(2) }),
                watcher("rollouts.argoproj.io", WatchState::Absent),
            ],
        }
    }

    /// The status page.
    pub(crate) fn status_page(&self) -> StatusPage {
        StatusPage {
            version: "0.1.0".into(),
            started: minutes_ago(300),
            clusters: self.clusters.clone().unwrap_or_else(|| vec![self.cluster()]),
            ingest: IngestStatus {
                requests: 48_201,
                logs: 0,
                points: 0,
                profiles: 0,
                spans: 9_120_004,
                bytes: 6_120_004_112,
                duplicates: 12,
                last_minute: 31_402,
                rejected: vec![Rejection {
                    reason: self.text("malformed protobuf"),
                    peer: "10.1.4.7".into(),
                    count: 3,
                    last: minutes_ago(4),
                }],
            },
            unattributed: vec![Unattributed {
                name: self.text("legacy-batch"),
                peer: Some("10.1.9.30".into()),
                attributes: vec![(self.text("host.name"), self.text("vm-30"))],
                reason: "no pod has this address".into(),
                logs: 3,
                spans: 512,
                last: minutes_ago(1),
            }],
            store: StoreStatus {
                raw: Growth { bytes: 3_120_004_112, per_day: Some(1_073_741_824), age: 7 * DAY, most: 20_000_000_000 },
                summaries: Growth { bytes: 120_004_112, per_day: Some(10_485_760), age: 90 * DAY, most: 5_000_000_000 },
                room: Some(2_000_000_000),
                meta_bytes: 4_004_112,
                partitions: 14,
                logs: 0,
                points: 0,
                samples: 0,
                overflowed: 0,
                spans: 81_204_112,
                oldest: Some(minutes_ago(6 * 1_440)),
                committed: Some(AS_OF.plus(-SECOND)),
                disk_short: None,
                memory_short: None,
                failing: None,
            },
            receivers: vec![
                ("OTLP gRPC".into(), "127.0.0.1:4317".into()),
                ("OTLP HTTP".into(), "127.0.0.1:4318".into()),
            ],
        }
    }
}
