//! Where everything is kept: the named directory, else the usual one; a demo's goes with the process.

use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;

/// A directory for everything; a demo's own is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Data {
    path: PathBuf,
    _temporary: Option<TempDir>,
}

impl Data {
    /// The named directory, else the usual one.
    pub(crate) fn kept(named: Option<&Path>) -> anyhow::Result<Self> {
        let path = named.map_or_else(usual, |path| Ok(path.to_owned()))?;
        Ok(Self { path, _temporary: None })
    }

    /// The named directory, else one that ends with the process, so that a demo is never among real data.
    pub(crate) fn of_demo(named: Option<&Path>) -> anyhow::Result<Self> {
        if named.is_some() {
            return Self::kept(named);
        }
        let temporary = tempfile::Builder::new()
            .prefix("binnacle-demo-")
            .tempdir()
            .context("could not make a directory for the demo: name one with --data")?;
        Ok(Self { path: temporary.path().to_owned(), _temporary: Some(temporary) })
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn usual() -> anyhow::Result<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    variable("XDG_DATA_HOME")
        .or_else(|| variable("HOME").map(|home| home.join(".local/share")))
        .map(|base| base.join("binnacle"))
        .context("neither XDG_DATA_HOME nor HOME is set: say where to keep data with --data")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demos_own_directory_goes_with_it_and_a_named_one_stays() {
        let base = tempfile::tempdir().unwrap();
        let (own, named) = (Data::of_demo(None).unwrap(), Data::of_demo(Some(base.path())).unwrap());
        let path = own.path().to_owned();
        assert!(path.is_dir());
        drop((own, named));
        assert!(!path.exists() && base.path().is_dir());
    }
}
