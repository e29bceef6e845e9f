//! How services stand, as those who ask about all of them need it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use model::{CatalogQuery, Health, HealthState, Saturation, ServiceId, ServiceState, Summary, VerdictLevel};
use store::{Directory, Judgement};

/// A service on the board.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) service: Arc<ServiceState>,
    pub(crate) health: HealthState,
    pub(crate) total: Summary,
    /// Restarts in the last hour.
    pub(crate) restarts: u32,
    /// The verdict on its newest deploy.
    pub(crate) judgement: Option<Arc<Judgement>>,
    /// It is bad, of the current revision, and what it calls was there lately.
    pub(crate) verdict_lasts: bool,
    /// What it has too little of, the worst first.
    pub(crate) saturation: Vec<Saturation>,
    /// It is on the main list: neither grouped off it nor deleted.
    pub(crate) listed: bool,
}

impl Standing {
    /// What was said of its newest deploy.
    pub(crate) fn verdict(&self) -> Option<VerdictLevel> {
        self.judgement.as_ref().map(|judgement| judgement.judged.level)
    }
}

/// All services over one window.
#[derive(Debug)]
pub(crate) struct Standings {
    /// By id.
    pub(crate) services: Vec<Standing>,
    pub(crate) directory: Arc<Directory>,
    /// Of the main list, and of all.
    facets: [OnceLock<Facets>; 2],
    /// What was asked of them, the newest last: many ask the same of one moment.
    found: Mutex<Vec<(CatalogQuery, Arc<Found>)>>,
}

/// Questions of which the answer is kept.
const KEPT: usize = 16;

/// What a question about services finds.
#[derive(Debug)]
pub(crate) struct Found {
    /// Places of the rows that are shown, in order.
    pub(crate) shown: Vec<u32>,
    /// How many match.
    pub(crate) matched: u32,
    /// How many there are of each health, whatever health is asked for.
    pub(crate) counts: Vec<(Health, u32)>,
}

/// What a list of services can be narrowed down to.
#[derive(Debug)]
pub(crate) struct Facets {
    /// Services on it.
    pub(crate) total: u32,
    /// Their namespaces, in order.
    pub(crate) namespaces: Vec<String>,
    /// Their kinds, in order.
    pub(crate) kinds: Vec<String>,
}

impl Standings {
    pub(crate) fn new(services: Vec<Standing>, directory: Arc<Directory>) -> Self {
        Self { services, directory, facets: Default::default(), found: Mutex::default() }
    }

    /// What was found before, else what is found now.
    pub(crate) fn found(&self, ask: &CatalogQuery, find: impl FnOnce() -> Found) -> Arc<Found> {
        let known = || self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = known().iter().find(|(asked, _)| asked == ask) {
            return Arc::clone(found);
        }
        // Nobody waits for another's question.
        let found = Arc::new(find());
        let mut known = known();
        if known.len() >= KEPT {
            known.remove(0);
        }
        known.push((ask.clone(), Arc::clone(&found)));
        found
    }

    /// Of the main list, or with what is grouped off it. Looked up once for all who ask.
    pub(crate) fn facets(&self, grouped: bool) -> &Facets {
        self.facets[usize::from(grouped)].get_or_init(|| {
            let listed: Vec<&ServiceId> =
                self.services.iter().filter(|s| grouped || s.listed).map(|s| &s.service.id).collect();
            let distinct = |part: fn(&ServiceId) -> &String| {
                let parts: BTreeSet<&String> = listed.iter().map(|id| part(id)).collect();
                parts.into_iter().cloned().collect()
            };
            Facets {
                total: listed.len() as u32,
                namespaces: distinct(|id| &id.namespace),
                kinds: distinct(|id| &id.kind),
            }
        })
    }
}
