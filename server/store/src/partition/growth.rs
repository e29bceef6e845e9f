//! How fast a family of files grows, by those of the last days.

use std::sync::Arc;

use model::{DAY, Growth, HOUR, Timestamp};

use super::file::DataFile;
use crate::Keep;

/// Days whose files say how fast a family grows.
const DAYS: i64 = 3;

/// How fast a family grows by its files of the last days, oldest first. They say nothing before the first of them is an
/// hour old.
pub(super) fn of(files: &[Arc<DataFile>], keep: Keep, now: Timestamp) -> Growth {
    let bytes = |files: &[Arc<DataFile>]| files.iter().map(|file| file.bytes()).sum::<u64>();
    let lately = &files[files.partition_point(|file| file.begins() < now.plus(-DAYS * DAY))..];
    let since = lately.first().map_or(0, |file| now.since(file.begins()));
    let per_day = (since >= HOUR).then(|| (bytes(lately) as f64 * DAY as f64 / since as f64) as u64);
    Growth { bytes: bytes(files), per_day, age: keep.age, most: keep.bytes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partition::file::Family;

    #[tokio::test]
    async fn what_a_day_brings_is_told_by_the_last_days_once_there_is_an_hour() {
        let place = tempfile::tempdir().unwrap();
        let now = Timestamp(100 * DAY);
        let file = |hours: i64, bytes: usize| {
            let begins = now.plus(-hours * HOUR);
            let path = place.path().join(hours.to_string());
            std::fs::write(&path, vec![0; bytes]).unwrap();
            Arc::new(DataFile::new(Family::Raw, begins.millis(), path))
        };
        let keep = Keep { age: 7 * DAY, bytes: 5_000 };
        let grown = |files: &[Arc<DataFile>]| of(files, keep, now);
        assert_eq!(grown(&[]), Growth { bytes: 0, per_day: None, age: 7 * DAY, most: 5_000 });
        assert_eq!(grown(&[file(0, 10)]).per_day, None);
        let files = [file(100, 9_000), file(12, 600), file(6, 400)];
        assert_eq!((grown(&files).bytes, grown(&files).per_day), (10_000, Some(2_000)));
    }
}
