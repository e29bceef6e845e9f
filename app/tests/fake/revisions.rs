//! The revisions of the shop's checkout, and two of them compared.

use app::AppError;
use model::*;

use super::{AS_OF, Fake, minutes_ago};

/// Short hash, name, minutes since it began and since it ended.
const REVISIONS: [(&str, &str, i64, i64); 3] =
    [("84bd7c6f9", "v1.8.2", 8, 0), ("7d9f5b4c8", "v1.8.1", 42, 7), ("5c6d4f7b9", "v1.7.9", 9_000, 8_800)];

/// The one before ran twice.
const EARLIER: (&str, u32, i64, i64) = ("7d9f5b4c8", 9, 300, 200);

fn ran(of: &RunOf) -> Option<Window> {
    let (.., began, ended) = REVISIONS.into_iter().find(|(hash, ..)| of.hash.0 == *hash)?;
    let (_, earlier, from, to) = EARLIER;
    let (began, ended) = if of.deploy == Some(earlier) { (from, to) } else { (began, ended) };
    Some(Window::new(minutes_ago(began), minutes_ago(ended)))
}

/// The newest first.
fn runs(hash: &RevisionHash, shown: Window) -> Vec<RevisionRun> {
    let (of, earlier, ..) = EARLIER;
    let run = |sequence| {
        let deploy = Some(sequence);
        let ran = ran(&RunOf { hash: hash.clone(), deploy })?;
        Some(RevisionRun { deploy, ran, is_shown: ran == shown })
    };
    run(11).into_iter().chain(run(earlier).filter(|_| hash.0 == of)).collect()
}

impl Fake {
    fn revision_name(&self, of: &RevisionHash) -> String {
        let found = REVISIONS.into_iter().find(|(hash, ..)| of.0 == *hash);
        self.text(found.map_or("", |(_, name, ..)| name))
    }

    /// The one that fails, the one before, and one of last week.
    pub(crate) fn revision_list(&self) -> Revisions {
        let row = |(hash, _, began, ended): (&str, &str, i64, i64)| {
            let hash = RevisionHash(hash.into());
            let current = ended == 0;
            let red = |requests: f64, errors: f64| Red { requests, errors, ..Red::default() };
            let hour = if current { red(190_000.0, 8_170.0) } else { red(870_000.0, 2_175.0) };
            RevisionRow {
                name: self.revision_name(&hash),
                current,
                first_seen: minutes_ago(began),
                last_seen: (!current).then(|| minutes_ago(ended)),
                pods: if current { 6 } else { 0 },
                pods_ever: (began < 1_000).then_some(6),
                hour: if began > 1_000 { Summary::default() } else { Summary::of(&hour, 30 * MINUTE) },
                new_errors: (began < 1_000).then_some(u32::from(current)),
                verdict: current.then(|| self.judged(12)),
                hash,
            }
        };
        Revisions { rows: REVISIONS.map(row).to_vec(), more: 2 }
    }

    /// Of the oldest neither requests nor the template are kept.
    pub(crate) fn comparison(&self, pair: &Pair) -> Result<Comparison, AppError> {
        let known = |of: &RunOf| ran(of).ok_or_else(|| AppError::NotFound(format!("revision {}", of.hash)));
        let (old_ran, new_ran) = (known(&pair.old)?, known(&pair.new)?);
        let is_kept = |ran: Window| AS_OF.since(ran.from) < DAY;
        let endpoints = self.endpoint_rows();
        let side = |of: &RunOf, ran: Window, total: &Summary| Compared {
            hash: of.hash.clone(),
            name: self.revision_name(&of.hash),
            place: REVISIONS.iter().rev().position(|(known, ..)| of.hash.0 == *known).unwrap_or_default() as u32,
            ran,
            runs: runs(&of.hash, ran),
            measured: Window::new(ran.from, ran.from.plus(8 * MINUTE)),
            served: 8 * MINUTE,
            total: if is_kept(ran) { total.clone() } else { Summary::default() },
            has_template: is_kept(ran),
        };
        let axis = match pair.by {
            Align::Age => Window::new(Timestamp(0), Timestamp(35 * MINUTE)),
            Align::Clock => Window::new(minutes_ago(42), AS_OF),
        };
        let series = |of: &RunOf, ran: Window, value: f64| {
            let start = if pair.by == Align::Age { Timestamp(0) } else { ran.from };
            let noise = |i: i64| 0.9 + ((i * 37 + 11) % 17) as f64 / 80.0;
            let points = (0..ran.length() / (20 * SECOND)).map(|i| is_kept(ran).then(|| value * noise(i)));
            let points = points.take(126).collect();
            Series { name: self.revision_name(&of.hash), start, step: Step(20 * SECOND), points }
        };
        let two = |old: f64, new: f64| [series(&pair.old, old_ran, old), series(&pair.new, new_ran, new)];
        let group = |error: String, old, new, minutes| ComparedError {
            error,
            endpoint: self.text("POST /checkout"),
            old,
            new,
            first_seen: minutes_ago(minutes),
        };
        Ok(Comparison {
            old: side(&pair.old, old_ran, &endpoints[0].before),
            new: side(&pair.new, new_ran, &endpoints[0].now),
            by: pair.by,
            axis,
            requests: two(412.0, 405.0),
            errors: two(0.007, 0.142),
            latency: two(171e6, 402e6),
            endpoints,
            groups: vec![
                group(self.text("PaymentTimeout"), 0.0, 7_912.0, 8),
                group("CartNotFound".into(), 31.0, 28.0, 24_480),
                group("CouponExpired".into(), 4.0, 0.0, 9_000),
            ],
            more_groups: 1,
            diffs: if is_kept(old_ran) { self.diffs() } else { Vec::new() },
            config_from: None,
        })
    }
}
