//! What adverse events are better understood by: the last lines of the container that ended, the deploy before, the
//! trouble of the node.

use app::AppError;
use model::{
    AdverseEvent, AdverseKind, Deploy, EventContext, HOUR, LogFilter, LogGap, LogTerm, LogTest, MINUTE, SECOND,
};
use model::{ServiceId, Step, Window};
use store::LogAsk;

use crate::backend::{Answers, failed};

/// The attribute that says which container of a pod a line is of (OpenTelemetry semantic conventions).
const CONTAINER: &str = "k8s.container.name";
/// Events whose last lines are read, the newest.
const EVENTS: usize = 8;
/// Lines shown of each.
const LINES: u32 = 6;
/// How long before the end lines were the last ones.
const BEFORE: i64 = 10 * MINUTE;
/// Clocks of nodes and of senders differ by so much.
const SKEW: i64 = 2 * SECOND;
/// An event follows a deploy that started so long before its first time.
const FOLLOWS: i64 = HOUR;

/// Of events that are newest first; `node` says which node's trouble one came of.
pub(super) async fn of(
    answers: &Answers,
    id: &ServiceId,
    events: &[AdverseEvent],
    node: impl Fn(&AdverseEvent) -> Option<String>,
) -> Result<Vec<EventContext>, AppError> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let deploys = answers.store.deploys(id).await.map_err(failed)?;
    let (mut found, mut left) = (Vec::new(), EVENTS);
    for event in events.iter().filter(|event| event.service.is_some()) {
        let lines = if ends_container(event) && left > 0 {
            left -= 1;
            last_lines(answers, id, event).await?
        } else {
            Vec::new()
        };
        let (deploy, node) = (followed(&deploys, event), node(event));
        if !lines.is_empty() || deploy.is_some() || node.is_some() {
            found.push(EventContext { key: event.key.clone(), lines, deploy, node });
        }
    }
    Ok(found)
}

fn ends_container(event: &AdverseEvent) -> bool {
    matches!(event.kind, AdverseKind::Restart | AdverseKind::OomKill | AdverseKind::CrashLoop)
}

async fn last_lines(answers: &Answers, id: &ServiceId, event: &AdverseEvent) -> Result<Vec<String>, AppError> {
    let Some(pod) = &event.pod else { return Ok(Vec::new()) };
    let is = |key: &str, value: &str| LogTerm { not: false, test: LogTest::Equals(key.into(), value.into()) };
    let mut terms = vec![is("pod", pod)];
    // Those of the container that ended, else those of senders that do not say which container they are.
    terms.extend(event.container.as_deref().map(|container| is(CONTAINER, container)));
    let window = Window::new(event.last.plus(-BEFORE), event.last.plus(SKEW));
    let mut ask = LogAsk {
        service: id.clone(),
        window,
        step: Step(MINUTE),
        filter: LogFilter { terms },
        after: None,
        limit: LINES,
        count: false,
    };
    let mut found = answers.store.telemetry().logs(ask.clone()).await.map_err(failed)?.lines;
    if found.is_empty() && event.container.is_some() {
        ask.filter.terms[1] = LogTerm { not: true, test: LogTest::Has(CONTAINER.into()) };
        found = answers.store.telemetry().logs(ask).await.map_err(failed)?.lines;
    }
    let lines = found.into_iter().rev().filter(|line| LogGap::of(line).is_none());
    Ok(lines.map(|line| line.body).collect())
}

/// The last deploy before an event, where it was not long before.
fn followed(deploys: &[Deploy], event: &AdverseEvent) -> Option<(u32, String)> {
    let before = deploys.iter().filter(|deploy| deploy.started <= event.first && deploy.from.is_some());
    let last = before.max_by_key(|deploy| deploy.started)?;
    (event.first.since(last.started) <= FOLLOWS).then(|| (last.id.sequence, last.to_name.clone()))
}
