//! One trace of a failed checkout.

use std::sync::Arc;

use model::*;

use super::{AS_OF, Fake};

/// The id of the one trace there is.
pub(crate) fn id() -> TraceId {
    TraceId([0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36])
}

/// Depth, service, name, start, length (ms), failed, spans below.
const SPANS: [(u32, u32, &str, i64, i64, bool, u32); 11] = [
    (0, 0, "GET /checkout/confirm", 0, 842, true, 10),
    (1, 1, "POST /checkout", 14, 820, true, 9),
    (2, 2, "GET /cart/{id}", 22, 38, false, 1),
    (3, 3, "GET", 30, 4, false, 0),
    (2, 4, "Reserve", 66, 48, false, 0),
    (2, 5, "Authorize", 120, 204, true, 0),
    (2, 5, "Authorize", 330, 203, true, 0),
    (2, 5, "Authorize", 540, 204, true, 1),
    (3, 6, "HTTP POST /auth", 548, 294, false, 0),
    (2, 1, "publish order.failed", 760, 12, false, 1),
    (3, 7, "order.failed", 780, 52, false, 0),
];

impl Fake {
    /// The trace, with more spans where more were asked for; then it has even more than these.
    pub(crate) fn trace_page(&self) -> TracePage {
        let ms = 1_000_000;
        let span = |at: usize| SpanId((at as u64 + 1).to_be_bytes());
        let mut spans: Vec<_> = SPANS
            .iter()
            .enumerate()
            .map(|(at, &(depth, service, name, start, length, failed, below))| TraceRow {
                id: span(at),
                depth,
                service,
                name: if at == 1 { self.text(name) } else { name.into() },
                offset: start * ms,
                duration: length * ms,
                self_time: length * ms / 2,
                failed,
                note: if failed && depth == 2 { self.text("timeout after 200 ms") } else { String::new() },
                descendants: below + if depth == 0 { self.spans } else { 0 },
            })
            .collect();
        spans.extend((0..self.spans).map(|n| TraceRow {
            id: span(SPANS.len() + n as usize),
            depth: 1,
            service: n % 7,
            name: format!("step {n}"),
            offset: i64::from(n) * 842 * ms / i64::from(self.spans.max(1)),
            duration: ms,
            self_time: ms,
            failed: false,
            note: String::new(),
            descendants: 0,
        }));
        let names =
            ["storefront", "checkout", "cart", "redis-cart", "inventory", "payments", "bank-gateway", "notifications"];
        let mut services = names.map(String::from).to_vec();
        services[1] = self.text("checkout");
        TracePage {
            id: id(),
            start: AS_OF.plus(-MINUTE),
            duration: 842 * ms,
            title: self.text("POST /checkout"),
            failed: true,
            services,
            spans: spans.into(),
            orphans: 0,
            is_cut: self.spans > 0,
        }
    }

    /// Three requests, of which those that failed, or of an endpoint, can be asked for; the slowest first where that is asked.
    pub(crate) fn span_page(&self, filter: &SpanFilter, ask: &SpanQuery) -> SpanPage {
        let hit = |seconds: i64, ms: i64, failed: bool, endpoint: String| SpanHit {
            trace: id(),
            id: SpanId(seconds.to_be_bytes()),
            kind: SpanKind::Server,
            name: self.text("POST"),
            endpoint,
            at: AS_OF.plus(-seconds * SECOND),
            duration: ms * 1_000_000,
            failed,
            note: if failed { self.text("no answer in 200ms") } else { String::new() },
            http_status: if failed { 500 } else { 200 },
            pod: Some(self.text("checkout-84bd7c6f9-4n8vt")),
            revision: Some(self.text("v1.8.2")),
        };
        let all = [
            hit(5, 31, false, "GET /cart".into()),
            hit(70, 842, true, self.text("POST /checkout")),
            hit(90, 4, false, "GET /cart".into()),
        ];
        let asks_failed = filter.terms.iter().any(|term| term.test == SpanTest::Failed(true));
        let is_asked = |hit: &SpanHit| {
            filter.terms.iter().all(|term| match &term.test {
                SpanTest::Endpoint(endpoint) => *endpoint == hit.endpoint,
                _ => hit.failed || !asks_failed,
            })
        };
        let mut spans: Vec<SpanHit> = all.into_iter().filter(is_asked).collect();
        let (matched, failed) = if spans.is_empty() { (0, 0) } else { (12_340, 980) };
        if ask.order == SpanOrder::Slowest {
            spans.sort_by_key(|hit| -hit.duration);
        }
        let point =
            |hit: &SpanHit| SpanPoint { trace: hit.trace, at: hit.at, duration: hit.duration, failed: hit.failed };
        SpanPage {
            plot: SpanPlot { points: spans.iter().map(point).collect(), matched, failed },
            next: ask.after.is_none().then_some(Cursor { key: 7, skip: 1 }),
            spans,
            covered_from: Some(AS_OF.plus(-30 * MINUTE)),
        }
    }

    /// A span in full.
    pub(crate) fn span_detail(&self, trace: TraceId, span: SpanId) -> SpanDetail {
        let text = |value: &str| Value::Text(self.text(value));
        let exception = vec![
            ("exception.type".to_owned(), text("PaymentTimeout")),
            ("exception.message".to_owned(), text("no answer in 200ms")),
            ("exception.stacktrace".to_owned(), text("  at authorize (payments.ts:88)\n  at checkout (handler.ts:41)")),
        ];
        SpanDetail {
            span: Span {
                trace,
                id: span,
                parent: None,
                kind: SpanKind::Client,
                name: self.text("Authorize"),
                endpoint: String::new(),
                start: AS_OF.plus(-MINUTE),
                duration: 204_000_000,
                status: SpanStatus::Error,
                status_message: self.text("DEADLINE_EXCEEDED"),
                scope: "payments".into(),
                error: self.text("PaymentTimeout"),
                attributes: vec![(self.text("rpc.system"), text("grpc")), ("server.port".into(), Value::Int(443))],
                events: vec![SpanEvent { at: AS_OF.plus(-MINUTE), name: "exception".into(), attributes: exception }],
                links: Vec::new(),
                owner: Arc::new(Owner { attributes: vec![("service.name".into(), self.text("payments"))], peer: None }),
            },
            service: Some(ServiceId::new(super::CLUSTER, "shop", "Deployment", "checkout")),
            revision: Some("v1.8.2".into()),
            pod: Some("checkout-84bd7c6f9-4n8vt".into()),
            unattributed: None,
        }
    }
}
