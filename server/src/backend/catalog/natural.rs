//! The order of texts as people count. Pure.

use std::cmp::Ordering;

/// The order of two revisions as people count: numbers by their value (`1.4.2` before `1.31.0`), all else by its
/// letters.
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    loop {
        let order = match (digits(a), digits(b)) {
            (0, _) | (_, 0) => {
                let (mut x, mut y) = (a.chars(), b.chars());
                let order = match (x.next(), y.next()) {
                    (None, None) => return Ordering::Equal,
                    (x, y) => x.cmp(&y),
                };
                (a, b) = (x.as_str(), y.as_str());
                order
            }
            (of_a, of_b) => {
                let (x, y) = (a[..of_a].trim_start_matches('0'), b[..of_b].trim_start_matches('0'));
                let order = x.len().cmp(&y.len()).then_with(|| x.cmp(y));
                (a, b) = (&a[of_a..], &b[of_b..]);
                order
            }
        };
        if order.is_ne() {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_are_in_the_order_of_their_numbers() {
        let mut names = ["1.31.0", "v2", "1.4.2", "0.16.0", "1.4", "v10", "1.4.2-rc.1", "main", "007", "7a"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["0.16.0", "1.4", "1.4.2", "1.4.2-rc.1", "1.31.0", "007", "7a", "main", "v2", "v10"]);
        assert_eq!(natural("\u{e9}1", "\u{e9}1"), Ordering::Equal);
    }
}
