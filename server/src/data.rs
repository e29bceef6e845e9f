//! Where everything is kept: the named directory, else the usual one. A demo has one of its own: what it shows is
//! never among real data, nor among an earlier demo's.

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

    /// A new directory: in the named one, where it stays, else one that goes with the process.
    pub(crate) fn of_demo(named: Option<&Path>) -> anyhow::Result<Self> {
        let within = named.map_or_else(std::env::temp_dir, Path::to_owned);
        let made = std::fs::create_dir_all(&within)
            .and_then(|()| tempfile::Builder::new().prefix("binnacle-demo-").tempdir_in(&within));
        let made = made.with_context(|| format!("could not make a directory in {} for the demo", within.display()))?;
        Ok(match named {
            Some(_) => Self { path: made.keep(), _temporary: None },
            None => Self { path: made.path().to_owned(), _temporary: Some(made) },
        })
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
    fn a_demo_is_among_nobodys_data_and_stays_only_in_a_named_directory() {
        let base = tempfile::tempdir().unwrap();
        let (own, named) = (Data::of_demo(None).unwrap(), Data::of_demo(Some(base.path())).unwrap());
        let paths = [own.path().to_owned(), named.path().to_owned()];
        assert!(paths.iter().all(|path| path.is_dir()) && paths[1].parent() == Some(base.path()));
        drop((own, named));
        assert!(!paths[0].exists() && paths[1].is_dir());
    }
}
