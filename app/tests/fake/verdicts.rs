//! The verdict on the shop's newest deploy, and the feed.

use model::*;

use super::{CLUSTER, Fake, minutes_ago, signals};

impl Fake {
    /// In short.
    pub(crate) fn judged(&self, sequence: u32) -> Judged {
        Judged {
            sequence,
            level: VerdictLevel::Failed,
            headline: self.headline(),
            note: "98 of 14,120 requests against 1,998 of 14,070 · p < 0.0001 · 9 other signals not flagged".into(),
            judged_at: minutes_ago(4),
        }
    }

    fn headline(&self) -> Sentence {
        Sentence::default().strong(self.text("POST /checkout")).text(" fails 14.2 % of the time since v1.8.2")
    }

    /// Errors by revision around the deploy.
    pub(crate) fn evidence_chart(&self) -> Option<EvidenceChart> {
        let window = Window::new(minutes_ago(18), minutes_ago(3));
        let drawn = signals::apm(window, Split::Revision);
        let mark = self.marks_in(window).deploys.into_iter().next_back()?;
        let lines = drawn.errors.into_iter().zip(drawn.places).collect();
        Some(EvidenceChart { signal: Signal::Errors, endpoint: Some(self.text("POST /checkout")), window, lines, mark })
    }

    /// With its evidence.
    pub(crate) fn verdict(&self) -> Verdict {
        let window = Window::new(minutes_ago(8), minutes_ago(4));
        let side = |name: &str, numerator: f64, denominator: f64| Side {
            name: self.text(name),
            window,
            numerator,
            denominator,
            value: Some(numerator / denominator),
            cells: 12,
        };
        let looked = |signal, outcome, new: Side, why: &str| Evidence {
            signal,
            endpoint: Some(self.text("POST /checkout")),
            subject: None,
            outcome,
            why: Sentence::plain(self.text(why)),
            against: Against::SideBySide,
            old: Some(side("v1.8.1", 98.0, 14_120.0)),
            new,
            effect: Some(Effect {
                unit: Unit::Share,
                difference: 0.135,
                ratio: Some(20.0),
                interval: Some((0.129, 0.141)),
                method: "Newcombe".into(),
                smallest: None,
            }),
            test: Some(Test {
                name: "two proportions".into(),
                statistic: 43.0,
                freedom: None,
                p: 1e-12,
                threshold: 2.25e-4,
                dispersion: 1.4,
            }),
        };
        Verdict {
            rules: 1,
            judged_at: minutes_ago(4),
            against: Some(Against::SideBySide),
            evidence: vec![
                looked(Signal::Errors, Outcome::Flagged, side("v1.8.2", 1_998.0, 14_070.0), "14.2 % against 0.7 %"),
                looked(Signal::Latency, Outcome::NotFlagged, side("v1.8.2", 98.0, 14_120.0), "can be chance"),
            ],
            discounted: vec![Sentence::plain(self.text("the first 2 min of a pod"))],
            unjudged: vec![Unjudged { endpoint: self.text("GET /rare"), requests: 4.0, visible: None }],
            ..Verdict::new(VerdictLevel::Failed, self.headline())
        }
    }

    /// Deploys of two services.
    pub(crate) fn feed_page(&self, ask: &FeedQuery) -> Feed {
        let of = |name: &str, judged: bool| {
            let id = ServiceId::new(CLUSTER, "shop", "Deployment", name);
            let verdict = judged.then(|| self.judged(12));
            let mut deploy = self.deploy_rows(&id).swap_remove(0).deploy;
            if !judged {
                (deploy.phase, deploy.reconstructed) = (DeployPhase::RollingOut, true);
            }
            FeedRow { deploy, verdict }
        };
        let wanted = |row: &FeedRow| {
            ask.window.is_none_or(|window| window.contains(row.deploy.started))
                && (ask.levels.is_empty()
                    || row.verdict.as_ref().is_some_and(|judged| ask.levels.contains(&judged.level)))
        };
        let rows = [of("checkout", true), of("cart", false)].into_iter().filter(wanted).collect();
        Feed { rows, more: true, namespaces: vec!["shop".into(), self.text("media")] }
    }
}
