//! The one place that knows the keys of semantic conventions, new ones and those they replaced. What a request is
//! called, what went wrong with it, whom a call is for.

#[cfg(test)]
mod tests;

use std::fmt::Write;

use model::{SpanKind, SpanStatus, Value};
use store::EventRow;
use store::pattern::{self, NAME, cut};

/// What a span's attributes say, by the conventions.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Known<'a> {
    method: Option<&'a str>,
    route: Option<&'a str>,
    /// HTTP status, or 0.
    pub(crate) http_status: u16,
    rpc_service: Option<&'a str>,
    rpc_method: Option<&'a str>,
    grpc_code: Option<&'a Value>,
    operation: Option<&'a str>,
    operation_type: Option<&'a str>,
    destination: Option<&'a str>,
    destination_template: Option<&'a str>,
    /// The destination's name was made up for a while.
    passing: bool,
    exception: Option<&'a str>,
    error: Option<&'a str>,
    server: Option<&'a str>,
    peer: Option<&'a str>,
    /// A sampler has left its name, and its rate is not known.
    pub(crate) sampled: bool,
}

impl<'a> Known<'a> {
    /// What these attributes say. Where a new and an old key are both there, the new one counts.
    pub(crate) fn of(attributes: &'a [(&str, Value)]) -> Self {
        let mut known = Self::default();
        for (key, value) in attributes {
            known.take(key, value);
        }
        known
    }

    fn take(&mut self, key: &str, value: &'a Value) {
        match key {
            "http.request.method" => self.method = words(value).or(self.method),
            "http.method" => self.method = self.method.or(words(value)),
            "http.route" => self.route = words(value),
            "http.response.status_code" => self.http_status = status(value),
            "http.status_code" if self.http_status == 0 => self.http_status = status(value),
            "rpc.service" => self.rpc_service = words(value),
            "rpc.method" => self.rpc_method = words(value),
            "rpc.response.status_code" => self.grpc_code = Some(value),
            "rpc.grpc.status_code" => self.grpc_code = self.grpc_code.or(Some(value)),
            "messaging.operation.name" => self.operation = words(value).or(self.operation),
            "messaging.operation" => self.operation = self.operation.or(words(value)),
            "messaging.operation.type" => self.operation_type = words(value),
            "messaging.destination.name" => self.destination = words(value).or(self.destination),
            "messaging.destination" => self.destination = self.destination.or(words(value)),
            "messaging.destination.template" => self.destination_template = words(value),
            "messaging.destination.temporary" | "messaging.destination.anonymous" => {
                self.passing |= matches!(value, Value::Bool(true));
            }
            "exception.type" => self.exception = words(value),
            "error.type" => self.error = words(value).filter(|error| *error != "_OTHER"),
            "server.address" => self.server = words(value).or(self.server),
            "net.peer.name" => self.server = self.server.or(words(value)),
            "peer.service" | "service.peer.name" => self.peer = words(value),
            _ => self.sampled |= is_sampler(key, value),
        }
    }

    /// The endpoint of a request: method and route; else the remote procedure; else what is done with which queue;
    /// else the span's name without ids.
    pub(crate) fn endpoint<'o>(&self, name: &str, out: &'o mut String) -> &'o str {
        out.clear();
        if let Some(route) = self.route {
            pair(out, self.method.map(known_method), ' ', route);
        } else if let Some(method) = self.rpc_method {
            // Newer conventions put the whole name into `rpc.method`.
            pair(out, self.rpc_service.filter(|_| !method.contains('/')), '/', method);
        } else if let Some(service) = self.rpc_service {
            out.push_str(service);
        } else if let (Some(operation), Some(destination)) =
            (self.operation.or(self.operation_type), self.destination())
        {
            pair(out, Some(operation), ' ', destination);
        } else {
            out.push_str(&pattern::without_ids(name));
        }
        if out.is_empty() {
            out.push_str("(unnamed)");
        }
        out.truncate(out.floor_char_boundary(NAME));
        out
    }

    fn destination(&self) -> Option<&'a str> {
        match self.destination_template {
            Some(template) => Some(template),
            None if self.passing => Some("(temporary)"),
            None => self.destination,
        }
    }

    /// Whether a request failed: its status says so, or it was answered with HTTP 5xx.
    pub(crate) fn failed(&self, status: SpanStatus) -> bool {
        status == SpanStatus::Error || self.http_status >= 500
    }

    /// The error group of a request that failed: the last exception's type; else the error's type; else the status
    /// code and the pattern of the message.
    pub(crate) fn error<'o>(&self, message: &str, events: &[EventRow<'_>], out: &'o mut String) -> &'o str {
        out.clear();
        if let Some(kind) = exception(events).or(self.exception).or(self.error) {
            out.push_str(cut(kind, NAME));
            return out;
        }
        match (self.http_status, self.grpc_code) {
            (400.., _) => _ = write!(out, "HTTP {}", self.http_status),
            (_, Some(Value::Int(code @ 1..))) => _ = write!(out, "gRPC {code}"),
            (_, Some(Value::Text(code))) if code != "OK" && code != "0" => _ = write!(out, "RPC {}", cut(code, 40)),
            _ => out.push_str("ERROR"),
        }
        let words = pattern::of_message(message);
        if !words.is_empty() {
            out.push_str(": ");
            out.push_str(&words);
        }
        out.truncate(out.floor_char_boundary(NAME));
        out
    }

    /// Whom a CLIENT or PRODUCER span calls, else nothing.
    pub(crate) fn callee(&self, kind: SpanKind) -> &'a str {
        match kind {
            SpanKind::Client | SpanKind::Producer => cut(self.server.or(self.peer).unwrap_or_default(), NAME),
            _ => "",
        }
    }
}

/// The type of the last exception among a span's events.
fn exception<'a>(events: &'a [EventRow<'_>]) -> Option<&'a str> {
    let last = events.iter().rev().filter(|event| event.name == "exception");
    last.flat_map(|event| &event.attributes)
        .find(|(key, _)| *key == "exception.type")
        .and_then(|(_, value)| words(value))
}

/// Names that samplers leave behind: Jaeger's clients (on root spans only), the Collector's tail sampling (in the
/// scope), Honeycomb's rate.
pub(crate) fn is_sampler(key: &str, value: &Value) -> bool {
    match key {
        "sampler.type" => !matches!(value, Value::Text(kind) if kind == "const"),
        "tailsampling.policy" | "tailsampling.composite_policy" => true,
        "SampleRate" => matches!(value, Value::Int(2..)),
        _ => false,
    }
}

/// Keys of a resource that can carry secrets from a command line; they are never stored.
pub(crate) fn is_private(key: &str) -> bool {
    matches!(key, "process.command_args" | "process.command_line") || key.starts_with("process.environment_variable.")
}

/// A text that is not empty.
fn words(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// An HTTP status; older instrumentation sends it as text.
fn status(value: &Value) -> u16 {
    let number = match value {
        Value::Int(number) => *number,
        Value::Text(text) => text.parse().unwrap_or(0),
        _ => 0,
    };
    if (100..=999).contains(&number) { number as u16 } else { 0 }
}

/// Methods that are none of HTTP's are all named so by the conventions.
fn known_method(method: &str) -> &str {
    if method == "_OTHER" { "HTTP" } else { method }
}

fn pair(out: &mut String, first: Option<&str>, separator: char, second: &str) {
    if let Some(first) = first {
        out.push_str(cut(first, NAME));
        out.push(separator);
    }
    out.push_str(cut(second, NAME));
}

/// What the name of a workload's kind is in `k8s.<kind>.name`, from the most telling.
pub(crate) const WORKLOADS: [(&str, &str); 7] = [
    ("k8s.deployment.name", "Deployment"),
    ("k8s.statefulset.name", "StatefulSet"),
    ("k8s.daemonset.name", "DaemonSet"),
    ("k8s.cronjob.name", "CronJob"),
    ("k8s.job.name", "Job"),
    ("k8s.replicaset.name", "ReplicaSet"),
    ("k8s.rollout.name", "Rollout.argoproj.io"),
];

/// Whether a service's name was made up by its SDK, which counts as none.
pub(crate) fn is_made_up(service_name: &str) -> bool {
    service_name.starts_with("unknown_service")
}
