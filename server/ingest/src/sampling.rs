//! How many spans a sampled one stands for, as its tracestate says (OpenTelemetry "TraceState: Probability Sampling").

/// What is known of the sampling of a span.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sampling {
    /// How many spans it stands for.
    pub(crate) weight: f32,
    /// It was sampled, at a rate that is not known.
    pub(crate) unknown: bool,
}

impl Sampling {
    /// Nothing says that it was sampled.
    pub(crate) const NONE: Self = Self { weight: 1.0, unknown: false };
    const UNKNOWN: Self = Self { weight: 1.0, unknown: true };

    /// Of so many one was kept. A sender can claim any number; beyond a million it is not believed.
    fn one_of(count: f64) -> Self {
        if (1.0..=1e6).contains(&count) { Self { weight: count as f32, unknown: false } } else { Self::UNKNOWN }
    }
}

/// What a tracestate says: `ot=th:` is the rejection threshold, `ot=p:` the older power of two. The rest says nothing
/// of sampling.
pub(crate) fn of_tracestate(state: &str) -> Sampling {
    if state.is_empty() {
        return Sampling::NONE;
    }
    let ours = state.split(',').find_map(|member| member.trim().strip_prefix("ot="));
    let mut older = None;
    for (key, value) in ours.unwrap_or_default().split(';').filter_map(|pair| pair.split_once(':')) {
        match key {
            "th" => return threshold(value).unwrap_or(Sampling::UNKNOWN),
            "p" => older = Some(value),
            _ => {}
        }
    }
    match older.map(str::parse::<u32>) {
        None => Sampling::NONE,
        Some(Ok(power @ 0..=62)) => Sampling::one_of(2f64.powi(power as i32)),
        // 63 is "stands for none": kept for another reason than chance.
        Some(_) => Sampling::UNKNOWN,
    }
}

/// 1 to 14 hexadecimal digits of a 56-bit threshold, zeros at its end left out: a span is kept when its random number
/// is not below it.
fn threshold(digits: &str) -> Option<Sampling> {
    if digits.is_empty() || digits.len() > 14 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let number = u64::from_str_radix(digits, 16).ok()?;
    let below = number << (4 * (14 - digits.len()));
    let all = 1u64 << 56;
    Some(Sampling::one_of(all as f64 / (all - below) as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracestate_gives_the_adjusted_count_or_says_that_it_is_not_known() {
        let exactly = |weight| Sampling { weight, unknown: false };
        for (state, want) in [
            ("", Sampling::NONE),
            ("congo=t61rcWkgMzE", Sampling::NONE),
            ("ot=th:0", exactly(1.0)),
            ("ot=th:8", exactly(2.0)),
            ("ot=th:c;rv:abcdef01234567", exactly(4.0)),
            ("a=b, ot=rv:00000000000000;th:fc", exactly(64.0)),
            ("ot=p:3;r:5", exactly(8.0)),
            ("ot=p:63", Sampling::UNKNOWN),
            ("ot=p:x", Sampling::UNKNOWN),
            ("ot=r:5", Sampling::NONE),
            ("ot=th:ffffffffffffff", Sampling::UNKNOWN),
            ("ot=th:123456789abcdef", Sampling::UNKNOWN),
            ("ot=th:", Sampling::UNKNOWN),
            ("ot=th:é", Sampling::UNKNOWN),
            ("xot=th:8", Sampling::NONE),
        ] {
            assert_eq!(of_tracestate(state), want, "{state}");
        }
    }
}
