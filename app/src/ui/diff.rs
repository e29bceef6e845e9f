//! Differences of two texts: the changed lines one below the other, or before and after side by side.

use leptos::prelude::*;
use model::{Diff, DiffLine};

use crate::ui::number::plural;

/// One line below the other, with a sign.
pub(crate) fn inline(diff: &Diff) -> AnyView {
    view! {
        <section class="diff">
            <h3>{diff.title.clone()}</h3>
            <div class="scroll-x">
                <table>
                    <tbody>{diff.lines.iter().map(line).collect_view()}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn line(line: &DiffLine) -> AnyView {
    let (class, before, after, sign, text) = match line {
        DiffLine::Same(before, after, text) => ("", Some(*before), Some(*after), "", text.clone()),
        DiffLine::Removed(before, text) => ("removed", Some(*before), None, "-", text.clone()),
        DiffLine::Added(after, text) => ("added", None, Some(*after), "+", text.clone()),
        DiffLine::Skipped(lines) => {
            ("skipped", None, None, "", format!("{} unchanged", plural((*lines).into(), "line", "lines")))
        }
    };
    let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    view! {
        <tr class=class>
            <td class="line-number">{number(before)}</td>
            <td class="line-number">{number(after)}</td>
            <td class="line-sign">{sign}</td>
            <td class="line-text">{text}</td>
        </tr>
    }
    .into_any()
}

/// A line of the side-by-side view.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Pair {
    /// Before and after, each with its number; one of them may be missing.
    Lines(Option<(u32, String)>, Option<(u32, String)>),
    /// So many unchanged lines are not shown.
    Skipped(u32),
}

/// Lines taken away stand beside those added in their place.
fn pairs(lines: &[DiffLine]) -> Vec<Pair> {
    let mut out = Vec::new();
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    for line in lines {
        match line {
            DiffLine::Removed(number, text) => removed.push((*number, text.clone())),
            DiffLine::Added(number, text) => added.push((*number, text.clone())),
            DiffLine::Same(before, after, text) => {
                flush(&mut out, &mut removed, &mut added);
                out.push(Pair::Lines(Some((*before, text.clone())), Some((*after, text.clone()))));
            }
            DiffLine::Skipped(lines) => {
                flush(&mut out, &mut removed, &mut added);
                out.push(Pair::Skipped(*lines));
            }
        }
    }
    flush(&mut out, &mut removed, &mut added);
    out
}

fn flush(out: &mut Vec<Pair>, removed: &mut Vec<(u32, String)>, added: &mut Vec<(u32, String)>) {
    let rows = removed.len().max(added.len());
    let (mut before, mut after) = (removed.drain(..), added.drain(..));
    out.extend((0..rows).map(|_| Pair::Lines(before.next(), after.next())));
}

/// Before on the left, after on the right.
pub(crate) fn split(diff: &Diff) -> AnyView {
    view! {
        <section class="diff split">
            <h3>{diff.title.clone()}</h3>
            <div class="scroll-x">
                <table>
                    <colgroup>
                        <col class="line-number" />
                        <col />
                        <col class="line-number" />
                        <col />
                    </colgroup>
                    <tbody>{pairs(&diff.lines).iter().map(pair).collect_view()}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn pair(pair: &Pair) -> AnyView {
    let (before, after) = match pair {
        Pair::Lines(before, after) => (before, after),
        Pair::Skipped(lines) => {
            let text = format!("{} unchanged", plural((*lines).into(), "line", "lines"));
            return view! {
                <tr class="skipped">
                    <td class="line-number"></td>
                    <td class="line-text" colspan="3">
                        {text}
                    </td>
                </tr>
            }
            .into_any();
        }
    };
    let same = matches!((before, after), (Some((_, before)), Some((_, after))) if before == after);
    let side = |line: &Option<(u32, String)>, changed: &'static str| {
        let (number, text) = line.clone().map_or_else(Default::default, |(number, text)| (number.to_string(), text));
        let class = if same || line.is_none() { "line-text" } else { changed };
        view! {
            <td class="line-number">{number}</td>
            <td class=class>{text}</td>
        }
    };
    view! { <tr>{side(before, "line-text removed")} {side(after, "line-text added")}</tr> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_replaced_stands_beside_what_replaced_it() {
        let same = |number: u32| DiffLine::Same(number, number, "same".into());
        let lines = [
            DiffLine::Skipped(4),
            same(5),
            DiffLine::Removed(6, "a".into()),
            DiffLine::Added(6, "b".into()),
            DiffLine::Added(7, "c".into()),
            DiffLine::Same(7, 8, "end".into()),
        ];
        let line = |number: u32, text: &str| Some((number, text.to_owned()));
        assert_eq!(
            pairs(&lines),
            [
                Pair::Skipped(4),
                Pair::Lines(line(5, "same"), line(5, "same")),
                Pair::Lines(line(6, "a"), line(6, "b")),
                Pair::Lines(None, line(7, "c")),
                Pair::Lines(line(7, "end"), line(8, "end")),
            ]
        );
    }
}
