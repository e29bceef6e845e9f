//! Hours of a partition that still comes: what is folded of it, what comes late, and what is neither.

use model::*;
use store::*;

use crate::fleet::*;
use crate::support::*;

/// Requests and logs of the three hours before the one that goes on, and of that one.
fn recent(random: &mut Random, request: u128, hour: Timestamp) -> Batch {
    let mut batch = Batch::new(request.to_be_bytes());
    let owners: Vec<u32> = senders().into_iter().map(|(owner, facts)| batch.owner(owner, facts)).collect();
    for n in 0..400 {
        let owner = owners[random.below(6) as usize];
        let at = hour.plus((random.below(3 * 3_600 + 60) as i64 - 3 * 3_600) * SECOND + n);
        // A pod is replaced within the first minute of the hour, which a minute can't tell.
        let at = if at >= hour { at.plus(MINUTE) } else { at };
        let error = if random.below(4) == 0 { ["Oh", "No"][random.below(2) as usize] } else { "" };
        let endpoint = ["GET /a", "POST /b"][random.below(2) as usize];
        let (trace, id) = (request << 64 | (n as u128 + 1), n as u64 + 1);
        push(&mut batch, owner, &Request { trace, id, start: at, endpoint, error, ..Request::default() });
        push_line(&mut batch, owner, at, Level::from_number(9), random);
    }
    batch
}

/// Panics with the first difference.
fn assert_alike(found: &[String], wanted: &[String], when: &str) {
    found.iter().zip(wanted).for_each(|(found, wanted)| assert_eq!(found, wanted, "{when}"));
    assert_eq!(found.len(), wanted.len());
}

/// What a store tells of windows that begin and end in folded hours, in the one that goes on, and across.
async fn told(store: &Store, hour: Timestamp) -> Vec<String> {
    let telemetry = store.telemetry();
    let mut told = Vec::new();
    for (from, to) in [(-180, 3), (-180, -60), (-90, -7), (-1, 1), (0, 3), (-47, 2)] {
        let window = Window::new(hour.plus(from * MINUTE), hour.plus(to * MINUTE));
        for step in [10 * SECOND, MINUTE, TEN] {
            for by in [By::Service, By::EndpointPod] {
                told.push(format!("{from} {to} {step}: {:?}", telemetry.red(ask(window, step, by)).await.unwrap()));
            }
            for name in ["checkout", "cart"] {
                told.push(format!("{:?}", telemetry.errors(&id(name), window, Step(step)).await.unwrap()));
                told.push(format!("{:?}", telemetry.log_counts(&id(name), window, Step(step)).await.unwrap()));
            }
        }
    }
    told
}

#[tokio::test]
async fn hours_are_folded_while_their_partition_goes_on_and_what_is_late_is_added() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, raw) = (fleet(folder.path()).await, fleet(other.path()).await);
    let mut random = Random(23);
    let (now, hour) = (clock(), clock().floor(HOUR));
    let mut folded = 0;
    for round in 0..3_i64 {
        for part in 0..2 {
            let request = (10 * round + part) as u128;
            let mut again = Random(random.0);
            store.telemetry().append(recent(&mut random, request, hour)).await.unwrap();
            raw.telemetry().append(recent(&mut again, request, hour)).await.unwrap();
            assert_alike(&told(&store, hour).await, &told(&raw, hour).await, &format!("round {round}, late by {part}"));
            // Merged, and then folded: of the first part once an hour is over, of the second with the next.
            for minutes in [3, 5] {
                store.maintain(now.plus(round * HOUR + minutes * MINUTE)).await.unwrap();
                assert_alike(
                    &told(&store, hour).await,
                    &told(&raw, hour).await,
                    &format!("round {round}, {part}, {minutes} min"),
                );
            }
        }
        let rows = count(folder.path(), "select count(*) from rollups").await;
        assert!(rows > folded, "an hour is folded, and what came late to it");
        folded = rows;
    }
    store.close().await.unwrap();
    let store = open(folder.path()).await;
    assert_alike(&told(&store, hour).await, &told(&raw, hour).await, "opened again");
    store.maintain(now.plus(13 * HOUR)).await.unwrap();
    assert_alike(&told(&store, hour).await, &told(&raw, hour).await, "folded for good");
}
