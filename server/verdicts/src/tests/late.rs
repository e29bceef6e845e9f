//! What arrives late, looks that are had again, and what a rollback takes back.

use super::*;
use crate::due::PARTS;

/// Every third checkout fails.
fn failing(endpoint: &str) -> Option<(u64, &'static str)> {
    (endpoint == "POST /checkout").then_some((3, "PaymentTimeout"))
}

fn usual(_: &str) -> Option<(u64, &'static str)> {
    Some((200, "Timeout"))
}

/// What is said of deploy 2, and how much of a look is spent.
async fn said(shop: &Shop, look: u8) -> (VerdictLevel, Option<u8>) {
    let all = shop.store.judgements(&id()).await.unwrap();
    let judgement = all.iter().find(|judgement| judgement.judged.sequence == 2).unwrap();
    (judgement.judged.level, judgement.spent.get(&look).copied())
}

#[tokio::test]
async fn a_past_that_arrives_after_the_first_look_is_held_against_the_next() {
    let mut shop = Shop::open().await;
    for pod in ["new-1", "new-2"] {
        shop.serve(pod, 1..6, failing).await;
    }
    let mut judging = Judging::new(shop.store.clone(), START, CancellationToken::new());
    judging.look(at(3).plus(10 * SECOND)).await.unwrap();
    assert_eq!(said(&shop, 3).await.0, VerdictLevel::TooLittleData, "there is nothing to hold it against");
    for pod in ["old-1", "old-2"] {
        shop.serve(pod, -360..0, usual).await;
    }
    judging.look(at(5).plus(10 * SECOND)).await.unwrap();
    assert_eq!(said(&shop, 5).await, (VerdictLevel::Failed, Some(PARTS)));
}

#[tokio::test]
async fn a_look_that_is_had_again_and_again_spends_its_part_once() {
    let mut shop = Shop::open().await;
    shop.traffic(usual).await;
    let mut judging = Judging::new(shop.store.clone(), at(20), CancellationToken::new());
    let mut looks = 0;
    for n in 0..40 {
        looks += judging.look(at(20).plus(n * 10 * SECOND)).await.unwrap();
        if n == 0 {
            assert_eq!(said(&shop, 15).await.1, Some(1));
        }
    }
    assert_eq!(said(&shop, 15).await.1, Some(PARTS.min(looks as u8)));
    assert!((10..=12).contains(&looks), "every half minute while it settles: {looks}");
}

#[tokio::test]
async fn a_look_that_was_had_calls_nothing_more_when_the_service_is_taken_back() {
    let mut shop = Shop::open().await;
    shop.traffic(usual).await;
    assert!(!shop.judged(2, 61).await.unwrap().level.is_bad());
    // A burst that was not there at the hour.
    shop.serve("new-1", 30..60, failing).await;
    let (from, to) = (Some(RevisionHash("b".into())), RevisionHash("a".into()));
    shop.record(|record| record.deploys = vec![Deploy { from, to, rollback: true, ..deploy(3, 500) }]).await;
    let verdict = shop.judged(2, 502).await.unwrap();
    assert_eq!(verdict.level, VerdictLevel::RolledBack);
    assert!(verdict.evidence.iter().all(|e| e.outcome != Outcome::Flagged), "{}", verdict.headline);
    let errors = verdict.evidence.iter().any(|e| e.why.to_string().contains("when this look was had first"));
    assert!(errors, "it says why not");
}

#[tokio::test]
async fn a_leak_that_shows_after_the_hour_is_the_deploys() {
    let mut shop = Shop::open().await;
    shop.traffic(usual).await;
    shop.hold("new-1", 1..60).await;
    shop.store.keep_leaks([(id(), std::sync::Arc::new(Vec::new()))].into());
    assert!(!shop.judged(2, 61).await.unwrap().level.is_bad());
    let pod = LeakingPod {
        pod: PodId("new-1".into()),
        name: "new-1".into(),
        rate: 1e8,
        rate_interval: (9e7, 1.1e8),
        level: 1.5e8,
        since: at(5),
        ..LeakingPod::default()
    };
    let leak = Leak {
        of: LeakOf::Memory { container: "app".into() },
        revision: Some(RevisionHash("b".into())),
        revision_name: "v2".into(),
        pods: vec![pod],
        watched: 2,
        before: Some(0.0),
        before_name: Some("v1".into()),
        sentence: Sentence::plain("Memory grows"),
        as_of: at(90),
    };
    shop.store.keep_leaks([(id(), std::sync::Arc::new(vec![leak]))].into());
    let flagged = |verdict: Verdict| {
        let flagged = verdict.evidence.into_iter().filter(|e| e.outcome == Outcome::Flagged);
        flagged.map(|evidence| evidence.signal).collect::<Vec<_>>()
    };
    assert_eq!(flagged(shop.judged(2, 75).await.unwrap()), vec![], "nobody looks");
    let verdict = shop.judged(2, 91).await.unwrap();
    assert!(verdict.level.is_bad(), "{}", verdict.headline);
    assert_eq!(flagged(verdict), vec![Signal::Leak]);
}

#[tokio::test]
async fn a_rollback_that_is_followed_by_a_new_attempt_was_not_taken_back() {
    let mut shop = Shop::open().await;
    shop.traffic(usual).await;
    let (from, to) = (Some(RevisionHash("b".into())), RevisionHash("a".into()));
    let again = Deploy { from, to, rollback: true, ..deploy(3, 9) };
    shop.record(|record| record.deploys = vec![Deploy { rollback: true, ..deploy(2, 0) }, again]).await;
    assert_ne!(shop.judged(2, 12).await.unwrap().level, VerdictLevel::RolledBack);
}

#[tokio::test]
async fn shutdown_ends_a_batch() {
    let shop = Shop::open().await;
    let token = CancellationToken::new();
    token.cancel();
    Judging::new(shop.store.clone(), START, token).look(at(5)).await.unwrap();
    assert!(shop.store.judgements(&id()).await.unwrap().is_empty());
}
