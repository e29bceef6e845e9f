//! Seeded weeks of a container's memory with known truth: what it does, restarts, and the leak, if it has one.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

#[path = "../random/mod.rs"]
mod random;

use analysis::{Grown, WARM_UP};
use model::{MINUTE, PodId, Timestamp};
pub use random::Random;

/// Bytes.
pub const LIMIT: f64 = 512.0 * 1_048_576.0;
/// A week of minutes.
pub const MINUTES: i64 = 7 * 24 * 60;

/// What a container's memory does, as shares of its limit.
#[derive(Debug, Clone, Copy, Default)]
pub struct Habit {
    pub name: &'static str,
    /// What it holds from the start.
    pub base: (f64, f64),
    /// White noise and the slow kind with its time constant in minutes.
    pub white: (f64, f64),
    pub slow: (f64, f64),
    pub slow_minutes: (f64, f64),
    /// With the day, as a share of the base, and the load with it; whether the load is known.
    pub daily: (f64, f64),
    pub knows_load: bool,
    /// Waves of load within hours, as a share of it, and how much of the base goes with load.
    pub waves: (f64, f64),
    pub held: f64,
    /// A collector's teeth: height and minutes.
    pub teeth: (f64, f64),
    pub teeth_minutes: (f64, f64),
    /// Fills up: height, and minutes; in a straight line, else ever slower.
    pub fill: (f64, f64),
    pub fill_minutes: (f64, f64),
    pub is_straight: bool,
    /// Hours between changes of the number of pods, and by how much each then has more or less.
    pub rescale_hours: (f64, f64),
    pub rescale: f64,
    /// Hours between restarts.
    pub restart_hours: (f64, f64),
}

/// A quiet service's noise.
pub const QUIET: Habit = Habit {
    name: "noise",
    base: (0.2, 0.4),
    white: (0.002, 0.01),
    slow: (0.002, 0.01),
    slow_minutes: (5.0, 120.0),
    daily: (0.0, 0.0),
    knows_load: true,
    waves: (0.0, 0.0),
    held: 0.0,
    teeth: (0.0, 0.0),
    teeth_minutes: (5.0, 5.0),
    fill: (0.02, 0.1),
    fill_minutes: (1.0, 5.0),
    is_straight: false,
    rescale_hours: (1e9, 1e9),
    rescale: 0.0,
    restart_hours: (1e9, 1e9),
};

/// Habits that harm nobody.
pub fn harmless() -> Vec<Habit> {
    let day = Habit { name: "with the day's load", daily: (0.1, 0.5), ..QUIET };
    vec![
        QUIET,
        Habit { name: "noisy", white: (0.01, 0.05), slow: (0.01, 0.05), ..QUIET },
        day,
        Habit { name: "with load's waves", waves: (0.1, 0.3), held: 0.6, ..QUIET },
        Habit { name: "sawtooth", teeth: (0.05, 0.3), teeth_minutes: (3.0, 60.0), ..QUIET },
        Habit { name: "slow sawtooth", teeth: (0.05, 0.3), teeth_minutes: (60.0, 180.0), ..QUIET },
        Habit { name: "warm-up", fill: (0.1, 0.4), fill_minutes: (5.0, 60.0), ..QUIET },
        Habit {
            name: "warm-up to near the limit",
            base: (0.45, 0.55),
            fill: (0.3, 0.4),
            fill_minutes: (5.0, 60.0),
            ..QUIET
        },
        Habit { name: "slow warm-up", fill: (0.1, 0.4), fill_minutes: (60.0, 360.0), ..QUIET },
        Habit { name: "plateau", fill: (0.1, 0.4), fill_minutes: (20.0, 75.0), is_straight: true, ..QUIET },
        Habit { name: "rescaling", rescale_hours: (2.0, 12.0), rescale: 0.3, ..day },
        Habit { name: "restarts", restart_hours: (2.0, 30.0), fill: (0.05, 0.3), fill_minutes: (5.0, 60.0), ..day },
    ]
}

/// A drawn week.
pub struct Week {
    /// Runs: first minute, and a value a minute: memory and load.
    pub runs: Vec<(i64, Vec<(f64, f64)>)>,
    pub knows_load: bool,
    /// When the limit is reached, in minutes; nothing where nothing leaks.
    pub ends: Option<f64>,
}

/// Draws a week; a leak of so many shares of the limit an hour begins in a minute.
pub fn draw(habit: &Habit, leak: Option<(f64, i64)>, seed: u64) -> Week {
    let mut r = Random(seed.wrapping_mul(0x2545_F491_4F6C_DD1D) ^ 0xD1B5_4A32_D192_ED03);
    let between = |r: &mut Random, (least, most): (f64, f64)| least * (most / least.max(1e-12)).powf(r.unit());
    let base = habit.base.0 + (habit.base.1 - habit.base.0) * r.unit();
    let (white, slow, tau) =
        (between(&mut r, habit.white), between(&mut r, habit.slow), between(&mut r, habit.slow_minutes));
    let daily = between(&mut r, habit.daily);
    let (tooth, tooth_length) = (between(&mut r, habit.teeth), between(&mut r, habit.teeth_minutes));
    let (fill, fill_length) = (between(&mut r, habit.fill), between(&mut r, habit.fill_minutes));
    let phase = r.unit() * 24.0 * 60.0;
    let mut restart = restart_after(&mut r, habit.restart_hours);
    let mut rescale = restart_after(&mut r, habit.rescale_hours);
    let (mut factor, mut wanted, mut wander) = (1.0, 1.0, 0.0);
    let (mut runs, mut begun) = (vec![(0, Vec::new())], 0);
    let (keep, tooth_phase) = ((-1.0 / tau).exp(), r.unit());
    let waves = between(&mut r, habit.waves);
    let (wave_length, wave_phase) = (20.0 + 70.0 * r.unit(), r.unit());
    let mut ends = None;
    for minute in 0..MINUTES {
        if minute as f64 >= restart {
            restart += restart_after(&mut r, habit.restart_hours);
            begun = minute;
            runs.push((minute, Vec::new()));
        }
        if minute as f64 >= rescale {
            rescale += restart_after(&mut r, habit.rescale_hours);
            wanted = 1.0 + habit.rescale * (2.0 * r.unit() - 1.0);
        }
        factor += (wanted - factor) * 0.2;
        wander = wander * keep + slow * (1.0 - keep * keep).sqrt() * r.normal();
        let age = (minute - begun) as f64;
        let day = (std::f64::consts::TAU * (minute as f64 + phase) / 1_440.0).sin();
        let filled = if habit.is_straight { (age / fill_length).min(1.0) } else { 1.0 - (-age / fill_length).exp() };
        let is_daily = daily > 0.0 || waves > 0.0;
        let wave = waves * (std::f64::consts::TAU * (minute as f64 / wave_length + wave_phase)).sin();
        let load = (1.0 + wave + day * if is_daily { 0.6 } else { 0.0 }) * factor;
        let saw = tooth * ((age / tooth_length + tooth_phase).fract());
        let grown = leak.map_or(0.0, |(rate, from)| rate * (minute - from.max(begun)).max(0) as f64 / 60.0);
        let still = base * factor + fill * filled + base * daily * day + base * habit.held * (load - factor) + saw;
        if ends.is_none() && leak.is_some() && still + grown >= 1.0 {
            ends = Some(minute as f64);
        }
        let used = (still + grown + wander + white * r.normal()).clamp(0.01, 1.0);
        let load = load * (1.0 + 0.05 * r.normal());
        runs.last_mut().unwrap().1.push((used * LIMIT, load));
    }
    Week { runs, knows_load: habit.knows_load, ends }
}

fn restart_after(r: &mut Random, (least, most): (f64, f64)) -> f64 {
    if least >= 1e9 { f64::INFINITY } else { 60.0 * (least + (most - least) * r.unit()) }
}

/// The moment of a minute.
pub fn at(minute: i64) -> Timestamp {
    Timestamp(1_700_000_000_000_000_000 + minute * MINUTE)
}

impl Week {
    /// All runs that began by a minute, as a look then is given them.
    pub fn grown(&self, minute: i64) -> Vec<Grown> {
        let begun = self.runs.iter().take_while(|(first, _)| *first <= minute);
        begun.map(|run| self.run(run, minute)).filter(|run| !run.points.is_empty()).collect()
    }

    /// Minutes of six hours, five minutes of a day, hours of a week, as the server asks for them.
    fn run(&self, (first, values): &(i64, Vec<(f64, f64)>), minute: i64) -> Grown {
        let (mut points, mut load) = (Vec::new(), Vec::new());
        let end = first + values.len() as i64;
        for (step, from, to) in [(60, 7 * 24 * 60, 24 * 60), (5, 24 * 60, 6 * 60), (1, 6 * 60, 0)] {
            let (mut at_, to) = ((minute - from).max(*first).div_euclid(step) * step, (minute - to) / step * step);
            while at_ < to.min(end) {
                let part =
                    (at_.max(*first) - first) as usize..(at_ + step - first).max(0).min(values.len() as i64) as usize;
                if !part.is_empty() {
                    let mean = |of: fn(&(f64, f64)) -> f64| {
                        values[part.clone()].iter().map(of).sum::<f64>() / part.len() as f64
                    };
                    let moment = Timestamp(at(at_).0 + step * MINUTE / 2);
                    points.push((moment, mean(|v| v.0)));
                    load.push((moment, mean(|v| v.1)));
                }
                at_ += step;
            }
        }
        Grown {
            pod: PodId("pod".into()),
            started: at(*first),
            ended: (end <= minute && end < MINUTES).then(|| at(end)),
            warm_up: WARM_UP,
            level: points.clone(),
            load: if self.knows_load { load } else { Vec::new() },
            points,
            limit: Some(LIMIT),
        }
    }
}
