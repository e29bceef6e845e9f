//! The API server: who asks for what, and who answers it. Everything that goes out passes the faults first.

mod answer;
mod auth;
mod dialect;
mod discovery;
mod read;
mod target;
mod watch;
mod write;

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use model::Timestamp;
use serde_json::{Value, json};

pub(crate) use self::answer::{Answer, json, refuse, stream, text};
pub(crate) use self::auth::Tokens;
use self::auth::Who;
pub(crate) use self::target::Query;
use self::target::Target;
pub(crate) use self::write::mark_deleted;
use crate::error::Refusal;
use crate::faults::{Controls, Faults};
use crate::kubelet;
use crate::objects::Objects;
use crate::serve::Spared;
use crate::story::Scenario;

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped")]
pub(crate) struct Dropped;

/// What the API server needs.
#[derive(Debug)]
pub(crate) struct Api {
    /// The objects.
    pub(crate) objects: Arc<Objects>,
    /// Who is who.
    pub(crate) tokens: Tokens,
    /// What goes wrong.
    pub(crate) controls: Controls,
    /// What pods say.
    pub(crate) scenario: Arc<Scenario>,
    /// When somebody began to look.
    pub(crate) opening: Timestamp,
    /// Who has read kubelets.
    pub(crate) first_read: kubelet::FirstRead,
}

/// A longer body is refused, as etcd would.
const BODY: usize = 3 << 20;

impl Api {
    /// Answers a request.
    pub(crate) async fn handle(self: Arc<Self>, request: Request<Incoming>) -> Result<Answer, Dropped> {
        let (head, body) = request.into_parts();
        let who = self.tokens.who(&head.headers);
        let spared = who == Ok(Who::Admin);
        if let Some(connection) = head.extensions.get::<Spared>().filter(|_| spared) {
            connection.spare();
        }
        let faults = if spared { Faults::default() } else { self.controls.get() };
        if faults.delay > 0.0 {
            tokio::time::sleep(Duration::from_secs_f64(faults.delay)).await;
        }
        if faults.away {
            return Err(Dropped);
        }
        let who = match who {
            Ok(who) => who,
            Err(refusal) => return Ok(answer::refuse(&refusal)),
        };
        if self.controls.happens(faults.storm) {
            return Ok(answer::refuse(&storm(faults.storm_status)));
        }
        let body = match Limited::new(body, BODY).collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => return Ok(answer::refuse(&Refusal::new(413, "RequestEntityTooLarge", "request is too large"))),
        };
        let call = Call { api: self.clone(), who, faults, method: head.method.clone(), query: Query::of(&head.uri) };
        let content_type = head.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let answer =
            call.answer(head.uri.path(), content_type, &body).unwrap_or_else(|refusal| answer::refuse(&refusal));
        Ok(answer::stamp(answer, self.controls.skew()))
    }
}

/// One request.
pub(crate) struct Call {
    pub(crate) api: Arc<Api>,
    pub(crate) who: Who,
    pub(crate) faults: Faults,
    pub(crate) method: Method,
    pub(crate) query: Query,
}

impl Call {
    fn answer(&self, path: &str, content_type: &str, body: &[u8]) -> Result<Answer, Refusal> {
        match path {
            "/livez" | "/readyz" | "/healthz" => return Ok(text("ok")),
            "/version" => return Ok(json(200, &discovery::version())),
            "/api" => return Ok(json(200, &discovery::versions())),
            "/apis" => return Ok(json(200, &discovery::groups())),
            _ => {}
        }
        if let Some(what) = path.strip_prefix("/simulator/") {
            return self.control(what, body);
        }
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        if let ["api", version] | ["apis", _, version] = parts[..] {
            let group = if parts.len() == 3 { parts[1] } else { "" };
            let found = discovery::resources(group, version).ok_or_else(target::no_such_path)?;
            return Ok(json(200, &found));
        }
        if let Some(review) = path.strip_prefix("/apis/authorization.k8s.io/v1/") {
            return self.review(review, body);
        }
        let target = Target::parse(&parts).map_err(|refusal| self.unknown(path, refusal))?;
        self.may(&target)?;
        if let Some(answer) = self.subresource(&target)? {
            return Ok(answer);
        }
        match self.method {
            Method::GET if target.name.is_empty() && self.query.flag("watch") => self.watch(&target),
            Method::GET if target.name.is_empty() => self.list(&target),
            Method::GET => self.get(&target),
            Method::POST | Method::PUT | Method::PATCH | Method::DELETE => self.write(&target, content_type, body),
            _ => Err(Refusal::new(405, "MethodNotAllowed", "the server does not allow this method")),
        }
    }

    /// What is no object of its own: logs, and the kubelets behind the proxy.
    fn subresource(&self, target: &Target) -> Result<Option<Answer>, Refusal> {
        let object = || self.api.objects.get(target.kind, &target.key());
        let found = || object().ok_or_else(|| Refusal::not_found(target.kind, &target.name));
        match (target.kind, target.sub.as_str()) {
            (_, "" | "status") => Ok(None),
            (crate::kind::Kind::Pod, "log") => {
                let pod = found()?;
                kubelet::logs::answer(&self.api, &pod, &self.query).map(Some)
            }
            (crate::kind::Kind::Node, sub) if sub.starts_with("proxy/") => {
                found()?;
                let path = sub.trim_start_matches("proxy");
                kubelet::metrics::answer(&self.api, &target.name, path).map(Some).ok_or_else(target::no_such_path)
            }
            _ => Err(target::no_such_path()),
        }
    }

    /// The test's own door: faults, compaction, dropped connections.
    fn control(&self, what: &str, body: &[u8]) -> Result<Answer, Refusal> {
        if self.who != Who::Admin {
            return Err(Refusal::new(403, "Forbidden", "this door is the administrator's"));
        }
        let controls = &self.api.controls;
        match (&self.method, what) {
            (&Method::GET, "faults") => {}
            (&Method::PUT | &Method::POST, "faults") => {
                let faults = serde_json::from_slice(body).map_err(|error| Refusal::bad(error.to_string()))?;
                controls.set(faults);
            }
            (&Method::POST, "compact") => controls.compact(),
            (&Method::POST, "drop") => controls.drop_connections(),
            _ => return Err(target::no_such_path()),
        }
        let faults = serde_json::to_value(controls.get()).unwrap_or(Value::Null);
        Ok(json(200, &json!({"faults": faults, "resourceVersion": self.api.objects.version().to_string()})))
    }
}

fn storm(status: u16) -> Refusal {
    match status {
        429 => Refusal {
            retry_after: Some(1),
            ..Refusal::new(429, "TooManyRequests", "too many requests, please try again later")
        },
        503 => Refusal::new(503, "ServiceUnavailable", "the server is currently unable to handle the request"),
        _ => Refusal::new(500, "InternalError", "Internal error occurred: etcdserver: request timed out"),
    }
}
