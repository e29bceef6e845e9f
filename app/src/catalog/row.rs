//! A service in the catalog.

use leptos::prelude::*;
use model::{Health, ServiceRow};

use crate::charts::spark::spark;
use crate::ui::ago::ago;
use crate::ui::badge::{health_dot, verdict_tone};
use crate::ui::{number, sentence};

/// A row: what is wrong is coloured, nothing else.
pub(super) fn row(row: &ServiceRow, kept: &str) -> impl IntoView + use<> {
    let (id, health) = (&row.id, row.health.health);
    let path = id.path();
    let mut place = format!("{} · {}", id.namespace, id.kind);
    if let Some(owner) = &row.managed_by {
        place.push_str(&format!(" · by {owner}"));
    }
    let gone = row.deleted.map(|at| view! { <span class="badge plain">"deleted " {ago(at)}</span> });
    view! {
        <tr data-testid="catalog-row" data-service=id.local() class=row.deleted.map(|_| "gone")>
            <td class="name">
                <div>
                    {health_dot(health)}
                    <span class="who" title=format!("{} · {place}", id.name)>
                        <a class="row-link" href=format!("{path}/overview{kept}")>
                            {id.name.clone()}
                        </a>
                        <span class="faint">{place.clone()}</span>
                    </span>
                </div>
            </td>
            <td class="going">
                <span class=format!("sentence says-{}", health.key()) data-testid="sentence">
                    {sentence::parts(&row.health.sentence)}
                </span>
                {gone}
            </td>
            {signals(row)}
            {state(row)}
        </tr>
    }
}

/// Requests, errors, latency.
fn signals(row: &ServiceRow) -> AnyView {
    let tone = share_tone(row.error_share, row.health.health);
    view! {
        <td class="num rate">
            {measured(row.rate.map(number::rate), "")}
            {row.rate.map(|_| view! { <span class="unit">"/s"</span> })}
        </td>
        <td class="num errors">
            <div>
                {measured(row.error_share.map(number::share), tone)}
                {spark(&row.error_spark, 0.05, tone)}
            </div>
        </td>
        <td class="num p95">
            <div>
                {measured(row.p95.map(model::duration_text), "")}
                {spark(&row.p95_spark, 1e6, "")}
            </div>
        </td>
    }
    .into_any()
}

/// Pods, restarts, revision, the newest deploy.
fn state(row: &ServiceRow) -> AnyView {
    let health = row.health.health;
    let ready = if row.ready < row.wanted { problem(health) } else { "" };
    let restarts = if row.restarts == 0 { "zero" } else { problem(health) };
    let deploy = row.last_deploy.as_ref().map(|deploy| {
        let moving = if deploy.ended.is_none() { "moving" } else { "" };
        let tone = deploy.level.map_or(moving, verdict_tone);
        let word = deploy.level.map(|level| level.word());
        view! {
            <i class=format!("dot {tone}") data-testid="deploy-dot" title=word></i>
            {word.map(|word| view! { <span class="sr">{word} " "</span> })}
            {ago(deploy.at)}
            {deploy.rollback.then(|| view! { <span class="faint">" rollback"</span> })}
        }
    });
    // Pods that are ready may all be of the revision before.
    let wanted = row.revision.clone().unwrap_or_else(|| number::NONE.into());
    let running = (!row.ready_on.is_empty()).then(|| row.ready_on.join(", "));
    let revision = running.clone().unwrap_or_else(|| wanted.clone());
    let title = running.map_or_else(|| wanted.clone(), |on| format!("ready on {on}, rolling out {wanted}"));
    let moving = (!row.ready_on.is_empty()).then(|| view! { <span class="faint">" → " {wanted}</span> });
    view! {
        <td class="num ready">
            <span class=some(ready)>{format!("{}/{}", row.ready, row.wanted)}</span>
        </td>
        <td class="num restarts">
            <span class=some(restarts)>{row.restarts.to_string()}</span>
        </td>
        <td class="revision">
            <code title=title>{revision} {moving}</code>
        </td>
        <td class="deploy">
            {deploy.map_or_else(|| view! { <span class="zero">{number::NONE}</span> }.into_any(), IntoAny::into_any)}
        </td>
    }
    .into_any()
}

/// What is measured in its tone, else that it is not.
fn measured(text: Option<String>, tone: &'static str) -> AnyView {
    let class = if text.is_some() { tone } else { "zero" };
    view! { <span class=some(class)>{text.unwrap_or_else(|| number::NONE.into())}</span> }.into_any()
}

/// A class, where there is one: a page has hundreds of these.
fn some(class: &'static str) -> Option<&'static str> {
    (!class.is_empty()).then_some(class)
}

/// The colour of a number that is a problem: the health's, so that no number is red where nothing is wrong.
fn problem(health: Health) -> &'static str {
    match health {
        Health::Failing => "bad",
        Health::Degraded => "warn",
        _ => "",
    }
}

/// Errors are coloured where they are what the health is about: from one percent on.
fn share_tone(share: Option<f64>, health: Health) -> &'static str {
    if share.is_some_and(|share| share >= 0.01) { problem(health) } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_coloured_only_where_they_are_the_problem() {
        assert_eq!(share_tone(Some(0.05), Health::Failing), "bad");
        assert_eq!(share_tone(Some(0.001), Health::Failing), "");
        assert_eq!(share_tone(Some(0.05), Health::Healthy), "");
        assert_eq!(share_tone(None, Health::Failing), "");
    }
}
