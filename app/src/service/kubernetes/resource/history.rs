//! The history of a resource: every version, who made it and when, what it did; scaling apart.

use leptos::prelude::*;
use model::{ResourcePage, VersionKind, VersionRow};

use super::super::{Address, href};
use crate::ui::ago::{ago, clock_text};
use crate::ui::badge::badge;
use crate::ui::number::plural;

/// The list of versions, newest first.
pub(super) fn history(page: &ResourcePage, address: Address) -> AnyView {
    if page.history.is_empty() {
        return ().into_any();
    }
    let scaled = page.history.iter().filter(|row| row.kind == VersionKind::Scaled).count();
    let mut summary = plural((page.history.len() - scaled) as u64, "version", "versions");
    if scaled > 0 {
        summary.push_str(&format!(", scaled {}", plural(scaled as u64, "time", "times")));
    }
    let rows = page.history.iter().map(|row| version(row, page, address)).collect_view();
    view! {
        <section class="history">
            <h3>"History" <span class="faint">{summary}</span></h3>
            <ol>{rows}</ol>
        </section>
    }
    .into_any()
}

fn version(row: &VersionRow, page: &ResourcePage, address: Address) -> AnyView {
    let hash = Some(&row.version.hash);
    let (shown, against) = (is_shown(page, hash), page.against.as_ref() == hash);
    let scaling = row.kind == VersionKind::Scaled;
    // What the managed fields say is when it happened; else it is when it was seen.
    let at = row.version.changed.unwrap_or(row.version.at);
    let who = row.version.manager.clone().map(|manager| view! { <code>{manager}</code> });
    let links = (!scaling).then(|| links(row, page, address));
    view! {
        <li
            class="version"
            class:shown=shown && !scaling
            class:against=against && !scaling
            class:scaling=scaling
            data-testid="version"
            data-kind=key(row.kind)
        >
            <span class="when">
                <time>{move || clock_text(at)}</time>
                " "
                <span class="faint">{ago(at)}</span>
            </span>
            <span class="what">{word(row.kind)} {who} <span class="muted">{row.what.clone()}</span></span>
            <span class="links">{links}</span>
        </li>
    }
    .into_any()
}

/// Whether a version is the one whose text is shown: where it is the cluster's own, none is.
fn is_shown(page: &ResourcePage, hash: Option<&String>) -> bool {
    !page.live && page.shown.as_ref() == hash
}

fn key(kind: VersionKind) -> &'static str {
    match kind {
        VersionKind::First => "first",
        VersionKind::Changed => "changed",
        VersionKind::Scaled => "scaled",
        VersionKind::Deleted => "deleted",
    }
}

fn word(kind: VersionKind) -> AnyView {
    match kind {
        VersionKind::First => badge("plain", "first seen"),
        VersionKind::Changed => badge("deploy", "changed"),
        VersionKind::Scaled => badge("plain", "scaled"),
        VersionKind::Deleted => badge("warn", "deleted"),
    }
    .into_any()
}

/// What makes it the version that is shown, or the one that is compared with.
fn links(row: &VersionRow, page: &ResourcePage, address: Address) -> AnyView {
    let is = |other: &Option<String>| other.as_ref() == Some(&row.version.hash);
    let (hash, other) = (row.version.hash.clone(), row.version.hash.clone());
    let kept = page.shown.clone().unwrap_or_default();
    let show = move || href(address, &[("version", &hash), ("against", "")]);
    let compare = move || href(address, &[("version", &kept), ("against", &other), ("view", "diff")]);
    let is_current = is_shown(page, Some(&row.version.hash));
    let show = (!is_current).then(|| view! { <a href=show data-noscroll data-testid="show">"show"</a> });
    let compare = (!is(&page.shown) && !is(&page.against))
        .then(|| view! { <a href=compare data-noscroll data-testid="compare">"compare with"</a> });
    let said = match (is_current, is(&page.against)) {
        (true, _) => Some("shown"),
        (_, true) => Some("compared with"),
        _ => None,
    };
    view! {
        {said.map(|said| view! { <span class="faint">{said}</span> })}
        {show}
        {compare}
    }
    .into_any()
}
