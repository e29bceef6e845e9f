//! Folded stacks, as `stackcollapse` writes them: a line a stack, its functions from the outermost on between
//! semicolons, then a blank and a count. Lines without a count, where each is a sample, are pyroscope's `lines`.

use super::{DEPTH, Sink, Taking};
use crate::wire::Malformed;

/// Reads all lines; `is_counted` says whether a count ends each.
pub(super) fn decode<S: Sink>(
    text: &str,
    is_counted: bool,
    taking: &mut Taking<'_, S>,
) -> Result<Vec<(u32, i64)>, Malformed> {
    let mut samples = Vec::new();
    for line in text.lines().map(str::trim_ascii).filter(|line| !line.is_empty()) {
        let (stack, count) = match line.rsplit_once(' ').filter(|_| is_counted) {
            Some((stack, count)) => (stack, count.parse().map_err(|_| NO_COUNT)?),
            None if is_counted => return Err(NO_COUNT),
            None => (line, 1),
        };
        taking.fits(samples.len() + 1)?;
        let frames: Vec<u32> = stack.split(';').take(DEPTH + 1).map(|name| taking.frame(name, "")).collect();
        samples.push((taking.stack(frames.into_iter())?, count));
    }
    Ok(samples)
}

const NO_COUNT: Malformed = Malformed("a line of folded stacks does not end with a count");
