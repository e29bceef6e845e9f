//! What machines get: flat, with words instead of the pages' parts and RFC 3339 instead of nanoseconds. `binnacle
//! verdict` reads the same shapes.

mod deploys;
mod services;
mod verdict;

use model::Timestamp;

pub(super) use deploys::deploy;
pub(crate) use deploys::{DeployPage, DeployShape};
pub(crate) use services::ServicePage;
pub(super) use services::service;
pub(super) use verdict::answer;
pub(crate) use verdict::{VerdictAnswer, VerdictShape};

fn time(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_second(at.seconds());
    at.expect("64 bits of nanoseconds end before the calendar does").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_whenever_they_are() {
        assert_eq!(time(Timestamp::from_seconds(0)), "1970-01-01T00:00:00Z");
        assert_eq!(time(Timestamp(i64::MAX)), "2262-04-11T23:47:16Z");
        assert!(time(Timestamp(i64::MIN)).starts_with("1677-"));
    }
}
