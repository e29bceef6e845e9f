//! Health of a service by the rules of the design: the worst rule wins, always with its sentence.

use model::{
    ContainerRole, ContainerState, Deploy, DeployPhase, HOUR, Health, HealthState, Leak, MINUTE, PodPhase, PodState,
    SECOND, Saturation, SaturationOf, Sentence, ServiceState, Timestamp, Verdict, VerdictLevel, short_age_text,
};

use crate::signal::number;

/// Requests and errors of the last five minutes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RecentErrors {
    /// Requests.
    pub requests: f64,
    /// Of them failed.
    pub errors: f64,
}

impl RecentErrors {
    fn share(self) -> f64 {
        if self.requests > 0.0 { self.errors / self.requests } else { 0.0 }
    }
}

/// What health is judged by. Verdict and leak are there once something makes them.
#[derive(Debug)]
pub struct HealthFacts<'a> {
    /// Now.
    pub now: Timestamp,
    /// The service as its cluster has it.
    pub service: &'a ServiceState,
    /// Its pods that exist now.
    pub pods: &'a [&'a PodState],
    /// Its newest deploy.
    pub deploy: Option<&'a Deploy>,
    /// The verdict on that deploy, while its revision is current and its signal was seen in the last 15 minutes.
    pub verdict: Option<&'a Verdict>,
    /// A leak of the current revision.
    pub leak: Option<&'a Leak>,
    /// What it has too little of.
    pub saturation: &'a [Saturation],
    /// Requests of the last five minutes.
    pub recent: RecentErrors,
    /// OOM kills in the last hour.
    pub oom_kills: u32,
    /// Restarts in the last hour, OOM kills among them.
    pub restarts: u32,
    /// Why the cluster's word can't be relied on: not connected, or older than two minutes.
    pub blind: Option<&'a str>,
}

/// Judges a service.
pub fn health(facts: &HealthFacts<'_>) -> HealthState {
    let failing = failing_requests(facts);
    let degraded = || degraded_verdict(facts).or_else(|| degraded_requests(facts));
    if let Some(reason) = facts.blind {
        // What pods did last is not what they do now; requests that still arrive are.
        return failing.or_else(degraded).unwrap_or_else(|| state(Health::Unknown, Sentence::plain(reason)));
    }
    failing
        .or_else(|| failing_pods(facts))
        .or_else(|| down(facts))
        .or_else(degraded)
        // Why pods are missing comes before that they are.
        .or_else(|| saturated(facts, |of| *of == SaturationOf::Quota))
        .or_else(|| stuck(facts))
        .or_else(|| degraded_pods(facts))
        .or_else(|| leak(facts))
        .or_else(|| saturated(facts, |_| true))
        .or_else(|| rolling_out(facts))
        .or_else(|| starting(facts))
        .unwrap_or_else(|| quiet(facts))
}

fn state(health: Health, sentence: Sentence) -> HealthState {
    HealthState { health, sentence }
}

fn failing_requests(facts: &HealthFacts<'_>) -> Option<HealthState> {
    if let Some(verdict) = facts.verdict.filter(|verdict| verdict.level == VerdictLevel::Failed) {
        return Some(state(Health::Failing, verdict.headline.clone()));
    }
    (facts.recent.share() >= 0.05 && facts.recent.errors >= 20.0).then(|| error_sentence(Health::Failing, facts.recent))
}

fn degraded_verdict(facts: &HealthFacts<'_>) -> Option<HealthState> {
    let verdict = facts.verdict.filter(|verdict| verdict.level == VerdictLevel::Degraded)?;
    Some(state(Health::Degraded, verdict.headline.clone()))
}

fn degraded_requests(facts: &HealthFacts<'_>) -> Option<HealthState> {
    (facts.recent.share() >= 0.01 && facts.recent.errors >= 10.0)
        .then(|| error_sentence(Health::Degraded, facts.recent))
}

fn error_sentence(health: Health, recent: RecentErrors) -> HealthState {
    let sentence = Sentence::default().strong(format!("{:.1} %", recent.share() * 100.0)).text(format!(
        " of requests fail: {} of {} in the last 5 min",
        number(recent.errors),
        number(recent.requests)
    ));
    state(health, sentence)
}

/// Whether a container fails again and again.
pub fn is_crashing(container: &ContainerState) -> bool {
    container.state == "CrashLoopBackOff" && container.role != ContainerRole::Ephemeral
}

/// Whether a container's image can't be had. A pod does without one that was put in to look inside.
pub fn is_unpullable(container: &ContainerState) -> bool {
    let states = ["ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"];
    states.contains(&container.state.as_str()) && container.role != ContainerRole::Ephemeral
}

fn failing_pods(facts: &HealthFacts<'_>) -> Option<HealthState> {
    let waiting = |is: fn(&ContainerState) -> bool| {
        let living = facts.pods.iter().filter(|pod| pod.ended.is_none());
        living.flat_map(move |pod| pod.containers.iter().filter(move |c| is(c)).map(move |c| (*pod, c)))
    };
    if let Some((_, container)) = waiting(is_unpullable).next() {
        let stuck = facts.deploy.and_then(|deploy| stuck_for(deploy, facts.now));
        let ending = stuck.map_or(String::new(), |age| format!(": rollout stuck for {age}"));
        let sentence =
            Sentence::plain("Image ").strong(container.asked.image.as_str()).text(format!(" can't be pulled{ending}"));
        return Some(state(Health::Failing, sentence));
    }
    let pods = count_pods(waiting(is_crashing).map(|(pod, _)| pod));
    let (pod, container) = waiting(is_crashing).next()?;
    let name = if pods == 1 { pod.name.to_string() } else { format!("{pods} pods") };
    let verb = if pods == 1 { " keeps crashing" } else { " keep crashing" };
    Some(state(Health::Failing, Sentence::default().strong(name).text(format!("{verb}{}", exit_words(container)))))
}

fn count_pods<'a>(pods: impl Iterator<Item = &'a PodState>) -> usize {
    let mut ids: Vec<&str> = pods.map(|pod| pod.id.0.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.len()
}

/// How a container ended last, and how often: `: exit code 1, 3 restarts`.
pub fn exit_words(container: &ContainerState) -> String {
    let restarts = match container.restarts {
        0 => String::new(),
        1 => ", 1 restart".into(),
        n => format!(", {n} restarts"),
    };
    match &container.last_exit {
        Some(exit) if exit.reason == "Error" || exit.reason.is_empty() => {
            format!(": exit code {}{restarts}", exit.code)
        }
        Some(exit) => format!(": {}, exit code {}{restarts}", exit.reason, exit.code),
        None => restarts,
    }
}

fn down(facts: &HealthFacts<'_>) -> Option<HealthState> {
    let service = facts.service;
    let since = service.down_since.filter(|_| service.wanted > 0 && service.ready == 0)?;
    let grace = service.grace.map_or(60 * SECOND, |seconds| i64::from(seconds) * SECOND);
    let age = facts.now.since(since);
    (age >= grace).then(|| {
        let sentence = Sentence::default().strong("No pod is ready").text(format!(
            " for {}: 0 of {} wanted{}",
            short_age_text(age),
            service.wanted,
            waiting_words(facts)
        ));
        state(Health::Failing, sentence)
    })
}

fn stuck_for(deploy: &Deploy, now: Timestamp) -> Option<String> {
    match &deploy.phase {
        DeployPhase::Stuck { since, .. } => Some(short_age_text(now.since(*since))),
        _ => None,
    }
}

fn stuck(facts: &HealthFacts<'_>) -> Option<HealthState> {
    let deploy = facts.deploy?;
    let DeployPhase::Stuck { why, .. } = &deploy.phase else { return None };
    let age = stuck_for(deploy, facts.now)?;
    let sentence = Sentence::plain("Rollout of ")
        .strong(deploy.to_name.clone())
        .text(format!(" stuck for {age}{}", if why.is_empty() { String::new() } else { format!(": {why}") }));
    Some(state(Health::Degraded, sentence))
}

fn degraded_pods(facts: &HealthFacts<'_>) -> Option<HealthState> {
    if facts.oom_kills > 0 {
        let times = if facts.oom_kills == 1 { "once".into() } else { format!("{}×", facts.oom_kills) };
        let sentence = Sentence::default().strong("OOM killed").text(format!(" {times} in the last hour"));
        return Some(state(Health::Degraded, sentence));
    }
    if facts.restarts > 1 {
        let sentence = Sentence::default().strong(format!("{} restarts", facts.restarts)).text(" in the last hour");
        return Some(state(Health::Degraded, sentence));
    }
    let service = facts.service;
    let age = facts.now.since(service.short_since?);
    (service.ready < service.wanted && age > 5 * MINUTE).then(|| {
        let since = format!(" for {}{}", short_age_text(age), waiting_words(facts));
        state(Health::Degraded, ready_words(service).text(since))
    })
}

fn ready_words(service: &ServiceState) -> Sentence {
    Sentence::default().strong(format!("{} of {}", service.ready, service.wanted)).text(" pods ready")
}

/// Why pods wait, in the word of Kubernetes: ` (Unschedulable)`.
fn waiting_words(facts: &HealthFacts<'_>) -> String {
    let waits = |pod: &&&PodState| pod.ended.is_none() && pod.phase == PodPhase::Pending;
    let reason = facts.pods.iter().filter(waits).find_map(|pod| pod.reason.as_deref());
    reason.map(|reason| format!(" ({reason})")).unwrap_or_default()
}

fn leak(facts: &HealthFacts<'_>) -> Option<HealthState> {
    let leak = facts.leak.filter(|leak| leak.eta().is_some_and(|eta| eta.likely < 24 * HOUR))?;
    Some(state(Health::Degraded, leak.sentence.clone()))
}

fn saturated(facts: &HealthFacts<'_>, is: impl Fn(&SaturationOf) -> bool) -> Option<HealthState> {
    let found = facts.saturation.iter().find(|found| found.degrades && is(&found.of))?;
    Some(state(Health::Degraded, found.sentence.clone()))
}

fn rolling_out(facts: &HealthFacts<'_>) -> Option<HealthState> {
    let deploy = facts.deploy.filter(|deploy| deploy.phase.is_open())?;
    let service = facts.service;
    let pods = format!(": {} of {} pods new", service.updated.min(service.wanted), service.wanted);
    let (verb, ending) = match &deploy.phase {
        DeployPhase::Paused { why } => ("Rolling out ", format!(" (paused: {why}){pods}")),
        _ if deploy.rollback => ("Rolling back to ", pods),
        _ => ("Rolling out ", pods),
    };
    Some(state(Health::RollingOut, Sentence::plain(verb).strong(deploy.to_name.clone()).text(ending)))
}

/// So soon after its creation a service that has no ready pod never had one.
const FIRST: i64 = MINUTE;

/// A workload is new and none of its pods is ready yet. One that lost all of its pods later does not roll out.
fn starting(facts: &HealthFacts<'_>) -> Option<HealthState> {
    let service = facts.service;
    let is_new = service.down_since.is_some_and(|since| since.since(service.created) <= FIRST);
    let is_first = is_new && service.grace.is_some() && service.deleted.is_none() && !service.grouped;
    is_first.then(|| state(Health::RollingOut, ready_words(service).text(waiting_words(facts))))
}

/// Nothing is wrong; what leaks slowly, or begins to lack something, is said nevertheless.
fn quiet(facts: &HealthFacts<'_>) -> HealthState {
    let service = facts.service;
    let noticed = facts.leak.map(|leak| &leak.sentence).or(facts.saturation.first().map(|found| &found.sentence));
    if let Some(sentence) = noticed.filter(|_| service.deleted.is_none() && service.wanted > 0) {
        return state(Health::Healthy, sentence.clone());
    }
    if service.ready < service.wanted && service.deleted.is_none() {
        return state(Health::Healthy, ready_words(service).text(waiting_words(facts)));
    }
    let text = match (service.deleted, service.wanted) {
        (Some(_), _) => "Deleted from the cluster",
        (None, 0) if !service.grouped => "Scaled to zero",
        _ => "Healthy",
    };
    state(Health::Healthy, Sentence::plain(text))
}
