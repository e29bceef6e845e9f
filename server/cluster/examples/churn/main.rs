//! What pods that come and go cost on disk: a cluster of which every pod is replaced each hour, told as the API server
//! tells it and kept as it is always kept. `cargo run --release -p cluster --example churn -- PODS HOURS`.
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "an example may")]

mod objects;

use std::collections::HashMap;
use std::path::Path;

use cluster::slim::Object;
use cluster::world::World;
use cluster::{Kind, Redactor, Values};
use model::{ClusterId, DAY, HOUR, MINUTE, SECOND, Timestamp};
use serde_json::Value;
use store::{Keep, Store};

use objects::{Fleet, Stage};

type Failure = Box<dyn std::error::Error>;

/// Pods of the cluster that is asked for, and bytes that its day may take.
const PODS: f64 = 50_000.0;
const TARGET: f64 = 200e6;
/// Hours after which as much goes as comes.
const STEADY: i64 = 6;
/// Minutes between a pod's creation and what is said of it next.
const STAGES: [(i64, Stage); 4] = [(0, Stage::Created), (1, Stage::Scheduled), (2, Stage::Started), (3, Stage::Ready)];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let number = |place, or| std::env::args().nth(place).and_then(|text| text.parse::<i64>().ok()).unwrap_or(or);
    let (pods, hours) = (number(1, 500), number(2, 24));
    let folder = tempfile::tempdir()?;
    let mut bench = Bench::new(open(folder.path()).await?, pods as usize);
    bench.begin().await?;
    for _ in 0..STEADY {
        bench.hour().await?;
    }
    let before = bench.bytes(folder.path()).await?;
    for _ in 0..hours {
        bench.hour().await?;
    }
    let grown = bench.bytes(folder.path()).await?.saturating_sub(before) as f64;
    let of_pod = grown / (pods * hours) as f64;
    let day = of_pod * PODS * 24.0;
    println!(
        "50,000 pods with hourly churn: {of_pod:.0} bytes a pod, {:.0} MB a day (target {:.0} MB): {}",
        day / 1e6,
        TARGET / 1e6,
        if day <= TARGET { "met" } else { "missed" }
    );
    bench.store.close().await?;
    Ok(())
}

async fn open(folder: &Path) -> Result<Store, Failure> {
    let keep = |age| Keep { age, bytes: 100_000_000_000 };
    let config = store::Config { path: folder.to_owned(), raw: keep(7 * DAY), summaries: keep(90 * DAY) };
    Ok(Store::open(config).await?)
}

struct Bench {
    store: Store,
    world: World,
    fleet: Fleet,
    now: Timestamp,
}

impl Bench {
    fn new(store: Store, pods: usize) -> Self {
        let scopes = Kind::ALL.map(|kind| (kind, None));
        let redactor = Redactor::new(store.salt(), Values::Safe);
        let world = World::new(ClusterId(objects::CLUSTER.into()), redactor, Default::default(), scopes);
        Self { store, world, fleet: Fleet::new(pods), now: Timestamp::from_seconds(1_800_000_000) }
    }

    /// Bytes of all files, once the write-ahead log is empty.
    async fn bytes(&mut self, folder: &Path) -> Result<u64, Failure> {
        self.store.close().await?;
        let bytes = bytes(folder)?;
        self.store = open(folder).await?;
        Ok(bytes)
    }

    /// The first lists: workloads that have no pods yet.
    async fn begin(&mut self) -> Result<(), Failure> {
        let workloads = self.fleet.workloads(self.now);
        for kind in Kind::ALL {
            let of_kind = workloads.iter().filter(|object| object["kind"] == kind.name());
            let of_kind = of_kind.map(|object| Object::parse(kind, object.clone())).collect::<Result<_, _>>()?;
            self.world.replace(&(kind, None), of_kind, self.now);
        }
        self.settle().await
    }

    /// Every pod is replaced within the hour, each minute some.
    async fn hour(&mut self) -> Result<(), Failure> {
        let begun = self.now;
        for minute in 0..60 {
            self.now = begun.plus(minute * MINUTE);
            for (after, stage) in STAGES {
                let told = self.fleet.told((minute - after).rem_euclid(60), stage, self.now);
                for object in told {
                    self.world.apply(pod(&object)?, self.now.plus(SECOND));
                }
            }
            for object in self.fleet.gone((minute - 4).rem_euclid(60)) {
                self.world.delete(&pod(&object)?, self.now.plus(SECOND));
            }
            self.settle().await?;
            self.store.maintain(self.now).await?;
        }
        self.now = begun.plus(HOUR);
        Ok(())
    }

    async fn settle(&mut self) -> Result<(), Failure> {
        let mut settled = self.world.settle(self.now.plus(2 * SECOND));
        settled.record.versions = self.world.take_versions();
        self.world.answer(&mut settled, &HashMap::new());
        Ok(self.store.record(&settled.record).await?)
    }
}

fn bytes(folder: &Path) -> Result<u64, Failure> {
    let mut sum = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        sum += if entry.file_type()?.is_dir() { bytes(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(sum)
}

fn pod(object: &Value) -> Result<Object, Failure> {
    Ok(Object::parse(Kind::Pod, object.clone())?)
}
