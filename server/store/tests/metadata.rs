//! What clusters said, kept, closed and read again.
#![allow(clippy::unwrap_used)]

mod support;

use model::*;
use store::*;
use support::*;

fn everything() -> ClusterRecord {
    let mut all = record();
    all.services = vec![service("checkout"), service("cart")];
    all.pods = [pod("checkout", "p1", "10.0.0.1", 5)].map(std::sync::Arc::new).into();
    all.revisions = vec![revision("checkout", "7d9f", "v1")];
    all.deploys = vec![deploy("checkout", 1, NOW), deploy("checkout", 2, NOW)];
    all.adverse = vec![adverse("k", Some("checkout"), 10, 20, 2), adverse("n", None, 10, 30, 1)];
    all.config_changes = vec![ConfigChange {
        cluster: "c1".into(),
        namespace: "shop".into(),
        name: "settings".into(),
        at: NOW,
        keys: vec!["limit".into()],
        from: None,
        to: "h1".into(),
        services: vec![id("checkout")],
    }];
    all.versions = ["h1", "h2"]
        .into_iter()
        .enumerate()
        .map(|(at, hash)| Version {
            kind: "ConfigMap".into(),
            namespace: "shop".into(),
            name: "settings".into(),
            at: Timestamp(at as i64),
            hash: hash.into(),
            text: format!("limit: {at}\nname: \"\u{0}ä\"\n"),
            manager: Some("kubectl".into()),
            changed: Some(Timestamp(at as i64 - 1)),
        })
        .collect();
    all.related = vec![(
        id("checkout"),
        vec![RelatedResource {
            service: id("checkout"),
            kind: "Service".into(),
            name: "checkout".into(),
            namespace: None,
            depth: 0,
            state: "1 endpoint".into(),
            good: Some(true),
            changed: None,
        }],
    )];
    all
}

async fn check(store: &Store) {
    let window = around(NOW);
    let all = everything();
    let checkout = id("checkout");
    assert_eq!(store.pods(&checkout, window).await.unwrap(), [(*all.pods[0]).clone()]);
    assert_eq!(store.revisions(&checkout).await.unwrap(), all.revisions);
    let lives = store.revision_lives(&checkout).await.unwrap();
    let life = |life: &RevisionLife| (life.revision.0.clone(), life.first, life.last_end, life.pods, life.pods_ever);
    assert_eq!(lives.iter().map(life).collect::<Vec<_>>(), [("7d9f".into(), all.pods[0].created, None, 1, 1)]);
    let deploys = store.deploys(&checkout).await.unwrap();
    assert_eq!(deploys.iter().map(|d| d.id.sequence).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(store.config_changes(&checkout, window).await.unwrap(), all.config_changes);
    assert!(store.config_changes(&id("cart"), window).await.unwrap().is_empty());
    assert_eq!(store.related(&checkout).await.unwrap(), all.related[0].1);
    assert_eq!(store.version("h2").await.unwrap().as_deref(), Some(all.versions[1].text.as_str()));
    assert_eq!(store.version("h3").await.unwrap(), None);
    let memory = store.memory(&ClusterId("c1".into())).await.unwrap();
    assert_eq!((memory.services.len(), memory.pods.len(), memory.revisions.len(), memory.deploys.len()), (2, 1, 1, 2));
    assert_eq!(memory.versions, [("ConfigMap".into(), "shop".into(), "settings".into(), "h2".to_owned())]);
    assert_eq!(memory.adverse.len(), 2);
    assert!(store.memory(&ClusterId("c".into())).await.unwrap().deploys.is_empty());
    let directory = store.directory();
    assert_eq!(directory.services().map(|s| s.id.name.as_str()).collect::<Vec<_>>(), ["cart", "checkout"]);
    assert_eq!(directory.pods(&checkout).len(), 1);
    assert_eq!(directory.newest_deploy(&checkout).unwrap().id.sequence, 2);
    assert_eq!(directory.revision_name(&checkout, &RevisionHash("7d9f".into())), Some("v1"));
    assert!(directory.service(&id("none")).is_none());
}

#[tokio::test]
async fn everything_recorded_is_there_and_still_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let mut changes = store.changes();
    store.record(&everything()).await.unwrap();
    assert_eq!(changes.try_recv(), Ok(Change::Cluster));
    check(&store).await;
    let salt = store.salt();
    store.close().await.unwrap();
    let store = open(folder.path()).await;
    check(&store).await;
    assert_eq!(store.salt(), salt);
    assert!(salt.iter().any(|byte| *byte != 0));
}

#[tokio::test]
async fn repeats_of_an_event_join_and_the_newest_says_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    for event in [adverse("k", Some("cart"), 50, 60, 3), adverse("k", Some("cart"), 40, 55, 2)] {
        let mut batch = record();
        batch.adverse = vec![event];
        store.record(&batch).await.unwrap();
    }
    let events = store.adverse(Some(&id("cart")), Window::new(Timestamp(0), Timestamp(100))).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].first, events[0].last, events[0].count), (Timestamp(40), Timestamp(60), 3));
    assert_eq!(events[0].message, "seen 2 times");
    assert!(store.adverse(None, Window::new(Timestamp(61), Timestamp(99))).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_settled_deploy_replaces_itself_and_a_pod_that_ended_leaves_the_living() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    store.record(&everything()).await.unwrap();
    let mut batch = record();
    batch.deploys = vec![Deploy { phase: DeployPhase::Settled { at: NOW }, ..deploy("checkout", 2, NOW) }];
    batch.pods =
        [PodState { ended: Some(NOW), ..pod("checkout", "p1", "10.0.0.1", 5) }].map(std::sync::Arc::new).into();
    store.record(&batch).await.unwrap();
    let deploys = store.deploys(&id("checkout")).await.unwrap();
    assert_eq!((deploys.len(), &deploys[0].phase), (2, &DeployPhase::Settled { at: NOW }));
    assert!(store.directory().pods(&id("checkout")).is_empty());
    assert_eq!(store.pods(&id("checkout"), around(NOW)).await.unwrap().len(), 1);
    assert!(store.memory(&ClusterId("c1".into())).await.unwrap().pods.is_empty());
    let whose = store.directory().resolve(&facts_of_pod("p1"), NOW);
    assert_eq!(whose.service.as_deref(), Some(&id("checkout")), "a pod that ended is still known");
}

#[tokio::test]
async fn the_first_id_of_a_context_stays_and_later_ones_are_aliases() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let ids = |list: &[&str]| list.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    assert_eq!(store.cluster_id("kind", &ids(&["ca-1"])).await.unwrap().0, "ca-1");
    assert_eq!(store.cluster_id("kind", &ids(&["uid-1", "ca-1"])).await.unwrap().0, "ca-1");
    assert_eq!(store.cluster_id("other name", &ids(&["uid-1"])).await.unwrap().0, "ca-1");
    assert_eq!(store.cluster_id("prod", &ids(&["uid-2"])).await.unwrap().0, "uid-2");
    let unknown = store.cluster_id("none", &[]).await.unwrap();
    assert!(ServiceId::new(unknown.0, "n", "k", "x").to_string().parse::<ServiceId>().is_ok());
    store.close().await.unwrap();
    let store = open(folder.path()).await;
    assert_eq!(store.cluster_id("kind", &ids(&["uid-9"])).await.unwrap().0, "ca-1");
}

#[tokio::test]
async fn clusters_that_share_an_authority_are_two_where_their_uids_tell() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let id = async |context: &str, names: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        store.cluster_id(context, &names).await.unwrap().0
    };
    assert_eq!(id("one", &["uid-1", "ca-1"]).await, "uid-1");
    assert_eq!(id("two", &["uid-2", "ca-1"]).await, "uid-2");
    assert_eq!(id("one of its namespaces", &["ca-1"]).await, "uid-1", "nothing tells otherwise");
    assert_eq!(id("three", &["ca-3"]).await, "ca-3");
    assert_eq!(id("three as its administrator", &["uid-3", "ca-3"]).await, "ca-3", "its uid was not known");
    assert_eq!(id("four", &["uid-4", "ca-3"]).await, "uid-4");
    assert_eq!(id("three again", &["uid-3"]).await, "ca-3");
}

#[tokio::test]
async fn what_is_past_its_keeping_goes_and_what_is_current_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let mut all = everything();
    all.pods.push(PodState { ended: Some(NOW), ..pod("checkout", "p2", "10.0.0.2", 5) }.into());
    all.services.push(ServiceState { deleted: Some(NOW), ..service("gone") });
    store.record(&all).await.unwrap();
    store.maintain(NOW.plus(91 * DAY)).await.unwrap();
    let directory = store.directory();
    assert!(directory.service(&id("gone")).is_none() && directory.service(&id("checkout")).is_some());
    assert!(directory.resolve(&facts_of_pod("p2"), NOW).service.is_none());
    assert_eq!(directory.resolve(&facts_of_pod("p1"), NOW).service.as_deref(), Some(&id("checkout")));
    let deploys = store.deploys(&id("checkout")).await.unwrap();
    assert_eq!(deploys.iter().map(|d| d.id.sequence).collect::<Vec<_>>(), [2], "its number is not given again");
    assert_eq!(store.revisions(&id("checkout")).await.unwrap().len(), 1);
    assert!(store.adverse(None, around(Timestamp(0))).await.unwrap().is_empty());
    assert_eq!(store.version("h1").await.unwrap(), None);
    assert!(store.version("h2").await.unwrap().is_some(), "the newest version of an object stays");
}

#[tokio::test]
async fn statuses_are_by_name_and_say_that_they_changed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let mut changes = store.changes();
    let status = |name: &str| ClusterStatus {
        id: String::new(),
        name: name.into(),
        connection: Connection::Syncing,
        heard: None,
        watchers: Vec::new(),
        kubelets: model::KubeletStatus::default(),
        logs: model::LogCoverage::default(),
    };
    store.set_cluster_status(status("b"));
    store.set_cluster_status(status("a"));
    store.set_cluster_status(status("a"));
    assert_eq!(store.cluster_statuses(), [status("a"), status("b")]);
    assert_eq!((changes.try_recv(), changes.try_recv()), (Ok(Change::Status), Ok(Change::Status)));
    assert!(changes.try_recv().is_err(), "the same again is no change");
}

#[tokio::test]
async fn every_version_of_an_object_is_kept_with_who_made_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let mut record = ClusterRecord::new(ClusterId("c1".into()));
    record.versions = everything().versions;
    store.record(&record).await.unwrap();
    let settings = ObjectName { cluster: "c1", kind: "ConfigMap", namespace: "shop", name: "settings" };
    let all = store.object_versions(&settings, Timestamp(9), 10).await.unwrap();
    assert_eq!(all.iter().map(|version| version.hash.as_str()).collect::<Vec<_>>(), ["h2", "h1"]);
    assert_eq!((all[0].manager.as_deref(), all[0].changed), (Some("kubectl"), Some(Timestamp(0))));
    let before = store.object_versions(&settings, Timestamp(0), 1).await.unwrap();
    assert_eq!(before[0].hash, "h1", "as it was then");
    let other = ObjectName { namespace: "other", ..settings };
    assert!(store.object_versions(&other, Timestamp(9), 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_object_changed_last_when_its_newest_version_was_made_or_seen() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let mut record = ClusterRecord::new(ClusterId("c1".into()));
    let version = |name: &str, at: i64, changed: Option<i64>| Version {
        name: name.into(),
        at: Timestamp(at),
        hash: format!("{name}-{at}"),
        changed: changed.map(Timestamp),
        ..everything().versions[0].clone()
    };
    record.versions = vec![
        version("dated", 10, Some(4)),
        version("dated", 20, Some(17)),
        version("undated", 10, None),
        version("undated", 20, None),
        version("alone", 10, None),
    ];
    store.record(&record).await.unwrap();
    let of = |name| ObjectName { cluster: "c1", kind: "ConfigMap", namespace: "shop", name };
    let asked = [of("undated"), of("alone"), of("unknown"), of("dated")];
    let at = |at: i64| Some(Timestamp(at));
    assert_eq!(store.last_changes(&asked, Timestamp(99)).await.unwrap(), [at(20), None, None, at(17)]);
    assert_eq!(store.last_changes(&asked, Timestamp(19)).await.unwrap(), [None, None, None, at(4)], "as of then");
    assert!(store.last_changes(&[], Timestamp(99)).await.unwrap().is_empty());
}

#[tokio::test]
async fn pods_that_ended_on_a_node_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let on = |uid: &str, node: &str, ended: Option<i64>| PodState {
        node: Some(node.into()),
        ended: ended.map(Timestamp),
        ..pod("checkout", uid, "10.0.0.1", 5)
    };
    let mut all = record();
    all.services = vec![service("checkout")];
    all.pods = [on("a", "n1", Some(20)), on("b", "n2", Some(20)), on("c", "n1", None), on("d", "n1", Some(30))]
        .map(std::sync::Arc::new)
        .into();
    store.record(&all).await.unwrap();
    let found = store.ended_on("c1", "n1", Window::new(Timestamp(20), Timestamp(30))).await.unwrap();
    assert_eq!(found.iter().map(|pod| pod.id.0.as_str()).collect::<Vec<_>>(), ["a"]);
    assert!(store.ended_on("c2", "n1", Window::new(Timestamp(0), Timestamp(99))).await.unwrap().is_empty());
}
