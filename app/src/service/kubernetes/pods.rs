//! The pods of a service: those that are, and those that ended in the range.

use leptos::prelude::*;
use model::{Asked, ContainerRole, ContainerState, KubernetesTab, NodeUse, PodPhase, PodRow, Timestamp};

use super::{Address, opening};
use crate::ui::ago::{age_then, ago_then};
use crate::ui::number::{self, plural};

/// The table of pods in its card, as of now or of a past moment.
pub(super) fn pods(tab: &KubernetesTab, address: Address) -> AnyView {
    let (rows, past) = (&tab.pods, tab.past);
    let living = rows.iter().filter(|pod| pod.ended.is_none()).count();
    let ended = rows.len() - living;
    let mut summary = format!("{living} {}", if past.is_some() { "then" } else { "now" });
    if ended > 0 {
        summary.push_str(&format!(", {ended} ended"));
    }
    let body = if rows.is_empty() {
        view! { <p class="unmeasured">"No pod in this range"</p> }.into_any()
    } else {
        table(tab, address)
    };
    view! {
        <section class="card">
            <div class="card-head">
                <h2>"Pods"</h2>
                <span class="faint">{summary}</span>
            </div>
            {body}
        </section>
    }
    .into_any()
}

fn table(tab: &KubernetesTab, address: Address) -> AnyView {
    view! {
        <div class="scroll-x">
            <table class="dense pods-table">
                <thead>
                    <tr>
                        <th scope="col">"Pod"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"Revision"</th>
                        <th scope="col" class="num">"Restarts"</th>
                        <th scope="col">"Last exit"</th>
                        <th scope="col" class="num">"Age"</th>
                        <th scope="col">"Node"</th>
                        <th scope="col">"Containers"</th>
                    </tr>
                </thead>
                <tbody>{tab.pods.iter().map(|pod| row(pod, tab, address)).collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(pod: &PodRow, tab: &KubernetesTab, address: Address) -> AnyView {
    let past = tab.past;
    let used = tab.uses.iter().find(|(node, _)| pod.ended.is_none() && Some(node) == pod.node.as_ref());
    let resource = format!("Pod/{}", pod.name);
    let opens = move || opening(address, &resource);
    let tone = match pod.phase {
        PodPhase::Ready | PodPhase::Succeeded => "dot good",
        PodPhase::NotReady | PodPhase::Failed => "dot bad",
        PodPhase::Pending | PodPhase::Starting | PodPhase::Terminating | PodPhase::Unknown => "dot",
    };
    let reason = pod.reason.clone().map(|reason| view! { <span class="warn">{format!(" {reason}")}</span> });
    let state = match pod.ended {
        None => view! { {pod.phase.word()} {reason} }.into_any(),
        // How it ended, where it is known; what it was on the way there is over.
        Some(at) if matches!(pod.phase, PodPhase::Succeeded | PodPhase::Failed) => {
            view! { {pod.phase.word()} {reason} <span class="faint">", ended " {ago_then(at, past)}</span> }.into_any()
        }
        Some(at) => view! { <span class="faint">"ended " {ago_then(at, past)}</span> }.into_any(),
    };
    let exit = pod.last_exit.as_ref().map(|exit| {
        view! {
            <span>{format!("{} (exit code {})", exit.reason, exit.code)}</span>
            {exit.at.map(|at| view! { <span class="faint">" " {ago_then(at, past)}</span> })}
        }
    });
    let restarts = if pod.restarts > 0 { "warn" } else { "zero" };
    let none = || number::NONE.to_owned();
    view! {
        <tr data-testid="pod-row" data-ended=pod.ended.is_some().to_string() class:gone=pod.ended.is_some()>
            <td class="whole">
                <a href=opens data-noscroll>
                    <code title=pod.name.clone()>{pod.name.clone()}</code>
                </a>
            </td>
            <td>
                <i class=tone></i>
                {state}
            </td>
            <td>
                <code>{pod.revision.clone().unwrap_or_else(none)}</code>
            </td>
            <td class="num restarts" data-unit=if pod.restarts == 1 { "restart" } else { "restarts" }>
                <span class=restarts>{pod.restarts.to_string()}</span>
            </td>
            <td class="muted">{exit}</td>
            <td class="num muted age">{age_then(pod.created, past)}</td>
            <td class="whole">
                <code>{pod.node.clone().unwrap_or_else(none)}</code>
                {pod.zone.clone().map(|zone| view! { <span class="faint">" in " {zone}</span> })}
                {used.map(|(_, used)| node_use(used))}
            </td>
            <td class="whole">
                <ul>{pod.containers.iter().map(|one| container(one, pod.ended)).collect_view()}</ul>
                {pod.qos.map(|qos| view! { <span class="faint" title=QOS>"QoS " {qos.word()}</span> })}
                {pod.whole.as_ref().map(whole)}
            </td>
        </tr>
    }
    .into_any()
}

/// A node with so little of its memory or disk left is marked.
const SCARCE: f64 = 0.1;

/// What is used of a pod's node.
fn node_use(used: &NodeUse) -> AnyView {
    let share = |(used, left): (u64, u64)| used as f64 / (used as f64 + left as f64).max(1.0);
    let part = |word: &str, of: Option<(u64, u64)>| of.map(|of| format!("{word} {}", number::share(share(of))));
    let cores = used.cores.map(|cores| format!("CPU {cores:.1} cores"));
    let words: Vec<String> =
        cores.into_iter().chain(part("memory", used.memory)).chain(part("disk", used.disk)).collect();
    let scarce = [used.memory, used.disk].into_iter().flatten().any(|of| share(of) > 1.0 - SCARCE);
    view! {
        <div class=if scarce { "warn" } else { "faint" } data-testid="node-use" title="What is used of the node">
            {words.join(" · ")}
        </div>
    }
    .into_any()
}

const QOS: &str = "What the node takes memory by when it runs out: first of BestEffort pods, last of Guaranteed ones";

const WHOLE: &str = "What all its containers have together, whatever each has of its own";

/// What was asked for the pod as a whole.
fn whole(asked: &Asked) -> AnyView {
    let amounts = asked.amounts_text().into_iter().map(|amount| format!(" · {amount}")).collect::<String>();
    view! {
        <span class="faint" data-testid="pod-whole" title=WHOLE>
            {format!(" · pod{amounts}")}
        </span>
    }
    .into_any()
}

/// A container as it stands, unless its pod ended, with what was asked for it; its image is told in full when pointed
/// at.
fn container(container: &ContainerState, ended: Option<Timestamp>) -> AnyView {
    let role = (container.role != ContainerRole::Main).then(|| {
        let word = format!("{} ", container.role.word().to_lowercase());
        view! { <span class="faint">{word}</span> }
    });
    let asked = &container.asked;
    let image = match &asked.digest {
        Some(digest) => format!("{} @ {digest}", asked.image),
        None => asked.image.to_string(),
    };
    let state = if container.state.is_empty() { " not known".to_owned() } else { format!(" {}", container.state) };
    let state = ended.is_none().then_some(state);
    let restarts = (container.restarts > 0).then(|| {
        let word = plural(u64::from(container.restarts), "restart", "restarts");
        view! { <span class="warn">", " {word}</span> }
    });
    // The end of an image's name tells one from another.
    let name = asked.image.rsplit('/').next().unwrap_or_default().to_owned();
    let digest = asked.digest.as_ref().map(|digest| format!(" @ {}", short_digest(digest)));
    let amounts = asked.amounts_text().into_iter().map(|amount| format!(" · {amount}")).collect::<String>();
    view! {
        <li data-testid="container" data-role=container.role.word()>
            {role}
            <code title=image>{container.name.to_string()}</code>
            {state}
            {restarts}
            <span class="faint">{format!(" · {name}")} {digest} {amounts}</span>
        </li>
    }
    .into_any()
}

/// As much of a digest as tells one from another.
fn short_digest(digest: &str) -> String {
    digest.strip_prefix("sha256:").unwrap_or(digest).chars().take(12).collect()
}
