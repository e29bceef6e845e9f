//! Losses of power at random changes of the disk while spans, logs and points arrive: whatever of what was not synced is
//! gone, the next start opens what is left, and what was acknowledged is there, once, and the rollups agree with the
//! records. `BINNACLE_POWER_LOSSES` says how many there are.
#![allow(clippy::unwrap_used, unreachable_pub, missing_docs, dead_code, reason = "a test may")]

#[path = "kills/disk.rs"]
mod disk;
#[path = "kills/ledger.rs"]
mod ledger;
#[path = "kills/pages.rs"]
mod pages;
#[path = "kills/process.rs"]
mod process;
#[path = "kills/random.rs"]
mod random;
#[path = "kills/sender.rs"]
mod sender;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use disk::Disk;
use ledger::Ledger;
use model::Timestamp;
use process::{PATIENCE, Process, free_ports, look, prepare};
use random::Random;
use sender::Sender;

/// Losses, where the environment says nothing.
const LOSSES: u64 = 20;
/// Changes of the disk while it starts, and in some seconds.
const FEW: u64 = 60;
const MANY: u64 = 1_500;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_once_after_every_loss_of_power() {
    let losses = std::env::var("BINNACLE_POWER_LOSSES").map_or(LOSSES, |text| text.parse().unwrap());
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    prepare(place).await;
    // Telemetry's folders are the binary's own to make.
    for folder in ["raw", "summaries"] {
        std::fs::remove_dir_all(place.join("data").join(folder)).unwrap();
    }
    let mut disk = Disk::new(place);
    let ports = free_ports();
    let (ledger, over) = (Arc::new(Ledger::default()), Arc::new(AtomicBool::new(false)));
    let senders = Sender::spawn_all(&ports, &ledger, &over);
    let mut begins = Vec::new();
    for round in 0..losses {
        let mut random = Random::new(round);
        begins.push(ledger::now());
        // Now and then it ended before by itself, so that not all of what a start finds is on the disk.
        for _ in 0..=u64::from(random.once_in(3)) {
            let most = if random.once_in(3) { FEW } else { MANY };
            disk.end_before(1 + random.below(most));
            Process::start_in(&disk.environment(), place, &ports, &[]).killed(place).await;
            disk.follow(&mut random);
        }
        disk.lose_power(&mut random);
        // Of many rounds the last few are looked at each time, and all of them now and then.
        let all = round < LOSSES || round % 50 == 0;
        look(place, &ledger, if all { Timestamp(0) } else { begins[begins.len() - 4] }).await;
    }
    let process = Process::start(place, &ports, &[]);
    over.store(true, Ordering::Release);
    for sender in senders {
        tokio::time::timeout(PATIENCE, sender).await.unwrap().unwrap();
    }
    process.kill(place);
    assert_eq!(ledger.pending(), 0);
    look(place, &ledger, Timestamp(0)).await;
    let counts = ledger.counts();
    assert!(counts.iter().all(|count| *count as u64 >= losses), "{counts:?}");
    eprintln!("{losses} losses of power: {counts:?} requests of spans, logs and points acknowledged");
}
