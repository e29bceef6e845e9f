//! `binnacle verdict`: asks a running Binnacle what it says of a deploy, as a gate for CI.

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::api::Problem;
use crate::api::shapes::{DeployPage, DeployShape, ServicePage, VerdictAnswer, VerdictShape};
use crate::config::age;

/// How often it asks again.
const PAUSE: Duration = Duration::from_secs(5);
/// A deploy that is waited for began at most so long ago.
const RECENT: Duration = Duration::from_secs(600);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Signals that are printed though not flagged.
const SHOWN: usize = 12;

/// Which deploy, and where to ask.
#[derive(Debug, clap::Args)]
pub(crate) struct Ask {
    /// The service: its name, `namespace/name`, `namespace/kind/name` or its whole id
    service: String,
    /// The revision that the deploy brought, by shown name or hash [default: that of the newest deploy]
    #[arg(long, value_name = "REVISION")]
    revision: Option<String>,
    /// How long to wait for a verdict that says healthy, degraded or failed
    #[arg(long, value_name = "AGE", value_parser = age)]
    wait: Option<Duration>,
    /// Only a deploy that began within so long before: what ran already is not the answer to what is rolled out now
    /// [default: 10m with --wait and without --revision, else any]
    #[arg(long, value_name = "AGE", value_parser = age)]
    since: Option<Duration>,
    /// Where Binnacle is
    #[arg(long, env = "BINNACLE_SERVER", default_value = "http://127.0.0.1:7700", value_name = "URL")]
    server: String,
    /// Its token
    #[arg(long, env = "BINNACLE_AUTH_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// Prints the verdict and says it as an exit code: 0 healthy, 1 degraded, failed, stuck or rolled back, 2 too little
/// data, 3 where it could not be asked.
pub(crate) fn run(ask: &Ask) -> ExitCode {
    match gate(ask) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("binnacle: {error:#}");
            ExitCode::from(3)
        }
    }
}

fn gate(ask: &Ask) -> anyhow::Result<u8> {
    let started = Instant::now();
    let client = Client::new(ask);
    let recent = ask.wait.is_some() && ask.revision.is_none();
    let since = ask.since.or(recent.then_some(RECENT)).and_then(|age| jiff::Timestamp::now().checked_sub(age).ok());
    loop {
        let answer = client.answer(ask, since);
        let code = answer.as_ref().map(|(_, answer)| code(answer.as_ref().and_then(level)));
        let rest = ask.wait.and_then(|wait| wait.checked_sub(started.elapsed())).filter(|rest| !rest.is_zero());
        // A server that restarts, or a service that it has not met yet, may answer before the wait is over.
        match (code.unwrap_or(2), rest) {
            (2, Some(rest)) => std::thread::sleep(PAUSE.min(rest)),
            (code, _) => {
                let (service, answer) = answer?;
                for line in lines(answer.as_ref(), &service) {
                    writeln!(std::io::stdout(), "{}", printable(&line)).context("could not print")?;
                }
                return Ok(code);
            }
        }
    }
}

fn level(answer: &VerdictAnswer) -> Option<&str> {
    answer.verdict.as_ref().map(|verdict| verdict.level.as_str())
}

/// Names come from telemetry and the cluster: what would steer a terminal, or begin a line that a CI system obeys, is
/// shown as a replacement character.
fn printable(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn code(level: Option<&str>) -> u8 {
    match level {
        Some("healthy") => 0,
        Some("degraded" | "failed" | "stuck" | "rolled-back") => 1,
        _ => 2,
    }
}

struct Client {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
}

impl Client {
    fn new(ask: &Ask) -> Self {
        let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false).build();
        let base = format!("{}/api/v1", ask.server.trim_end_matches('/'));
        Self { agent: config.new_agent(), base, token: ask.token.clone() }
    }

    fn get<T: serde::de::DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<T> {
        let url = format!("{}{path}", self.base);
        let mut request = self.agent.get(&url).query_pairs(query.iter().copied());
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut response = request.call().with_context(|| format!("could not ask {}", self.base))?;
        if response.status().is_success() {
            return response.body_mut().read_json().context("could not read the answer: is this a Binnacle?");
        }
        let status = response.status();
        match response.body_mut().read_json::<Problem>() {
            Ok(problem) => bail!("{status}: {}", problem.detail),
            Err(_) => bail!("{url} answers {status}"),
        }
    }

    /// The id of the one service that is meant.
    fn service(&self, meant: &str) -> anyhow::Result<String> {
        let parts: Vec<&str> = meant.split('/').collect();
        let name = parts.last().copied().unwrap_or_default();
        let page: ServicePage = self.get("/services", &[("name", name), ("limit", "200")])?;
        let is_meant = |id: &&String| match *parts {
            [_] => true,
            [namespace, _] => id.split('/').nth(1) == Some(namespace),
            _ => **id == meant || id.ends_with(&format!("/{meant}")),
        };
        let ids: Vec<String> = page.items.into_iter().map(|service| service.id).collect();
        let found: Vec<&String> = ids.iter().filter(is_meant).collect();
        ensure!(!found.is_empty(), "no service {meant} is known");
        ensure!(found.len() == 1, "{meant} may be {}: say which", join(&found));
        Ok(found[0].clone())
    }

    /// The service that is meant, and what is said of the deploy that is, if it began.
    fn answer(&self, ask: &Ask, since: Option<jiff::Timestamp>) -> anyhow::Result<(String, Option<VerdictAnswer>)> {
        let service = self.service(&ask.service)?;
        let page: DeployPage = self.get(&format!("/services/{service}/deploys"), &[("limit", "200")])?;
        let found = page.items.into_iter().find(|deploy| is_meant(deploy, ask.revision.as_deref(), since));
        let answer = found.map(|deploy| self.verdict(&deploy)).transpose()?;
        Ok((service, answer))
    }

    fn verdict(&self, deploy: &DeployShape) -> anyhow::Result<VerdictAnswer> {
        self.get(&format!("/deploys/{}/verdict", deploy.id), &[])
    }
}

/// Whether a deploy brought the revision, and began after an instant.
fn is_meant(deploy: &DeployShape, revision: Option<&str>, since: Option<jiff::Timestamp>) -> bool {
    let is_late = |since| deploy.started.parse::<jiff::Timestamp>().is_ok_and(|at| at >= since);
    revision.is_none_or(|wanted| deploy.to == wanted || deploy.revision == wanted) && since.is_none_or(is_late)
}

fn join(ids: &[&String]) -> String {
    ids.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ")
}

/// What is printed.
fn lines(answer: Option<&VerdictAnswer>, service: &str) -> Vec<String> {
    let Some(answer) = answer else { return vec![format!("{service}: no such deploy yet")] };
    let deploy = &answer.deploy;
    let from = deploy.from.as_ref().map(|from| format!("{from} → ")).unwrap_or_default();
    let mut lines = vec![format!("{service}: {from}{} ({}, started {})", deploy.to, deploy.kind, deploy.started)];
    match &answer.verdict {
        Some(verdict) => evidence(verdict, &mut lines),
        None => lines.push("not judged yet".to_owned()),
    }
    lines
}

fn evidence(verdict: &VerdictShape, lines: &mut Vec<String>) {
    lines.push(format!("{}: {}", verdict.level, verdict.headline));
    let (flagged, rest): (Vec<_>, Vec<_>) = verdict.evidence.iter().partition(|looked| looked.outcome == "flagged");
    let left_out = rest.len().saturating_sub(SHOWN);
    for looked in flagged.into_iter().chain(rest.into_iter().take(SHOWN)) {
        let what: Vec<&str> =
            [&looked.signal].into_iter().chain(&looked.endpoint).chain(&looked.subject).map(String::as_str).collect();
        let test = looked.test.as_ref().filter(|test| test.p < 0.5);
        let p = test.map(|test| format!(" (p {:.1e})", test.p)).unwrap_or_default();
        lines.push(format!("  {:<11} {}: {}{p}", looked.outcome, what.join(" · "), looked.why));
    }
    if left_out > 0 {
        lines.push(format!("  and {left_out} more that were not flagged"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_neither_steer_a_terminal_nor_give_orders() {
        assert_eq!(printable("a\u{1b}[2K\r\n::error::b"), "a\u{fffd}[2K\u{fffd}\u{fffd}::error::b");
    }

    #[test]
    fn exit_codes_tell_good_bad_and_unsure_apart() {
        let codes = ["healthy", "failed", "degraded", "stuck", "rolled-back", "too-little-data", "rolling-out"];
        assert_eq!(codes.map(|level| code(Some(level))), [0, 1, 1, 1, 1, 2, 2]);
        assert_eq!(code(None), 2);
    }
}
