//! Clusters, their watchers, and the rights that are missing.

use leptos::prelude::*;
use model::{ClusterStatus, Connection, KubeletStatus, KubeletTrouble, LogCoverage, WatchState, WatcherStatus};

use crate::ui::ago::ago;
use crate::ui::badge::badge;
use crate::ui::{coverage, number};

/// A card a cluster.
pub(super) fn clusters(all: &[ClusterStatus]) -> AnyView {
    if all.is_empty() {
        return view! {
            <section class="card empty">
                <h2>"No cluster is configured"</h2>
                <p>"Start Binnacle with " <code>"--kubeconfig"</code> " or " <code>"KUBECONFIG"</code> "."</p>
            </section>
        }
        .into_any();
    }
    all.iter().map(cluster).collect_view().into_any()
}

fn cluster(cluster: &ClusterStatus) -> AnyView {
    let (tone, why) = match &cluster.connection {
        Connection::Connecting { reason } => ("warn", reason.clone()),
        Connection::Syncing => ("plain", None),
        Connection::Connected => ("plain", None),
        Connection::Lost { reason, .. } => ("bad", Some(reason.clone())),
    };
    let word = crate::bar::clusters::word(&cluster.connection);
    view! {
        <section class="card cluster" data-testid="status-cluster">
            <div class="card-head">
                <h2>{cluster.name.clone()}</h2>
                {badge(tone, word)}
                <code class="faint">{cluster.id.clone()}</code>
                <span class="faint end">{cluster.heard.map(|at| view! { "heard " {ago(at)} })}</span>
            </div>
            {why.map(|why| view! { <p class=format!("notice {tone}")>{why}</p> })}
            {rules(&cluster.watchers)}
            {kubelets(&cluster.kubelets)}
            {logs(&cluster.logs)}
            {watchers(&cluster.watchers)}
        </section>
    }
    .into_any()
}

/// The RBAC rules to add, each once.
fn rules(watchers: &[WatcherStatus]) -> Option<AnyView> {
    let mut rules: Vec<&str> = Vec::new();
    for watcher in watchers {
        if let WatchState::Forbidden { rule } = &watcher.state
            && !rules.contains(&rule.as_str())
        {
            rules.push(rule);
        }
    }
    (!rules.is_empty()).then(|| {
        view! {
            <div class="rights">
                <p>
                    "Some kinds may not be read; the rest works. Adding this to the role of Binnacle's account shows them:"
                </p>
                <pre>{rules.join("\n")}</pre>
            </div>
        }
        .into_any()
    })
}

/// How many kubelets answer, and what keeps the others from it. Nothing while no node is known.
fn kubelets(status: &KubeletStatus) -> Option<AnyView> {
    let line = match &status.off {
        Some(reason) => format!("{reason}."),
        None if status.nodes == 0 => return None,
        None => format!(
            "{} of {} kubelets say what containers use.",
            number::count(f64::from(status.answering)),
            number::count(f64::from(status.nodes))
        ),
    };
    Some(
        view! {
            <div class="rights" data-testid="status-kubelets">
                <p>{line}</p>
                {status.troubles.iter().map(trouble).collect_view()}
            </div>
        }
        .into_any(),
    )
}

/// Whose logs are read. Nothing while no pod has any.
fn logs(coverage: &LogCoverage) -> Option<AnyView> {
    let words = coverage::whole(coverage)?;
    Some(view! { <div class="rights" data-testid="status-logs"><p>{words}</p></div> }.into_any())
}

fn trouble(trouble: &KubeletTrouble) -> AnyView {
    let (rule, hint) = match &trouble.add {
        Some(add) if add.contains('\n') => (Some(add.clone()), String::new()),
        Some(add) => (None, format!(": {add}")),
        None => (None, String::new()),
    };
    let place = match trouble.nodes {
        1 => trouble.example.clone(),
        nodes => format!("{} nodes, {} among them", number::count(f64::from(nodes)), trouble.example),
    };
    let then = if rule.is_some() { ". Adding this to the role of Binnacle's account allows it:" } else { "" };
    view! {
        <p class="muted">{format!("{place}: {}{hint}{then}", trouble.reason)}</p>
        {rule.map(|rule| view! { <pre>{rule}</pre> })}
    }
    .into_any()
}

fn watchers(all: &[WatcherStatus]) -> AnyView {
    let (absent, watched): (Vec<&WatcherStatus>, Vec<&WatcherStatus>) =
        all.iter().partition(|watcher| watcher.state == WatchState::Absent);
    let by_namespace = watched.iter().any(|watcher| watcher.namespace.is_some());
    let mut names: Vec<&str> = absent.iter().map(|watcher| kind(&watcher.resource)).collect();
    names.dedup();
    let absent = (!names.is_empty()).then(|| {
        view! {
            <p class="card-foot faint" data-testid="status-absent">
                {format!("Not in this cluster: {}.", names.join(", "))}
            </p>
        }
    });
    view! {
        <div class="scroll-x">
            <table class="dense watchers">
                <thead>
                    <tr>
                        <th scope="col">"Watches"</th>
                        {by_namespace.then(|| view! { <th scope="col">"Namespace"</th> })}
                        <th scope="col">"State"</th>
                        <th scope="col" class="num">"Objects"</th>
                        <th scope="col" class="num">"Events"</th>
                        <th scope="col" class="num">"Lists"</th>
                        <th scope="col">"Heard"</th>
                    </tr>
                </thead>
                <tbody>{watched.into_iter().map(|it| watcher(it, by_namespace)).collect_view()}</tbody>
            </table>
        </div>
        {absent}
    }
    .into_any()
}

fn watcher(watcher: &WatcherStatus, by_namespace: bool) -> AnyView {
    let (tone, word, why) = match &watcher.state {
        WatchState::Syncing => ("dot", "listing", None),
        WatchState::Synced => ("dot good", "synced", None),
        WatchState::Failing { reason, since } => ("dot bad", "failing", Some((reason.clone(), Some(*since)))),
        WatchState::Forbidden { .. } => ("dot bad", "forbidden", None),
        WatchState::Absent => ("dot", "not in this cluster", None),
    };
    let why = why.map(|(reason, since)| {
        view! { <span class="warn">{format!(" {reason}")} {since.map(|at| view! { ", since " {ago(at)} })}</span> }
    });
    let namespace = watcher.namespace.clone().unwrap_or_else(|| "all".into());
    view! {
        <tr data-testid="status-watcher" data-resource=watcher.resource.clone()>
            <td title=watcher.resource.clone()>
                {kind(&watcher.resource)} " "
                <code class="faint">{watcher.resource.clone()}</code>
            </td>
            {by_namespace.then(|| view! { <td class="muted">{namespace}</td> })}
            <td>
                <i class=tone></i>
                {word}
                {why}
            </td>
            <td class="num">{number::count(watcher.objects as f64)}</td>
            <td class="num">{number::count(watcher.events as f64)}</td>
            <td class="num">{number::count(watcher.lists as f64)}</td>
            <td class="muted">{watcher.heard.map(ago)}</td>
        </tr>
    }
    .into_any()
}

/// `deployments.apps` as people write it: `Deployments`; an unknown resource has no other name.
fn kind(resource: &str) -> &'static str {
    match resource.split('.').next().unwrap_or_default() {
        "deployments" => "Deployments",
        "replicasets" => "ReplicaSets",
        "statefulsets" => "StatefulSets",
        "daemonsets" => "DaemonSets",
        "controllerrevisions" => "ControllerRevisions",
        "jobs" => "Jobs",
        "cronjobs" => "CronJobs",
        "pods" => "Pods",
        "nodes" => "Nodes",
        "services" => "Services",
        "endpointslices" => "EndpointSlices",
        "configmaps" => "ConfigMaps",
        "events" => "Events",
        "rollouts" => "Rollouts",
        "namespaces" => "Namespaces",
        "ingresses" => "Ingresses",
        "httproutes" => "HTTPRoutes",
        "networkpolicies" => "NetworkPolicies",
        "poddisruptionbudgets" => "PodDisruptionBudgets",
        "horizontalpodautoscalers" => "HorizontalPodAutoscalers",
        "verticalpodautoscalers" => "VerticalPodAutoscalers",
        "scaledobjects" => "ScaledObjects",
        "persistentvolumeclaims" => "PersistentVolumeClaims",
        "persistentvolumes" => "PersistentVolumes",
        "serviceaccounts" => "ServiceAccounts",
        "roles" => "Roles",
        "rolebindings" => "RoleBindings",
        "clusterroles" => "ClusterRoles",
        "clusterrolebindings" => "ClusterRoleBindings",
        _ => "",
    }
}
