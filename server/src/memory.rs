//! Keeps the process under a limit of memory: what may be in flight is a share of it, and near the limit receivers take
//! requests nearly one by one until there is less.

use std::io;
use std::path::Path;
use std::time::Duration;

use store::{Short, Store};

use crate::shutdown::Shutdown;

/// How often it looks: what comes in between is bounded by the share in flight.
const EVERY: Duration = Duration::from_millis(50);

/// What a container's limit leaves for this process, in tenths: the kernel counts what it caches of files there too.
const OF_CONTAINER: u64 = 9;

/// The limit by the container that this process is in, if that has one.
pub(crate) fn of_container() -> Option<u64> {
    let own = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    cgroup_limit(Path::new("/sys/fs/cgroup"), &own).map(|limit| limit / 10 * OF_CONTAINER)
}

/// The least limit of a process's group and of those above it, in both versions of control groups (cgroups(7),
/// "/proc/[pid]/cgroup"). In a container the root often is the group itself.
fn cgroup_limit(root: &Path, own: &str) -> Option<u64> {
    let lines = own.lines().filter_map(|line| {
        let (_, line) = line.split_once(':')?;
        let (controllers, path) = line.split_once(':')?;
        match controllers {
            "" => Some((root.to_owned(), "memory.max", path)),
            "memory" => Some((root.join("memory"), "memory.limit_in_bytes", path)),
            _ => None,
        }
    });
    let limits = lines.flat_map(|(root, file, path)| {
        let groups = Path::new(path.trim_start_matches('/')).ancestors();
        groups
            .filter_map(|group| std::fs::read_to_string(root.join(group).join(file)).ok()?.trim().parse().ok())
            .collect::<Vec<u64>>()
    });
    // Version 1 writes "none" as nearly the largest number there is.
    limits.min().filter(|limit| *limit < 1 << 60)
}

/// Receivers' limits in so much memory: a quarter may be in flight, and one message may be half of that, since packed
/// and unpacked it is there twice. What is in flight is there once more while it is committed.
pub(crate) fn share(limits: ingest::Limits, memory: Option<u64>) -> ingest::Limits {
    let Some(memory) = memory else { return limits };
    let quarter = usize::try_from(memory / 4).unwrap_or(usize::MAX);
    let in_flight_bytes = limits.in_flight_bytes.min(quarter);
    ingest::Limits { in_flight_bytes, message: limits.message.min(in_flight_bytes / 2), ..limits }
}

/// Watches the process until shutdown, where there is a limit.
pub(crate) fn spawn(limit: Option<u64>, store: &Store, shutdown: &Shutdown) {
    let Some(limit) = limit else { return };
    tracing::info!(limit, "memory is limited");
    let (store, token) = (store.clone(), shutdown.token());
    shutdown.spawn("memory watcher", async move {
        let mut is_short = false;
        let mut tick = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                () = token.cancelled() => return Ok(()),
                _ = tick.tick() => {}
            }
            if let Ok(resident) = resident() {
                is_short = look(&store, (resident, limit), is_short);
            }
        }
    });
}

/// Tells the store what was seen; whether there is too little.
fn look(store: &Store, (resident, limit): (u64, u64), was: bool) -> bool {
    let is_short = is_short(resident, limit, was);
    if was != is_short {
        let (now, most) = (model::bytes_text(resident as f64), model::bytes_text(limit as f64));
        let why = format!(
            "{now} of {most} of memory are used: receivers take little at once and tell other senders to come again."
        );
        match is_short {
            true => tracing::warn!("{why}"),
            false => tracing::info!("there is memory again: {now} of {most} are used"),
        }
        store.set_short(Short::Memory, is_short.then_some(why));
    }
    is_short
}

/// Over eight tenths of the limit there is too little, and from then on until it is under seven: what was freed stays
/// with the allocator for a second, and what comes in between two looks needs the rest.
fn is_short(resident: u64, limit: u64, was: bool) -> bool {
    resident > limit / 10 * if was { 7 } else { 8 }
}

/// Bytes of this process that are in memory.
fn resident() -> io::Result<u64> {
    of_status(&std::fs::read_to_string("/proc/self/status")?)
        .ok_or_else(|| io::Error::other("/proc/self/status does not tell VmRSS"))
}

/// `VmRSS` of proc_pid_status(5).
fn of_status(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_has_the_least_limit_of_its_groups() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let file = root.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        };
        let limit = |own: &str| cgroup_limit(root.path(), own);
        assert_eq!(limit("0::/\n"), None);
        write("memory.max", "max\n");
        assert_eq!(limit("0::/\n"), None);
        write("a/memory.max", "2000\n");
        write("a/b/memory.max", "3000\n");
        assert_eq!((limit("0::/a/b\n"), limit("0::/a/c\n"), limit("0::/b\n")), (Some(2_000), Some(2_000), None));
        write("memory/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(limit("4:memory:/\n"), None);
        write("memory/pod/memory.limit_in_bytes", "7000\n");
        assert_eq!(limit("4:memory:/pod\n3:cpuset:/\n0::/\n"), Some(7_000));
        assert_eq!(limit("nonsense"), None);
    }

    #[test]
    fn in_little_memory_less_is_in_flight_and_a_message_of_full_size_still_fits_twice() {
        let all = ingest::Limits::default();
        assert_eq!(share(all.clone(), None).in_flight_bytes, all.in_flight_bytes);
        assert_eq!(share(all.clone(), Some(8 << 30)).message, all.message);
        let few = share(all, Some(200_000_000));
        assert_eq!((few.in_flight_bytes, few.message), (50_000_000, 25_000_000));
    }

    #[test]
    fn memory_is_short_over_eight_tenths_until_it_is_under_seven() {
        assert!(!is_short(80, 100, false) && is_short(81, 100, false));
        assert!(is_short(71, 100, true) && !is_short(70, 100, true));
    }

    #[test]
    fn what_is_resident_is_read_in_kibibytes() {
        assert_eq!(of_status("VmHWM:\t  99 kB\nVmRSS:\t    1234 kB\nThreads: 1\n"), Some(1_234 * 1024));
        assert_eq!(of_status("VmRSS: many\n"), None);
        assert!(resident().unwrap() > 1 << 20);
    }

    #[tokio::test]
    async fn who_asks_is_told_while_memory_is_short() {
        let directory = tempfile::tempdir().unwrap();
        let store = crate::fixtures::open(directory.path()).await;
        assert!(look(&store, (95, 100), false));
        assert_eq!(store.telemetry().short(), Some(Short::Memory));
        assert!(store.status().await.unwrap().memory_short.unwrap().contains("95 B of 100 B"));
        assert!(!look(&store, (70, 100), true));
        assert_eq!(store.telemetry().short(), None);
    }
}
