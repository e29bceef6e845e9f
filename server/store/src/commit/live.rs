//! The partition that is written: when it is cut, which owners it has, which requests it took lately.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hashbrown::HashMap;
use model::Timestamp;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::oneshot;

use super::Waiting;
use super::group::{self, Group};
use super::recent::{RETRY, Recent};
use crate::owners::OwnerHash;
use crate::partition::file::{DataFile, Family};
use crate::partition::{RAW_STEPS, Shared};
use crate::{Appended, Change, Error, OwnerFacts, sqlite};

/// A partition is at most this share of what is kept, so that deleting the oldest deletes little; and not smaller
/// than so many bytes.
const SHARE: u64 = 16;
const LEAST: u64 = 256 << 10;
const CACHE_KIB: u32 = 4_096;

/// See the module.
pub(super) struct Live {
    shared: Arc<Shared>,
    /// Nothing before the first request, and after a failure.
    open: Option<Open>,
    recent: Recent,
}

struct Open {
    file: Arc<DataFile>,
    connection: SqliteConnection,
    owners: HashMap<OwnerHash, u32>,
}

impl Live {
    /// Takes up the newest partition and the requests that the last two took.
    pub(super) async fn resume(shared: Arc<Shared>) -> Result<Self, Error> {
        let mut live = Self { shared, open: None, recent: Recent::default() };
        let now = crate::store::now();
        let files = live.shared.files(Family::Raw);
        for file in files.iter().rev().take(2).rev() {
            let remembered = live.remember_requests(file, now).await;
            live.shared.came_upon(file, remembered)?;
        }
        live.reopen(now).await?;
        let open = live.open.as_ref().map_or(i64::MIN, |open| open.file.id);
        files.iter().filter(|file| file.id != open).for_each(|file| file.closed.store(true, Ordering::Release));
        Ok(live)
    }

    async fn remember_requests(&mut self, file: &DataFile, now: Timestamp) -> Result<(), Error> {
        let rows: Vec<(Vec<u8>, i64)> = sqlx::query_as("select hash, at from requests where at >= ?1 order by at")
            .bind(now.plus(-RETRY).0)
            .fetch_all(&mut *file.readers.get().await?)
            .await?;
        for (hash, at) in rows {
            if let Ok(hash) = hash.try_into() {
                self.recent.insert(hash, Timestamp(at));
            }
        }
        Ok(())
    }

    /// Opens the newest partition for writing, if its time is not over and it is not damaged.
    async fn reopen(&mut self, now: Timestamp) -> Result<(), Error> {
        let files = self.shared.files(Family::Raw);
        let Some(file) = files.last().filter(|file| !self.is_over(file, now)) else { return Ok(()) };
        // After a failure it is not certain what was committed; the file says which requests were.
        let remembered = self.remember_requests(file, now).await;
        let opened = self.open_file(Arc::clone(file), now).await;
        let is_damaged = [self.shared.came_upon(file, remembered)?, self.shared.came_upon(file, opened)?];
        if is_damaged.contains(&true) {
            self.give_up(file);
        }
        Ok(())
    }

    /// Writes a damaged partition no more: the next request makes a new one.
    fn give_up(&mut self, file: &DataFile) {
        self.open = None;
        file.closed.store(true, Ordering::Release);
    }

    fn is_over(&self, file: &DataFile, now: Timestamp) -> bool {
        let full = (self.shared.config.raw.bytes / SHARE).max(LEAST);
        file.complete.load(Ordering::Acquire)
            || file.closed.load(Ordering::Acquire)
            || now >= file.ends()
            || file.bytes() >= full
    }

    async fn open_file(&mut self, file: Arc<DataFile>, now: Timestamp) -> Result<(), Error> {
        let mut connection = sqlite::open(&file.path, sqlite::Page::Large, CACHE_KIB, RAW_STEPS).await?;
        file.merged.store(false, Ordering::Release);
        let rows: Vec<(i64, Vec<u8>, String)> =
            sqlx::query_as("select id, hash, facts from owners").fetch_all(&mut connection).await?;
        let mut owners = HashMap::with_capacity(rows.len());
        for (id, hash, facts) in rows {
            if let Ok(hash) = hash.try_into() {
                owners.insert(hash, id as u32);
            }
            if let Ok(facts) = serde_json::from_str::<OwnerFacts>(&facts) {
                self.note_peer(&facts, file.begins(), now);
            }
        }
        self.open = Some(Open { file, connection, owners });
        Ok(())
    }

    /// Makes a new partition. Its name is the time of its making, so that no name is ever used again while a reader
    /// may still hold the file that had it.
    async fn create(&mut self, now: Timestamp) -> Result<(), Error> {
        let last = self.shared.files(Family::Raw).last().map_or(i64::MIN, |file| file.id);
        let mut id = now.millis().max(last.saturating_add(1));
        while DataFile::path_of(&self.shared.data, Family::Raw, id).exists() {
            id += 1;
        }
        let path = DataFile::path_of(&self.shared.data, Family::Raw, id);
        let file = Arc::new(DataFile::new(Family::Raw, id, path));
        self.open_file(Arc::clone(&file), now).await?;
        // The file's name must survive a power loss as its content does.
        if let Some(folder) = file.path.parent() {
            std::fs::File::open(folder)?.sync_all()?;
        }
        // What was open before and failed is not written again either.
        self.shared.files(Family::Raw).iter().for_each(|file| file.closed.store(true, Ordering::Release));
        self.shared.add(file);
        Ok(())
    }

    /// Closes the partition if its time is over; the next request makes a new one.
    pub(super) async fn cut(&mut self, now: Timestamp) {
        if self.open.is_none() {
            let files = self.shared.files(Family::Raw);
            files.iter().filter(|file| self.is_over(file, now)).for_each(|f| f.closed.store(true, Ordering::Release));
        }
        if self.open.as_ref().is_some_and(|open| self.is_over(&open.file, now))
            && let Err(error) = self.close_file().await
        {
            self.shared.failing(error.to_string());
        }
    }

    async fn close_file(&mut self) -> Result<(), Error> {
        match self.open.take() {
            Some(open) => {
                open.file.closed.store(true, Ordering::Release);
                Ok(open.connection.close().await?)
            }
            None => Ok(()),
        }
    }

    pub(super) async fn close(mut self) -> Result<(), Error> {
        self.close_file().await
    }

    /// Commits a group and answers each of its requests.
    pub(super) async fn commit(&mut self, waiting: Vec<Waiting>) {
        let now = crate::store::now();
        self.recent.expire(now);
        let (new, again) = self.without_retries(waiting);
        if new.is_empty() {
            return;
        }
        let (batches, answers): (Vec<_>, Vec<_>) = new.into_iter().map(|w| (w.batch, (w.answer, w._room))).unzip();
        match self.try_commit(batches, now).await {
            Ok(()) => {
                self.shared.committed(now);
                answers.into_iter().for_each(|(answer, _)| drop(answer.send(Ok(Appended::Stored))));
                again.into_iter().for_each(|answer| drop(answer.send(Ok(Appended::Duplicate))));
                let _ = self.shared.changes.send(Change::Telemetry);
            }
            Err(error) => {
                // The connection may be in any state; the next group opens it again.
                self.open = None;
                tracing::error!(%error, "telemetry can't be committed; senders are asked to try again");
                self.shared.failing(error.to_string());
                let all = answers.into_iter().map(|(answer, _)| answer).chain(again);
                all.for_each(|answer| drop(answer.send(Err(Error::Busy(error.to_string())))));
                let _ = self.shared.changes.send(Change::Status);
            }
        }
    }

    /// Answers what was committed before. What is twice in the group shares the fate of its first.
    fn without_retries(&self, waiting: Vec<Waiting>) -> (Vec<Waiting>, Vec<oneshot::Sender<Result<Appended, Error>>>) {
        let (mut new, mut again): (Vec<Waiting>, Vec<_>) = (Vec::new(), Vec::new());
        for request in waiting {
            if self.recent.contains(&request.batch.request) {
                let _ = request.answer.send(Ok(Appended::Duplicate));
            } else if request.batch.is_empty() {
                let _ = request.answer.send(Ok(Appended::Stored));
            } else if new.iter().any(|known| known.batch.request == request.batch.request) {
                again.push(request.answer);
            } else {
                new.push(request);
            }
        }
        (new, again)
    }

    async fn try_commit(&mut self, batches: Vec<crate::Batch>, now: Timestamp) -> Result<(), Error> {
        self.cut(now).await;
        if self.open.is_none() {
            self.reopen(now).await?;
        }
        if self.open.is_none() {
            self.create(now).await?;
        }
        let Some(open) = self.open.as_mut() else { return Err(Error::Busy("no partition is open".into())) };
        let group = Group::new(batches, &open.owners)?;
        let noted: Vec<(OwnerFacts, i64, i64)> = group.peers();
        let (senders, measured) = (group.log_senders(), group.measured());
        let (group, prepared) = tokio::task::spawn_blocking(move || group::prepare(group))
            .await
            .map_err(|error| Error::Busy(format!("encoding: {error}")))??;
        if let Err(error) = group::write(&mut open.connection, &group, &prepared, now).await {
            let file = Arc::clone(&open.file);
            if error.is_damage() {
                self.shared.damaged(format!("{}: {error}", file.path.display()));
                self.give_up(&file);
            }
            return Err(error);
        }
        // Before it is acknowledged: who asks after the acknowledgement must find it.
        open.file.widen(prepared.cells.0, prepared.cells.1);
        for block in &prepared.blocks {
            open.file.records(block.signal).fetch_add(block.records, Ordering::Relaxed);
        }
        self.shared.overflowed.fetch_add(prepared.overflowed, Ordering::Relaxed);
        open.owners.extend(group.new_owners.iter().map(|owner| (owner.hash, owner.id)));
        group.requests.iter().for_each(|hash| self.recent.insert(*hash, now));
        self.note_senders(&senders, &measured, now);
        for (facts, first, last) in noted {
            self.note_peer(&facts, Timestamp(first), Timestamp(last));
        }
        Ok(())
    }

    fn note_senders(&self, of_logs: &[OwnerFacts], of_metrics: &[(OwnerFacts, Timestamp)], now: Timestamp) {
        let directory = self.shared.directory.load();
        for facts in of_logs {
            let whose = directory.resolve(facts, now);
            if let Some(service) = whose.service.as_deref().cloned() {
                self.shared.senders.note_logs(service, whose.pod.clone(), now);
            }
        }
        for (facts, measured) in of_metrics {
            let whose = directory.resolve(facts, now);
            if let Some((service, pod)) = whose.service.as_deref().cloned().zip(whose.pod.clone()) {
                self.shared.senders.note_metrics(service, pod, *measured, now);
            }
        }
    }

    fn note_peer(&self, facts: &OwnerFacts, first: Timestamp, last: Timestamp) {
        if let (Some(peer), Some(name)) = (facts.peer, facts.name()) {
            self.shared.directory.load().peers().note(peer, name, first, last);
        }
    }
}
