//! What machines get: flat, with words instead of the pages' parts and RFC 3339 instead of nanoseconds. `binnacle
//! verdict` reads the same shapes.

use model::{Deploy, Effect, Evidence, Judged, Side, Test, Timestamp, Unjudged, Verdict, Window};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::backend::machines::Listed;

/// A page of services.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ServicePage {
    /// By id.
    pub(crate) items: Vec<ServiceShape>,
    /// The cursor of the next page; nothing on the last.
    pub(crate) next: Option<String>,
}

/// A service.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ServiceShape {
    /// `cluster/namespace/kind/name`.
    pub(crate) id: String,
    /// Its cluster's id.
    pub(crate) cluster: String,
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its kind.
    pub(crate) kind: String,
    /// Its name.
    pub(crate) name: String,
    /// `failing`, `degraded`, `rolling-out`, `unknown` or `healthy`.
    pub(crate) health: String,
    /// Why, in one sentence.
    pub(crate) sentence: String,
    /// Shown name of its revision.
    pub(crate) revision: Option<String>,
    /// What was said of its newest deploy.
    pub(crate) verdict: Option<JudgedShape>,
}

/// A page of deploys.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct DeployPage {
    /// Newest first.
    pub(crate) items: Vec<DeployShape>,
    /// The cursor of the next page; nothing on the last.
    pub(crate) next: Option<String>,
}

/// A deploy.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct DeployShape {
    /// `cluster/namespace/kind/name/sequence`.
    pub(crate) id: String,
    /// Its place among the deploys of the service, from 1.
    pub(crate) sequence: u32,
    /// Shown name of the revision before.
    pub(crate) from: Option<String>,
    /// Shown name of the revision after.
    pub(crate) to: String,
    /// Hash of the revision after.
    pub(crate) revision: String,
    /// `image`, `digest`, `config`, `resources`, `template`, `restart` or `first`.
    pub(crate) kind: String,
    /// When it started.
    pub(crate) started: String,
    /// When it ended, where it did.
    pub(crate) ended: Option<String>,
    /// It takes the service back.
    pub(crate) rollback: bool,
    /// Found afterwards.
    pub(crate) reconstructed: bool,
    /// What changed, a line each.
    pub(crate) changes: Vec<String>,
    /// What was said of it.
    pub(crate) verdict: Option<JudgedShape>,
}

/// A verdict in short.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct JudgedShape {
    /// `rolling-out`, `stuck`, `too-little-data`, `healthy`, `degraded`, `failed` or `rolled-back`.
    pub(crate) level: String,
    /// One sentence.
    pub(crate) headline: String,
    /// What it rests on.
    pub(crate) note: String,
    /// The end of the data it was made from.
    pub(crate) judged_at: String,
}

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
    /// Endpoints with too few requests to judge alone.
    pub(crate) unjudged: Vec<UnjudgedShape>,
}

/// One signal that was looked at.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct EvidenceShape {
    /// What was looked at.
    pub(crate) signal: String,
    /// On which endpoint; nothing is the whole service.
    pub(crate) endpoint: Option<String>,
    /// Which error group, container, image.
    pub(crate) subject: Option<String>,
    /// `flagged`, `not-flagged` or `not-judged`.
    pub(crate) outcome: String,
    /// Why it was called, or why not.
    pub(crate) why: String,
    /// `side-by-side`, `past`, `ever` or `nothing`.
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
    /// `share`, `median` and `p95` (nanoseconds), `rate` (a pod and hour), `count`, `cpu-seconds` or `bytes`.
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

pub(super) fn service(listed: &Listed) -> ServiceShape {
    let id = &listed.service.id;
    ServiceShape {
        id: id.to_string(),
        cluster: id.cluster.clone(),
        namespace: id.namespace.clone(),
        kind: id.kind.clone(),
        name: id.name.clone(),
        health: listed.health.health.key().to_owned(),
        sentence: listed.health.sentence.to_string(),
        revision: listed.service.revision_name.clone(),
        verdict: listed.verdict.as_ref().map(judged),
    }
}

pub(super) fn deploy(deploy: &Deploy, verdict: Option<&Judged>) -> DeployShape {
    DeployShape {
        id: deploy.id.to_string(),
        sequence: deploy.id.sequence,
        from: deploy.from_name.clone(),
        to: deploy.to_name.clone(),
        revision: deploy.to.to_string(),
        kind: deploy.kind.key().to_owned(),
        started: time(deploy.started),
        ended: deploy.phase.ended().map(time),
        rollback: deploy.rollback,
        reconstructed: deploy.reconstructed,
        changes: deploy.changes.clone(),
        verdict: verdict.map(judged),
    }
}

fn judged(judged: &Judged) -> JudgedShape {
    JudgedShape {
        level: judged.level.key().to_owned(),
        headline: judged.headline.to_string(),
        note: judged.note.clone(),
        judged_at: time(judged.judged_at),
    }
}

pub(super) fn answer(of: &Deploy, verdict: Option<&Verdict>) -> VerdictAnswer {
    let short = verdict.map(|verdict| analysis::judged(of.id.sequence, verdict));
    let verdict = verdict.map(|verdict| VerdictShape {
        level: verdict.level.key().to_owned(),
        headline: verdict.headline.to_string(),
        rules: verdict.rules,
        judged_at: time(verdict.judged_at),
        evidence: verdict.evidence.iter().map(evidence).collect(),
        discounted: verdict.discounted.iter().map(ToString::to_string).collect(),
        unjudged: verdict.unjudged.iter().map(unjudged).collect(),
    });
    VerdictAnswer { deploy: deploy(of, short.as_ref()), verdict }
}

fn evidence(evidence: &Evidence) -> EvidenceShape {
    EvidenceShape {
        signal: evidence.signal.word().to_owned(),
        endpoint: evidence.endpoint.clone(),
        subject: evidence.subject.clone(),
        outcome: kebab(evidence.outcome),
        why: evidence.why.to_string(),
        against: kebab(evidence.against),
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
        unit: kebab(effect.unit),
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

fn time(at: Timestamp) -> String {
    jiff::Timestamp::from_second(at.seconds()).map(|at| at.to_string()).unwrap_or_default()
}

/// A variant's name as words are joined in JSON: `NotFlagged` is `not-flagged`.
fn kebab(variant: impl std::fmt::Debug) -> String {
    let mut text = String::new();
    for letter in format!("{variant:?}").chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use model::{Against, Outcome, Unit};

    use super::*;

    #[test]
    fn variants_are_words_and_times_are_rfc_3339() {
        assert_eq!(
            (kebab(Outcome::NotFlagged), kebab(Against::SideBySide)),
            ("not-flagged".into(), "side-by-side".into())
        );
        assert_eq!((kebab(Unit::CpuSeconds), kebab(Unit::P95)), ("cpu-seconds".into(), "p95".into()));
        assert_eq!(time(Timestamp::from_seconds(0)), "1970-01-01T00:00:00Z");
    }
}
