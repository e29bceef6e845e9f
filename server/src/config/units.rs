//! Ages and sizes as flags write them. Pure.

use std::time::Duration;

const TEN_YEARS: Duration = Duration::from_secs(3_650 * 86_400);

/// `90s`, `15m`, `12h`, `7d`.
pub(super) fn age(text: &str) -> Result<Duration, String> {
    between(text, Duration::from_secs(60), TEN_YEARS)
        .ok_or_else(|| format!("{text:?} is not an age from 1m on: write a number and s, m, h or d, like 7d"))
}

/// How long something is waited for, or ago: `30s`, `15m`.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    between(text, Duration::from_secs(1), TEN_YEARS)
        .ok_or_else(|| format!("{text:?} is no time from 1s on: write a number and s, m, h or d, like 15m"))
}

/// How often something is done: `15s`, `1m`.
pub(super) fn interval(text: &str) -> Result<Duration, String> {
    between(text, Duration::from_secs(5), Duration::from_secs(600))
        .ok_or_else(|| format!("{text:?} is no interval from 5s to 10m: write a number and s or m, like 15s"))
}

fn between(text: &str, least: Duration, most: Duration) -> Option<Duration> {
    let (at, unit) = text.char_indices().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let number: u64 = text[..at].parse().ok()?;
    let span = Duration::from_secs(number.checked_mul(seconds)?);
    (least..=most).contains(&span).then_some(span)
}

/// `500MB`, `20GB`, `1TB` (decimal).
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is not a size: write a number and MB, GB or TB, like 20GB");
    let (number, unit) = [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000)]
        .into_iter()
        .find_map(|(name, unit)| text.strip_suffix(name).map(|number| (number, unit)))
        .ok_or_else(wrong)?;
    let number: u64 = number.trim().parse().map_err(|_| wrong())?;
    number
        .checked_mul(unit)
        .filter(|n| *n >= 100_000_000)
        .ok_or_else(|| format!("{text} is too little: 100MB at least"))
}

/// A size of memory in which a process that has read a little of everything still does its work.
pub(super) fn memory(text: &str) -> Result<u64, String> {
    match bytes(text)? {
        0..200_000_000 => Err(format!("{text} is too little: 200MB at least")),
        bytes => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_sizes_are_read_or_explained() {
        assert_eq!(age("7d").unwrap(), Duration::from_secs(604_800));
        assert_eq!((span("1s").unwrap(), span("15m").unwrap()), (Duration::from_secs(1), Duration::from_secs(900)));
        assert!(age("59s").unwrap_err().contains("from 1m") && span("0s").unwrap_err().contains("from 1s"));
        assert_eq!(interval("15s").unwrap(), Duration::from_secs(15));
        assert!(interval("4s").is_err() && interval("11m").is_err() && interval("ms").is_err());
        assert_eq!(bytes("20GB").unwrap(), 20_000_000_000);
        assert_eq!(memory("200MB").unwrap(), 200_000_000);
        assert!(memory("199MB").unwrap_err().contains("200MB at least"));
        for text in ["", "7", "d", "-1d", "9999999d", "7 days", "ü"] {
            assert!(age(text).is_err(), "{text}");
        }
        for text in ["", "20", "GB", "1.5GB", "99MB", "99999999999TB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
