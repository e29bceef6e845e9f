//! Watches the disk that the data directory is on: when it is nearly full the store takes nothing more, before SQLite
//! would fail, and again when there is room.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use store::{Short, Store};

use crate::shutdown::Shutdown;

/// How often it looks: in between less comes than is kept free.
const EVERY: Duration = Duration::from_secs(2);
/// What is kept free where nobody says how much; of a small disk a twentieth.
const RESERVE: u64 = 512_000_000;

/// A disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    /// Bytes that this user may still write.
    pub(crate) free: u64,
    /// Bytes in all.
    pub(crate) size: u64,
}

impl Room {
    /// The disk that a path is on.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let told = rustix::fs::statvfs(path)?;
        let bytes = |blocks: u64| blocks.saturating_mul(told.f_frsize);
        Ok(Self { free: bytes(told.f_bavail), size: bytes(told.f_blocks) })
    }

    /// How much is kept free.
    pub(crate) fn reserve(self, said: Option<u64>) -> u64 {
        said.unwrap_or_else(|| RESERVE.min(self.size / 20))
    }

    /// Whether there is too little: under the reserve, and until a quarter more than it is free.
    fn is_short(self, reserve: u64, was: bool) -> bool {
        self.free < if was { reserve.saturating_add(reserve / 4) } else { reserve }
    }
}

/// Watches a directory's disk until shutdown; the first look is over when this returns.
pub(crate) fn spawn(data: &Path, reserve: Option<u64>, store: &Store, shutdown: &Shutdown) {
    let mut watch = Watch { data: data.to_owned(), reserve, store: store.clone(), is_short: false };
    watch.look(Room::of(data));
    let token = shutdown.token();
    shutdown.spawn("disk watcher", async move {
        let mut tick = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                () = token.cancelled() => return Ok(()),
                _ = tick.tick() => watch.look(Room::of(&watch.data)),
            }
        }
    });
}

struct Watch {
    data: PathBuf,
    reserve: Option<u64>,
    store: Store,
    is_short: bool,
}

impl Watch {
    /// Tells the store what was seen. What can't be seen changes nothing.
    fn look(&mut self, seen: io::Result<Room>) {
        let Ok(room) = seen.inspect_err(|error| tracing::warn!("how full the disk is can't be read: {error}")) else {
            return;
        };
        let reserve = room.reserve(self.reserve);
        let is_short = room.is_short(reserve, self.is_short);
        let text = |bytes: u64| model::bytes_text(bytes as f64);
        let why = format!(
            "The disk of {} is nearly full: {} of {} are free, and {} are kept free. Nothing is taken until there is \
             more; make room, or lower --retention-bytes or --disk-reserve.",
            self.data.display(),
            text(room.free),
            text(room.size),
            text(reserve)
        );
        match (self.is_short, is_short) {
            (false, true) => tracing::error!("{why}"),
            (true, false) => tracing::info!("the disk has room again"),
            _ => {}
        }
        self.is_short = is_short;
        self.store.set_room(room.free.saturating_sub(reserve));
        self.store.set_short(Short::Disk, is_short.then_some(why));
    }
}

#[cfg(test)]
mod tests {
    use model::Owner;
    use store::{Appended, Batch, LogRow, OwnerFacts};

    use super::*;

    #[test]
    fn a_part_of_the_disk_is_kept_free_and_no_more_than_half_a_gigabyte_of_a_large_one() {
        let of = |size| Room { free: 0, size };
        assert_eq!(of(1_000_000_000).reserve(None), 50_000_000);
        assert_eq!(of(1_000_000_000_000).reserve(None), 512_000_000);
        assert_eq!(of(1_000).reserve(Some(7)), 7);
    }

    #[test]
    fn a_disk_that_was_short_is_short_until_there_is_clearly_more() {
        let room = |free| Room { free, size: 1_000 };
        assert!(!room(100).is_short(100, false) && room(99).is_short(100, false));
        assert!(room(124).is_short(100, true) && !room(125).is_short(100, true));
    }

    #[test]
    fn the_disk_of_this_directory_has_a_size() {
        let room = Room::of(Path::new(".")).unwrap();
        assert!(room.size > 0 && room.free <= room.size);
        assert!(Room::of(Path::new("/nowhere/at/all")).is_err());
    }

    fn line(number: u8) -> Batch {
        let mut batch = Batch::new([number; 16]);
        let owner = batch.owner(Owner { attributes: Vec::new(), peer: None }, OwnerFacts::default());
        batch.push_log(&LogRow {
            owner,
            at: crate::jobs::now(),
            level: model::Level::Info,
            severity: "",
            body: "said",
            pattern: "said",
            scope: "",
            trace: None,
            span: None,
            attributes: &[],
        });
        batch
    }

    #[tokio::test]
    async fn a_store_whose_disk_is_nearly_full_takes_nothing_says_so_and_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let store = crate::fixtures::open(directory.path()).await;
        let telemetry = store.telemetry();
        let (data, reserve) = (directory.path().to_owned(), Some(100));
        let mut watch = Watch { data, reserve, store: store.clone(), is_short: false };
        watch.look(Ok(Room { free: 99, size: 1_000 }));
        assert!(matches!(telemetry.append(line(1)).await, Err(store::Error::Short(Short::Disk))));
        assert_eq!(telemetry.short(), Some(Short::Disk));
        assert!(store.status().await.unwrap().disk_short.unwrap().contains("nearly full"));
        // Deleting what is past its keeping goes on.
        store.maintain(crate::jobs::now()).await.unwrap();
        watch.look(Err(io::ErrorKind::Other.into()));
        assert_eq!(telemetry.short(), Some(Short::Disk), "what can't be seen changes nothing");
        watch.look(Ok(Room { free: 125, size: 1_000 }));
        assert_eq!((telemetry.short(), store.status().await.unwrap().disk_short), (None, None));
        assert_eq!(store.status().await.unwrap().room, Some(25));
        assert_eq!(telemetry.append(line(1)).await.unwrap(), Appended::Stored);
    }
}
