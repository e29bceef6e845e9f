//! A data directory of a newer version is left as it is: before any of its files is opened, each is asked for its
//! format, so that none is brought to this version's while another is not known here.

use std::path::Path;

use crate::partition::file::{DataFile, Family};
use crate::partition::{RAW_STEPS, SUMMARY_STEPS, ids};
use crate::{Error, meta, sqlite};

/// Whether this version knows the formats of all files. What can't be read is found out when it is opened.
pub(crate) fn check(data: &Path) -> Result<(), Error> {
    of_newer(sqlite::check_stored(&meta::path(data), meta::STEPS))?;
    for (family, steps) in [(Family::Raw, RAW_STEPS), (Family::Summary, SUMMARY_STEPS)] {
        for id in ids(data, family)? {
            of_newer(sqlite::check_stored(&DataFile::path_of(data, family, id), steps))?;
        }
    }
    Ok(())
}

fn of_newer(checked: Result<(), Error>) -> Result<(), Error> {
    match checked {
        Err(error @ Error::Newer { .. }) => Err(error),
        _ => Ok(()),
    }
}
