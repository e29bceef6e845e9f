//! Each health rule of the design, at its edge and just beside it.

use analysis::{HealthFacts, RecentErrors, health, leak_sentence};
use model::{
    Asked, ContainerState, Deploy, DeployId, DeployKind, DeployPhase, Eta, Exit, HOUR, Health, Leak, LeakOf,
    LeakingPod, MINUTE, PodId, PodPhase, PodState, RevisionHash, SECOND, Saturation, SaturationOf, Sentence, ServiceId,
    ServiceState, Timestamp, Verdict, VerdictLevel,
};

const NOW: Timestamp = Timestamp(1_800_000_000 * SECOND);

fn id() -> ServiceId {
    ServiceId::new("c", "shop", "Deployment", "checkout")
}

fn service() -> ServiceState {
    ServiceState {
        id: id(),
        uid: "u".into(),
        created: NOW.plus(-HOUR),
        deleted: None,
        managed_by: None,
        team: None,
        aliases: vec![],
        grouped: false,
        wanted: 3,
        ready: 3,
        updated: 3,
        available: 3,
        revision: Some(RevisionHash("a".into())),
        revision_name: Some("v1".into()),
        images: vec![],
        short_since: None,
        down_since: None,
        grace: None,
        restarts: 0,
    }
}

fn pod(state: &str) -> PodState {
    PodState {
        id: PodId("p".into()),
        cluster: "c".into(),
        namespace: "shop".into(),
        name: "checkout-1".into(),
        service: id().into(),
        revision: None,
        node: None,
        ips: vec![],
        zone: None,
        qos: None,
        whole: None,
        host_network: false,
        logs_off: false,
        created: NOW.plus(-HOUR),
        ended: None,
        phase: PodPhase::NotReady,
        history: vec![],
        reason: None,
        containers: vec![ContainerState {
            name: "app".into(),
            asked: Asked { image: "shop/checkout:v2".into(), ..Asked::default() },
            restarts: 4,
            state: state.into(),
            last_exit: Some(Exit { code: 1, reason: "Error".into(), at: None }),
            ..ContainerState::default()
        }],
    }
}

fn deploy(phase: DeployPhase) -> Deploy {
    Deploy {
        id: DeployId { service: id(), sequence: 2 },
        from: Some(RevisionHash("a".into())),
        to: RevisionHash("b".into()),
        from_name: Some("v1".into()),
        to_name: "v2".into(),
        kind: DeployKind::Image,
        phase,
        started: NOW.plus(-MINUTE),
        rollback: false,
        reconstructed: false,
        cause: None,
        changes: vec![],
    }
}

/// Changes the facts of a healthy service and expects a health and its sentence.
fn check(change: impl FnOnce(&mut Case), expect: Health, sentence: &str) {
    let mut case = Case { service: service(), ..Case::default() };
    change(&mut case);
    let pods: Vec<&PodState> = case.pods.iter().collect();
    let got = health(&HealthFacts {
        now: NOW,
        service: &case.service,
        pods: &pods,
        deploy: case.deploy.as_ref(),
        verdict: case.verdict.as_ref(),
        leak: case.leak.as_ref(),
        saturation: &case.saturation,
        recent: case.recent,
        oom_kills: case.oom_kills,
        restarts: case.restarts,
        blind: case.blind,
    });
    assert_eq!((got.health, got.sentence.to_string().as_str()), (expect, sentence));
}

struct Case {
    service: ServiceState,
    pods: Vec<PodState>,
    deploy: Option<Deploy>,
    verdict: Option<Verdict>,
    leak: Option<Leak>,
    saturation: Vec<Saturation>,
    recent: RecentErrors,
    oom_kills: u32,
    restarts: u32,
    blind: Option<&'static str>,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            service: service(),
            pods: vec![],
            deploy: None,
            verdict: None,
            leak: None,
            saturation: vec![],
            recent: RecentErrors::default(),
            oom_kills: 0,
            restarts: 0,
            blind: None,
        }
    }
}

fn verdict(level: VerdictLevel) -> Option<Verdict> {
    Some(Verdict::new(level, Sentence::plain("POST /checkout fails")))
}

#[test]
fn nothing_wrong_is_healthy() {
    check(|_| {}, Health::Healthy, "Healthy");
    check(|case| (case.service.wanted, case.service.ready) = (0, 0), Health::Healthy, "Scaled to zero");
}

#[test]
fn five_percent_of_at_least_twenty_errors_is_failing() {
    let recent = |requests, errors| RecentErrors { requests, errors };
    check(
        |case| case.recent = recent(400.0, 20.0),
        Health::Failing,
        "5.0 % of requests fail: 20 of 400 in the last 5 min",
    );
    check(
        |case| case.recent = recent(380.0, 19.0),
        Health::Degraded,
        "5.0 % of requests fail: 19 of 380 in the last 5 min",
    );
    check(
        |case| case.recent = recent(1_000.0, 10.0),
        Health::Degraded,
        "1.0 % of requests fail: 10 of 1,000 in the last 5 min",
    );
    check(|case| case.recent = recent(1_001.0, 10.0), Health::Healthy, "Healthy");
    check(|case| case.recent = recent(9.0, 9.0), Health::Healthy, "Healthy");
}

#[test]
fn verdicts_carry_their_headline() {
    check(|case| case.verdict = verdict(VerdictLevel::Failed), Health::Failing, "POST /checkout fails");
    check(|case| case.verdict = verdict(VerdictLevel::Degraded), Health::Degraded, "POST /checkout fails");
    check(|case| case.verdict = verdict(VerdictLevel::TooLittleData), Health::Healthy, "Healthy");
}

#[test]
fn crash_loops_and_failed_pulls_on_a_current_pod_are_failing() {
    check(
        |case| case.pods = vec![pod("CrashLoopBackOff")],
        Health::Failing,
        "checkout-1 keeps crashing: exit code 1, 4 restarts",
    );
    check(
        |case| {
            case.pods = vec![pod("ImagePullBackOff")];
            case.deploy = Some(deploy(DeployPhase::Stuck { since: NOW.plus(-14 * MINUTE), why: String::new() }));
        },
        Health::Failing,
        "Image shop/checkout:v2 can't be pulled: rollout stuck for 14 min",
    );
    check(
        |case| case.pods = vec![PodState { ended: Some(NOW), ..pod("CrashLoopBackOff") }],
        Health::Healthy,
        "Healthy",
    );
}

#[test]
fn no_ready_pod_is_failing_after_sixty_seconds_or_the_progress_deadline() {
    let down = |case: &mut Case, seconds: i64, grace| {
        case.service.ready = 0;
        case.service.down_since = Some(NOW.plus(-seconds * SECOND));
        case.service.grace = grace;
    };
    check(|case| down(case, 60, None), Health::Failing, "No pod is ready for 1 min: 0 of 3 wanted");
    check(|case| down(case, 59, None), Health::Healthy, "0 of 3 pods ready");
    // One that takes all old pods away first has so long as well, but rolls nothing out where it lost its pods.
    check(|case| down(case, 299, Some(600)), Health::Healthy, "0 of 3 pods ready");
    let new = |case: &mut Case, seconds: i64| {
        down(case, seconds, Some(600));
        case.service.created = NOW.plus(-(seconds + 2) * SECOND);
        case.service.short_since = case.service.down_since;
    };
    check(|case| new(case, 299), Health::RollingOut, "0 of 3 pods ready");
    check(|case| new(case, 301), Health::Degraded, "0 of 3 pods ready for 5 min");
    check(|case| down(case, 600, Some(600)), Health::Failing, "No pod is ready for 10 min: 0 of 3 wanted");
    let unschedulable = |case: &mut Case, seconds| {
        new(case, seconds);
        let waits = PodState { phase: PodPhase::Pending, reason: Some("Unschedulable".into()), ..pod("waiting") };
        case.pods = vec![waits];
    };
    check(|case| unschedulable(case, 5), Health::RollingOut, "0 of 3 pods ready (Unschedulable)");
    let why = "No pod is ready for 10 min: 0 of 3 wanted (Unschedulable)";
    check(|case| unschedulable(case, 600), Health::Failing, why);
}

#[test]
fn kills_restarts_and_missing_pods_degrade() {
    check(|case| case.oom_kills = 1, Health::Degraded, "OOM killed once in the last hour");
    check(|case| case.restarts = 2, Health::Degraded, "2 restarts in the last hour");
    check(|case| case.restarts = 1, Health::Healthy, "Healthy");
    let short = |case: &mut Case, nanos: i64| {
        case.service.ready = 2;
        case.service.short_since = Some(NOW.plus(-nanos));
    };
    check(|case| short(case, 5 * MINUTE + 1), Health::Degraded, "2 of 3 pods ready for 5 min");
    check(|case| short(case, 5 * MINUTE), Health::Healthy, "2 of 3 pods ready");
}

#[test]
fn a_stuck_rollout_degrades_and_a_moving_one_is_rolling_out() {
    check(
        |case| {
            case.deploy =
                Some(deploy(DeployPhase::Stuck { since: NOW.plus(-20 * MINUTE), why: "deadline exceeded".into() }));
        },
        Health::Degraded,
        "Rollout of v2 stuck for 20 min: deadline exceeded",
    );
    check(
        |case| {
            case.deploy = Some(deploy(DeployPhase::RollingOut));
            case.service.updated = 1;
        },
        Health::RollingOut,
        "Rolling out v2: 1 of 3 pods new",
    );
    check(
        |case| case.deploy = Some(Deploy { rollback: true, ..deploy(DeployPhase::RollingOut) }),
        Health::RollingOut,
        "Rolling back to v2: 3 of 3 pods new",
    );
    check(|case| case.deploy = Some(deploy(DeployPhase::Settled { at: NOW })), Health::Healthy, "Healthy");
}

#[test]
fn a_leak_degrades_when_its_limit_is_less_than_a_day_away() {
    let leak = |hours: i64| {
        let eta = Eta { likely: hours * HOUR, soonest: 9 * HOUR, latest: None };
        let pod = LeakingPod {
            pod: PodId("uid".into()),
            name: "cart-1".into(),
            rate: 46.0 * 1_048_576.0,
            limit: Some(1.0),
            since: NOW,
            eta: Some(eta),
            ..LeakingPod::default()
        };
        let mut leak = Leak {
            of: LeakOf::Memory { container: "app".into() },
            revision: None,
            revision_name: "v2".into(),
            pods: vec![pod],
            watched: 1,
            before: Some(0.0),
            before_name: Some("v1".into()),
            sentence: Sentence::default(),
            as_of: NOW,
        };
        leak.sentence = leak_sentence(&leak);
        Some(leak)
    };
    let says = |age| format!("Memory of cart-1 grows 46 MiB an hour: limit reached in {age}; v1 did not");
    check(|case| case.leak = leak(11), Health::Degraded, &says("11 h"));
    // Slower than that it is said and nothing more.
    check(|case| case.leak = leak(36), Health::Healthy, &says("1 d"));
}

fn lacks(of: SaturationOf, degrades: bool, sentence: &str) -> Saturation {
    Saturation { of, since: NOW, degrades, pods: vec![], sentence: Sentence::plain(sentence) }
}

#[test]
fn what_a_service_has_too_little_of_degrades_it_or_is_only_said() {
    let cpu = || SaturationOf::Cpu { container: "app".into() };
    check(|case| case.saturation = vec![lacks(cpu(), true, "throttled")], Health::Degraded, "throttled");
    check(
        |case| case.saturation = vec![lacks(cpu(), false, "throttled a little")],
        Health::Healthy,
        "throttled a little",
    );
    let both = || vec![lacks(cpu(), true, "throttled"), lacks(SaturationOf::Quota, true, "refused")];
    check(|case| case.saturation = both(), Health::Degraded, "refused");
    // What happened to requests and pods comes first, but for pods that could not be made.
    let short = |case: &mut Case| {
        (case.service.ready, case.service.short_since) = (2, Some(NOW.plus(-6 * MINUTE)));
    };
    check(
        |case| {
            short(case);
            case.saturation = vec![lacks(cpu(), true, "throttled")];
        },
        Health::Degraded,
        "2 of 3 pods ready for 6 min",
    );
    check(
        |case| {
            short(case);
            case.saturation = both();
        },
        Health::Degraded,
        "refused",
    );
    check(
        |case| {
            case.saturation = both();
            case.blind = Some("Not connected to the cluster");
        },
        Health::Unknown,
        "Not connected to the cluster",
    );
}

#[test]
fn without_the_cluster_only_requests_can_be_judged() {
    check(
        |case| {
            case.blind = Some("Not connected to the cluster");
            case.pods = vec![pod("CrashLoopBackOff")];
        },
        Health::Unknown,
        "Not connected to the cluster",
    );
    check(
        |case| {
            case.blind = Some("Not connected to the cluster");
            case.recent = RecentErrors { requests: 100.0, errors: 50.0 };
        },
        Health::Failing,
        "50.0 % of requests fail: 50 of 100 in the last 5 min",
    );
}

#[test]
fn the_worst_rule_wins() {
    check(
        |case| {
            case.oom_kills = 3;
            case.deploy = Some(deploy(DeployPhase::RollingOut));
            case.pods = vec![pod("CrashLoopBackOff")];
        },
        Health::Failing,
        "checkout-1 keeps crashing: exit code 1, 4 restarts",
    );
}
