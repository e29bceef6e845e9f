//! Bytes in words.

/// Bytes in binary units: `512 B`, `31 MiB`, `1.4 GiB`.
pub fn bytes_text(value: f64) -> String {
    let mut left = value.max(0.0);
    let mut units = ["B", "KiB", "MiB", "GiB", "TiB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    while left >= 1_023.5 {
        let Some(larger) = units.next() else { break };
        (left, unit) = (left / 1_024.0, larger);
    }
    if left < 10.0 && unit != "B" { format!("{left:.1} {unit}") } else { format!("{left:.0} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_well() {
        let texts = [0.0, 512.0, 32_505_856.0, 1_503_238_553.0, -5.0].map(bytes_text);
        assert_eq!(texts, ["0 B", "512 B", "31 MiB", "1.4 GiB", "0 B"]);
    }
}
