//! A catalog without rows: why, and what to do next.

use leptos::prelude::*;
use model::{CatalogPage, Connection};

/// Why there is no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// No cluster is configured.
    Unconfigured,
    /// Clusters are configured and none has answered: name and reason.
    Connecting(Vec<(String, Option<String>)>),
    /// First lists are under way.
    Reading,
    /// The clusters have no workload that Binnacle may see.
    Nothing,
    /// The filters leave nothing.
    NoMatch,
}

/// The state of a page without rows; nothing when it has some.
pub(super) fn state_of(page: &CatalogPage) -> Option<State> {
    if page.matched > 0 {
        return None;
    }
    if page.total > 0 {
        return Some(State::NoMatch);
    }
    if page.clusters.is_empty() {
        return Some(State::Unconfigured);
    }
    let waiting: Vec<_> = page
        .clusters
        .iter()
        .filter_map(|cluster| match &cluster.connection {
            Connection::Connecting { reason } => Some((cluster.name.clone(), reason.clone())),
            Connection::Lost { reason, .. } => Some((cluster.name.clone(), Some(reason.clone()))),
            Connection::Syncing | Connection::Connected => None,
        })
        .collect();
    if !waiting.is_empty() {
        return Some(State::Connecting(waiting));
    }
    let reading = page.clusters.iter().any(|cluster| cluster.connection == Connection::Syncing);
    Some(if reading { State::Reading } else { State::Nothing })
}

/// What to do next.
pub(super) fn draw(state: &State, page: &CatalogPage) -> AnyView {
    match state {
        State::Unconfigured => unconfigured(),
        State::Connecting(clusters) => connecting(clusters),
        State::Reading => said("Reading the cluster", "Services appear as the first lists come in."),
        State::Nothing => said(
            "No workloads yet",
            "The cluster answers and has no Deployment, StatefulSet, DaemonSet or ReplicaSet that Binnacle may see. \
             The status page lists missing rights.",
        ),
        State::NoMatch => view! {
            <section class="card empty">
                <h2>"No service matches"</h2>
                <p>{format!("The filters leave none of {} services.", page.total)}</p>
                <p>
                    <a class="button" href="/">
                        "Clear all filters"
                    </a>
                </p>
            </section>
        }
        .into_any(),
    }
}

fn said(title: &'static str, text: &'static str) -> AnyView {
    view! {
        <section class="card empty">
            <h2>{title}</h2>
            <p>{text}</p>
        </section>
    }
    .into_any()
}

fn connecting(clusters: &[(String, Option<String>)]) -> AnyView {
    let each = clusters.iter().map(|(name, reason)| {
        let reason = reason.clone().unwrap_or_else(|| "no answer yet".into());
        view! {
            <li>
                <strong>{name.clone()}</strong>
                <code>{reason}</code>
            </li>
        }
    });
    view! {
        <section class="card empty" role="status">
            <h2>"Connecting to the cluster"</h2>
            <ul>{each.collect_view()}</ul>
            <p>"Binnacle keeps trying; this page fills by itself. Telemetry is received meanwhile."</p>
        </section>
    }
    .into_any()
}

fn unconfigured() -> AnyView {
    view! {
        <section class="card empty">
            <h2>"No cluster is configured"</h2>
            <p>"Start Binnacle with a kubeconfig; reading rights are enough. Every workload becomes a service."</p>
            <pre>"KUBECONFIG=~/.kube/config binnacle\nbinnacle --kubeconfig ~/.kube/config --context prod"</pre>
            <p>"Or let pods and processes send OpenTelemetry traces here, over gRPC or HTTP:"</p>
            <pre>
                "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 OTEL_EXPORTER_OTLP_PROTOCOL=grpc\nOTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"
            </pre>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{ClusterStatus, Timestamp, Window};

    fn page(total: u32, matched: u32, connections: &[Connection]) -> CatalogPage {
        let cluster = |connection: &Connection| ClusterStatus {
            id: String::new(),
            name: "prod".into(),
            connection: connection.clone(),
            heard: None,
            watchers: Vec::new(),
            kubelets: model::KubeletStatus::default(),
            logs: model::LogCoverage::default(),
        };
        CatalogPage {
            window: Window::new(Timestamp(0), Timestamp(1)),
            rows: Vec::new(),
            matched,
            total,
            counts: Vec::new(),
            namespaces: Vec::new(),
            kinds: Vec::new(),
            deploys: 0,
            clusters: connections.iter().map(cluster).collect(),
            of_past: false,
        }
    }

    #[test]
    fn every_empty_catalog_says_why() {
        let refused = Connection::Connecting { reason: Some("refused".into()) };
        let waiting = State::Connecting(vec![("prod".into(), Some("refused".into()))]);
        assert_eq!(state_of(&page(3, 1, &[])), None);
        assert_eq!(state_of(&page(3, 0, &[])), Some(State::NoMatch));
        assert_eq!(state_of(&page(0, 0, &[])), Some(State::Unconfigured));
        assert_eq!(state_of(&page(0, 0, &[refused, Connection::Syncing])), Some(waiting));
        assert_eq!(state_of(&page(0, 0, &[Connection::Syncing])), Some(State::Reading));
        assert_eq!(state_of(&page(0, 0, &[Connection::Connected])), Some(State::Nothing));
    }
}
