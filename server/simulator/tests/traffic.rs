//! The shop's traces arrive over OTLP/HTTP: true rates, whole traces, the script's errors.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use simulator::Options;

type Received = Arc<Mutex<Vec<ExportTraceServiceRequest>>>;

/// A receiver that keeps what it gets; the first request is told to come again.
async fn receiver() -> (String, Received) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (received, busy) = (Received::default(), Arc::new(Mutex::new(true)));
    let kept = received.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (kept, busy) = (kept.clone(), busy.clone());
            let answer = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let (kept, busy) = (kept.clone(), busy.clone());
                async move {
                    let path = request.uri().path().to_owned();
                    let body = request.into_body().collect().await?.to_bytes();
                    let mut answer = http::Response::new(Full::new(Bytes::new()));
                    if std::mem::take(&mut *busy.lock().unwrap()) {
                        *answer.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
                        return Ok::<_, hyper::Error>(answer);
                    }
                    if path == "/v1/logs" {
                        let request = ExportLogsServiceRequest::decode(body).unwrap();
                        assert!(!request.resource_logs.is_empty());
                        return Ok(answer);
                    }
                    if path == "/v1/metrics" {
                        let request = ExportMetricsServiceRequest::decode(body).unwrap();
                        assert!(!request.resource_metrics.is_empty());
                        return Ok(answer);
                    }
                    if path == "/v1development/profiles" {
                        let request = ExportProfilesServiceRequest::decode(body).unwrap();
                        assert!(!request.resource_profiles.is_empty());
                        return Ok(answer);
                    }
                    assert_eq!(path, "/v1/traces");
                    kept.lock().unwrap().push(ExportTraceServiceRequest::decode(body).unwrap());
                    Ok(answer)
                }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    (address, received)
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> &'a str {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()) {
        Some(Value::StringValue(text)) => text,
        _ => "",
    }
}

/// The requests of the past once all of them have come: service, pod and span. What happens meanwhile is sent beside.
async fn past(received: &Received, before: u64, least: usize) -> Vec<(String, String, Span)> {
    let is_past = |request: &&ExportTraceServiceRequest| {
        let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| &scope.spans).any(|span| span.start_time_unix_nano < before)
    };
    let of_past = || -> Vec<_> { received.lock().unwrap().iter().filter(is_past).cloned().collect() };
    let mut requests = of_past();
    while requests.len() < least {
        tokio::time::sleep(Duration::from_millis(100)).await;
        requests = of_past();
    }
    let resources = requests.into_iter().flat_map(|request| request.resource_spans);
    let spans = resources.flat_map(|resource| {
        let attributes = resource.resource.unwrap().attributes;
        let (service, pod) =
            (text(&attributes, "service.name").to_owned(), text(&attributes, "k8s.pod.uid").to_owned());
        resource
            .scope_spans
            .into_iter()
            .flat_map(|scope| scope.spans)
            .map(move |span| (service.clone(), pod.clone(), span))
    });
    spans.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_past_hour_comes_late_with_whole_traces_at_a_true_rate() {
    let (endpoint, received) = receiver().await;
    let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() - Duration::from_secs(2);
    let running = support::simulator(Options { otlp: Some(endpoint), rate: 4.0, ..Options::default() }).await;
    let spans = past(&received, began.as_nanos() as u64, 30).await;
    let pods: BTreeSet<&str> = spans.iter().map(|(_, pod, _)| pod.as_str()).collect();
    assert!(pods.len() > 25, "pods of before are there too: {}", pods.len());
    let ids: BTreeSet<&[u8]> = spans.iter().map(|(_, _, span)| span.span_id.as_slice()).collect();
    assert_eq!(ids.len(), spans.len());
    let orphans =
        spans.iter().filter(|(_, _, span)| !span.parent_span_id.is_empty() && !ids.contains(&span.parent_span_id[..]));
    assert_eq!(orphans.count(), 0, "every parent has come");
    let roots = spans.iter().filter(|(_, _, span)| span.parent_span_id.is_empty()).count();
    assert!((13_000..16_500).contains(&roots), "{roots} requests in an hour at 4 a second");
    let mut checkout: BTreeMap<bool, usize> = BTreeMap::new();
    for (_, _, span) in spans.iter().filter(|(service, _, span)| service == "payments" && span.name == "POST /checkout")
    {
        let timed_out =
            span.events.iter().any(|event| text(&event.attributes, "exception.type") == "GatewayTimeoutError");
        *checkout.entry(timed_out).or_default() += 1;
    }
    assert!(checkout[&true] >= 10, "the bad deploy of the hour shows: {checkout:?}");
    assert!(checkout[&true] < checkout[&false] / 5, "and only while it ran: {checkout:?}");
    drop(running);
}
