//! Writes that fail while spans, logs and points arrive, as on a disk that is full or broken: nothing is acknowledged
//! that is not there, senders are told to come again, the process lives, and goes on when writes succeed again.
#![allow(clippy::unwrap_used, unreachable_pub, missing_docs, dead_code, reason = "a test may")]

#[path = "kills/ledger.rs"]
mod ledger;
#[path = "kills/process.rs"]
mod process;
#[path = "kills/sender.rs"]
mod sender;
mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ledger::Ledger;
use model::Timestamp;
use process::{PATIENCE, Process, ask, free_ports, look, prepare, status_of, until};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use sender::{Sender, Signal, Wire};

/// How often writes begin to fail.
const ROUNDS: usize = 4;

/// Lets writes beyond so many bytes of a file fail, with EFBIG; without a limit they succeed.
fn limit(process: &Process, bytes: Option<u64>) {
    let pid = Pid::from_raw(process.id() as i32).unwrap();
    // The hard limit stays, so that anybody may lift the soft one again.
    prlimit(Some(pid), Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

/// Sends a profile, different by its number; nobody counts profiles.
fn send(address: SocketAddr, number: usize) -> Option<String> {
    ask(address, "POST /ingest?name=other HTTP/1.1", format!("main {number}").as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_fail_are_never_acknowledged_and_it_goes_on_without_a_restart() {
    let place = tempfile::tempdir().unwrap();
    prepare(place.path()).await;
    let ports = free_ports();
    let mut process = Process::start(place.path(), &ports, &[]);
    let (ledger, over) = (Arc::new(Ledger::default()), Arc::new(AtomicBool::new(false)));
    let mut senders = Vec::new();
    for signal in Signal::ALL {
        for (wire, address) in [(Wire::Grpc, ports[1]), (Wire::Http, ports[2])] {
            let sender = Sender { signal, wire, address, ledger: Arc::clone(&ledger), over: Arc::clone(&over) };
            senders.push(tokio::spawn(sender.run()));
        }
    }
    let ready = || ask(ports[0], "GET /readyz HTTP/1.1", b"").is_some_and(|answer| status_of(&answer) == 200);
    for round in 0..ROUNDS {
        let before = ledger.acknowledged();
        until("requests are acknowledged", || ledger.acknowledged() > before + 20).await;
        // At different places of a file: none of a new one, part of the log ahead of it, most of it.
        limit(&process, Some([1, 8_192, 100_000, 1_000_000][round % 4]));
        let mut number = round * 1_000_000;
        until("a request is refused", || {
            number += 1;
            send(ports[2], number).is_some_and(|answer| status_of(&answer) == 503)
        })
        .await;
        let answer = send(ports[2], number).unwrap();
        assert!(status_of(&answer) == 503 && answer.contains("retry-after: "), "{answer}");
        until("it says that it is not ready", || !ready()).await;
        assert!(process.runs());
        limit(&process, None);
        let after = ledger.acknowledged();
        until("requests are acknowledged again", || ledger.acknowledged() > after + 20).await;
        until("it is ready again", ready).await;
    }
    over.store(true, Ordering::Release);
    for sender in senders {
        tokio::time::timeout(PATIENCE, sender).await.unwrap().unwrap();
    }
    assert_eq!(ledger.pending(), 0);
    process.kill(place.path());
    look(place.path(), &ledger, Timestamp(0)).await;
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
