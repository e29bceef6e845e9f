//! A verdict with its evidence.

use model::{Deploy, Effect, Evidence, Side, Test, Unjudged, Verdict, Window};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::deploys::{DeployShape, deploy};
use super::time;

/// A deploy and what is said of it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct VerdictAnswer {
    /// The deploy.
    pub(crate) deploy: DeployShape,
    /// Nothing until it is judged.
    pub(crate) verdict: Option<VerdictShape>,
}

/// A verdict with its evidence.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct VerdictShape {
    /// As in `JudgedShape`.
    pub(crate) level: String,
    /// One sentence.
    pub(crate) headline: String,
    /// Version of the rules that made it.
    pub(crate) rules: u32,
    /// The end of the data it was made from.
    pub(crate) judged_at: String,
    /// Flagged signals first, then everything looked at and not flagged.
    pub(crate) evidence: Vec<EvidenceShape>,
    /// What was set apart before comparing.
    pub(crate) discounted: Vec<String>,
    /// The busiest endpoints with too few requests to judge alone, at most 20.
    pub(crate) unjudged: Vec<UnjudgedShape>,
    /// How many there are in all.
    pub(crate) unjudged_in_all: u32,
}

/// One signal that was looked at.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct EvidenceShape {
    /// What was looked at: `errors`, `latency`, `error_group`, `log_pattern`, `throughput`, `crash_loop`,
    /// `failed_pull`, `never_ready`, `stuck`, `restarts`, `oom_kills`, `failed_probes`, `unready`, `cpu`, `memory` or
    /// `leak`.
    pub(crate) signal: String,
    /// On which endpoint; nothing is the whole service.
    pub(crate) endpoint: Option<String>,
    /// Which error group, container, image.
    pub(crate) subject: Option<String>,
    /// `flagged`, `better`, `not_flagged` or `not_judged`.
    pub(crate) outcome: String,
    /// Why it was called, or why not.
    pub(crate) why: String,
    /// `side_by_side`, `past`, `ever` or `nothing`.
    pub(crate) against: String,
    /// The old side.
    pub(crate) old: Option<SideShape>,
    /// The new side.
    pub(crate) new: SideShape,
    /// The difference.
    pub(crate) effect: Option<EffectShape>,
    /// The test.
    pub(crate) test: Option<TestShape>,
}

/// One side of a comparison.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct SideShape {
    /// The revision, or what else it is.
    pub(crate) name: String,
    /// From when.
    pub(crate) from: String,
    /// To when.
    pub(crate) to: String,
    /// Failed requests, restarts ….
    pub(crate) numerator: f64,
    /// Requests, pod minutes ….
    pub(crate) denominator: f64,
    /// What is compared.
    pub(crate) value: Option<f64>,
}

/// The difference between the sides.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct EffectShape {
    /// `share`, `median` and `p95` (nanoseconds), `rate` (a pod and hour), `count`, `cpu_seconds` or `bytes`.
    pub(crate) unit: String,
    /// New less old.
    pub(crate) difference: f64,
    /// New over old.
    pub(crate) ratio: Option<f64>,
    /// At 95 %: from.
    pub(crate) low: Option<f64>,
    /// At 95 %: to.
    pub(crate) high: Option<f64>,
    /// The smallest difference that would have been seen.
    pub(crate) smallest: Option<f64>,
}

/// A test.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct TestShape {
    /// Its name.
    pub(crate) name: String,
    /// One-sided p.
    pub(crate) p: f64,
    /// What p had to reach.
    pub(crate) threshold: f64,
    /// How many times more counts vary than independent ones would.
    pub(crate) dispersion: f64,
}

/// An endpoint with too few requests.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct UnjudgedShape {
    /// The endpoint.
    pub(crate) endpoint: String,
    /// Its requests on the new revision.
    pub(crate) requests: f64,
    /// The share of failures that would have been seen.
    pub(crate) visible: Option<f64>,
}

pub(crate) fn answer(of: &Deploy, verdict: Option<&Verdict>) -> VerdictAnswer {
    let short = verdict.map(|verdict| analysis::judged(of.id.sequence, verdict));
    let verdict = verdict.map(|verdict| VerdictShape {
        level: verdict.level.key().to_owned(),
        headline: verdict.headline.to_string(),
        rules: verdict.rules,
        judged_at: time(verdict.judged_at),
        evidence: verdict.evidence.iter().map(evidence).collect(),
        discounted: verdict.discounted.iter().map(ToString::to_string).collect(),
        unjudged: verdict.unjudged.iter().map(unjudged).collect(),
        unjudged_in_all: verdict.unjudged_in_all,
    });
    VerdictAnswer { deploy: deploy(of, short.as_ref()), verdict }
}

fn evidence(evidence: &Evidence) -> EvidenceShape {
    EvidenceShape {
        signal: evidence.signal.key().to_owned(),
        endpoint: evidence.endpoint.clone(),
        subject: evidence.subject.clone(),
        outcome: evidence.outcome.key().to_owned(),
        why: evidence.why.to_string(),
        against: evidence.against.key().to_owned(),
        old: evidence.old.as_ref().map(side),
        new: side(&evidence.new),
        effect: evidence.effect.as_ref().map(effect),
        test: evidence.test.as_ref().map(test),
    }
}

fn side(side: &Side) -> SideShape {
    let Window { from, to } = side.window;
    SideShape {
        name: side.name.clone(),
        from: time(from),
        to: time(to),
        numerator: side.numerator,
        denominator: side.denominator,
        value: side.value,
    }
}

fn effect(effect: &Effect) -> EffectShape {
    EffectShape {
        unit: effect.unit.key().to_owned(),
        difference: effect.difference,
        ratio: effect.ratio,
        low: effect.interval.map(|(low, _)| low),
        high: effect.interval.map(|(_, high)| high),
        smallest: effect.smallest,
    }
}

fn test(test: &Test) -> TestShape {
    TestShape { name: test.name.clone(), p: test.p, threshold: test.threshold, dispersion: test.dispersion }
}

fn unjudged(unjudged: &Unjudged) -> UnjudgedShape {
    UnjudgedShape { endpoint: unjudged.endpoint.clone(), requests: unjudged.requests, visible: unjudged.visible }
}

#[cfg(test)]
mod tests {
    use model::{Against, Outcome, Sentence, Signal, Timestamp, Unit};

    use super::*;

    #[test]
    fn variants_are_stable_words() {
        let window = Window::new(Timestamp(0), Timestamp(1));
        let new = Side { name: "v2".into(), window, numerator: 1.0, denominator: 2.0, value: Some(0.5), cells: 1 };
        let unit = Unit::CpuSeconds;
        let method = String::new();
        let shape = evidence(&Evidence {
            signal: Signal::ErrorGroup,
            endpoint: None,
            subject: None,
            outcome: Outcome::NotFlagged,
            why: Sentence::plain("few"),
            against: Against::SideBySide,
            old: None,
            new,
            effect: Some(Effect { unit, difference: 1.0, ratio: None, interval: None, method, smallest: None }),
            test: None,
        });
        let words = (shape.signal.as_str(), shape.outcome.as_str(), shape.against.as_str());
        assert_eq!(words, ("error_group", "not_flagged", "side_by_side"));
        assert_eq!(shape.effect.unwrap().unit, "cpu_seconds");
    }
}
