//! Error groups of two revisions: those that only the new one has, those that are gone, those of both.

use leptos::prelude::*;
use model::{ComparedError, Comparison, SpanFilter, SpanTerm, SpanTest, Window};

use crate::ui::ago::ago;
use crate::ui::number;
use crate::url::escape;

/// Where an error group is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    New,
    Gone,
    Both,
}

impl Place {
    fn of(group: &ComparedError) -> Self {
        match (group.old > 0.0, group.new > 0.0) {
            (false, _) => Self::New,
            (true, false) => Self::Gone,
            (true, true) => Self::Both,
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Gone => "gone",
            Self::Both => "both",
        }
    }
}

/// The three parts, empty ones left out; the order inside stays.
fn parted(groups: &[ComparedError]) -> Vec<(Place, Vec<&ComparedError>)> {
    let of = |place| (place, groups.iter().filter(|group| Place::of(group) == place).collect::<Vec<_>>());
    [Place::New, Place::Gone, Place::Both].map(of).into_iter().filter(|(_, rows)| !rows.is_empty()).collect()
}

/// The table; `traces` is the address of the service's traces.
pub(super) fn groups(all: &Comparison, traces: &str) -> AnyView {
    let body = if all.groups.is_empty() {
        view! { <p class="unmeasured">"No errors of either then"</p> }.into_any()
    } else {
        table(all, traces)
    };
    let kinds = all.groups.len() as u64 + u64::from(all.more_groups);
    let kinds = (kinds > 0).then(|| number::plural(kinds, "kind", "kinds"));
    let more = (all.more_groups > 0).then(|| {
        let rarer = number::plural(all.more_groups.into(), "rarer kind is", "rarer kinds are");
        view! { <p class="faint card-foot">{format!("{rarer} not listed")}</p> }
    });
    view! {
        <section class="card">
            <div class="card-head">
                <h2>"Errors"</h2>
                <span class="faint">{kinds}</span>
            </div>
            {body} {more}
        </section>
    }
    .into_any()
}

fn table(all: &Comparison, traces: &str) -> AnyView {
    let part = |(place, rows): (Place, Vec<&ComparedError>)| {
        let title = match place {
            Place::New => format!("Only in {}", all.new.name),
            Place::Gone => format!("Gone: only in {}", all.old.name),
            Place::Both => "In both".to_owned(),
        };
        let measured = if place == Place::Gone { all.old.measured } else { all.new.measured };
        let rows = rows.into_iter().map(|group| row(group, place, &href(group, measured, traces))).collect_view();
        view! {
            <tbody data-testid="error-part" data-place=place.key()>
                <tr class="part">
                    <th scope="rowgroup" colspan="5">
                        {title}
                    </th>
                </tr>
                {rows}
            </tbody>
        }
    };
    view! {
        <div class="scroll-x">
            <table class="dense">
                <thead>
                    <tr>
                        <th scope="col">"Error"</th>
                        <th scope="col">"Where"</th>
                        <th scope="col" class="num">"Count"</th>
                        <th scope="col" class="num before">"old"</th>
                        <th scope="col">"First seen"</th>
                    </tr>
                </thead>
                {parted(&all.groups).into_iter().map(part).collect_view()}
            </table>
        </div>
    }
    .into_any()
}

fn row(group: &ComparedError, place: Place, href: &str) -> AnyView {
    let tone = if place == Place::New { "num bad" } else { "num" };
    let count = |count: f64| if count > 0.0 { number::count(count) } else { "0".to_owned() };
    view! {
        <tr data-testid="compared-error">
            <td class="error">
                <a href=href.to_owned()>
                    <strong title=group.error.clone()>{group.error.clone()}</strong>
                </a>
            </td>
            <td class="endpoint">
                <code title=group.endpoint.clone()>{group.endpoint.clone()}</code>
            </td>
            <td class=tone>{count(group.new)}</td>
            <td class="num before">{count(group.old)}</td>
            <td class="muted first-seen">{ago(group.first_seen)}</td>
        </tr>
    }
    .into_any()
}

/// The requests that had the error in the time that is compared.
fn href(group: &ComparedError, measured: Window, traces: &str) -> String {
    let term = |test| SpanTerm { not: false, test };
    let error = SpanTest::Equals("error".to_owned(), group.error.clone());
    let terms = vec![term(SpanTest::Endpoint(group.endpoint.clone())), term(error)];
    let (from, to) = (measured.from.millis(), measured.to.millis());
    format!("{traces}?from={from}&to={to}&q={}", escape(&SpanFilter { terms }.to_string()))
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;

    fn group(error: &str, old: f64, new: f64) -> ComparedError {
        ComparedError { error: error.into(), endpoint: "GET /".into(), old, new, first_seen: Timestamp(0) }
    }

    #[test]
    fn groups_are_new_gone_or_in_both() {
        let all = [group("a", 5.0, 4.0), group("b", 0.0, 3.0), group("c", 0.0, 1.0)];
        let names: Vec<(Place, Vec<&str>)> = parted(&all)
            .into_iter()
            .map(|(place, rows)| (place, rows.into_iter().map(|row| row.error.as_str()).collect()))
            .collect();
        assert_eq!(names, [(Place::New, vec!["b", "c"]), (Place::Both, vec!["a"])], "nothing is gone");
        assert_eq!(Place::of(&group("d", 0.4, 0.0)), Place::Gone);
    }
}
