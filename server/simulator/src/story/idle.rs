//! A cluster in which nothing happens by itself.

use super::Scenario;

pub(super) fn scenario() -> Scenario {
    Scenario { nodes: 3, ..Scenario::default() }
}
