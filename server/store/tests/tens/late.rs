//! Owners that are attributed late: right at once, and in tens that are made again.

use model::*;
use store::*;

use crate::fleet::*;
use crate::support::*;

#[tokio::test]
async fn an_owner_that_is_attributed_late_counts_at_once_and_in_tens_that_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = fleet(folder.path()).await;
    let telemetry = store.telemetry();
    // Unknown; known by the name of its service alone; and called by the name of another service.
    let late =
        |name: &str, uid: &str| (owner(name), OwnerFacts { service_name: Some(name.into()), ..facts_of_pod(uid) });
    telemetry.append(some(1, late("unheard-of", "l1"))).await.unwrap();
    telemetry.append(some(2, late("cart", "l2"))).await.unwrap();
    telemetry.append(some(3, late("web", "l3"))).await.unwrap();
    telemetry.append(some(4, (owner("x"), facts_of_pod("p1")))).await.unwrap();
    store.maintain(clock().plus(13 * HOUR)).await.unwrap();
    let told = async |store: &Store| {
        let mut told = [0.0; 3];
        for (at, name) in ["checkout", "cart", "web"].into_iter().enumerate() {
            told[at] = requests(store, name, TEN, By::Service).await;
        }
        told
    };
    assert_eq!(told(&store).await, [12.0, 12.0, 12.0]);
    let mut known = record();
    known.pods = [
        revised("checkout", "l1", "late"),
        revised("cart", "l2", "late"),
        // It only calls itself web.
        revised("checkout", "l3", "late"),
    ]
    .map(std::sync::Arc::new)
    .into();
    store.record(&known).await.unwrap();
    let settled = [36.0, 12.0, 0.0];
    let by_revision = async |store: &Store| {
        let rows = store.telemetry().red(ask(window(), TEN, By::Revision)).await.unwrap();
        rows.into_iter()
            .map(|row| (row.service.name.clone(), row.revision.clone(), totals(&[row]).0))
            .collect::<Vec<_>>()
    };
    let split = [("cart", "late", 12.0), ("checkout", "7d9f", 12.0), ("checkout", "late", 24.0)]
        .map(|(service, revision, count)| (service.to_owned(), Some(RevisionHash(revision.into())), count));
    assert_eq!(told(&store).await, settled, "at once");
    assert_eq!(by_revision(&store).await, split);
    assert_eq!(sums(&store, TEN).await, sums(&store, 10 * SECOND).await);
    store.maintain(clock().plus(13 * HOUR)).await.unwrap();
    assert_eq!(told(&store).await, settled);
    store.close().await.unwrap();
    assert!(change(folder.path(), "update rollups set data = x'00'").await > 0);
    let store = open(folder.path()).await;
    assert_eq!(told(&store).await, settled, "by tens alone");
    assert_eq!(by_revision(&store).await, split);
}

#[tokio::test]
async fn what_one_service_wins_makes_no_tens_of_another_unusable() {
    let folder = tempfile::tempdir().unwrap();
    let store = fleet(folder.path()).await;
    let telemetry = store.telemetry();
    telemetry.append(some(1, (owner("x"), facts_of_pod("late")))).await.unwrap();
    telemetry.append(some(2, (owner("y"), facts_of_pod("p1")))).await.unwrap();
    telemetry.append(some(3, (owner("z"), senders()[4].1.clone()))).await.unwrap();
    store.maintain(clock().plus(13 * HOUR)).await.unwrap();
    store.close().await.unwrap();
    // What is asked of minutes is not there.
    assert!(change(folder.path(), "update rollups set data = x'00'").await > 0);
    let store = open(folder.path()).await;
    let mut known = record();
    known.pods = [revised("checkout", "late", "7d9f")].map(std::sync::Arc::new).into();
    store.record(&known).await.unwrap();
    assert_eq!(requests(&store, "cart", TEN, By::Service).await, 12.0);
    assert_eq!(requests(&store, "checkout", TEN, By::Service).await, 0.0, "tens without the late pod are not told");
}

#[tokio::test]
async fn whoever_asks_while_tens_are_made_again_is_told_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let store = fleet(folder.path()).await;
    let telemetry = store.telemetry();
    telemetry.append(some(1, (owner("x"), facts_of_pod("p1")))).await.unwrap();
    let lates = ["l0", "l1", "l2", "l3"];
    for (request, uid) in (2..).zip(lates) {
        telemetry.append(some(request, (owner(uid), facts_of_pod(uid)))).await.unwrap();
    }
    store.maintain(clock().plus(13 * HOUR)).await.unwrap();
    let newest = "select max(id) from makings";
    let mut before = count(folder.path(), newest).await;
    for (known, uid) in (1..).zip(lates) {
        let mut batch = record();
        batch.pods = [revised("cart", uid, "7d9f")].map(std::sync::Arc::new).into();
        store.record(&batch).await.unwrap();
        assert_eq!(requests(&store, "cart", TEN, By::Service).await, 12.0 * f64::from(known));
        let making = {
            let store = store.clone();
            tokio::spawn(async move { store.maintain(clock().plus(13 * HOUR)).await })
        };
        while !making.is_finished() {
            assert_eq!(requests(&store, "checkout", TEN, By::Service).await, 12.0);
            assert_eq!(requests(&store, "cart", TEN, By::Service).await, 12.0 * f64::from(known));
        }
        making.await.unwrap().unwrap();
        let after = count(folder.path(), newest).await;
        assert!(after > before, "they were made again");
        before = after;
    }
}
