//! Logs of pods. No line is kept: a pod says the same in the same second whenever it is asked.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream;
use model::Timestamp;
use serde_json::Value;

use crate::api::{Answer, Api, Query, text as plain};
use crate::error::Refusal;
use crate::kind::Kind;
use crate::object::{Object, number, text, uid};
use crate::random::{Random, hash};
use crate::story::{Scenario, Service};
use crate::time::{self, SECOND};

/// Nobody asks for more than so many seconds of a log.
const LONGEST: i64 = 3_600;

/// One run of a container.
#[derive(Debug, Clone, Copy)]
struct Run {
    from: Timestamp,
    to: Timestamp,
    crashed: bool,
}

/// Answers `pods/log`.
pub(crate) fn answer(api: &Arc<Api>, pod: &Object, query: &Query) -> Result<Answer, Refusal> {
    let value = pod.value(Kind::Pod);
    let name = &pod.key.name;
    let container = value.pointer("/spec/containers/0/name").and_then(Value::as_str).unwrap_or_default();
    let wanted = query.get("container");
    if !wanted.is_empty() && wanted != container {
        return Err(Refusal::bad(format!("container {wanted} is not valid for pod {name}")));
    }
    let now = api.objects.now();
    let previous = query.flag("previous");
    let Some(run) = run(&value, previous, now) else {
        let message = if previous {
            format!("previous terminated container \"{container}\" in pod \"{name}\" not found")
        } else {
            let reason = text(&value, "/status/containerStatuses/0/state/waiting/reason");
            format!("container \"{container}\" in pod \"{name}\" is waiting to start: {reason}")
        };
        return Err(Refusal::bad(message));
    };
    let mut from = time::after(now, -LONGEST * SECOND).max(run.from);
    if let Some(seconds) = query.number("sinceSeconds")? {
        from = from.max(time::after(now, -(seconds.min(1 << 32) as i64) * SECOND));
    }
    if let Some(since) = time::parse(query.get("sinceTime")) {
        from = from.max(since);
    }
    let kept = api.controls.get().log_seconds;
    if kept > 0.0 {
        from = from.max(time::after(now, -time::seconds(kept)));
    }
    let stamps = query.flag("timestamps");
    let mut lines = lines(&api.scenario, &value, run, from, run.to);
    if let Some(tail) = query.number("tailLines")? {
        lines.drain(..lines.len().saturating_sub(tail as usize));
    }
    let mut out = write(&lines, stamps);
    if let Some(limit) = query.number("limitBytes")? {
        out.truncate(out.floor_char_boundary(limit as usize));
    }
    if !query.flag("follow") || run.to < now {
        return Ok(plain(out));
    }
    Ok(follow(api.clone(), pod.key.clone(), uid(&value).to_owned(), out, run.to, stamps))
}

/// Says what is said from now on, until the container ends.
fn follow(api: Arc<Api>, key: crate::object::Key, id: String, first: String, from: Timestamp, stamps: bool) -> Answer {
    let pieces = stream::unfold((Some(first), from), move |(first, from)| {
        let (api, key, id) = (api.clone(), key.clone(), id.clone());
        async move {
            if let Some(first) = first {
                return Some((Ok(Bytes::from(first)), (None, from)));
            }
            loop {
                tokio::time::sleep(std::time::Duration::from_millis(500)).await;
                let pod = api.objects.get(Kind::Pod, &key)?;
                let value = pod.value(Kind::Pod);
                let now = api.objects.now();
                let run = run(&value, false, now).filter(|run| uid(&value) == id && run.to >= now)?;
                let lines = lines(&api.scenario, &value, run, from, now);
                if let Some((last, _)) = lines.last() {
                    let next = time::after(*last, 1);
                    return Some((Ok(Bytes::from(write(&lines, stamps))), (None, next)));
                }
            }
        }
    });
    crate::api::stream("text/plain; charset=utf-8", pieces)
}

/// When the container ran, or runs.
fn run(pod: &Value, previous: bool, now: Timestamp) -> Option<Run> {
    let status = pod.pointer("/status/containerStatuses/0")?;
    let ended = |state: &Value| {
        let end = state.get("terminated")?;
        let (from, to) = (time::parse(text(end, "/startedAt"))?, time::parse(text(end, "/finishedAt"))?);
        Some(Run { from, to, crashed: number(end, "/exitCode") != 0 && text(end, "/reason") != "OOMKilled" })
    };
    let running = time::parse(text(status, "/state/running/startedAt"));
    match running {
        Some(from) if !previous => Some(Run { from, to: now, crashed: false }),
        Some(_) => ended(&status["lastState"]),
        // Between two runs the last one is what there is.
        None => ended(&status["state"]).or_else(|| ended(&status["lastState"])),
    }
}

fn write(lines: &[(Timestamp, String)], stamps: bool) -> String {
    let mut out = String::new();
    for (at, line) in lines {
        if stamps {
            out.push_str(&time::nano_text(*at));
            out.push(' ');
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// What a container says between two moments of its run.
fn lines(scenario: &Scenario, pod: &Value, run: Run, from: Timestamp, to: Timestamp) -> Vec<(Timestamp, String)> {
    let app = format!("{}/{}", text(pod, "/metadata/namespace"), text(pod, "/metadata/labels/app"));
    let Some(service) = scenario.find(&app).map(|index| &scenario.services[index]) else { return Vec::new() };
    let image = text(pod, "/spec/containers/0/image");
    let mut lines = Vec::new();
    let start = format!("INFO  starting {} {}", service.name, image.rsplit(':').next().unwrap_or_default());
    lines.push((run.from, start));
    if run.crashed {
        let signature = pod.pointer("/spec/containers/0").map(Value::to_string).unwrap_or_default();
        let words = scenario.effects.iter().filter(|effect| effect.service == app && signature.contains(&effect.when));
        let words: Vec<&String> = words.flat_map(|effect| &effect.last_words).collect();
        let step = (run.to.0 - run.from.0) / (words.len() as i64 + 1).max(1);
        let stamped = words.iter().enumerate();
        lines.extend(stamped.map(|(at, word)| (time::after(run.from, step * (at as i64 + 1)), (*word).clone())));
    } else {
        let seed = hash(uid(pod).as_bytes());
        let seconds = from.0.max(run.from.0) / SECOND..=to.0 / SECOND;
        lines.extend(seconds.flat_map(|second| said(service, seed, second)));
    }
    lines.retain(|(at, _)| *at >= from && *at <= to && *at >= run.from);
    lines
}

/// What a service's pod says within a second.
fn said(service: &Service, seed: u64, second: i64) -> Vec<(Timestamp, String)> {
    let mut random = Random::new(seed ^ (second as u64).wrapping_mul(0x9e37_79b9));
    let count = if service.routes.is_empty() { usize::from(second % 30 == 0) } else { random.below(3) };
    let mut moments: Vec<i64> = (0..count).map(|_| seconds_into(&mut random)).collect();
    moments.sort_unstable();
    let line = |random: &mut Random| match service.routes.len() {
        0 => format!("INFO  {} wrote {} records", service.name, 200 + random.below(900)),
        routes => {
            let route = &service.routes[random.below(routes)];
            format!("INFO  {} 200 {:.1} ms", route.name, route.millis * random.spread(0.8))
        }
    };
    moments.into_iter().map(|nanos| (Timestamp(second * SECOND + nanos), line(&mut random))).collect()
}

fn seconds_into(random: &mut Random) -> i64 {
    time::seconds(random.unit())
}
