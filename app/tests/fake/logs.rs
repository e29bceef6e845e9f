//! What the shop's checkout wrote.

use model::*;

use super::{AS_OF, Fake, minutes_ago, traces};

impl Fake {
    /// Three lines and a gap, of which those of a level can be asked for; nothing after a page.
    pub(crate) fn log_page(&self, window: Window, filter: &LogFilter, after: Option<Cursor>) -> LogPage {
        let line = |seconds: i64, level: Level, body: &str| LogLine {
            at: AS_OF.plus(-seconds * SECOND),
            level,
            severity: String::new(),
            body: body.to_owned(),
            pattern: body.to_owned(),
            scope: "shop.payments".into(),
            trace: Some(traces::id()),
            span: None,
            pod: Some("checkout-84bd-4n8vt".into()),
            revision: Some("v1.8.2".into()),
            attributes: vec![("order.id".into(), Value::Text(self.text("81f3")))],
        };
        let all = [
            line(5, Level::Error, &self.text("payment authorize failed: no answer")),
            line(6, Level::Warn, "retrying payment"),
            line(7, Level::Info, "checkout accepted\nwith two lines"),
            self.gap(),
        ];
        let lines: Vec<LogLine> = all.into_iter().filter(|line| filter.lets_level(line.level)).collect();
        let step = window.step(90);
        let points = vec![Some(2.0); (window.aligned(step).length() / step.0) as usize];
        let series =
            |name: &str| Series { name: name.into(), start: window.aligned(step).from, step, points: points.clone() };
        LogPage {
            next: after.is_none().then_some(Cursor { key: minutes_ago(30).0, skip: 1 }),
            lines,
            levels: vec![series("info"), series("error")],
            matched: 240,
            covered_from: None,
            coverage: LogCoverage { pods: 40, read: 12, beyond: 28, streams: 500, ..LogCoverage::default() },
        }
    }

    /// A minute and a half of which nothing is known.
    fn gap(&self) -> LogLine {
        let gap = LogGap {
            from: AS_OF.plus(-100 * SECOND),
            to: AS_OF.plus(-8 * SECOND),
            reason: self.text("stream was lost"),
        };
        LogLine {
            at: gap.to,
            level: Level::Unset,
            severity: String::new(),
            body: gap.reason.clone(),
            pattern: String::new(),
            scope: LogGap::SCOPE.into(),
            trace: None,
            span: None,
            pod: Some("checkout-84bd-4n8vt".into()),
            revision: None,
            attributes: gap.attributes().map(|(key, value)| (key.to_owned(), value)).to_vec(),
        }
    }

    /// A new pattern and an old one.
    pub(crate) fn patterns(&self, window: Window, filter: &LogFilter) -> LogPatterns {
        let step = window.step(30);
        let pattern = |pattern: String, level, is_new| LogPattern {
            pattern,
            level,
            count: 42,
            series: Series { name: String::new(), start: window.from, step, points: vec![Some(1.0); 30] },
            first_seen: minutes_ago(8),
            first_revision: Some(RevisionHash("84bd".into())),
            first_revision_name: Some("v1.8.2".into()),
            last_seen: minutes_ago(0),
            is_new,
        };
        let new = pattern(self.text("payment authorize failed no answer"), Level::Error, true);
        let mut patterns = vec![new, pattern("checkout accepted".into(), Level::Info, false)];
        patterns.retain(|one| filter.lets_level(one.level));
        LogPatterns { patterns, more: 2, asks_lines: filter.asks_bodies() }
    }
}
