//! What a container uses at a moment: functions of what it is and of the time, so that nothing is kept and whoever asks
//! for the past is told the same. Pure.

use model::Timestamp;

use crate::random::{Random, hash};
use crate::story::{Action, Scenario, Service};
use crate::time::{self, SECOND};

const MIB: f64 = 1_048_576.0;
/// Figures are measured so often.
const EVERY: i64 = 10 * SECOND;
/// A container that will be killed for its memory begins to grow so many seconds before.
const CLIMB: f64 = 420.0;

/// One run of a container.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) service: &'a Service,
    /// The pod's uid.
    pub(crate) uid: &'a str,
    pub(crate) started: Timestamp,
    /// MiB that memory grows by in an hour.
    pub(crate) leak: f64,
    /// When it is killed for its memory, if that is next.
    pub(crate) killed: Option<Timestamp>,
}

/// What it uses; what only grows counts from its start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Figures {
    /// Seconds of processor time.
    pub(crate) cpu: f64,
    /// Cores at the moment.
    pub(crate) cores: f64,
    pub(crate) periods: f64,
    pub(crate) throttled: f64,
    /// Seconds in which it waited for a processor.
    pub(crate) waited: f64,
    /// Bytes of the working set.
    pub(crate) memory: f64,
    pub(crate) rss: f64,
    /// Bytes that it may use; 0 for no limit.
    pub(crate) limit: f64,
    pub(crate) received: f64,
    pub(crate) sent: f64,
    pub(crate) written: f64,
    /// Bytes of its volume: in use and in all; 0 where it has none.
    pub(crate) volume: (f64, f64),
}

impl Run<'_> {
    /// When its kubelet measured it last.
    pub(crate) fn measured(&self, now: Timestamp) -> Timestamp {
        let phase = (hash(self.uid.as_bytes()) % EVERY.unsigned_abs()) as i64;
        let at = Timestamp((now.0 - phase).div_euclid(EVERY) * EVERY + phase);
        at.max(self.started)
    }

    /// What it uses at a moment.
    pub(crate) fn at(&self, at: Timestamp) -> Figures {
        let age = (at.0 - self.started.0).max(0) as f64 / SECOND as f64;
        let (from, to) = (self.started.0 as f64 / SECOND as f64, at.0.max(self.started.0) as f64 / SECOND as f64);
        let load = Wave::new(&self.service.id(), self.uid);
        let cpu = self.service.cpu * (load.until(to) - load.until(from));
        let limit = self.service.cpu_limit;
        // Whoever comes near a limit on the average is over it now and then.
        let held = if limit > 0.0 { (1.5 * self.service.cpu / limit - 0.6).clamp(0.0, 0.8) } else { 0.0 };
        let periods = if limit > 0.0 { 10.0 * age } else { 0.0 };
        let traffic = Wave::new(&self.service.id(), &format!("{} network", self.uid));
        let traffic = self.service.cpu * (traffic.until(to) - traffic.until(from));
        let memory = self.memory(at, age);
        let size = f64::from(self.service.volume);
        let stored = (self.service.stored + self.service.fills * age / 3_600.0).min(size);
        Figures {
            volume: ((stored * MIB).floor(), size * MIB),
            cpu,
            cores: self.service.cpu * load.at(to),
            periods: periods.floor(),
            throttled: (periods * held).floor(),
            waited: cpu * (0.02 + held),
            memory,
            rss: memory * 0.92,
            limit: f64::from(self.service.memory_limit) * MIB,
            received: (traffic * 180_000.0).floor(),
            sent: (traffic * 420_000.0).floor(),
            written: (traffic * if self.service.kind == "StatefulSet" { 900_000.0 } else { 4_000.0 }).floor(),
        }
    }

    fn memory(&self, at: Timestamp, age: f64) -> f64 {
        // Noise is another every quarter of a minute.
        let mut random = Random::new(hash(self.uid.as_bytes()) ^ (at.0 / (15 * SECOND)) as u64);
        let warm = 1.0 - 0.4 * (-age / 60.0).exp();
        let own = self.service.memory * warm * random.between(0.988, 1.012);
        let grown = own + self.leak * age / 3_600.0;
        let limit = f64::from(self.service.memory_limit);
        let until = self.killed.map(|killed| (killed.0 - at.0) as f64 / SECOND as f64);
        let share = until.map_or(0.0, |until| (1.0 - until / CLIMB).clamp(0.0, 1.0)).powf(1.4);
        let climbed = grown + (limit * 0.985 - grown).max(0.0) * share;
        (climbed.min(limit * 0.985) * MIB).floor()
    }
}

impl Scenario {
    /// MiB an hour that a pod of a service leaks, by what is set in it.
    pub(crate) fn leak(&self, service: &str, signature: &str) -> f64 {
        let of_service = self.effects.iter().filter(|effect| effect.service == service);
        of_service.filter(|effect| signature.contains(&effect.when)).map(|effect| effect.leak).sum()
    }

    /// When a container of a service is killed for its memory next, in a cluster that was opened then.
    pub(crate) fn killed_after(&self, service: &str, opening: Timestamp, at: Timestamp) -> Option<Timestamp> {
        let is_it = |action: &Action| matches!(action, Action::Oom { service: victim } if victim == service);
        let before = self.before.iter().filter(|step| is_it(&step.action));
        let before = before.map(|step| time::after(opening, -time::seconds(step.at)));
        let steps = self.steps.iter().filter(|step| is_it(&step.action));
        let steps = steps.filter_map(|step| {
            let first = time::after(opening, time::seconds(step.at));
            let period = time::seconds(self.period);
            let rounds = if period > 0 { (at.0 - first.0).max(0).div_euclid(period) } else { 0 };
            (rounds..=rounds + 1).map(|round| time::after(first, round * period)).find(|kill| *kill > at)
        });
        before.chain(steps).filter(|kill| *kill > at).min()
    }
}

/// Something that goes up and down around 1 all day, and its integral.
struct Wave([(f64, f64, f64); 4]);

impl Wave {
    /// Slow waves are those of the service, quick ones of the pod.
    fn new(service: &str, pod: &str) -> Self {
        let (mut slow, mut quick) = (Random::new(hash(service.as_bytes())), Random::new(hash(pod.as_bytes())));
        let wave = |random: &mut Random, height: f64, period: f64| {
            let turn = std::f64::consts::TAU;
            (height, turn / (period * random.between(0.8, 1.2)), turn * random.unit())
        };
        Self([
            wave(&mut slow, 0.25, 72_000.0),
            wave(&mut slow, 0.2, 2_100.0),
            wave(&mut quick, 0.14, 460.0),
            wave(&mut quick, 0.1, 95.0),
        ])
    }

    fn at(&self, time: f64) -> f64 {
        1.0 + self.0.iter().map(|(height, speed, phase)| height * (speed * time + phase).sin()).sum::<f64>()
    }

    fn until(&self, time: f64) -> f64 {
        time - self.0.iter().map(|(height, speed, phase)| height / speed * (speed * time + phase).cos()).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(service: &Service) -> Run<'_> {
        Run { service, uid: "u", started: Timestamp(1_000 * SECOND), leak: 0.0, killed: None }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp((1_000 + seconds) * SECOND)
    }

    #[test]
    fn processor_time_grows_by_the_cores_that_are_used() {
        let service = Service { name: "cart".into(), cpu: 0.2, ..Service::default() };
        let run = run(&service);
        assert_eq!(run.at(at(0)).cpu, 0.0);
        let rates: Vec<f64> = (0..200).map(|n| (run.at(at(15 * n + 15)).cpu - run.at(at(15 * n)).cpu) / 15.0).collect();
        assert!(rates.iter().all(|rate| (0.04..0.4).contains(rate)), "{rates:?}");
        let (least, most) = rates.iter().fold((1.0_f64, 0.0_f64), |(a, b), rate| (a.min(*rate), b.max(*rate)));
        assert!(most - least > 0.05, "it goes up and down");
        let (then, cores) = (run.at(at(700)), run.at(at(701)).cpu - run.at(at(700)).cpu);
        assert!((then.cores - cores).abs() < 0.01);
    }

    #[test]
    fn a_leak_grows_and_who_is_killed_was_at_the_limit() {
        let service = Service { memory: 100.0, memory_limit: 400, ..Service::default() };
        let leaky = Run { leak: 60.0, ..run(&service) };
        let grown = (leaky.at(at(3_900)).memory - leaky.at(at(300)).memory) / MIB;
        assert!((grown - 60.0).abs() < 4.0, "{grown}");
        let killed = Run { killed: Some(at(1_000)), ..run(&service) };
        assert!(killed.at(at(500)).memory < 110.0 * MIB);
        assert!(killed.at(at(999)).memory > 385.0 * MIB);
        let endless = Run { leak: 1e6, ..run(&service) };
        assert!(endless.at(at(9_000)).memory < 400.0 * MIB);
    }

    #[test]
    fn a_volume_fills_until_it_is_full() {
        let service = Service { volume: 100, stored: 40.0, fills: 30.0, ..Service::default() };
        let used = |hours: i64| run(&service).at(at(hours * 3_600)).volume;
        assert_eq!(
            (used(0), used(1), used(9)),
            ((40.0 * MIB, 100.0 * MIB), (70.0 * MIB, 100.0 * MIB), (100.0 * MIB, 100.0 * MIB))
        );
    }

    #[test]
    fn the_next_kill_is_found_in_the_script() {
        let (shop, opening) = (Scenario::shop(), Timestamp(100_000 * SECOND));
        let next = |seconds: i64| {
            let killed = shop.killed_after("payments/ledger", opening, time::after(opening, seconds * SECOND));
            killed.map(|at| (at.0 - opening.0) / SECOND)
        };
        assert_eq!(next(-3_000), Some(-1_500));
        assert_eq!(next(-1_500), Some(600));
        assert_eq!(next(599), Some(600));
        assert_eq!(next(600), Some(1_800));
        assert_eq!(next(12_000), Some(12_600));
        assert_eq!(shop.killed_after("shop/cart", opening, opening), None);
    }

    #[test]
    fn a_kubelet_measures_every_ten_seconds() {
        let service = Service::default();
        let run = run(&service);
        let measured = run.measured(at(100));
        assert!(at(100).0 - measured.0 < EVERY && measured <= at(100));
        assert_eq!(run.measured(Timestamp(measured.0 + EVERY - 1)), measured);
        assert_eq!(run.measured(at(0)), at(0));
    }
}
