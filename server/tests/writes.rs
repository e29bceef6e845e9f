//! A disk that is full, broken or read-only from a random write on, while spans, logs and points arrive: nothing is
//! acknowledged that a loss of power could take, senders are told to come again, the process lives, and goes on when the
//! disk is well again. `BINNACLE_FAULTS` says how often it is spoiled.
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

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use disk::{Disk, Fault};
use ledger::Ledger;
use model::Timestamp;
use process::{PATIENCE, Process, ask, free_ports, look, prepare, status_of, until};
use random::Random;
use sender::{Sender, Signal, Wire};

/// How often the disk is spoiled, where the environment says nothing.
const FAULTS: u64 = 8;
/// The power goes after so many.
const EACH: u64 = 4;

/// Sends a profile, different by its number; nobody counts profiles.
fn send(address: SocketAddr, number: u64) -> Option<String> {
    ask(address, "POST /ingest?name=other HTTP/1.1", format!("main {number}").as_bytes())
}

/// Spoils the disk of a process that takes requests, until one is refused, and mends it.
async fn spoil(disk: &Disk, process: &mut Process, ports: &[SocketAddr; 3], ledger: &Ledger, round: u64) {
    let ready = || ask(ports[0], "GET /readyz HTTP/1.1", b"").is_some_and(|answer| status_of(&answer) == 200);
    let mut random = Random::new(round);
    let fault = [Fault::Full, Fault::Broken, Fault::Unsynced, Fault::ReadOnly][(round % 4) as usize];
    let before = ledger.acknowledged();
    until("requests are acknowledged", || ledger.acknowledged() > before + 20).await;
    disk.spoil(fault, random.below(if fault == Fault::Unsynced { 5 } else { 200 }));
    let mut number = round * 1_000_000;
    until("a request is refused", || {
        number += 1;
        send(ports[2], number).is_some_and(|answer| status_of(&answer) == 503)
    })
    .await;
    let answer = send(ports[2], number).unwrap();
    assert!(status_of(&answer) == 503 && answer.contains("retry-after: "), "{fault:?}: {answer}");
    until("it says that it is not ready", || !ready()).await;
    assert!(process.runs(), "{fault:?}");
    assert!(disk.mend() > 0, "{fault:?}");
    let after = ledger.acknowledged();
    until("requests are acknowledged again", || ledger.acknowledged() > after + 20).await;
    until("it is ready again", ready).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_fail_are_never_acknowledged_and_it_goes_on_without_a_restart() {
    let faults = std::env::var("BINNACLE_FAULTS").map_or(FAULTS, |text| text.parse().unwrap());
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    prepare(place).await;
    let mut disk = Disk::new(place);
    let ports = free_ports();
    let (ledger, over) = (Arc::new(Ledger::default()), Arc::new(AtomicBool::new(false)));
    let senders = Sender::spawn_all(&ports, &ledger, &over);
    for first in (0..faults).step_by(EACH as usize) {
        let mut process = Process::start_in(&disk.environment(), place, &ports, &[]);
        for round in first..first + EACH {
            spoil(&disk, &mut process, &ports, &ledger, round).await;
        }
        let mut random = Random::new(first);
        disk.end_before(1 + random.below(20));
        process.killed(place).await;
        disk.follow(&mut random);
        disk.lose_power(&mut random);
        look(place, &ledger, Timestamp(0)).await;
    }
    let process = Process::start(place, &ports, &[]);
    over.store(true, Ordering::Release);
    for sender in senders {
        tokio::time::timeout(PATIENCE, sender).await.unwrap().unwrap();
    }
    assert_eq!(ledger.pending(), 0);
    process.kill(place);
    look(place, &ledger, Timestamp(0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_nearly_full_is_said_and_everyone_is_told_to_come_later() {
    let place = tempfile::tempdir().unwrap();
    prepare(place.path()).await;
    let ports = free_ports();
    // No disk has so much room.
    let process = Process::start(place.path(), &ports, &["--disk-reserve", "1000000TB"]);
    until("it answers", || ask(ports[0], "GET /livez HTTP/1.1", b"").is_some()).await;
    let answer = send(ports[2], 1).unwrap();
    assert!(status_of(&answer) == 503 && answer.contains("retry-after: "), "{answer}");
    assert!(answer.contains("the disk is nearly full"), "{answer}");
    let readiness = ask(ports[0], "GET /readyz HTTP/1.1", b"").unwrap();
    assert!(status_of(&readiness) == 503 && readiness.contains("is nearly full"), "{readiness}");
    let metrics = ask(ports[0], "GET /metrics HTTP/1.1", b"").unwrap();
    assert!(metrics.contains("binnacle_store_disk_short 1"), "{metrics}");
    assert!(metrics.contains("disk nearly full (told to try again)"), "{metrics}");
    let ledger = Arc::new(Ledger::default());
    let grpc = Sender {
        signal: Signal::Spans,
        wire: Wire::Grpc,
        address: ports[1],
        ledger,
        over: Arc::new(AtomicBool::new(true)),
    };
    assert_eq!(grpc.status().await, "14", "UNAVAILABLE");
    process.kill(place.path());
}
