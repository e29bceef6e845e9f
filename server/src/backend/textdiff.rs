//! The difference of two texts by lines, unchanged stretches cut to their edges.

use model::{Diff, DiffLine};
use similar::{ChangeTag, TextDiff};

/// Unchanged lines kept around a change.
const AROUND: usize = 3;

/// Compares two texts; equal ones have no lines.
pub(super) fn diff(title: String, before: &str, after: &str) -> Diff {
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    let mut shown = 0;
    for group in diff.grouped_ops(AROUND) {
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let text = change.value().trim_end_matches('\n').to_owned();
            let number = |index: Option<usize>| index.map_or(0, |index| index as u32 + 1);
            let (old, new) = (number(change.old_index()), number(change.new_index()));
            if old > shown + 1 {
                lines.push(DiffLine::Skipped(old - shown - 1));
            }
            shown = shown.max(old);
            lines.push(match change.tag() {
                ChangeTag::Equal => DiffLine::Same(old, new, text),
                ChangeTag::Delete => DiffLine::Removed(old, text),
                ChangeTag::Insert => DiffLine::Added(new, text),
            });
        }
    }
    Diff { title, lines }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_surroundings_of_a_change_are_kept() {
        let before: String = (1..=20).map(|n| format!("line {n}\n")).collect();
        let after = before.replace("line 10\n", "line ten\n");
        let lines = diff(String::new(), &before, &after).lines;
        assert_eq!(lines[0], DiffLine::Skipped(6));
        assert!(lines.contains(&DiffLine::Removed(10, "line 10".into())));
        assert!(lines.contains(&DiffLine::Added(10, "line ten".into())));
        assert_eq!(lines.len(), 1 + 3 + 2 + 3);
        assert_eq!(diff(String::new(), &before, &before).lines, []);
    }
}
