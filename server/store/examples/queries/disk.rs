//! The process and its disk: time on processors, and files that leave the page cache.

use std::fs::File;
use std::path::Path;

use rustix::fs::Advice;

use super::Failure;

/// Time on processors so far, in seconds (proc(5): `utime` and `stime` in ticks of a hundredth).
pub(super) fn cpu_seconds() -> Result<f64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The name before may hold anything, but for its last bracket.
    let rest = stat.rsplit_once(')').ok_or("proc(5) has changed")?.1;
    let ticks = |at: usize| rest.split_whitespace().nth(at).and_then(|text| text.parse::<f64>().ok());
    Ok((ticks(11).ok_or("no utime")? + ticks(12).ok_or("no stime")?) / 100.0)
}

/// Lets the kernel forget what it has read of a directory's files.
pub(super) fn forget(folder: &Path) -> Result<(), Failure> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            forget(&path)?;
        } else {
            let file = File::open(&path)?;
            // What is not written yet would stay.
            file.sync_all()?;
            rustix::fs::fadvise(&file, 0, None, Advice::DontNeed)?;
        }
    }
    Ok(())
}

/// Reads all of a directory's files, so that the kernel has them.
pub(super) fn remember(folder: &Path) -> Result<(), Failure> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { remember(&path)? } else { _ = std::io::copy(&mut File::open(&path)?, &mut std::io::sink())? }
    }
    Ok(())
}
