//! Headlines a person would say, from the same numbers as the evidence.

use model::{Deploy, Evidence, Sentence, Signal, Unit, duration_text};

use crate::signal::percent;

/// What a flagged signal says.
pub(crate) fn flagged(evidence: &Evidence, deploy: &Deploy) -> Sentence {
    let to = deploy.to_name.clone();
    let from = evidence.old.as_ref().map_or("before".to_owned(), |old| old.name.clone());
    let value = |side: Option<f64>| side.unwrap_or(0.0);
    let (now, then) = (value(evidence.new.value), value(evidence.old.as_ref().and_then(|old| old.value)));
    let subject = evidence.subject.clone().unwrap_or_default();
    match evidence.signal {
        Signal::Errors if evidence.old.is_none() => failing(evidence, now).strong(to),
        Signal::Errors => {
            failing(evidence, now).strong(to).text(format!("; {} it was ", on(&from))).strong(percent(then))
        }
        Signal::Latency => {
            let what =
                if evidence.effect.as_ref().is_some_and(|e| e.unit == Unit::P95) { " (95th percentile)" } else { "" };
            who(evidence, "A request")
                .text(" takes ")
                .strong(duration_text(now))
                .text(format!("{what} since "))
                .strong(to)
                .text(format!("; {} it was ", on(&from)))
                .strong(duration_text(then))
        }
        Signal::ErrorGroup => error_group(evidence, &subject, &to),
        Signal::LogPattern => Sentence::plain("New in the logs since ").strong(to).text(": ").strong(subject),
        Signal::CrashLoop => Sentence::plain("Pods of ")
            .strong(to)
            .text(" keep crashing: ")
            .strong(subject)
            .text(format!(", {}", evidence.why)),
        Signal::FailedPull => {
            Sentence::plain("Image ").strong(subject).text(" of ").strong(to).text(" can't be pulled")
        }
        Signal::NeverReady => {
            Sentence::plain("Pods of ").strong(to).text(format!(" do not get ready: {}", evidence.why))
        }
        Signal::Stuck => Sentence::plain("Rollout of ").strong(to).text(format!(" is stuck: {}", evidence.why)),
        Signal::Throughput => Sentence::plain("Serves ")
            .strong(format!("{now:.1} requests a minute"))
            .text(" since ")
            .strong(to)
            .text(format!("; before it was {then:.1}")),
        Signal::Restarts => counted("Containers restarted", evidence, &to),
        Signal::OomKills => counted("OOM killed", evidence, &to),
        Signal::FailedProbes => counted("Probes failed", evidence, &to),
        Signal::Unready => counted("Pods were not ready", evidence, &to),
        Signal::Leak => evidence.why.clone(),
        Signal::Cpu | Signal::Memory => {
            let what = if evidence.signal == Signal::Cpu { "A request needs " } else { "A pod holds " };
            let kind = if evidence.signal == Signal::Cpu { " more CPU" } else { " more memory at equal age" };
            Sentence::plain(what).strong(percent(now / then.max(1e-300) - 1.0)).text(kind).text(" since ").strong(to)
        }
    }
}

/// `POST /checkout fails 14.2 % of the time since `.
fn failing(evidence: &Evidence, share: f64) -> Sentence {
    who(evidence, "Requests")
        .text(if evidence.endpoint.is_some() { " fails " } else { " fail " })
        .strong(percent(share))
        .text(" of the time since ")
}

/// `on v1.8.1`, but `this time on earlier days` as it is.
fn on(name: &str) -> String {
    if name == "before" || name.starts_with("this time") { name.to_owned() } else { format!("on {name}") }
}

fn who(evidence: &Evidence, all: &str) -> Sentence {
    evidence
        .endpoint
        .as_ref()
        .map_or_else(|| Sentence::plain(all), |endpoint| Sentence::default().strong(endpoint.clone()))
}

fn error_group(evidence: &Evidence, subject: &str, to: &str) -> Sentence {
    let at = evidence.endpoint.as_ref().map_or(String::new(), |endpoint| format!(" on {endpoint}"));
    Sentence::plain("New error since ")
        .strong(to)
        .text(": ")
        .strong(subject)
        .text(format!("{at}, {}", crate::signal::number(evidence.new.numerator)))
        .text(" times; never seen before")
}

fn counted(what: &str, evidence: &Evidence, to: &str) -> Sentence {
    let unit = if evidence.signal == Signal::Unready { " min" } else { " times" };
    let times = format!("{:.0}{unit}", evidence.new.numerator);
    let times = if times == "1 times" { "once" } else { times.as_str() };
    let said = Sentence::default().strong(format!("{what} {times}")).text(" since ").strong(to);
    match &evidence.old {
        Some(old) => said.text(format!("; {:.0} in {:.0} pod hours before", old.numerator, old.denominator / 60.0)),
        None => said,
    }
}

/// Nothing is flagged and what could have been seen is known.
pub(crate) fn healthy(deploy: &Deploy, errors: Option<&Evidence>) -> Sentence {
    let of = |what: &str| Sentence::plain(what).strong(deploy.to_name.clone());
    let Some((evidence, now)) = errors.and_then(|evidence| Some((evidence, evidence.new.value?))) else {
        return of("Nothing got worse with ");
    };
    match &evidence.old {
        Some(old) => of("Nothing got worse with ").text(format!(
            ": {} of requests fail, {} {}",
            percent(now),
            percent(old.value.unwrap_or(0.0)),
            on(&old.name)
        )),
        None => of("Nothing is wrong with ").text(format!(": {} of requests fail", percent(now))),
    }
}

/// Nothing is flagged, and what could have been seen is not enough, for few requests or for errors and durations that
/// varied as much before; the level beside it says *too little data*. Of each signal that can't be judged the smallest
/// value that would have shown, where any would have; nothing of those that can.
pub(crate) fn unsure(deploy: &Deploy, errors: Option<Option<f64>>, latency: Option<Option<f64>>) -> Sentence {
    let sentence = Sentence::plain("Too little to tell of ").strong(deploy.to_name.clone()).text(": ");
    if errors == Some(None) {
        return sentence.text("even if all requests failed, it would not show");
    }
    let share = errors.flatten().map(|share| format!("up to {} of requests failing", percent(share)));
    let median = |nanos: Option<f64>| match nanos {
        Some(nanos) => format!("a median of up to {}", duration_text(nanos)),
        None => "a longer median".into(),
    };
    let unseen: Vec<String> = share.into_iter().chain(latency.map(median)).collect();
    sentence.strong(unseen.join(" or ")).text(" would not show")
}

/// Kubernetes alone was asked.
pub(crate) fn no_requests(deploy: &Deploy, quiet: bool) -> Sentence {
    let sentence = Sentence::default().strong("No request data").text(" on ").strong(deploy.to_name.clone());
    sentence.text(if quiet {
        ": its pods are ready and nothing happened to them"
    } else {
        ": its pods say too little yet"
    })
}
