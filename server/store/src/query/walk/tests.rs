//! A merge between two reads of one walk hides nothing.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use model::{ClusterId, DAY, Level, MINUTE, Owner, SECOND, ServiceId, ServiceState, Timestamp, Window};

use super::{CHUNK, Look, Scope, walk};
use crate::block::columns::{Columns, Signal};
use crate::block::logs::LogColumns;
use crate::query::part::Part;
use crate::{Batch, ClusterRecord, Config, Error, Keep, LogRow, OwnerFacts, Store};

const NOW: Timestamp = Timestamp(1_790_000_000 * SECOND);
const BLOCKS: usize = 3 * CHUNK;

fn id() -> ServiceId {
    ServiceId::new("c1", "shop", "Deployment", "checkout")
}

fn service() -> ServiceState {
    ServiceState {
        id: id(),
        uid: "u".into(),
        created: Timestamp(0),
        deleted: None,
        managed_by: None,
        team: None,
        aliases: Vec::new(),
        grouped: false,
        wanted: 1,
        ready: 1,
        updated: 1,
        available: 1,
        revision: None,
        revision_name: None,
        images: Vec::new(),
        short_since: None,
        down_since: None,
        grace: None,
        restarts: 0,
    }
}

/// A store with so many small blocks of a service, each of one line.
async fn with_blocks(folder: &std::path::Path) -> Store {
    let keep = Keep { age: 9_000 * DAY, bytes: 1 << 30 };
    let store = Store::open(Config { path: folder.to_owned(), raw: keep, summaries: keep }).await.unwrap();
    let mut record = ClusterRecord::new(ClusterId("c1".into()));
    record.services = vec![service()];
    store.record(&record).await.unwrap();
    let facts = OwnerFacts {
        namespace: Some("shop".into()),
        workload: Some(("Deployment".into(), "checkout".into())),
        ..OwnerFacts::default()
    };
    for n in 0..BLOCKS {
        let mut batch = Batch::new((n as u128).to_be_bytes());
        let owner = batch.owner(Owner { attributes: Vec::new(), peer: None }, facts.clone());
        batch.push_log(&LogRow {
            owner,
            at: NOW.plus(n as i64 * SECOND),
            level: Level::Info,
            severity: "",
            body: "a line",
            pattern: "a line",
            scope: "",
            trace: None,
            span: None,
            attributes: &[],
        });
        store.telemetry().append(batch).await.unwrap();
    }
    store
}

/// Counts records and blocks; after its first blocks it waits until it may go on.
struct Slow {
    records: usize,
    blocks: usize,
    gate: Mutex<Option<(Sender<()>, Receiver<()>)>>,
}

impl Look for Slow {
    type Seen = usize;
    const SIGNAL: Signal = Signal::Logs;

    fn may_match(&self, _: &Part, _: &[u8]) -> Result<bool, Error> {
        Ok(true)
    }

    fn see(&self, _: &Arc<Part>, sealed: &[u8]) -> Result<usize, Error> {
        Ok(LogColumns::unseal(sealed)?.len())
    }

    fn take(&mut self, _: &Arc<Part>, seen: usize) -> Result<(), Error> {
        self.records += seen;
        self.blocks += 1;
        if let Some((begun, go_on)) = self.gate.get_mut().unwrap().take() {
            begun.send(()).unwrap();
            go_on.recv().unwrap();
        }
        Ok(())
    }
}

fn scope() -> Scope {
    Scope { service: id(), window: Window::new(NOW, NOW.plus(MINUTE)), asks_keys: false, bytes: i64::MAX }
}

async fn counts(store: &Store, gate: Option<(Sender<()>, Receiver<()>)>) -> (usize, usize) {
    let slow = Slow { records: 0, blocks: 0, gate: Mutex::new(gate) };
    let (slow, covered_from) = walk(&store.shared(), scope(), slow).await.unwrap();
    assert_eq!(covered_from, None);
    (slow.records, slow.blocks)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_between_listing_and_reading_hides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_blocks(folder.path()).await;
    let ((begun, has_begun), (go_on, gate)) = (channel(), channel());
    let walking = tokio::spawn({
        let store = store.clone();
        async move { counts(&store, Some((begun, gate))).await }
    });
    tokio::task::spawn_blocking(move || has_begun.recv()).await.unwrap().unwrap();
    for file in store.shared().files(crate::partition::file::Family::Raw).iter() {
        crate::merge::merge(&store.shared(), file, Timestamp(i64::MAX), false).await.unwrap();
    }
    go_on.send(()).unwrap();
    assert_eq!(walking.await.unwrap(), (BLOCKS, BLOCKS));
    assert_eq!(counts(&store, None).await, (BLOCKS, 1), "it was merged meanwhile");
}

#[tokio::test]
async fn a_walk_that_stops_at_its_bytes_says_how_far_it_came() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_blocks(folder.path()).await;
    let slow = Slow { records: 0, blocks: 0, gate: Mutex::new(None) };
    let (_, covered_from) = walk(&store.shared(), Scope { bytes: 1, ..scope() }, slow).await.unwrap();
    assert_eq!(covered_from, Some(NOW.plus((BLOCKS as i64 - 1) * SECOND + 1)));
}
