//! Spans as SDKs with the current semantic conventions send them.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
pub(super) use opentelemetry_proto::tonic::trace::v1::span::SpanKind as Kind;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

use super::Batch;
use crate::fleet::Server;
use crate::story::{Call, Route, Scenario};

/// The spans of one server.
#[derive(Debug, Default)]
pub(crate) struct Spans(Vec<Span>);

/// What all spans of a request share.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) trace: [u8; 16],
    pub(super) thinned: u32,
}

impl Spans {
    /// A request that was served.
    #[allow(clippy::too_many_arguments, reason = "a span has as many parts")]
    pub(super) fn served(
        &mut self,
        context: &Context,
        kind: Kind,
        id: u64,
        parent: Option<u64>,
        route: &Route,
        (start, end): (i64, i64),
        status: u16,
        exception: Option<&(String, String)>,
    ) {
        let (method, path) = route.name.split_once(' ').unwrap_or(("", &route.name));
        let mut span = context.span(kind, id, parent, &route.name, start, end);
        if path.starts_with('/') {
            span.attributes = vec![
                word("http.request.method", method),
                word("http.route", path),
                number("http.response.status_code", i64::from(status)),
            ];
        } else if kind == Kind::Consumer {
            span.attributes = messaging(method, path);
        } else {
            span.attributes = database(method, path, if path == "cart" { "redis" } else { "postgresql" });
        }
        if let Some((kind, message)) = exception {
            span.attributes.push(word("error.type", kind));
            let attributes = vec![word("exception.type", kind), word("exception.message", message)];
            span.events = vec![Event {
                time_unix_nano: end as u64,
                name: "exception".into(),
                attributes,
                dropped_attributes_count: 0,
            }];
            span.status = Some(Status { message: message.clone(), code: 2 });
        }
        self.0.push(span);
    }

    /// A call of another service.
    #[allow(clippy::too_many_arguments, reason = "a span has as many parts")]
    pub(super) fn called(
        &mut self,
        context: &Context,
        id: u64,
        parent: u64,
        call: &Call,
        (start, end): (i64, i64),
        status: u16,
        failure: Option<&str>,
    ) {
        let (method, path) = call.route.split_once(' ').unwrap_or(("", &call.route));
        let is_http = path.starts_with('/');
        let mut span =
            context.span(Kind::Client, id, Some(parent), if is_http { method } else { &call.route }, start, end);
        if is_http {
            span.attributes.push(word("http.request.method", method));
            if failure.is_none() {
                span.attributes.push(number("http.response.status_code", i64::from(status)));
            }
        } else {
            span.attributes = database(method, path, if path == "cart" { "redis" } else { "postgresql" });
        }
        let (namespace, name) = call.service.split_once('/').unwrap_or(("default", &call.service));
        span.attributes.push(word("server.address", &format!("{name}.{namespace}.svc.cluster.local")));
        if failure.is_some() || status >= 400 {
            let kind = failure.map_or_else(|| status.to_string(), str::to_owned);
            span.attributes.push(word("error.type", &kind));
            span.status = Some(Status { message: String::new(), code: 2 });
        }
        self.0.push(span);
    }

    /// A query to a database that sends nothing itself.
    pub(super) fn queried(&mut self, context: &Context, id: u64, parent: u64, call: &Call, (start, end): (i64, i64)) {
        let (system, (store, operation)) = (&call.database, call.route.split_once(' ').unwrap_or(("", &call.route)));
        let text = if store.is_empty() { operation } else { store };
        let mut span = context.span(Kind::Client, id, Some(parent), text, start, end);
        span.attributes = database(operation, store, system);
        span.attributes.push(word("server.address", "db.example"));
        self.0.push(span);
    }

    /// A message that was put into a queue.
    pub(super) fn sent(&mut self, context: &Context, id: u64, parent: u64, call: &Call, (start, end): (i64, i64)) {
        let mut span = context.span(Kind::Producer, id, Some(parent), &format!("send {}", call.queue), start, end);
        span.attributes = messaging("send", &call.queue);
        self.0.push(span);
    }
}

impl Context {
    fn span(&self, kind: Kind, id: u64, parent: Option<u64>, name: &str, start: i64, end: i64) -> Span {
        Span {
            trace_id: self.trace.to_vec(),
            span_id: id.to_be_bytes().to_vec(),
            parent_span_id: parent.map(|id| id.to_be_bytes().to_vec()).unwrap_or_default(),
            trace_state: state(self.thinned),
            flags: 0x101,
            name: name.to_owned(),
            kind: kind as i32,
            start_time_unix_nano: start as u64,
            end_time_unix_nano: end as u64,
            ..Span::default()
        }
    }
}

/// What a tracestate says where one of 2^`thin` was kept: the threshold below which randomness is rejected.
fn state(thin: u32) -> String {
    if thin == 0 {
        return String::new();
    }
    let all = 1u64 << 56;
    let digits = format!("{:014x}", all - (all >> thin));
    format!("ot=th:{}", digits.trim_end_matches('0'))
}

/// The request that carries a batch.
pub(crate) fn request(scenario: &Scenario, batch: Batch) -> ExportTraceServiceRequest {
    let scope =
        InstrumentationScope { name: "shop".into(), version: "1.0.0".into(), ..InstrumentationScope::default() };
    let resources = batch.into_values().map(|(server, spans)| ResourceSpans {
        resource: Some(resource(scenario, &server)),
        scope_spans: vec![ScopeSpans { scope: Some(scope.clone()), spans: spans.0, schema_url: String::new() }],
        schema_url: "https://opentelemetry.io/schemas/1.37.0".into(),
    });
    ExportTraceServiceRequest { resource_spans: resources.collect() }
}

pub(super) fn resource(scenario: &Scenario, server: &Server) -> Resource {
    let service = &scenario.services[server.service];
    let attributes = vec![
        word("service.name", &service.name),
        word("service.namespace", &service.namespace),
        word("service.version", &server.version),
        word("k8s.namespace.name", &service.namespace),
        word("k8s.pod.name", &server.pod),
        word("k8s.pod.uid", &server.uid),
        word("k8s.pod.ip", &server.address),
        word("k8s.node.name", &server.node),
        word("k8s.container.name", "app"),
        word("container.id", &server.container),
        word(&format!("k8s.{}.name", service.kind.to_lowercase()), &service.name),
        word("telemetry.sdk.name", "opentelemetry"),
        word("telemetry.sdk.language", "simulated"),
    ];
    Resource { attributes, ..Resource::default() }
}

fn messaging(operation: &str, queue: &str) -> Vec<KeyValue> {
    vec![
        word("messaging.system", "kafka"),
        word("messaging.operation.name", operation),
        word("messaging.destination.name", queue),
    ]
}

fn database(operation: &str, store: &str, system: &str) -> Vec<KeyValue> {
    vec![word("db.system.name", system), word("db.operation.name", operation), word("db.namespace", store)]
}

/// An attribute whose value is a text.
pub(crate) fn word(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn number(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

impl Spans {
    /// The spans.
    pub(crate) fn all(&self) -> &[Span] {
        &self.0
    }
}
