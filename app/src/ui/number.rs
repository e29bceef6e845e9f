//! Numbers as the screen says them: units always, `–` for not measured, never a false zero. Pure, and only in
//! arithmetic that gives the same text on both renders.

/// Not measured.
pub(crate) const NONE: &str = "–";

/// What is measured in its words, else that it is not.
pub(crate) fn or_none<T>(value: Option<T>, say: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| NONE.to_owned(), say)
}

/// Requests per second without the unit, with one decimal below ten, so that a column reads evenly: `412`, `1.9k`,
/// `2.0`, `0.3`; two where one would say nothing.
pub(crate) fn rate(value: f64) -> String {
    match value {
        v if v <= 0.0 => "0".into(),
        v if v < 0.01 => "<0.01".into(),
        v if v < 0.095 => format!("{v:.2}"),
        v if v < 9.95 => format!("{v:.1}"),
        v => short(v),
    }
}

/// Any value in three digits: `412`, `1.9k`, `2`, `0.25`, `-2.5`.
pub(crate) fn any(value: f64) -> String {
    match value {
        v if v < 0.0 => format!("-{}", any(-v)),
        v if v > 0.0 && v < 0.01 => "<0.01".into(),
        v if v < 1.0 => trimmed(v, 2),
        v if v < 9.95 => trimmed(v, 1),
        v => short(v),
    }
}

/// A share of 0 to 1: `4.1 %`, `<0.1 %`, `100 %`.
pub(crate) fn share(value: f64) -> String {
    let percent = value * 100.0;
    match percent {
        p if p > 0.0 && p < 0.1 => "<0.1 %".into(),
        p if p >= 99.95 => "100 %".into(),
        p => format!("{p:.1} %"),
    }
}

/// A count: `31`, `7,912`, `1.9M`.
pub(crate) fn count(value: f64) -> String {
    if value >= 100_000.0 {
        return short(value);
    }
    let digits = format!("{:.0}", value.max(0.0));
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A large number in three digits: `412`, `1.9k`, `24k`, `1.2M`.
pub(crate) fn short(value: f64) -> String {
    match value {
        v if v < 999.5 => format!("{v:.0}"),
        v if v < 9_950.0 => format!("{:.1}k", v / 1e3),
        v if v < 999_500.0 => format!("{:.0}k", v / 1e3),
        v if v < 9_950_000.0 => format!("{:.1}M", v / 1e6),
        v if v < 999_500_000.0 => format!("{:.0}M", v / 1e6),
        v => format!("{:.1}G", v / 1e9),
    }
}

/// With so many decimals at most, none of them a trailing zero.
pub(crate) fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// One thing or several: `1 pod`, `3 pods`.
pub(crate) fn plural(n: u64, one: &str, more: &str) -> String {
    format!("{} {}", count(n as f64), if n == 1 { one } else { more })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_read_evenly_and_never_turn_something_into_nothing() {
        for (value, text) in [
            (0.0, "0"),
            (0.001, "<0.01"),
            (0.05, "0.05"),
            (0.099, "0.1"),
            (0.37, "0.4"),
            (2.0, "2.0"),
            (9.96, "10"),
            (412.4, "412"),
            (2_000.0, "2.0k"),
        ] {
            assert_eq!(rate(value), text);
        }
    }

    #[test]
    fn any_value_is_as_long_as_it_must_be() {
        for (value, text) in [(0.0, "0"), (3.0, "3"), (0.25, "0.25"), (-2.5, "-2.5"), (0.004, "<0.01"), (9.96, "10")] {
            assert_eq!(any(value), text);
        }
    }

    #[test]
    fn shares_have_their_unit_and_small_ones_are_not_zero() {
        for (value, text) in [(0.0, "0.0 %"), (0.041, "4.1 %"), (0.0003, "<0.1 %"), (0.001, "0.1 %"), (1.0, "100 %")] {
            assert_eq!(share(value), text);
        }
    }

    #[test]
    fn counts_read_well() {
        assert_eq!([31.0, 7_912.0, 99_999.0, 1_900_000.0].map(count), ["31", "7,912", "99,999", "1.9M"]);
        assert_eq!((plural(1, "pod", "pods"), plural(2, "pod", "pods")), ("1 pod".into(), "2 pods".into()));
    }
}
