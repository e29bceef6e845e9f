//! Amounts as Kubernetes writes them: `250m`, `64Mi`, `1e3`
//! (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/).

/// The number that a quantity is; nothing where it is none.
pub(super) fn quantity(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '+' | '-')).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let factor = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024f64.powi(2),
        "Gi" => 1024f64.powi(3),
        "Ti" => 1024f64.powi(4),
        "Pi" => 1024f64.powi(5),
        "Ei" => 1024f64.powi(6),
        exponent => 10f64.powi(exponent.strip_prefix(['e', 'E'])?.parse().ok()?),
    };
    number.parse::<f64>().ok().map(|number| number * factor).filter(|amount| *amount >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_numbers() {
        for (text, number) in [
            ("250m", Some(0.25)),
            ("2", Some(2.0)),
            ("0.5", Some(0.5)),
            ("64Mi", Some(67_108_864.0)),
            ("1500M", Some(1.5e9)),
            ("12e6", Some(12e6)),
            ("1E", Some(1e18)),
            ("1E3", Some(1e3)),
            ("-1", None),
            ("x", None),
            ("", None),
        ] {
            let read = quantity(text);
            assert!(read.zip(number).map_or(read == number, |(a, b)| (a - b).abs() < 1e-9 * b), "{text}: {read:?}");
        }
    }
}
