//! One false-alarm budget a deploy: α is divided over signals, endpoints, comparisons and looks before anything is
//! looked at, so that all of them together keep it. Looks spend α on a fixed schedule (Lan & DeMets 1983), and the
//! parts are simply added (Bonferroni): this needs no model of how looks depend on each other, and holds whatever
//! the dependence. Endpoints share theirs by Holm's procedure (Holm 1979), which keeps the family-wise rate.

use model::Signal;

/// A time at which a deploy is judged. Each is spent once; a look left out is not made up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Look {
    /// At the end of minute 1 to 15.
    Minute(u8),
    /// At 30 minutes.
    Half,
    /// At 60 minutes.
    Hour,
    /// When it settled, should that be none of these.
    Settled,
    /// When the next deploy began, should that be before the hour is over.
    Ended,
}

impl Look {
    /// All, in their usual order.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=15).map(Self::Minute).chain([Self::Half, Self::Hour, Self::Settled, Self::Ended])
    }

    /// The look that is due so many whole minutes after the start.
    pub fn at(minutes: i64) -> Option<Self> {
        match minutes {
            1..=15 => Some(Self::Minute(minutes as u8)),
            30 => Some(Self::Half),
            60 => Some(Self::Hour),
            _ => None,
        }
    }

    /// Its part of α. Half an hour and an hour in decide what little traffic could not show before, so they weigh
    /// more than any one minute.
    pub fn part(self) -> f64 {
        match self {
            Self::Minute(1..=15) => 0.05,
            Self::Half | Self::Hour => 0.1,
            Self::Settled | Self::Ended => 0.025,
            Self::Minute(_) => 0.0,
        }
    }

    /// The number by which it is remembered that its part was spent.
    pub fn number(self) -> u8 {
        match self {
            Self::Minute(minute) => minute,
            Self::Half => 30,
            Self::Hour => 60,
            Self::Settled => 61,
            Self::Ended => 62,
        }
    }
}

/// A signal's part of α. What most often breaks and what rests on most data gets most; these add up to one.
fn part(signal: Signal) -> f64 {
    match signal {
        Signal::Errors => 0.45,
        Signal::Latency => 0.25,
        Signal::ErrorGroup => 0.06,
        Signal::LogPattern => 0.04,
        Signal::Throughput | Signal::Restarts | Signal::OomKills => 0.04,
        Signal::FailedProbes | Signal::Unready | Signal::Cpu | Signal::Memory => 0.02,
        // Facts about pods, not findings by chance: nothing is spent.
        // A leak has a budget of its own: see `leak`.
        Signal::CrashLoop | Signal::FailedPull | Signal::NeverReady | Signal::Stuck | Signal::Leak => 0.0,
    }
}

/// What a signal may spend at a look, over everything it compares.
pub fn spend(alpha: f64, signal: Signal, look: Look) -> f64 {
    alpha * part(signal) * look.part()
}

/// Which hypotheses fall at `alpha` together, by Holm: the smallest p against α/m, the next against α/(m−1) and so
/// on until one stands. Gives for each its threshold and whether it fell.
pub fn holm(p: &[f64], alpha: f64) -> Vec<(f64, bool)> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut fallen = true;
    let mut results = vec![(0.0, false); p.len()];
    for (rank, at) in order.into_iter().enumerate() {
        let threshold = alpha / (p.len() - rank) as f64;
        fallen &= p[at] <= threshold;
        results[at] = (threshold, fallen);
    }
    results
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_to_the_whole_budget_and_no_more() {
        let looks: f64 = Look::all().map(Look::part).sum();
        assert!((looks - 1.0).abs() < 1e-12, "{looks}");
        let numbers: std::collections::BTreeSet<u8> = Look::all().map(Look::number).collect();
        assert_eq!(numbers.len(), Look::all().count(), "each is remembered by itself");
        let signals = [
            Signal::Errors,
            Signal::Latency,
            Signal::ErrorGroup,
            Signal::LogPattern,
            Signal::Throughput,
            Signal::Restarts,
            Signal::OomKills,
            Signal::FailedProbes,
            Signal::Unready,
            Signal::Cpu,
            Signal::Memory,
            Signal::Leak,
            Signal::CrashLoop,
            Signal::FailedPull,
            Signal::NeverReady,
            Signal::Stuck,
        ];
        let total: f64 = signals.into_iter().map(part).sum();
        assert!(total <= 1.0 + 1e-12 && total > 0.95, "{total}");
    }

    #[test]
    fn holm_stops_at_the_first_that_stands() {
        let fallen: Vec<bool> = holm(&[0.011, 0.04, 0.02, 0.9], 0.05).into_iter().map(|(_, fell)| fell).collect();
        // 0.011 ≤ 0.05/4; 0.02 > 0.05/3, so 0.04 stands as well although it is below 0.05.
        assert_eq!(fallen, [true, false, false, false]);
        assert!(holm(&[], 0.05).is_empty());
    }

    #[test]
    fn a_look_that_is_not_due_spends_nothing() {
        assert_eq!(Look::at(16), None);
        assert_eq!(spend(0.01, Signal::Errors, Look::Minute(200)), 0.0);
    }
}
