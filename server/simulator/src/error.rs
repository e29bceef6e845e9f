//! What can go wrong with a simulated cluster, and what its API server refuses.

use serde_json::{Value, json};

use crate::kind::Kind;

/// Why there is no simulated cluster.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The scenario cannot be read.
    #[error("the scenario cannot be read: {0}")]
    Scenario(String),
    /// The endpoint for OTLP is none.
    #[error("{0} is not an http:// address")]
    Endpoint(String),
}

/// A refusal, as the API server words it in a `Status`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    /// HTTP status.
    pub(crate) code: u16,
    /// As in `Status.reason`.
    pub(crate) reason: &'static str,
    /// As in `Status.message`.
    pub(crate) message: String,
    /// A token to go on with another snapshot, for a list whose own is gone.
    pub(crate) resume: Option<String>,
    /// Seconds after which to come again.
    pub(crate) retry_after: Option<u32>,
    /// What it is about: plural and name.
    pub(crate) about: Option<(&'static str, String)>,
}

impl Refusal {
    /// A refusal with nothing but its words.
    pub(crate) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), resume: None, retry_after: None, about: None }
    }

    /// There is no such object.
    pub(crate) fn not_found(kind: Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", kind.resource());
        Self { about: Some((kind.place().plural, name.to_owned())), ..Self::new(404, "NotFound", message) }
    }

    /// There is one already.
    pub(crate) fn exists(kind: Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", kind.resource());
        Self { about: Some((kind.place().plural, name.to_owned())), ..Self::new(409, "AlreadyExists", message) }
    }

    /// Somebody else was first.
    pub(crate) fn conflict(kind: Kind, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; please apply your changes \
             to the latest version and try again",
            kind.resource()
        );
        Self { about: Some((kind.place().plural, name.to_owned())), ..Self::new(409, "Conflict", message) }
    }

    /// The request makes no sense.
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// The object makes no sense.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(422, "Invalid", message)
    }

    /// What was asked for is forgotten.
    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// A watch from before what is remembered.
    pub(crate) fn too_old(wanted: u64, oldest: u64) -> Self {
        Self::expired(format!("too old resource version: {wanted} ({oldest})"))
    }

    /// The `Status` object.
    pub(crate) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        });
        if let Some((kind, name)) = &self.about {
            status["details"] = json!({"kind": kind, "name": name});
        }
        if let Some(token) = &self.resume {
            status["metadata"]["continue"] = json!(token);
        }
        if let Some(seconds) = self.retry_after {
            status["details"] = json!({"retryAfterSeconds": seconds});
        }
        status
    }
}
