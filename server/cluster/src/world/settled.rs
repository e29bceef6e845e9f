//! What settling gives: a record for the store, and the questions that only stored texts can answer.

use std::collections::HashMap;

use model::DeployId;
use store::ClusterRecord;

use super::World;
use crate::changes::{changed_keys, changes};
use crate::identity::Key;

/// What was settled.
#[derive(Debug)]
pub struct Settled {
    /// The record.
    pub record: ClusterRecord,
    /// What is not in memory: texts of versions to compare.
    pub questions: Vec<Question>,
}

/// Two versions to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Hash of the version before.
    pub from: String,
    /// Hash of the version after.
    pub to: String,
    /// The deploy that asks; otherwise the config change with this version after.
    pub(super) deploy: Option<DeployId>,
}

impl World {
    /// Writes into the record what the texts of versions tell; a text that is not there tells nothing.
    pub fn answer(&mut self, settled: &mut Settled, texts: &HashMap<String, String>) {
        for question in std::mem::take(&mut settled.questions) {
            let (Some(from), Some(to)) = (texts.get(&question.from), texts.get(&question.to)) else { continue };
            match question.deploy {
                Some(id) => {
                    let lines = changes(from, to);
                    for deploy in settled.record.deploys.iter_mut().filter(|deploy| deploy.id == id) {
                        deploy.changes.clone_from(&lines);
                    }
                    let track = self.tracks.get_mut(&Key::of(&id.service));
                    if let Some(last) = track.and_then(|track| track.history.last.as_mut()).filter(|last| last.id == id)
                    {
                        last.changes = lines;
                    }
                }
                None => {
                    let keys = changed_keys(from, to);
                    for change in settled.record.config_changes.iter_mut().filter(|change| change.to == question.to) {
                        change.keys.clone_from(&keys);
                    }
                }
            }
        }
    }
}
