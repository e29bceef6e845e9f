//! The evidence of a verdict: what is flagged first, then everything looked at and not flagged, with why.

use leptos::prelude::*;
use model::{Against, Evidence, Outcome, Sentence, Unjudged, Verdict, Window};

use super::figures;
use crate::session::Clock;
use crate::ui::badge::{badge, verdict_badge};
use crate::ui::{number, sentence};

/// Headline, table, and what was set apart or could not be judged.
pub(super) fn evidence(verdict: &Verdict) -> AnyView {
    let compared = verdict.evidence.iter().find(|evidence| Some(evidence.against) == verdict.against);
    let how = compared.map(|evidence| how(evidence.against, evidence.new.window));
    view! {
        <section class="card evidence" data-testid="evidence">
            <div class="card-head">
                <h3>"Evidence"</h3>
                {verdict_badge(verdict.level)}
                <span class="faint">{how}</span>
            </div>
            <p class="headline" data-testid="verdict-headline">
                {sentence::parts(&verdict.headline)}
            </p>
            {apart(&verdict.discounted)}
            <div class="scroll-x">{table(&verdict.evidence)}</div>
            {unjudged(&verdict.unjudged, verdict.unjudged_in_all)}
            <p class="faint rules">{format!("Rules version {}", verdict.rules)}</p>
        </section>
    }
    .into_any()
}

/// What was compared with what, and when.
fn how(against: Against, window: Window) -> AnyView {
    let words = match against {
        Against::SideBySide => "old and new pods in the same minutes, ",
        Against::Past => "new pods against the service's own past, ",
        Against::Nothing => "new pods alone, nothing to compare with, ",
        Against::Ever => "",
    };
    let ends = |zone: &model::Zone| format!("{} – {}", zone.civil(window.from).clock(), zone.civil(window.to).clock());
    let when = Clock::of_page().in_zone(ends);
    view! {
        {words}
        {when}
    }
    .into_any()
}

fn apart(discounted: &[Sentence]) -> AnyView {
    let lines = discounted.iter().map(|said| view! { <li>{sentence::parts(said)}</li> }).collect_view();
    (!discounted.is_empty()).then(|| view! { <ul class="apart" data-testid="discounted">{lines}</ul> }).into_any()
}

fn table(all: &[Evidence]) -> AnyView {
    view! {
        <table class="dense">
            <thead>
                <tr>
                    <th scope="col">"Signal"</th>
                    <th scope="col" class="num">"Before"</th>
                    <th scope="col" class="num">"Since"</th>
                    <th scope="col" class="num" title="From … to is an interval at 95 %">
                        "Change"
                    </th>
                    <th scope="col">"Test"</th>
                    <th scope="col">"Result"</th>
                </tr>
            </thead>
            <tbody>{all.iter().map(row).collect_view()}</tbody>
        </table>
    }
    .into_any()
}

fn row(evidence: &Evidence) -> AnyView {
    let place = evidence.endpoint.iter().chain(&evidence.subject).cloned().collect::<Vec<_>>().join(" · ");
    let old = number::or_none(evidence.old.as_ref(), |old| figures::side(evidence, old));
    let (word, tone) = figures::called(evidence);
    let new = if evidence.outcome == Outcome::Flagged { format!("num {tone}") } else { "num".to_owned() };
    let sides = |side: &model::Side| side.name.clone();
    let dispersion = evidence.test.as_ref().filter(|test| test.dispersion > 1.05);
    let dispersion = dispersion.map(|test| format!("counts vary {} × chance", number::trimmed(test.dispersion, 1)));
    view! {
        <tr data-testid="evidence-row" data-outcome=word>
            <td class="looked">
                {evidence.signal.word()}
                {(!place.is_empty()).then(|| view! { " · " <code>{place}</code> })}
                <div class="faint">{sentence::parts(&evidence.why)}</div>
            </td>
            <td class="num before" title=evidence.old.as_ref().map(sides)>
                {old}
            </td>
            <td class=new title=evidence.new.name.clone()>
                {figures::side(evidence, &evidence.new)}
            </td>
            <td class="num">{evidence.effect.as_ref().map(figures::change)}</td>
            <td class="faint tested" title=dispersion>
                {evidence.test.as_ref().map(figures::test)}
            </td>
            <td>{badge(tone, word)}</td>
        </tr>
    }
    .into_any()
}

fn unjudged(named: &[Unjudged], in_all: u32) -> AnyView {
    let line = |endpoint: &Unjudged| {
        let visible = match endpoint.visible {
            Some(share) => format!("{} failing would have shown", number::share(share)),
            None => "not even total failure would have shown".to_owned(),
        };
        let requests = number::plural(endpoint.requests as u64, "request", "requests");
        view! {
            <li>
                <code>{endpoint.endpoint.clone()}</code>
                {format!(": {requests}, {visible}")}
            </li>
        }
    };
    let lines = named.iter().map(line).collect_view();
    let more = u64::from(in_all).saturating_sub(named.len() as u64);
    let head = number::plural(named.len() as u64 + more, "endpoint", "endpoints");
    let more = (more > 0).then(|| view! { <li class="faint">{format!("and {more} with fewer requests")}</li> });
    (!named.is_empty())
        .then(|| {
            view! {
                <details class="unjudged" data-testid="unjudged">
                    <summary>{format!("{head} with too few requests to be judged alone")}</summary>
                    <ul>{lines} {more}</ul>
                </details>
            }
        })
        .into_any()
}
