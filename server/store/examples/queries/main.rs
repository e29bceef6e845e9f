//! Merges what `load` has sent, then times the questions that pages ask of it:
//! `cargo run --release -p store --example queries -- DATA REPORT SERVICES`, where DATA is the directory of a server
//! that has stopped, REPORT a file of what `load` printed, and SERVICES how many had sent. `queries DATA DAYS` stores so
//! many days of one service itself and asks for all of them. Prints a figure a line, as JSON. No target stands here:
//! `make bench` knows them.
#![allow(clippy::print_stdout)]

mod ask;
mod disk;
mod fleet;
mod month;

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use model::{DAY, HOUR, MINUTE, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Config, Keep, Store};

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Services of a store whose spans and traces are asked for.
const FEW: usize = 100;

type Failure = Box<dyn std::error::Error>;

/// What `load` printed, as far as it is needed.
#[derive(Debug, Deserialize)]
struct Report {
    signal: String,
    acknowledged: u64,
    from: i64,
    to: i64,
    traces: Vec<String>,
}

/// A line of the output.
#[derive(Debug, Serialize)]
struct Figure<'a> {
    name: &'a str,
    value: f64,
    note: &'a str,
}

fn print(name: &str, value: f64, note: &str) -> Result<(), Failure> {
    println!("{}", serde_json::to_string(&Figure { name, value, note })?);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.as_slice() {
        [data, report, services] => sent(&PathBuf::from(data), Path::new(report), services.parse()?).await,
        [data, days] => month::month(&PathBuf::from(data), days.parse()?).await,
        _ => Err("usage: queries DATA REPORT SERVICES, or queries DATA DAYS".into()),
    }
}

/// Asks about what `load` has sent.
async fn sent(data: &Path, report: &Path, services: usize) -> Result<(), Failure> {
    let mut report: Report = serde_json::from_str(&std::fs::read_to_string(report)?)?;
    let store = open(data).await?;
    store.record(&fleet::known(services)).await?;
    let records = stored(&store, &report.signal).await?;
    if records < report.acknowledged {
        return Err(format!("{} records were acknowledged, {records} are there", report.acknowledged).into());
    }
    // What was sent before counts too.
    report.acknowledged = records;
    let mut merging = disk::cpu_seconds()?;
    store.maintain(now()?.plus(2 * MINUTE)).await?;
    merging = disk::cpu_seconds()? - merging;
    match report.signal.as_str() {
        "spans" => {
            // Of many services each has too few spans to search for.
            if services <= FEW {
                ask::traces(&store, data, &report).await?;
                ask::spans(&store, &report, services).await?;
            }
            ask::red(&store, &report, services).await?;
        }
        "logs" => ask::logs(&store, &report).await?,
        "metrics" => ask::metrics(&store, &report).await?,
        other => return Err(format!("{other} is no signal").into()),
    }
    // The partition's time is over: it is folded for good, and the room of small blocks is given back.
    let before = disk::cpu_seconds()?;
    store.maintain(now()?.plus(7 * HOUR)).await?;
    merging += disk::cpu_seconds()? - before;
    let status = store.status().await?;
    let bytes = (status.raw.bytes + status.summaries.bytes) as f64;
    print("merging", merging, "CPU seconds for merging and folding")?;
    print("bytes", bytes / records as f64, &format!("{records} records, {:.1} MB in all", bytes / 1e6))?;
    store.close().await?;
    Ok(())
}

async fn open(data: &Path) -> Result<Store, Failure> {
    let keep = |age| Keep { age, bytes: 100 << 30 };
    Ok(Store::open(Config { path: data.to_owned(), raw: keep(7 * DAY), summaries: keep(90 * DAY) }).await?)
}

async fn stored(store: &Store, signal: &str) -> Result<u64, Failure> {
    let status = store.status().await?;
    Ok(match signal {
        "spans" => status.spans,
        "logs" => status.logs,
        _ => status.points,
    })
}

fn now() -> Result<Timestamp, Failure> {
    Ok(Timestamp(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?))
}
