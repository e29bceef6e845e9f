//! Ages and sizes as flags write them. Pure.

use std::time::Duration;

/// `90s`, `15m`, `12h`, `7d`.
pub(crate) fn age(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not an age: write a number and s, m, h or d, like 7d");
    let (number, seconds) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3_600),
        Some((at, 'd')) => (&text[..at], 86_400),
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).filter(|s| (60..=3_650 * 86_400).contains(s)).map(Duration::from_secs).ok_or_else(wrong)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_sizes_are_read_or_explained() {
        assert_eq!(age("7d").unwrap(), Duration::from_secs(604_800));
        assert_eq!(bytes("20GB").unwrap(), 20_000_000_000);
        for text in ["", "7", "d", "-1d", "9999999d", "7 days", "ü"] {
            assert!(age(text).is_err(), "{text}");
        }
        for text in ["", "20", "GB", "1.5GB", "99MB", "99999999999TB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
