//! `binnacle verdict`: asks a running Binnacle what it says of a deploy, as a gate for CI.

mod client;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::api::shapes::{VerdictAnswer, VerdictShape};
use crate::config::span;
use client::Client;

/// How often it asks again.
const PAUSE: Duration = Duration::from_secs(5);
/// A deploy that is waited for began at most so long ago.
const RECENT: Duration = Duration::from_secs(600);
/// Signals that are printed though not flagged.
const SHOWN: usize = 12;
/// The exit code where nothing can be said yet.
const UNSURE: u8 = 2;
/// The exit code where there is no answer: it could not be asked, or knows no such service.
const NOT_ASKED: u8 = 3;

/// Which deploy, and where to ask.
#[derive(Debug, clap::Args)]
pub(crate) struct Ask {
    /// The service: its name, `namespace/name`, `namespace/kind/name` or its whole id
    service: String,
    /// The revision that the deploy brought, by shown name or hash [default: that of the newest deploy]
    #[arg(long, value_name = "REVISION")]
    revision: Option<String>,
    /// How long to wait for a verdict that says healthy, degraded or failed
    #[arg(long, value_name = "AGE", value_parser = span)]
    wait: Option<Duration>,
    /// Only a deploy that began within so long before: what ran already is not the answer to what is rolled out now
    /// [default: 10m with --wait and without --revision, else any]
    #[arg(long, value_name = "AGE", value_parser = span)]
    since: Option<Duration>,
    /// Where Binnacle is
    #[arg(long, env = "BINNACLE_SERVER", default_value = "http://127.0.0.1:7700", value_name = "URL")]
    server: String,
    /// Its token
    #[arg(long, env = "BINNACLE_AUTH_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// Prints the verdict and says it as an exit code: 0 healthy, 1 degraded, failed, stuck or rolled back, 2 too little
/// data, 3 where there is no answer, since it could not be asked or knows no such service.
pub(crate) fn run(ask: &Ask) -> ExitCode {
    match gate(ask, PAUSE).and_then(|(code, lines)| print(&lines).map(|()| code)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("binnacle: {}", printable(&format!("{error:#}")));
            ExitCode::from(NOT_ASKED)
        }
    }
}

fn print(lines: &[String]) -> anyhow::Result<()> {
    lines.iter().try_for_each(|line| writeln!(std::io::stdout(), "{}", printable(line))).context("could not print")
}

/// The exit code, and what is printed: both from one answer.
fn gate(ask: &Ask, pause: Duration) -> anyhow::Result<(u8, Vec<String>)> {
    let started = Instant::now();
    let client = Client::new(&ask.server, ask.token.clone());
    let recent = ask.wait.is_some() && ask.revision.is_none();
    let since = ask.since.or(recent.then_some(RECENT)).and_then(|age| jiff::Timestamp::now().checked_sub(age).ok());
    loop {
        let answer = client.answer(&ask.service, ask.revision.as_deref(), since);
        let code = match &answer {
            Ok((_, answer)) => code(answer.as_ref().and_then(level)),
            // A server that restarts, or a service that it has not met yet, may answer before the wait is over.
            Err(failure) if failure.may_pass => UNSURE,
            Err(_) => NOT_ASKED,
        };
        let rest = ask.wait.and_then(|wait| wait.checked_sub(started.elapsed())).filter(|rest| !rest.is_zero());
        match (code, rest) {
            (UNSURE, Some(rest)) => std::thread::sleep(pause.min(rest)),
            (code, _) => {
                let (service, answer) = answer.map_err(|failure| failure.error)?;
                return Ok((code, lines(answer.as_ref(), &service)));
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
        _ => UNSURE,
    }
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
        lines.push(format!("  and {left_out} more, none of them flagged"));
    }
}
