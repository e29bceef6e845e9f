//! A search for a trace ends when it has enough.

use model::{DAY, Owner, SpanId, SpanKind, SpanStatus, Timestamp, TraceId};

use super::{Search, find, span, trace};
use crate::{Batch, Config, FoundTrace, Keep, OwnerFacts, SpanRow, Store};

const TRACE: TraceId = TraceId([3; 16]);

/// A store with a block for each number, of so many spans of one trace.
async fn with_blocks(folder: &std::path::Path, blocks: &[u8]) -> Store {
    let keep = Keep { age: 9_000 * DAY, bytes: 1 << 30 };
    let store = Store::open(Config { path: folder.to_owned(), raw: keep, summaries: keep }).await.unwrap();
    let mut next = 0_u64;
    for (n, spans) in blocks.iter().enumerate() {
        let mut batch = Batch::new((n as u128).to_be_bytes());
        let owner = batch.owner(Owner { attributes: Vec::new(), peer: None }, OwnerFacts::default());
        for _ in 0..*spans {
            next += 1;
            batch.push(&SpanRow {
                owner,
                trace: TRACE,
                id: SpanId(next.to_be_bytes()),
                parent: None,
                kind: SpanKind::Server,
                name: "a",
                endpoint: "a",
                callee: "",
                start: Timestamp(1_000 - next as i64),
                duration: 1,
                status: SpanStatus::Unset,
                status_message: "",
                scope: "",
                http_status: 0,
                error: "",
                weight: 1.0,
                sampled: false,
                attributes: &[],
                events: &[],
                links: &[],
            });
        }
        store.telemetry().append(batch).await.unwrap();
    }
    store
}

#[tokio::test]
async fn of_a_trace_that_is_too_large_some_spans_are_told_and_that_there_are_more() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_blocks(folder.path(), &[3, 2]).await;
    let counted = async |most| {
        let FoundTrace { spans, is_cut } = find(&store.shared(), Search::new(TRACE, None, most)).await.unwrap();
        (spans.len(), is_cut)
    };
    assert_eq!((counted(6).await, counted(5).await), ((5, false), (5, false)));
    assert_eq!((counted(4).await, counted(3).await, counted(1).await), ((4, true), (3, true), (1, true)));
    let spans = trace(&store.shared(), TRACE).await.unwrap().spans;
    assert!(spans.is_sorted_by_key(|stored| stored.span.start));
}

#[tokio::test]
async fn one_span_is_found_and_another_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_blocks(folder.path(), &[3, 2]).await;
    for wanted in 1_u64..=5 {
        let id = SpanId(wanted.to_be_bytes());
        let found = span(&store.shared(), TRACE, id).await.unwrap();
        assert_eq!(found.map(|stored| stored.span.id), Some(id));
    }
    assert!(span(&store.shared(), TRACE, SpanId([9; 8])).await.unwrap().is_none());
    assert!(span(&store.shared(), TraceId([9; 16]), SpanId(1_u64.to_be_bytes())).await.unwrap().is_none());
}
