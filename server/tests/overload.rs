//! More than the memory limit has room for, from many senders at once: the process stays within its limit, says only
//! what is tried again later, answers other requests meanwhile, and takes everything once the senders are fewer.
#![allow(clippy::unwrap_used, unreachable_pub, missing_docs, dead_code, reason = "a test may")]

#[path = "kills/ledger.rs"]
mod ledger;
#[path = "kills/process.rs"]
mod process;
#[path = "kills/sender.rs"]
mod sender;
mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use process::{Process, ask, free_ports, prepare, status_of, until};
use prost::Message;

/// What the process may have.
const LIMIT: u64 = 250_000_000;
/// Senders, and how often each sends.
const SENDERS: u64 = 12;
const TIMES: u64 = 6;

/// A request of so many lines of a kilobyte each, different for every seed.
fn lines(count: usize, seed: u64) -> Vec<u8> {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64 ^ (seed + 1);
    let mut line = || {
        let words = (0..60).map(|_| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            format!("{random:016x} ")
        });
        let body = Some(AnyValue { value: Some(Value::StringValue(words.collect())) });
        LogRecord { time_unix_nano: ledger::now().0 as u64, body, ..LogRecord::default() }
    };
    let log_records = (0..count).map(|_| line()).collect();
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] }
        .encode_to_vec()
}

const POST: &str = "POST /v1/logs HTTP/1.1\r\ncontent-type: application/x-protobuf";

/// The most memory that a process ever had, by proc_pid_status(5).
fn peak(process: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix("kB").unwrap().trim().parse::<u64>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_within_its_limit_and_others_are_answered_meanwhile() {
    let place = tempfile::tempdir().unwrap();
    prepare(place.path()).await;
    let ports = free_ports();
    let process = Process::start(place.path(), &ports, &["--memory-limit", "250MB"]);
    until("it receives", || ask(ports[2], POST, &lines(1, 0)).is_some_and(|answer| status_of(&answer) == 200)).await;
    let over = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            std::thread::spawn(move || {
                let mut counts = BTreeMap::<u16, u64>::new();
                for time in 0..TIMES {
                    // About ten megabytes, of which few fit at once.
                    let answer = ask(ports[2], POST, &lines(10_000, 1 + sender * TIMES + time));
                    // Without one the connection broke, which is tried again as well.
                    *counts.entry(answer.map_or(0, |answer| status_of(&answer))).or_default() += 1;
                }
                counts
            })
        })
        .collect();
    let other = {
        let over = Arc::clone(&over);
        std::thread::spawn(move || {
            let mut answered = 0;
            while !over.load(Ordering::Acquire) {
                let answer = ask(ports[0], "GET /livez HTTP/1.1", b"").expect("others are answered");
                assert_eq!(status_of(&answer), 200, "{answer}");
                answered += 1;
            }
            answered
        })
    };
    let mut counts = BTreeMap::<u16, u64>::new();
    for sender in senders {
        for (status, count) in sender.join().unwrap() {
            *counts.entry(status).or_default() += count;
        }
    }
    over.store(true, Ordering::Release);
    let answered: u64 = other.join().unwrap();
    until("all is taken again", || ask(ports[2], POST, &lines(10, 0)).is_some_and(|it| status_of(&it) == 200)).await;
    let peak = peak(&process);
    process.kill(place.path());
    eprintln!("{counts:?} by status, {answered} others answered, at most {} MB", peak / 1_000_000);
    assert!(counts.keys().all(|status| matches!(status, 0 | 200 | 503)), "{counts:?}");
    assert!(counts.contains_key(&200) && counts.contains_key(&503), "it was no overload: {counts:?}");
    assert!(answered > 0);
    assert!(peak <= LIMIT + LIMIT / 10, "{peak} bytes: {counts:?}");
}
