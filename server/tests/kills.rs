//! `kill -9` at random moments while spans, logs and points arrive: what was acknowledged is there after each restart,
//! once, and the rollups agree with the records. `BINNACLE_KILLS` says how many there are.
#![allow(clippy::unwrap_used, unreachable_pub, missing_docs, dead_code, reason = "a test may")]

#[path = "kills/ledger.rs"]
mod ledger;
#[path = "kills/process.rs"]
mod process;
#[path = "kills/random.rs"]
mod random;
#[path = "kills/sender.rs"]
mod sender;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ledger::Ledger;
use model::Timestamp;
use process::{PATIENCE, Process, free_ports, look, prepare};
use random::Random;
use sender::Sender;

/// Kills, where the environment says nothing.
const KILLS: u64 = 30;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_once_after_every_kill() {
    let kills = std::env::var("BINNACLE_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let place = tempfile::tempdir().unwrap();
    prepare(place.path()).await;
    let ports = free_ports();
    let (ledger, over) = (Arc::new(Ledger::default()), Arc::new(AtomicBool::new(false)));
    let senders = Sender::spawn_all(&ports, &ledger, &over);
    let mut random = Random::new(0);
    let mut begins = Vec::new();
    for round in 0..kills {
        begins.push(ledger::now());
        let process = Process::start(place.path(), &ports, &[]);
        // Mostly in the middle of the stream, now and then while it starts.
        if round % 5 != 4 {
            let (before, began) = (ledger.acknowledged(), Instant::now());
            while ledger.acknowledged() == before {
                assert!(began.elapsed() < PATIENCE, "nothing is acknowledged in round {round}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(random.below(700))).await;
        process.kill(place.path());
        // Of many rounds the last few are looked at each time, and all of them now and then.
        let all = round < KILLS || round % 50 == 0;
        look(place.path(), &ledger, if all { Timestamp(0) } else { begins[begins.len() - 4] }).await;
    }
    // What was under way is sent again until it is acknowledged: then everything is there once.
    let process = Process::start(place.path(), &ports, &[]);
    over.store(true, Ordering::Release);
    for sender in senders {
        tokio::time::timeout(PATIENCE, sender).await.unwrap().unwrap();
    }
    process.kill(place.path());
    assert_eq!(ledger.pending(), 0);
    look(place.path(), &ledger, Timestamp(0)).await;
    let counts = ledger.counts();
    assert!(counts.iter().all(|count| *count as u64 >= kills), "{counts:?}");
    eprintln!("{kills} kills: {counts:?} requests of spans, logs and points acknowledged");
}
