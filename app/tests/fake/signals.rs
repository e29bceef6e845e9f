//! What the shop's checkout did in the last hour: charts, endpoints, errors, pods, deploys.

use model::*;

use super::{Fake, minutes_ago, traces};

/// The instant the failing deploy began.
fn deployed() -> Timestamp {
    minutes_ago(8)
}

/// Charts whose errors rise with the deploy.
pub(crate) fn apm(window: Window, split: Split) -> Apm {
    let step = window.step(120);
    let start = window.from.floor(step.0);
    let count = (window.length() / step.0).clamp(1, 400);
    let series = |name: &str, value: &dyn Fn(Timestamp, f64) -> Option<f64>| {
        let at = |i: i64| start.plus(i * step.0);
        let noise = |i: i64| ((i * 37 + 11) % 17) as f64 / 17.0;
        Series { name: name.into(), start, step, points: (0..count).map(|i| value(at(i), noise(i))).collect() }
    };
    let bad = |at: Timestamp| at >= deployed();
    let together = |name: &str, low: f64, high: f64| {
        series(name, &|at, noise| Some(if bad(at) { high } else { low } * (0.92 + noise * 0.16)))
    };
    let (requests, errors, latency) = match split {
        Split::Together => (
            vec![together("all endpoints", 420.0, 380.0)],
            vec![together("errors", 0.0025, 0.043)],
            vec![together("p50", 35e6, 35e6), together("p95", 110e6, 186e6), together("p99", 236e6, 402e6)],
        ),
        Split::Revision => {
            let old = |low: f64| series("v1.8.1", &|at, noise| (!bad(at)).then_some(low * (0.9 + noise * 0.2)));
            let new = |high: f64| series("v1.8.2", &|at, noise| bad(at).then_some(high * (0.9 + noise * 0.2)));
            (vec![old(420.0), new(380.0)], vec![old(0.0025), new(0.043)], vec![old(110e6), new(186e6)])
        }
    };
    Apm {
        window,
        requests,
        errors,
        client_errors: together("4xx", 0.008, 0.008),
        latency,
        places: if split == Split::Revision { vec![Some(1), Some(2)] } else { vec![None] },
        total: Summary {
            rate: Some(412.0),
            error_share: Some(0.041),
            p50: Some(35e6),
            p95: Some(186e6),
            p99: Some(402e6),
            requests: 1_483_200.0,
            errors: 60_811.0,
        },
        measured: window.length(),
        sampled: false,
        last_request: Some(window.to),
    }
}

/// Four old pods, four new ones, one of the old killed once.
pub(crate) fn lanes(window: Window) -> PodLanes {
    let old = (0..4).map(|n| {
        let gone = deployed().plus((n + 1) * 20 * SECOND);
        let stretches = if n == 3 {
            let killed = minutes_ago(29);
            vec![
                (window.from, killed, PodPhase::Ready),
                (killed, killed.plus(50 * SECOND), PodPhase::NotReady),
                (killed.plus(50 * SECOND), gone, PodPhase::Ready),
            ]
        } else {
            vec![(window.from, gone, PodPhase::Ready)]
        };
        PodLane { pod: format!("checkout-7d9f5b4c8-{n}"), revision: Some("v1.8.1".into()), place: Some(1), stretches }
    });
    let new = (0..4).map(|n| {
        let (from, ready) = (deployed().plus(n * 20 * SECOND), deployed().plus((n * 20 + 40) * SECOND));
        let stretches = match n {
            0 => vec![(from, ready, PodPhase::Unknown), (ready, window.to, PodPhase::Ready)],
            1 => vec![(from, ready, PodPhase::Starting), (ready, window.to, PodPhase::Terminating)],
            _ => vec![(from, ready, PodPhase::Starting), (ready, window.to, PodPhase::Ready)],
        };
        PodLane { pod: format!("checkout-84bd7c6f9-{n}"), revision: Some("v1.8.2".into()), place: Some(2), stretches }
    });
    PodLanes { window, lanes: old.chain(new).collect(), counts: vec![], counted: 0 }
}

/// A node that is nearly full.
fn node_use() -> NodeUse {
    let gib = 1 << 30;
    NodeUse { at: minutes_ago(0), cores: Some(3.5), memory: Some((30 * gib, 2 * gib)), disk: None }
}

/// So many pods that only their number is drawn: some are not ready any more at the end.
pub(crate) fn counts(window: Window) -> PodLanes {
    let step = window.step(60);
    let series = |phase: PodPhase, first: f64, last: f64| {
        let points = (0..60).map(|n| Some(if n < 30 { first } else { last })).collect();
        (phase, Series { name: phase.word().into(), start: window.from, step, points })
    };
    let counts = vec![series(PodPhase::Ready, 320.0, 300.0), series(PodPhase::NotReady, 0.0, 20.0)];
    PodLanes { window, lanes: vec![], counts, counted: 340 }
}

fn summary(rate: f64, share: f64, p95: f64) -> Summary {
    Summary {
        rate: Some(rate),
        error_share: Some(share),
        p50: Some(p95 * 0.4e6),
        p95: Some(p95 * 1e6),
        p99: Some(p95 * 2e6),
        requests: rate * 3_600.0,
        errors: rate * 3_600.0 * share,
    }
}

impl Fake {
    /// Flags and marks of a window.
    pub(crate) fn marks_in(&self, window: Window) -> Marks {
        let deploy = |at: Timestamp, name: String, sequence| DeployMark {
            at,
            ended: Some(at.plus(3 * MINUTE)),
            name,
            sequence,
            kind: DeployKind::Image,
            rollback: false,
            level: (sequence == 12).then_some(VerdictLevel::Failed),
        };
        let deploys = [deploy(minutes_ago(42), "v1.8.1".into(), 11), deploy(deployed(), self.text("v1.8.2"), 12)];
        let kill = EventMark {
            at: minutes_ago(29),
            kind: AdverseKind::OomKill,
            text: format!("OOM killed: {}", self.text("checkout-7d9f5b4c8-3 / app")),
        };
        Marks {
            deploys: deploys.into_iter().filter(|mark| window.contains(mark.at)).collect(),
            events: [kill].into_iter().filter(|mark| window.contains(mark.at)).collect(),
        }
    }

    /// Endpoints, worst change first.
    pub(crate) fn endpoint_rows(&self) -> Vec<EndpointRow> {
        let row = |endpoint: String, now: Summary, before: Summary, time_share| EndpointRow {
            endpoint,
            now,
            before,
            time_share,
        };
        vec![
            row(self.text("POST /checkout"), summary(118.0, 0.142, 402.0), summary(120.0, 0.007, 171.0), 0.61),
            row("GET /checkout/{id}".into(), summary(201.0, 0.0, 31.0), summary(198.0, 0.0, 30.0), 0.21),
            row("POST /checkout/{id}/coupon".into(), summary(42.0, 0.001, 58.0), summary(41.0, 0.001, 61.0), 0.09),
            row("grpc Health/Check".into(), summary(14.0, 0.0, 1.0), Summary::default(), 0.0),
        ]
    }

    /// Error groups, most frequent first.
    pub(crate) fn error_rows(&self) -> Vec<ErrorRow> {
        let row = |error: String, endpoint: String, count: f64, minutes: i64, revision: Option<String>| ErrorRow {
            error,
            endpoint,
            count,
            first_seen: minutes_ago(minutes),
            last_seen: minutes_ago(1),
            revision,
            sample: traces::id(),
            spark: (0..20).map(|i| if i < 14 { 0.0 } else { count / 6.0 }).collect(),
        };
        let new = self.text("PaymentTimeout");
        vec![
            row(new.clone(), self.text("POST /checkout"), 7_912.0, 8, Some(self.text("v1.8.2"))),
            row("CartNotFound".into(), "GET /cart/{id}".into(), 31.0, 24_480, None),
        ]
    }

    /// The Kubernetes tab.
    pub(crate) fn kubernetes_tab(&self, at: Option<Timestamp>) -> KubernetesTab {
        let window = Window::before(super::AS_OF, HOUR);
        let resource = |depth, kind: &str, name: String, state: &str, good, note: &str| ResourceRow {
            depth,
            kind: kind.into(),
            name: name.clone(),
            state: state.into(),
            good,
            changed: Some(deployed()),
            note: note.into(),
            id: Some(ResourceId { kind: kind.into(), namespace: None, name }),
        };
        KubernetesTab {
            leak: at.is_none().then(|| self.leak_chart().leak.sentence),
            events: self.adverse_groups(),
            kept_from: at.map(|at| at.plus(31 * MINUTE)),
            nodes: vec![self.node_trouble()],
            uses: vec![(self.text("node-07"), node_use())],
            deploys: self.marks_in(window).deploys,
            window,
            resources: vec![
                resource(0, "Deployment", "checkout".into(), "6/6 ready, generation 84", Some(true), ""),
                resource(1, "ReplicaSet", "checkout-84bd7c6f9".into(), "6/6, revision 42", Some(true), "v1.8.2"),
                resource(2, "Pod", self.text("checkout-84bd7c6f9-4n8vt"), "running, 0 restarts", Some(true), "node-07"),
                resource(1, "ReplicaSet", "checkout-7d9f5b4c8".into(), "scaled to 0", None, "v1.8.1"),
                resource(0, "Service", "checkout".into(), "no endpoints", Some(false), ""),
                resource(0, "ConfigMap", "checkout-config".into(), "mounted", None, ""),
            ],
            pods: self.pod_rows(),
            past: at,
            moments: vec![minutes_ago(40), deployed()],
        }
    }

    /// A kill and a probe that fails on many pods.
    fn adverse_groups(&self) -> Vec<AdverseGroup> {
        let event = |kind, message: String, count| AdverseGroup {
            kind,
            reason: self.text("OOMKilled"),
            message,
            container: Some("app".into()),
            pods: vec![self.text("checkout-7d9f5b4c8-3")],
            pod_count: 1,
            first: minutes_ago(29),
            last: minutes_ago(27),
            count,
            times: vec![minutes_ago(29), minutes_ago(28)],
            deploy: Some((12, self.text("v1.8.2"))),
            nodes: vec![self.text("node-07")],
            ..AdverseGroup::default()
        };
        vec![
            AdverseGroup {
                exit_code: Some(137),
                next: Some("Give it a higher memory limit.".into()),
                lines: vec!["starting".into(), self.text("fatal: no room")],
                ..event(AdverseKind::OomKill, self.text("Used 512 MiB of 512 MiB."), 1)
            },
            AdverseGroup {
                pod_count: 70,
                pods: (0..50).map(|n| self.text(&format!("checkout-84bd-{n}"))).collect(),
                held: vec![(minutes_ago(29), minutes_ago(0))],
                current: true,
                reconstructed: true,
                ..event(AdverseKind::FailedProbe, "HTTP 503 from :8080/ready while starting".into(), 6)
            },
        ]
    }

    /// A node that ran out of memory and fell silent.
    fn node_trouble(&self) -> NodeTrouble {
        let of_node = |reason: &str, message: String, current| AdverseEvent {
            kind: AdverseKind::Node,
            node: Some(self.text("node-07")),
            reason: reason.into(),
            message,
            first: minutes_ago(29),
            last: minutes_ago(27),
            count: 1,
            current,
            ..AdverseEvent::default()
        };
        NodeTrouble {
            node: self.text("node-07"),
            events: vec![
                of_node("NodeNotReady", self.text("The node does not report any more."), true),
                of_node("MemoryPressure", "The node runs out of memory.".into(), false),
            ],
            next: Some("Look at the kubelet.".into()),
            pods: vec![self.text("checkout-84bd7c6f9-4n8vt")],
            services: (0..14)
                .map(|n| ServiceId::new(super::CLUSTER, "shop", "Deployment", format!("hurt-{n}")))
                .collect(),
        }
    }

    /// A resource with two versions.
    pub(crate) fn resource_page(&self, ask: ResourceAsk) -> ResourcePage {
        let version = |hash: &str, minutes, manager: &str| ObjectVersion {
            at: minutes_ago(minutes),
            hash: hash.into(),
            manager: Some(manager.into()),
            changed: Some(minutes_ago(minutes)),
        };
        let row = |version, kind, what: String| VersionRow { version, kind, what };
        ResourcePage {
            id: ask.resource,
            note: String::new(),
            live: ask.until.is_none() && ask.version.is_none(),
            history: vec![
                row(version("b", 30, &self.text("argocd")), VersionKind::Changed, self.text("image: v1 → v2")),
                row(version("s", 60, "kubectl"), VersionKind::Scaled, "3 → 6 replicas".into()),
                row(version("a", 90, "helm"), VersionKind::First, String::new()),
            ],
            shown: Some("b".into()),
            text: format!("spec:\n  image: {}\n  ports:\n    - 80\n", self.text("shop/checkout:v1.8.2")),
            against: Some("a".into()),
            diff: Diff {
                title: "Deployment checkout".into(),
                lines: vec![
                    DiffLine::Same(1, 1, "spec:".into()),
                    DiffLine::Removed(2, "  image: v1".into()),
                    DiffLine::Added(2, self.text("  image: v2")),
                ],
            },
        }
    }

    fn pod_rows(&self) -> Vec<PodRow> {
        let pod = |name: String, phase, restarts, ended| PodRow {
            name,
            phase,
            reason: (phase == PodPhase::NotReady).then(|| "CrashLoopBackOff".into()),
            revision: Some("v1.8.2".into()),
            restarts,
            last_exit: (restarts > 0).then(|| Exit {
                code: 137,
                reason: "OOMKilled".into(),
                at: Some(minutes_ago(29)),
            }),
            created: deployed(),
            ended,
            node: Some("node-07".into()),
            zone: Some(self.text("eu-1a")),
            qos: Some(QosClass::Burstable),
            whole: Some(Asked { limits: Amounts { cpu: None, memory: Some(1 << 30) }, ..Asked::default() }),
            containers: self.containers(restarts),
        };
        vec![
            pod(self.text("checkout-84bd7c6f9-4n8vt"), PodPhase::Ready, 0, None),
            pod("checkout-84bd7c6f9-9zx2c".into(), PodPhase::NotReady, 2, None),
            pod("checkout-7d9f5b4c8-3".into(), PodPhase::Terminating, 1, Some(minutes_ago(7))),
        ]
    }

    /// A sidecar and the container beside it.
    fn containers(&self, restarts: u32) -> Vec<ContainerState> {
        let amounts = |cpu, memory: u64| Amounts { cpu: Some(cpu), memory: Some(memory << 20) };
        let asked = Asked {
            image: self.text("shop/checkout:v1.8.2").into(),
            requests: amounts(250, 64),
            limits: amounts(500, 512),
            digest: Some(self.text("sha256:0123456789abcdef").into()),
        };
        let (role, state) = (ContainerRole::Sidecar, self.text("running").into());
        vec![
            ContainerState { name: self.text("proxy").into(), role, state, ..ContainerState::default() },
            ContainerState { name: "app".into(), asked, restarts, ..ContainerState::default() },
        ]
    }

    /// A rollback, a config change, the first revision.
    pub(crate) fn deploy_rows(&self, id: &ServiceId) -> Vec<DeployRow> {
        let row = |sequence, minutes: i64, kind, rollback, reconstructed| DeployRow {
            deploy: Deploy {
                id: DeployId { service: id.clone(), sequence },
                from: Some(RevisionHash("7d9f5b4c8".into())),
                to: RevisionHash("84bd7c6f9".into()),
                from_name: Some("v1.8.1".into()),
                to_name: self.text("v1.8.2"),
                kind,
                phase: DeployPhase::Settled { at: minutes_ago(minutes - 3) },
                started: minutes_ago(minutes),
                rollback,
                reconstructed,
                cause: Some(self.text("release of Tuesday")),
                changes: vec![self.text("image of app: shop/checkout:v1.8.1 → v1.8.2")],
            },
            before: summary(412.0, 0.007, 171.0),
            after: summary(405.0, 0.142, 402.0),
            measured: Window::before(super::AS_OF, minutes * MINUTE),
            config: vec![ConfigChange {
                cluster: super::CLUSTER.into(),
                namespace: "shop".into(),
                name: "checkout-config".into(),
                at: minutes_ago(minutes),
                keys: vec![self.text("payments.timeout")],
                from: None,
                to: "9f2c".into(),
                services: vec![id.clone()],
            }],
            verdict: (sequence == 12).then(|| self.judged(12)),
        };
        vec![
            row(12, 8, DeployKind::Image, false, false),
            row(11, 42, DeployKind::Image, true, false),
            row(10, 1_500, DeployKind::Restart, false, true),
        ]
    }

    /// What a deploy changed.
    pub(crate) fn diffs(&self) -> Vec<Diff> {
        let template = vec![
            DiffLine::Skipped(30),
            DiffLine::Same(31, 31, "  containers:".into()),
            DiffLine::Removed(33, "      image: shop/checkout:v1.8.1".into()),
            DiffLine::Added(33, self.text("      image: shop/checkout:v1.8.2")),
        ];
        let config = vec![
            DiffLine::Removed(5, "payments.timeout: 2s".into()),
            DiffLine::Added(5, "payments.timeout: 200ms".into()),
        ];
        vec![
            Diff { title: "Pod template".into(), lines: template },
            Diff { title: "ConfigMap checkout-config".into(), lines: config },
        ]
    }
}
