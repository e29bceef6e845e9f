//! Pure judgement: data and time in, health and verdicts out. Knows no store, no runtime and no clock.

mod health;

pub use health::{HealthFacts, LeakForecast, RecentErrors, health};
