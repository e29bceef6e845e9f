//! Where a page of a list ended.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which records follow those of a page: from a key on (a time, a duration: what the list is ordered by), less some
/// of that very key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The key of the last record that was shown.
    pub key: i64,
    /// So many of this very key were shown; at most [`Cursor::MOST`].
    pub skip: u32,
}

impl Cursor {
    /// Records of one key that can be paged through: each page holds all of those before it in memory.
    pub const MOST: u32 = 10_000;
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.key, self.skip)
    }
}

impl FromStr for Cursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.rsplit_once('-').and_then(|(key, skip)| Some((key.parse().ok()?, skip.parse().ok()?)));
        let (key, skip) = parts.ok_or("a page is named by two numbers")?;
        if skip > Self::MOST {
            return Err(format!("a page begins after at most {} records of one moment", Self::MOST));
        }
        Ok(Self { key, skip })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for cursor in [Cursor { key: -5, skip: 0 }, Cursor { key: i64::MAX, skip: Cursor::MOST }] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        assert!("5-10001".parse::<Cursor>().is_err() && "5-4294967295".parse::<Cursor>().is_err());
        assert!("5".parse::<Cursor>().is_err() && "5-x".parse::<Cursor>().is_err());
    }
}
