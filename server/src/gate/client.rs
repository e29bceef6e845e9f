//! Asks a Binnacle over its API which deploy is meant and what is said of it.

use std::time::Duration;

use anyhow::{Context, anyhow};

use crate::api::Problem;
use crate::api::shapes::{DeployPage, DeployShape, ServicePage, VerdictAnswer};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no answer.
pub(super) struct Failure {
    pub(super) error: anyhow::Error,
    /// It may be otherwise when asked again: the server restarts, or has not met the service yet.
    pub(super) may_pass: bool,
}

impl Failure {
    fn passing(error: anyhow::Error) -> Self {
        Self { error, may_pass: true }
    }

    fn lasting(error: anyhow::Error) -> Self {
        Self { error, may_pass: false }
    }
}

/// One Binnacle.
pub(super) struct Client {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
}

impl Client {
    pub(super) fn new(server: &str, token: Option<String>) -> Self {
        let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false).build();
        Self { agent: config.new_agent(), base: format!("{}/api/v1", server.trim_end_matches('/')), token }
    }

    /// The service that is meant, and what is said of the deploy that is, if it began.
    pub(super) fn answer(
        &self,
        service: &str,
        revision: Option<&str>,
        since: Option<jiff::Timestamp>,
    ) -> Result<(String, Option<VerdictAnswer>), Failure> {
        let service = self.service(service)?;
        let page: DeployPage = self.get(&format!("/services/{service}/deploys"), &[("limit", "200")])?;
        let found = page.items.into_iter().find(|deploy| is_meant(deploy, revision, since));
        let answer = found.map(|deploy| self.get(&format!("/deploys/{}/verdict", deploy.id), &[])).transpose()?;
        Ok((service, answer))
    }

    /// The id of the one service that is meant.
    fn service(&self, meant: &str) -> Result<String, Failure> {
        let parts: Vec<&str> = meant.split('/').collect();
        let name = parts.last().copied().unwrap_or_default();
        let page: ServicePage = self.get("/services", &[("name", name), ("limit", "200")])?;
        let is_meant = |id: &&String| match *parts {
            [_] => true,
            [namespace, _] => id.split('/').nth(1) == Some(namespace),
            _ => **id == meant || id.ends_with(&format!("/{meant}")),
        };
        let ids: Vec<String> = page.items.into_iter().map(|service| service.id).collect();
        let found: Vec<&str> = ids.iter().filter(is_meant).map(String::as_str).collect();
        match *found {
            [] => Err(Failure::passing(anyhow!("no service {meant} is known"))),
            [one] => Ok(one.to_owned()),
            _ => Err(Failure::lasting(anyhow!("{meant} may be {}: say which", found.join(", ")))),
        }
    }

    fn get<T: serde::de::DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, Failure> {
        let url = format!("{}{path}", self.base);
        let mut request = self.agent.get(&url).query_pairs(query.iter().copied());
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let asked = request.call().with_context(|| format!("could not ask {}", self.base));
        let mut response = asked.map_err(Failure::passing)?;
        let status = response.status();
        if status.is_success() {
            let read = response.body_mut().read_json().context("could not read the answer: is this a Binnacle?");
            return read.map_err(Failure::lasting);
        }
        let (error, is_problem) = match response.body_mut().read_json::<Problem>() {
            Ok(problem) => (anyhow!("{status}: {}", problem.detail), true),
            Err(_) => (anyhow!("{url} answers {status}"), false),
        };
        // A service that is listed may be gone a moment later.
        let may_pass = status.is_server_error() || status == 429 || (status == 404 && is_problem);
        Err(Failure { error, may_pass })
    }
}

/// Whether a deploy brought the revision, and began after an instant.
fn is_meant(deploy: &DeployShape, revision: Option<&str>, since: Option<jiff::Timestamp>) -> bool {
    let is_late = |since| deploy.started.parse::<jiff::Timestamp>().is_ok_and(|at| at >= since);
    revision.is_none_or(|wanted| deploy.to == wanted || deploy.revision == wanted) && since.is_none_or(is_late)
}
