//! What adverse events are better understood by: the last lines of the container that ended, the trouble of the node.

use analysis::Joined;
use app::AppError;
use model::{AdverseEvent, AdverseGroup, AdverseKind, LogFilter, LogGap, LogTerm, LogTest, MINUTE, SECOND, ServiceId};
use model::{Step, Window};
use store::LogAsk;

use crate::backend::{Answers, failed};

/// The attribute that says which container of a pod a line is of (OpenTelemetry semantic conventions).
const CONTAINER: &str = "k8s.container.name";
/// Groups whose last lines are read, the newest.
const GROUPS: usize = 8;
/// Pods of a group whose lines are looked for until there are some: logs of one may not be followed.
const PODS: usize = 3;
/// Lines shown of each.
const LINES: u32 = 6;
/// How long before the end lines were the last ones.
const BEFORE: i64 = 10 * MINUTE;
/// Clocks of nodes and of senders differ by so much.
const SKEW: i64 = 2 * SECOND;

/// Groups that are newest first with their context; `node` says which node's trouble an event came of.
pub(super) async fn of(
    answers: &Answers,
    id: &ServiceId,
    groups: Vec<Joined>,
    node: impl Fn(&AdverseEvent) -> Option<String>,
) -> Result<Vec<AdverseGroup>, AppError> {
    let (mut found, mut left) = (Vec::new(), GROUPS);
    for Joined { mut group, events } in groups {
        group.nodes = events.iter().filter_map(&node).collect();
        group.nodes.sort();
        group.nodes.dedup();
        if ends_container(&group) && left > 0 {
            left -= 1;
            for event in events.iter().take(PODS) {
                group.lines = last_lines(answers, id, event).await?;
                if !group.lines.is_empty() {
                    group.lines_of.clone_from(&event.pod);
                    break;
                }
            }
        }
        found.push(group);
    }
    Ok(found)
}

fn ends_container(group: &AdverseGroup) -> bool {
    matches!(group.kind, AdverseKind::Restart | AdverseKind::OomKill | AdverseKind::CrashLoop)
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
