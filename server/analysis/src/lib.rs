//! Pure judgement: data and time in, health and verdicts out. Knows no store, no runtime and no clock.

mod adverse;
mod baseline;
mod budget;
mod compare;
mod dispersion;
mod errors;
mod facts;
mod first;
mod groups;
mod health;
mod judge;
mod judged;
mod kubernetes;
mod latency;
mod leak;
mod past;
mod ranks;
mod recovery;
mod rules;
mod saturation;
mod sentence;
mod signal;
pub mod stats;
mod usage;
mod usual;

pub use adverse::{Joined, joined, next_step};
pub use budget::{Look, holm, spend};
pub use facts::{
    Births, Cell, DeployFacts, EndpointFacts, GroupFacts, KubernetesFacts, PastMinute, Peer, PodFacts, PodTally,
    ResourceFacts, Rollout,
};
pub use health::{HealthFacts, RecentErrors, exit_words, health, is_crashing, is_unpullable};
pub use judge::{hangs_on_peers, judge};
pub use judged::judged;
pub use leak::{Climbing, Grown, LeakRules, WARM_UP, leak_sentence, leaks, rate_before};
pub use past::Past;
pub use rules::Rules;
pub use saturation::{Measured, SaturationRules, Threshold, effect, lasting, saturation, throttled, told};
pub use usual::{Usual, usual};
