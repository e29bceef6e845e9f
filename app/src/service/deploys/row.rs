//! A deploy in the list, and under it evidence and difference when it is open.

use leptos::prelude::*;
use model::{ConfigChange, Deploy, DeployDetail, DeployPhase, DeployRow, Pair, Summary};

use super::chosen;
use super::diff::diffs;
use super::drawn::drawn;
use super::evidence::evidence;
use crate::answer::Answer;
use crate::panel::panel;
use crate::phase::phase_badge;
use crate::ui::ago::{ago, clock_text};
use crate::ui::badge::{badge, kind_badge};
use crate::ui::judged::judged;
use crate::ui::number;
use crate::url::Query;

/// The row with its link, and the row below that opens; `pair` is what the deploy moved the service from and to.
pub(super) fn row(
    row: &DeployRow,
    pair: Option<Pair>,
    open: Memo<Option<u32>>,
    detail: Answer<DeployDetail>,
    address: Memo<(String, Query)>,
) -> AnyView {
    let deploy = &row.deploy;
    let sequence = deploy.id.sequence;
    let is_open = move || open.get() == Some(sequence);
    let href = move || {
        let to = if is_open() { String::new() } else { sequence.to_string() };
        address.with(|(path, query)| format!("{path}{}", query.clone().with("deploy", &to)))
    };
    let names = [deploy.from_name.clone().unwrap_or_default(), deploy.to_name.clone()];
    let below = move || {
        let (pair, names) = (pair.clone(), names.clone());
        is_open().then(|| {
            view! {
                <tr class="detail">
                    <td colspan="10">
                        {pair.map(|pair| to_comparison(pair, &names, address))}
                        {panel(detail, "diff", move |detail| opened(detail, address))}
                    </td>
                </tr>
            }
        })
    };
    view! {
        <tr
            class:open=is_open
            data-testid="deploy-row"
            data-kind=deploy.kind.key()
            data-rollback=deploy.rollback.to_string()
            data-reconstructed=deploy.reconstructed.to_string()
        >
            <td class="deploy-name">
                <a class="row-link" href=href data-noscroll aria-expanded=move || is_open().to_string()>
                    {revisions(deploy)}
                </a>
                <div class="badges">{badges(deploy)}</div>
            </td>
            <td class="judged">{judged(row.verdict.as_ref())}</td>
            <td class="changes">{changes(deploy, &row.config)}</td>
            <td class="muted started">
                {ago(deploy.started)} <br /> <span class="faint">{phase(deploy)}</span>
            </td>
            {numbers(&row.before, &row.after)}
        </tr>
        {below}
    }
    .into_any()
}

/// The way to both revisions beside each other, each in the run that this deploy is about.
fn to_comparison(pair: Pair, [from, to]: &[String; 2], address: Memo<(String, Query)>) -> AnyView {
    let href = move || {
        address.with(|(path, query)| format!("{path}{}#{}", chosen::into_url(query.clone(), &pair), chosen::PLACE))
    };
    view! {
        <a class="button to-comparison" data-testid="compare-deploy" href=href>
            {format!("Compare {from} with {to}")}
        </a>
    }
    .into_any()
}

/// Why it was judged as it was, beside what it changed.
fn opened(detail: &DeployDetail, address: Memo<(String, Query)>) -> AnyView {
    let others = address.with(|(path, query)| format!("{path}{}", query.clone().with("deploy", "")));
    let deploys = format!("{others}{}deploy=", if others.contains('?') { '&' } else { '?' });
    view! {
        <div class="opened">
            {detail.verdict.as_ref().map(evidence)}
            <div class="beside">{detail.chart.as_ref().map(|chart| drawn(chart, deploys))} {diffs(&detail.diffs)}</div>
        </div>
    }
    .into_any()
}

/// `v1.8.1 → v1.8.2`.
fn revisions(deploy: &Deploy) -> AnyView {
    let from = deploy.from_name.clone().map(|from| view! { <code class="faint">{from}</code> " → " });
    view! {
        {from}
        <code>{deploy.to_name.clone()}</code>
    }
    .into_any()
}

fn badges(deploy: &Deploy) -> AnyView {
    view! {
        {kind_badge(deploy.kind)}
        {deploy.rollback.then(|| badge("warn", "rollback"))}
        {deploy.reconstructed.then(|| badge("plain", "reconstructed"))}
        {phase_badge(&deploy.phase)}
    }
    .into_any()
}

/// How far it is, in words.
fn phase(deploy: &Deploy) -> AnyView {
    let (started, phase, reconstructed) = (deploy.started, deploy.phase.clone(), deploy.reconstructed);
    let text = move || {
        let took = |at: model::Timestamp| model::age_text(at.since(started));
        match &phase {
            DeployPhase::RollingOut | DeployPhase::Paused { .. } => format!("started {}", clock_text(started)),
            DeployPhase::Stuck { since, why } => format!("stuck since {}: {why}", clock_text(*since)),
            // When it settled is only guessed at from the pods that are left.
            DeployPhase::Settled { .. } if reconstructed => "settled".to_owned(),
            DeployPhase::Settled { at } => format!("settled {}, after {}", clock_text(*at), took(*at)),
            DeployPhase::Superseded { at } => format!("superseded after {}", took(*at)),
        }
    };
    view! { <span>{text}</span> }.into_any()
}

fn changes(deploy: &Deploy, config: &[ConfigChange]) -> AnyView {
    let lines = deploy.changes.iter().map(|line| view! { <li title=line.clone()>{line.clone()}</li> }).collect_view();
    let maps = config.iter().map(|change| {
        view! { <li>{format!("ConfigMap {}: {}", change.name, change.keys.join(", "))}</li> }
    });
    let cause = deploy.cause.clone().map(|cause| view! { <li class="faint">{format!("“{cause}”")}</li> });
    view! { <ul>{lines} {maps.collect_view()} {cause}</ul> }.into_any()
}

/// Requests, errors and p95: after, and before in faint grey.
fn numbers(before: &Summary, after: &Summary) -> AnyView {
    let (was, is) = (before.error_share.unwrap_or(0.0), after.error_share.unwrap_or(0.0));
    let worse = if is >= 0.01 && is > was * 1.5 { "num bad" } else { "num" };
    view! {
        <td class="num">{number::or_none(after.rate, number::rate)}</td>
        <td class="num before">{number::or_none(before.rate, number::rate)}</td>
        <td class=worse>{number::or_none(after.error_share, number::share)}</td>
        <td class="num before">{number::or_none(before.error_share, number::share)}</td>
        <td class="num">{number::or_none(after.p95, model::duration_text)}</td>
        <td class="num before">{number::or_none(before.p95, model::duration_text)}</td>
    }
    .into_any()
}
