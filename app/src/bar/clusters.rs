//! The clusters that are watched, by name, with a dot for those that do not answer.

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use model::Connection;
use serde::{Deserialize, Serialize};

use crate::AppError;
use crate::answer::ask_first;
use crate::live::Live;
use crate::panel::part;

/// What the bar says of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ClusterName {
    name: String,
    connection: Connection,
}

/// The names of the clusters, linking to how they are.
#[component]
pub(crate) fn Clusters() -> impl IntoView {
    let live = Live::of_page();
    let state = Memo::new(move |_| (live.status.get(), live.epoch.get()));
    let names = ask_first(state, |_| list_clusters());
    let kept = crate::range::use_kept();
    part(names, move |names| draw(names, kept))
}

fn draw(names: &[ClusterName], kept: Memo<String>) -> AnyView {
    let tone = if names.iter().all(|cluster| cluster.connection == Connection::Connected) {
        "ok"
    } else if names.iter().any(|cluster| matches!(cluster.connection, Connection::Lost { .. })) {
        "bad"
    } else {
        "warn"
    };
    let text = match names {
        [] => "none".to_owned(),
        [one] => one.name.clone(),
        [first, rest @ ..] => format!("{} +{}", first.name, rest.len()),
    };
    let title = names.iter().map(|cluster| format!("{}: {}", cluster.name, word(&cluster.connection)));
    let title = title.collect::<Vec<_>>().join(", ");
    view! {
        <a class=format!("clusters button {tone}") href=move || format!("/status{}", kept.get()) title=title>
            {if names.len() > 1 { "Clusters " } else { "Cluster " }}
            <strong>{text}</strong>
            {(tone != "ok").then(|| view! { <i class="dot"></i> })}
        </a>
    }
    .into_any()
}

/// How a cluster stands, in a word.
pub(crate) fn word(connection: &Connection) -> &'static str {
    match connection {
        Connection::Connecting { .. } => "connecting",
        Connection::Syncing => "reading",
        Connection::Connected => "connected",
        Connection::Lost { .. } => "lost",
    }
}

#[server(input = GetUrl)]
async fn list_clusters() -> Result<Vec<ClusterName>, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    let status = backend.status(&viewer).await?;
    Ok(status.clusters.into_iter().map(|it| ClusterName { name: it.name, connection: it.connection }).collect())
}
