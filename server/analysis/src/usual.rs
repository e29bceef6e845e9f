//! What always happens while this service rolls out, learned from its own earlier rollouts: how long its pods
//! need to warm up. Those minutes of a pod's life are set apart, and the verdict says so.

use model::{Red, Sentence};

use crate::{Rollout, Rules};

/// What is usual.
#[derive(Debug, Clone, PartialEq)]
pub struct Usual {
    /// Whole minutes of a pod's age that are set apart.
    pub warm_up: u16,
    /// How many earlier rollouts showed it; 0 when nothing was learned.
    pub seen: usize,
    /// Of so many.
    pub of: usize,
    /// The share of errors in those minutes then, where errors were part of it.
    pub errors: Option<f64>,
}

/// Learns from earlier rollouts: an age is disturbed when at least two of them, and half of them, were worse at
/// that age than once settled, by the same gates by which a deploy is.
pub fn usual(earlier: &[Rollout], rules: &Rules) -> Usual {
    let needed = rules.usual_rollouts.max(earlier.len().div_ceil(2));
    let disturbed = |age: usize| {
        earlier
            .iter()
            .filter(move |rollout| rollout.ages.get(age).is_some_and(|red| worse(red, &rollout.steady, rules)))
    };
    // Without a gap from the first minute on: a late one among quiet ones is chance, not warm-up.
    let last = (0..usize::from(rules.longest_warm_up)).take_while(|age| disturbed(*age).count() >= needed).last();
    let Some(last) = last else {
        return Usual { warm_up: rules.warm_up, seen: 0, of: earlier.len(), errors: None };
    };
    let mut pooled = Red::default();
    for rollout in earlier {
        rollout.ages.iter().take(last + 1).for_each(|red| pooled.merge(red));
    }
    // A minute more than the last disturbed one: bursts do not end on the minute.
    let warm_up = (last as u16 + 2).max(rules.warm_up);
    Usual {
        warm_up,
        seen: disturbed(last).count(),
        of: earlier.len(),
        errors: pooled.error_share().filter(|s| *s > 0.0),
    }
}

fn worse(red: &Red, steady: &Red, rules: &Rules) -> bool {
    let (Some(now), Some(then)) = (red.error_share(), steady.error_share()) else { return false };
    let errors = red.errors >= 3.0 && now - then >= rules.error_rise && now >= then * rules.error_ratio;
    let slow = [0.5, 0.95].into_iter().any(|q| {
        let (Some(now), Some(then)) = (red.histogram.quantile(q), steady.histogram.quantile(q)) else { return false };
        red.requests >= 20.0 && now - then >= rules.latency_nanos && now >= then * (1.0 + rules.latency_rise)
    });
    errors || slow
}

impl Usual {
    /// Says what was set apart, with what the new pods did in that time.
    pub fn sentence(&self, now: &Red) -> Option<Sentence> {
        let minutes = self.warm_up;
        if self.seen == 0 {
            return None;
        }
        let then =
            self.errors.map_or(String::new(), |share| format!(", {:.1} % of requests failed then", share * 100.0));
        let today = now.error_share().map_or(String::new(), |share| format!("; this time {:.1} %", share * 100.0));
        Some(
            Sentence::plain("Usual while this service rolls out, so set apart: ")
                .strong(format!("the first {minutes} min of a pod"))
                .text(format!(" ({} of its last {} rollouts show it{then}{today})", self.seen, self.of)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn red(requests: f64, errors: f64) -> Red {
        Red { requests, errors, ..Red::default() }
    }

    fn rollout(first: f64, second: f64) -> Rollout {
        Rollout { ages: vec![red(100.0, first), red(100.0, second), red(100.0, 0.0)], steady: red(1_000.0, 2.0) }
    }

    #[test]
    fn what_two_rollouts_share_is_usual_and_what_one_had_is_not() {
        let rules = Rules::default();
        let learned = usual(&[rollout(30.0, 9.0), rollout(25.0, 7.0), rollout(28.0, 0.0)], &rules);
        assert_eq!((learned.warm_up, learned.seen, learned.of), (3, 2, 3));
        assert!(learned.sentence(&red(50.0, 10.0)).unwrap().to_string().contains("first 3 min"));
        let once = usual(&[rollout(30.0, 9.0), rollout(0.0, 0.0), rollout(0.0, 0.0)], &rules);
        assert_eq!((once.warm_up, once.seen), (rules.warm_up, 0));
        assert_eq!(once.sentence(&red(50.0, 10.0)), None);
    }
}
