//! A trace as a waterfall, and one span of it in full.

pub(super) mod search;

use std::collections::{HashMap, HashSet};

use app::AppError;
use model::{SpanDetail, SpanId, SpanStatus, TraceId, TracePage, TraceRow, Viewer, failure_note};
use store::{FoundTrace, StoredSpan};

use super::{Answers, failed, shown_name};

/// A trace.
pub(super) async fn page(answers: &Answers, _viewer: &Viewer, id: TraceId) -> Result<TracePage, AppError> {
    let FoundTrace { spans, is_cut } = answers.store.telemetry().trace(id).await.map_err(failed)?;
    let page = layout(id, &spans).map(|page| TracePage { is_cut, ..page });
    page.ok_or_else(|| AppError::NotFound(format!("trace {id}")))
}

/// A span of a trace in full.
pub(super) async fn span(
    answers: &Answers,
    _viewer: &Viewer,
    trace: TraceId,
    id: SpanId,
) -> Result<SpanDetail, AppError> {
    let found = answers.store.telemetry().span(trace, id).await.map_err(failed)?;
    let stored = found.ok_or_else(|| AppError::NotFound(format!("span {id}")))?;
    let attribution = stored.attribution;
    let directory = answers.store.directory();
    let of_service = attribution.service.as_deref().zip(attribution.revision.as_ref());
    let revision = of_service.map(|(service, hash)| shown_name(&directory, service, hash));
    Ok(SpanDetail {
        span: stored.span,
        service: attribution.service.as_deref().cloned(),
        revision,
        pod: attribution.pod_name.map(String::from),
        unattributed: attribution.reason,
    })
}

/// Spans in tree order: children under their parent by start; a span whose parent never came stands at the root.
fn layout(id: TraceId, spans: &[StoredSpan]) -> Option<TracePage> {
    let start = spans.iter().map(|s| s.span.start).min()?;
    let end = spans.iter().map(|s| s.span.start.plus(s.span.duration)).max()?;
    let tree = Tree::of(spans);
    let mut services = Vec::<String>::new();
    let mut places = HashMap::<String, u32>::new();
    let rows: Vec<TraceRow> = tree
        .order(spans)
        .into_iter()
        .map(|(at, depth)| {
            let stored = &spans[at];
            let name = service_name(stored);
            let service = *places.entry(name).or_insert_with_key(|name| {
                services.push(name.clone());
                (services.len() - 1) as u32
            });
            row(stored, depth, service, stored.span.start.since(start), tree.self_time(spans, at))
        })
        .collect();
    let rows = with_descendants(rows);
    let root = rows.first()?;
    Some(TracePage {
        id,
        start,
        duration: end.since(start),
        title: root.name.clone(),
        failed: rows.iter().any(|row| row.failed),
        services,
        orphans: tree.orphans,
        is_cut: false,
        spans: rows.into(),
    })
}

fn service_name(stored: &StoredSpan) -> String {
    match &stored.attribution.service {
        Some(service) => service.name.clone(),
        None => stored.span.owner.get("service.name").unwrap_or("unknown").to_owned(),
    }
}

fn row(stored: &StoredSpan, depth: u32, service: u32, offset: i64, self_time: i64) -> TraceRow {
    let span = &stored.span;
    let failed = span.status == SpanStatus::Error || !span.error.is_empty();
    let note = failure_note(failed, &span.status_message, &span.error);
    TraceRow {
        id: span.id,
        depth,
        service,
        name: if span.endpoint.is_empty() { span.name.clone() } else { span.endpoint.clone() },
        offset,
        duration: span.duration,
        self_time,
        failed,
        note,
        descendants: 0,
    }
}

/// Counts, for each row in tree order, the deeper rows that follow it.
fn with_descendants(mut rows: Vec<TraceRow>) -> Vec<TraceRow> {
    let mut open: Vec<usize> = Vec::new();
    for at in 0..=rows.len() {
        let depth = rows.get(at).map_or(0, |row| row.depth);
        while open.last().is_some_and(|top| at == rows.len() || rows[*top].depth >= depth) {
            if let Some(top) = open.pop() {
                rows[top].descendants = (at - top - 1) as u32;
            }
        }
        open.push(at);
    }
    rows
}

struct Tree {
    children: HashMap<SpanId, Vec<usize>>,
    roots: Vec<usize>,
    orphans: u32,
}

impl Tree {
    fn of(spans: &[StoredSpan]) -> Self {
        let ids: HashSet<SpanId> = spans.iter().map(|s| s.span.id).collect();
        let mut tree = Self { children: HashMap::new(), roots: Vec::new(), orphans: 0 };
        for (at, stored) in spans.iter().enumerate() {
            match stored.span.parent {
                // A span that names itself as its parent would never be reached.
                Some(parent) if parent != stored.span.id && ids.contains(&parent) => {
                    tree.children.entry(parent).or_default().push(at);
                }
                Some(_) => {
                    tree.orphans += 1;
                    tree.roots.push(at);
                }
                None => tree.roots.push(at),
            }
        }
        let start = |at: &usize| (spans[*at].span.start, spans[*at].span.id);
        // True roots first: a trace is titled by them.
        tree.roots.sort_by_key(|at| (spans[*at].span.parent.is_some(), start(at)));
        tree.children.values_mut().for_each(|children| children.sort_by_key(start));
        tree
    }

    /// Places in tree order with their depth. Iterative, since a chain of spans may be as long as a trace; spans
    /// that only reach each other (parents in a ring) follow at the end.
    fn order(&self, spans: &[StoredSpan]) -> Vec<(usize, u32)> {
        let mut seen = vec![false; spans.len()];
        let mut order = Vec::with_capacity(spans.len());
        let rest = 0..spans.len();
        for root in self.roots.iter().copied().chain(rest) {
            let mut stack = vec![(root, 0)];
            while let Some((at, depth)) = stack.pop() {
                if std::mem::replace(&mut seen[at], true) {
                    continue;
                }
                order.push((at, depth));
                let children = self.children.get(&spans[at].span.id);
                stack.extend(children.into_iter().flatten().rev().map(|child| (*child, depth + 1)));
            }
        }
        order
    }

    /// Duration minus what the children cover together.
    fn self_time(&self, spans: &[StoredSpan], at: usize) -> i64 {
        let span = &spans[at].span;
        let end = span.start.plus(span.duration);
        let Some(children) = self.children.get(&span.id) else { return span.duration };
        let mut covered = 0;
        let mut reached = span.start;
        for child in children.iter().map(|child| &spans[*child].span) {
            let (from, to) = (child.start.max(reached), child.start.plus(child.duration).min(end));
            if to > from {
                covered += to.since(from);
                reached = to;
            }
        }
        span.duration - covered
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use model::{Owner, Span, SpanKind, Timestamp};
    use store::{Attribution, Rule};

    use super::*;

    fn span(id: u8, parent: u8, start: i64, duration: i64) -> StoredSpan {
        let id_of = |n: u8| SpanId([n; 8]);
        StoredSpan {
            span: Span {
                trace: TraceId([1; 16]),
                id: id_of(id),
                parent: (parent > 0).then(|| id_of(parent)),
                kind: SpanKind::Internal,
                name: format!("s{id}"),
                endpoint: String::new(),
                start: Timestamp(start),
                duration,
                status: SpanStatus::Unset,
                status_message: String::new(),
                scope: String::new(),
                error: String::new(),
                attributes: vec![],
                events: vec![],
                links: vec![],
                owner: Arc::new(Owner { attributes: vec![("service.name".into(), "web".into())], peer: None }),
            },
            attribution: Attribution {
                service: None,
                revision: None,
                pod: None,
                pod_name: None,
                rule: Rule::None,
                reason: None,
            },
        }
    }

    /// Lays spans out and expects name → (depth, descendants, self time).
    fn check(spans: &[StoredSpan], orphans: u32, expect: &[(&str, (u32, u32, i64))]) {
        let page = layout(TraceId([1; 16]), spans).unwrap();
        assert_eq!(page.orphans, orphans);
        let expect: BTreeMap<String, _> = expect.iter().map(|(name, row)| ((*name).to_owned(), *row)).collect();
        let rows = page.spans.iter().map(|row| (row.name.clone(), (row.depth, row.descendants, row.self_time)));
        assert_eq!(rows.collect::<BTreeMap<_, _>>(), expect);
    }

    #[test]
    fn children_stand_under_their_parent_and_take_their_time_from_it() {
        check(
            &[span(3, 1, 50, 30), span(1, 0, 0, 100), span(2, 1, 10, 50), span(4, 2, 20, 10)],
            0,
            &[("s1", (0, 3, 30)), ("s2", (1, 1, 40)), ("s3", (1, 0, 30)), ("s4", (2, 0, 10))],
        );
    }

    #[test]
    fn a_span_whose_parent_never_came_stands_at_the_root() {
        check(&[span(1, 0, 5, 10), span(2, 9, 0, 10)], 1, &[("s1", (0, 0, 10)), ("s2", (0, 0, 10))]);
    }

    #[test]
    fn rings_and_self_parents_end() {
        check(
            &[span(1, 2, 0, 10), span(2, 1, 0, 10), span(3, 3, 0, 10)],
            1,
            &[("s3", (0, 0, 10)), ("s1", (0, 1, 0)), ("s2", (1, 0, 0))],
        );
    }

    #[test]
    fn a_chain_of_fifty_thousand_spans_is_laid_out() {
        let id = |n: u64| SpanId(n.to_be_bytes());
        let spans: Vec<StoredSpan> = (1..=50_000_u64)
            .map(|n| {
                let mut stored = span(1, 0, n as i64, 10);
                stored.span.id = id(n);
                stored.span.parent = (n > 1).then(|| id(n - 1));
                stored
            })
            .collect();
        let page = layout(TraceId([1; 16]), &spans).unwrap();
        assert_eq!((page.spans[49_999].depth, page.spans[0].descendants), (49_999, 49_999));
    }
}
