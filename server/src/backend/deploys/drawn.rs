//! What a verdict is about over time: the signal of its headline, a line for each of the two revisions.

use app::AppError;
use model::{
    Deploy, Evidence, EvidenceChart, HOUR, MINUTE, Outcome, Red, Revision, RevisionHash, Signal, Verdict, Window,
};
use store::{By, RedQuery};

use super::super::apm::{self, Grid, together};
use super::super::catalog::mark;
use super::super::{Answers, failed};

/// Points of the chart, which is a small one.
const POINTS: i64 = 120;
/// How long before the deploy it begins: as long as what follows, but within these.
const BEFORE: [i64; 2] = [10 * MINUTE, 30 * MINUTE];
/// How much of what follows is drawn.
const AFTER: [i64; 2] = [5 * MINUTE, HOUR];

/// The chart of a verdict; nothing where neither revision served a request in it.
pub(super) async fn chart(
    answers: &Answers,
    deploy: &Deploy,
    revisions: &[Revision],
    verdict: &Verdict,
) -> Result<Option<EvidenceChart>, AppError> {
    let (signal, endpoint) = subject(&verdict.evidence);
    let window = window(deploy, verdict);
    let step = window.step(POINTS);
    let by = if endpoint.is_some() { By::EndpointRevision } else { By::Revision };
    let ask = RedQuery { services: Some(vec![deploy.id.service.clone()]), window, step, by };
    let rows = answers.store.telemetry().red(ask).await.map_err(failed)?;
    let value = |red: &Red| match signal {
        Signal::Latency => red.histogram.quantile(0.95),
        _ => red.error_share(),
    };
    let grid = Grid::of(window, step, crate::jobs::now());
    let line = |hash: &RevisionHash| {
        let of_it = rows.iter().filter(|row| row.revision.as_ref() == Some(hash));
        let cells = together(of_it.filter(|row| endpoint.is_none() || row.endpoint == endpoint));
        let place = apm::place(revisions, hash);
        let name = place.map_or_else(|| hash.to_string(), |place| revisions[place as usize].name.clone());
        (grid.series(&name, &cells, value), place)
    };
    let from = deploy.from.iter().filter(|from| **from != deploy.to);
    let lines: Vec<_> = from.chain([&deploy.to]).map(line).collect();
    let is_measured = lines.iter().any(|(series, _)| series.points.iter().any(Option::is_some));
    let mark = mark(deploy, Some(verdict.level));
    Ok(is_measured.then_some(EvidenceChart { signal, endpoint, window, lines, mark }))
}

/// What to draw: what was flagged first of errors and latency, errors where an error group is new, else the errors of
/// the whole service. Pure.
fn subject(all: &[Evidence]) -> (Signal, Option<String>) {
    let flagged = all.iter().filter(|evidence| evidence.outcome == Outcome::Flagged);
    let mut drawn = flagged.filter_map(|evidence| match evidence.signal {
        Signal::Errors | Signal::ErrorGroup => Some((Signal::Errors, evidence.endpoint.clone())),
        Signal::Latency => Some((Signal::Latency, evidence.endpoint.clone())),
        _ => None,
    });
    drawn.next().unwrap_or((Signal::Errors, None))
}

/// From before the deploy to the end of what was judged. Pure.
fn window(deploy: &Deploy, verdict: &Verdict) -> Window {
    let after = verdict.judged_at.since(deploy.started).clamp(AFTER[0], AFTER[1]);
    let before = after.clamp(BEFORE[0], BEFORE[1]);
    Window::new(deploy.started.plus(-before), deploy.started.plus(after))
}

#[cfg(test)]
mod tests {
    use model::{Against, Sentence, Side, Timestamp, VerdictLevel};

    use super::*;

    fn evidence(signal: Signal, outcome: Outcome, endpoint: Option<&str>) -> Evidence {
        let window = Window::new(Timestamp(0), Timestamp(1));
        let new = Side { name: "v1".into(), window, numerator: 0.0, denominator: 0.0, value: None, cells: 0 };
        Evidence {
            signal,
            endpoint: endpoint.map(str::to_owned),
            subject: None,
            outcome,
            why: Sentence::default(),
            against: Against::Past,
            old: None,
            new,
            effect: None,
            test: None,
        }
    }

    #[test]
    fn what_was_called_first_is_drawn_and_of_what_is_no_series_the_errors_of_all() {
        let unflagged = evidence(Signal::Latency, Outcome::NotFlagged, Some("GET /"));
        let pay = || Some("POST /pay".to_owned());
        for (flagged, drawn) in [
            (evidence(Signal::Errors, Outcome::Flagged, Some("POST /pay")), (Signal::Errors, pay())),
            (evidence(Signal::ErrorGroup, Outcome::Flagged, Some("POST /pay")), (Signal::Errors, pay())),
            (evidence(Signal::Latency, Outcome::Flagged, None), (Signal::Latency, None)),
            (evidence(Signal::OomKills, Outcome::Flagged, None), (Signal::Errors, None)),
        ] {
            assert_eq!(subject(&[unflagged.clone(), flagged]), drawn);
        }
    }

    #[test]
    fn the_window_grows_with_what_was_judged_and_no_further_than_an_hour() {
        let deploy = crate::fixtures::deploy(3);
        let of = |minutes: i64| {
            let judged_at = deploy.started.plus(minutes * MINUTE);
            let verdict = Verdict { judged_at, ..Verdict::new(VerdictLevel::Healthy, Sentence::default()) };
            let window = window(&deploy, &verdict);
            (deploy.started.since(window.from) / MINUTE, window.to.since(deploy.started) / MINUTE)
        };
        assert_eq!([of(1), of(15), of(60), of(600)], [(10, 5), (15, 15), (30, 60), (30, 60)]);
    }
}
