//! Each rule, their order, and what changes hands over time.

use std::sync::Arc;

use model::{
    ContainerState, HOUR, MINUTE, PodId, PodPhase, PodState, Revision, RevisionHash, ServiceId, ServiceState, Timestamp,
};

use super::{Attribution, Directory, Known, OwnerFacts, Rule};

const T: i64 = 1_000 * HOUR;

fn id(namespace: &str, name: &str) -> ServiceId {
    ServiceId::new("c1", namespace, "Deployment", name)
}

fn service(id: ServiceId) -> ServiceState {
    ServiceState {
        id,
        uid: "u".into(),
        created: Timestamp(0),
        deleted: None,
        managed_by: None,
        team: None,
        aliases: Vec::new(),
        grouped: false,
        wanted: 1,
        ready: 1,
        updated: 1,
        available: 1,
        revision: None,
        revision_name: None,
        images: Vec::new(),
        short_since: None,
        down_since: None,
        grace: None,
        restarts: 0,
    }
}

fn pod(service: &ServiceId, uid: &str, ip: &str, created: i64, ended: Option<i64>) -> PodState {
    PodState {
        id: PodId(uid.into()),
        cluster: service.cluster.as_str().into(),
        namespace: service.namespace.as_str().into(),
        name: format!("{}-{uid}", service.name).into(),
        service: service.clone().into(),
        revision: Some(RevisionHash(format!("r-{uid}").into())),
        node: None,
        ips: vec![ip.into()],
        zone: None,
        qos: None,
        whole: None,
        host_network: false,
        logs_off: false,
        created: Timestamp(created),
        ended: ended.map(Timestamp),
        phase: PodPhase::Ready,
        history: Vec::new(),
        reason: None,
        containers: vec![ContainerState {
            name: "app".into(),
            id: Some(format!("container-{uid}").into()),
            state: "running".into(),
            ready: true,
            ..ContainerState::default()
        }],
    }
}

fn directory() -> Directory {
    let mut directory = Directory::default();
    let checkout = ServiceState { aliases: vec!["pay".into()], ..service(id("shop", "checkout")) };
    let twins = [service(id("shop", "web")), service(id("blog", "web"))];
    directory.apply(Known {
        services: [checkout].into_iter().chain(twins).collect(),
        pods: vec![pod(&id("shop", "checkout"), "p1", "10.0.0.1", T, None).into()],
        revisions: vec![Revision {
            service: id("shop", "checkout"),
            hash: RevisionHash("7d9f".into()),
            name: "v1".into(),
            number: 1,
            created: Timestamp(0),
            images: Vec::new(),
            template: String::new(),
        }],
        deploys: Vec::new(),
    });
    directory
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn resolve(directory: &Directory, facts: OwnerFacts) -> Arc<Attribution> {
    directory.resolve(&facts, Timestamp(T + MINUTE))
}

#[test]
fn each_rule_finds_its_pod_or_service() {
    let directory = directory();
    let namespace = some("shop");
    let peer = "::ffff:10.0.0.1".parse().ok();
    let none = OwnerFacts::default;
    let cases = [
        (OwnerFacts { pod_uid: some("p1"), ..none() }, Rule::PodUid),
        (OwnerFacts { namespace: namespace.clone(), pod_name: some("checkout-p1"), ..none() }, Rule::PodName),
        (OwnerFacts { container_id: some("container-p1"), ..none() }, Rule::ContainerId),
        (OwnerFacts { pod_ip: some("10.0.0.1"), ..none() }, Rule::PodIp),
        (
            OwnerFacts {
                namespace: namespace.clone(),
                workload: Some(("Deployment".into(), "checkout".into())),
                ..none()
            },
            Rule::Workload,
        ),
        (
            OwnerFacts {
                namespace: namespace.clone(),
                workload: Some(("ReplicaSet".into(), "checkout-7d9f".into())),
                ..none()
            },
            Rule::Workload,
        ),
        (OwnerFacts { peer, ..none() }, Rule::Peer),
        (OwnerFacts { service_name: some("checkout"), ..none() }, Rule::ServiceName),
        (
            OwnerFacts { service_name: some("pay"), namespace: some("no namespace of Kubernetes"), ..none() },
            Rule::ServiceName,
        ),
        (OwnerFacts { namespace: namespace.clone(), pod_name: some("checkout-7d9f-zz9"), ..none() }, Rule::ByName),
    ];
    for (facts, rule) in cases {
        let whose = resolve(&directory, facts);
        assert_eq!((whose.rule, whose.service.as_deref()), (rule, Some(&id("shop", "checkout"))), "{rule:?}");
        let by_pod = !matches!(rule, Rule::Workload | Rule::ServiceName | Rule::ByName);
        assert_eq!(whose.pod.is_some(), by_pod, "{rule:?}");
        assert_eq!(whose.reason, None);
    }
}

#[test]
fn what_is_believed_more_comes_first() {
    let mut directory = directory();
    directory.apply(Known {
        pods: [pod(&id("shop", "web"), "p2", "10.0.0.2", T, None)].map(Arc::new).into(),
        ..Known::default()
    });
    let facts = OwnerFacts {
        pod_uid: some("p2"),
        pod_ip: some("10.0.0.1"),
        service_name: some("checkout"),
        ..OwnerFacts::default()
    };
    let whose = resolve(&directory, facts);
    assert_eq!((whose.rule, whose.service.as_deref()), (Rule::PodUid, Some(&id("shop", "web"))));
    let facts = OwnerFacts { pod_uid: some("never seen"), pod_ip: some("10.0.0.1"), ..OwnerFacts::default() };
    assert_eq!(resolve(&directory, facts).rule, Rule::PodIp);
}

#[test]
fn what_matches_nothing_or_too_much_says_why() {
    let directory = directory();
    let none = OwnerFacts::default;
    for (facts, words) in [
        (none(), "no service.name"),
        (OwnerFacts { service_name: some("unknown_service:java"), ..none() }, "no service.name"),
        (OwnerFacts { service_name: some("nobody"), ..none() }, "no workload is named \"nobody\""),
        (OwnerFacts { service_name: some("web"), ..none() }, "2 workloads go by \"web\""),
        (OwnerFacts { service_name: some("checkout"), namespace: some("blog"), ..none() }, "no workload of namespace"),
        (OwnerFacts { pod_name: some("other-7d9f-x"), namespace: some("shop"), ..none() }, "no service.name"),
    ] {
        let whose = resolve(&directory, facts);
        assert_eq!((whose.rule, whose.service.as_deref()), (Rule::None, None));
        assert!(whose.reason.as_ref().is_some_and(|reason| reason.contains(words)), "{:?}", whose.reason);
    }
    let facts = OwnerFacts { service_name: some("web"), namespace: some("blog"), ..none() };
    assert_eq!(resolve(&directory, facts).service.as_deref(), Some(&id("blog", "web")));
}

#[test]
fn an_address_belongs_to_whoever_had_it_then() {
    let mut directory = directory();
    let (a, b) = (id("shop", "checkout"), id("shop", "web"));
    let old = pod(&a, "old", "10.0.0.7", T, Some(T + HOUR));
    let new = pod(&b, "new", "10.0.0.7", T + 2 * HOUR, None);
    directory.apply(Known { pods: [new, old].map(Arc::new).into(), ..Known::default() });
    let facts = OwnerFacts { pod_ip: some("10.0.0.7"), ..OwnerFacts::default() };
    let timeline = directory.timeline(&facts);
    for (at, expected) in [
        (T - HOUR, None),
        (T - MINUTE / 4, Some(&a)),
        (T, Some(&a)),
        (T + HOUR, Some(&a)),
        (T + HOUR + HOUR / 2, None),
        (T + 2 * HOUR, Some(&b)),
        (T + 20 * HOUR, Some(&b)),
    ] {
        let at = Timestamp(at);
        assert_eq!(directory.resolve(&facts, at).service.as_deref(), expected, "{at:?}");
        assert_eq!(timeline.at(at).service.as_deref(), expected, "{at:?}");
    }
}

#[test]
fn what_a_pod_is_asked_for_by_its_uid_is_there_once_for_all_that_name_it() {
    let directory = directory();
    let timeline = |container: Option<&str>| {
        let container_id = container.map(str::to_owned);
        directory.timeline(&OwnerFacts { pod_uid: some("p1"), container_id, ..OwnerFacts::default() })
    };
    let (pod, container) = (timeline(None), timeline(Some("container-p1")));
    assert_eq!(pod.stretches().len(), 1);
    assert!(Arc::ptr_eq(pod.at(Timestamp(T)), container.at(Timestamp(T))));
}

#[test]
fn a_timeline_says_at_any_time_what_resolving_says() {
    let mut directory = directory();
    let web = id("shop", "web");
    let same_name =
        |uid: &str, created, ended| PodState { name: "web-0".into(), ..pod(&web, uid, "10.0.0.8", created, ended) };
    directory.apply(Known {
        pods: [
            same_name("s1", T, Some(T + HOUR)),
            same_name("s2", T + 3 * HOUR, Some(T + 4 * HOUR)),
            same_name("s3", T + 4 * HOUR, None),
        ]
        .map(Arc::new)
        .into(),
        ..Known::default()
    });
    let by_name = OwnerFacts { namespace: some("shop"), pod_name: some("web-0"), ..OwnerFacts::default() };
    let by_peer = OwnerFacts { peer: "10.0.0.8".parse().ok(), ..OwnerFacts::default() };
    for facts in [by_name, by_peer] {
        let timeline = directory.timeline(&facts);
        for step in -400..2_000 {
            let at = Timestamp(T + step * 13_777_777_777);
            assert_eq!(*timeline.at(at), directory.resolve(&facts, at), "{at:?}");
        }
    }
}

#[test]
fn a_peer_that_sends_two_names_is_nobodys_pod() {
    let directory = directory();
    let peer = "10.0.0.1".parse().unwrap();
    let facts = OwnerFacts { peer: Some(peer), service_name: some("web"), ..OwnerFacts::default() };
    let before = directory.generation();
    directory.peers().note(peer, "web", Timestamp(T), Timestamp(T + MINUTE));
    assert_eq!(resolve(&directory, facts.clone()).rule, Rule::Peer);
    directory.peers().note(peer, "other", Timestamp(T), Timestamp(T + MINUTE));
    assert_eq!(resolve(&directory, facts).rule, Rule::None);
    assert_ne!(directory.generation(), before, "answers that were kept are asked again");
}

#[test]
fn a_pod_on_the_nodes_network_has_no_address_of_its_own() {
    let mut directory = directory();
    let host = PodState { host_network: true, ..pod(&id("shop", "web"), "h", "10.0.0.99", T, None) };
    directory.apply(Known { pods: [host].map(Arc::new).into(), ..Known::default() });
    for facts in [
        OwnerFacts { pod_ip: some("10.0.0.99"), ..OwnerFacts::default() },
        OwnerFacts { peer: "10.0.0.99".parse().ok(), ..OwnerFacts::default() },
    ] {
        assert_eq!(resolve(&directory, facts).service, None);
    }
}

#[test]
fn the_cluster_narrows_when_it_is_known() {
    let mut directory = directory();
    let other = ServiceId::new("c2", "shop", "Deployment", "checkout");
    directory.apply(Known { services: vec![service(other.clone())], ..Known::default() });
    directory.apply_clusters([("staging".into(), "c2".into())]);
    let facts =
        |cluster: &str| OwnerFacts { service_name: some("checkout"), cluster: some(cluster), ..OwnerFacts::default() };
    assert_eq!(resolve(&directory, facts("staging")).service.as_deref(), Some(&other));
    assert_eq!(resolve(&directory, facts("c2")).service.as_deref(), Some(&other));
    assert_eq!(resolve(&directory, facts("c1")).service.as_deref(), Some(&id("shop", "checkout")));
    assert!(resolve(&directory, facts("a name of their own")).reason.is_some());
}

#[test]
fn what_lives_is_preferred_to_what_was_deleted() {
    let mut directory = directory();
    let dead = ServiceState { deleted: Some(Timestamp(1)), ..service(id("blog", "checkout")) };
    directory.apply(Known { services: vec![dead], ..Known::default() });
    let facts = OwnerFacts { service_name: some("checkout"), ..OwnerFacts::default() };
    assert_eq!(resolve(&directory, facts).service.as_deref(), Some(&id("shop", "checkout")));
}

#[test]
fn only_what_attributes_raises_the_generation() {
    let mut directory = directory();
    let before = directory.generation();
    let busy = PodState { phase: PodPhase::NotReady, ..pod(&id("shop", "checkout"), "p1", "10.0.0.1", T, None) };
    let state = ServiceState { ready: 0, aliases: vec!["pay".into()], ..service(id("shop", "checkout")) };
    directory.apply(Known { services: vec![state], pods: vec![busy.into()], ..Known::default() });
    assert_eq!(directory.generation(), before);
    assert_eq!(directory.pods(&id("shop", "checkout"))[0].phase, PodPhase::NotReady);
    directory.apply(Known {
        pods: [pod(&id("shop", "checkout"), "p9", "10.0.0.3", T, None)].map(Arc::new).into(),
        ..Known::default()
    });
    assert_ne!(directory.generation(), before);
}

#[test]
fn a_container_that_was_restarted_is_known_by_both_ids() {
    let mut directory = directory();
    let mut again = pod(&id("shop", "checkout"), "p1", "10.0.0.1", T, None);
    again.containers[0].id = Some("second".into());
    directory.apply(Known { pods: [again].map(Arc::new).into(), ..Known::default() });
    for container in ["container-p1", "second"] {
        let facts = OwnerFacts { container_id: some(container), ..OwnerFacts::default() };
        assert_eq!(resolve(&directory, facts).rule, Rule::ContainerId);
    }
}
