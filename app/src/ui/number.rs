//! Numbers as the screen says them: units always, `–` for not measured, never a false zero. Pure, and only in
//! arithmetic that gives the same text on both renders.

/// Not measured.
pub(crate) const NONE: &str = "–";

/// What is measured in its words, else that it is not.
pub(crate) fn or_none<T>(value: Option<T>, say: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| NONE.to_owned(), say)
}

/// Requests per second without the unit: `412`, `1.9k`, `0.3`.
pub(crate) fn rate(value: f64) -> String {
    match value {
        v if v <= 0.0 => "0".into(),
        v if v < 0.01 => "<0.01".into(),
        v if v < 1.0 => trimmed(v, 2),
        v if v < 10.0 => trimmed(v, 1),
        v => short(v),
    }
}

/// Any value in three digits: `412`, `1.9k`, `0.3`, `-2.5`.
pub(crate) fn any(value: f64) -> String {
    if value < 0.0 { format!("-{}", rate(-value)) } else { rate(value) }
}

/// A share of 0 to 1: `4.1 %`, `0.03 %`, `100 %`.
pub(crate) fn share(value: f64) -> String {
    let percent = value * 100.0;
    match percent {
        p if p > 0.0 && p < 0.01 => "<0.01 %".into(),
        p if p > 0.0 && p < 0.1 => format!("{p:.2} %"),
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
        v if v < 9_950.0 => format!("{}k", trimmed(v / 1e3, 1)),
        v if v < 999_500.0 => format!("{:.0}k", v / 1e3),
        v if v < 999_500_000.0 => format!("{}M", trimmed(v / 1e6, 1)),
        v => format!("{}G", trimmed(v / 1e9, 1)),
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
    fn rates_keep_three_digits_and_never_turn_something_into_nothing() {
        for (value, text) in
            [(0.0, "0"), (0.001, "<0.01"), (0.3, "0.3"), (2.0, "2"), (9.96, "10"), (412.4, "412"), (1_900.0, "1.9k")]
        {
            assert_eq!(rate(value), text);
        }
    }

    #[test]
    fn shares_have_their_unit_and_small_ones_are_not_zero() {
        for (value, text) in
            [(0.0, "0.0 %"), (0.041, "4.1 %"), (0.00001, "<0.01 %"), (0.0003, "0.03 %"), (1.0, "100 %")]
        {
            assert_eq!(share(value), text);
        }
    }

    #[test]
    fn counts_read_well() {
        assert_eq!([31.0, 7_912.0, 99_999.0, 1_900_000.0].map(count), ["31", "7,912", "99,999", "1.9M"]);
        assert_eq!((plural(1, "pod", "pods"), plural(2, "pod", "pods")), ("1 pod".into(), "2 pods".into()));
    }
}
