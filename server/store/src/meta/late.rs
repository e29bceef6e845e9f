//! What waits to be written: how pods and services that are known stand, and that something happened again, changes all
//! the time. It is known at once, and written so seldom that many changes of a row, and rows of a page, are one write.
//! Whoever was ended in between lists the cluster anew, and finds what changed by what was written last.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use model::{AdverseEvent, AdverseKind, PodId, PodState, ServiceId, ServiceState, Text, Window};
use sqlx::Connection;

use super::{Meta, WriterGuard, record};
use crate::directory::Directory;
use crate::{ClusterRecord, Error};

/// Rows that wait, in the order of their keys; changed under the writer's lock alone.
#[derive(Debug, Default, Clone)]
pub(super) struct Late {
    services: BTreeMap<ServiceId, ServiceState>,
    pods: BTreeMap<(Text, PodId), Arc<PodState>>,
    adverse: BTreeMap<String, AdverseEvent>,
}

/// What of a batch's rows is written with it.
pub(super) struct Urgent<'a> {
    pub(super) services: Vec<&'a ServiceState>,
    pub(super) pods: Vec<&'a Arc<PodState>>,
    pub(super) adverse: Vec<&'a AdverseEvent>,
}

/// Which rows of a batch can't wait: who comes, goes, or belongs elsewhere from now on, what happened for the first time,
/// and what holds or holds no more.
pub(super) fn urgent<'a>(record: &'a ClusterRecord, known: &Directory) -> Urgent<'a> {
    let may_wait = |service: &ServiceState| {
        let before = known.service(&service.id);
        service.deleted.is_none() && before.is_some_and(|before| before.deleted.is_none())
    };
    let stays = |pod: &PodState| pod.ended.is_none() && known.pods(&pod.service).iter().any(|known| known.id == pod.id);
    Urgent {
        services: record.services.iter().filter(|service| !may_wait(service)).collect(),
        pods: record.pods.iter().filter(|pod| !stays(pod)).collect(),
        adverse: record.adverse.iter().filter(|event| !is_repeat(event)).collect(),
    }
}

/// Whether a container ended once more: that it did before is written. Neither kind holds or holds no more.
fn is_repeat(event: &AdverseEvent) -> bool {
    matches!(event.kind, AdverseKind::Restart | AdverseKind::OomKill) && event.times.len() > 1
}

impl Urgent<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.services.is_empty() && self.pods.is_empty() && self.adverse.is_empty()
    }
}

impl Late {
    /// Takes up what of a batch was not written with it. Whether nothing waited before, and something does now.
    fn add(&mut self, record: &ClusterRecord, written: &Urgent<'_>) -> bool {
        let waited = !self.is_empty();
        for service in &record.services {
            self.services.insert(service.id.clone(), service.clone());
        }
        for pod in &record.pods {
            self.pods.insert((pod.cluster.clone(), pod.id.clone()), Arc::clone(pod));
        }
        for event in &record.adverse {
            self.adverse.insert(event.key.clone(), event.clone());
        }
        for service in &written.services {
            self.services.remove(&service.id);
        }
        for pod in &written.pods {
            self.pods.remove(&(pod.cluster.clone(), pod.id.clone()));
        }
        for event in &written.adverse {
            self.adverse.remove(&event.key);
        }
        !waited && !self.is_empty()
    }

    fn is_empty(&self) -> bool {
        self.services.is_empty() && self.pods.is_empty() && self.adverse.is_empty()
    }
}

impl Meta {
    /// Takes up what of a batch was not written with it, under the writer's lock; see [`Late::add`].
    pub(super) fn put_off(&self, record: &ClusterRecord, written: &Urgent<'_>) -> bool {
        Arc::make_mut(&mut self.late.lock().unwrap_or_else(PoisonError::into_inner)).add(record, written)
    }

    /// What waits to be told of adverse events that touch a window, of one service or of all.
    pub(super) fn late_adverse(&self, service: Option<&ServiceId>, window: Window) -> Vec<AdverseEvent> {
        let late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        let is_asked = |event: &&AdverseEvent| {
            service.is_none_or(|service| event.service.as_ref() == Some(service))
                && event.last >= window.from
                && event.first < window.to
        };
        late.adverse.values().filter(is_asked).cloned().collect()
    }

    /// Writes what waits. Until all of it is written it waits: who reads meanwhile misses nothing, and nothing is lost
    /// where this fails or is given up.
    pub(crate) async fn write_late(&self) -> Result<(), Error> {
        let mut guard = WriterGuard(self.writer.lock().await);
        if guard.0.is_none() {
            // It was closed, and all was written then.
            return Ok(());
        }
        let late = Arc::clone(&self.late.lock().unwrap_or_else(PoisonError::into_inner));
        if !late.is_empty() {
            write(&mut guard, &late).await?;
            // Nobody added any meanwhile: the guard is held.
            *self.late.lock().unwrap_or_else(PoisonError::into_inner) = Arc::default();
        }
        Ok(())
    }
}

async fn write(guard: &mut WriterGuard<'_>, late: &Late) -> Result<(), Error> {
    let mut transaction = guard.connection().begin_with("begin immediate").await?;
    let services: Vec<&ServiceState> = late.services.values().collect();
    record::write_services(&mut transaction, &services).await?;
    let pods: Vec<&Arc<PodState>> = late.pods.values().collect();
    record::write_bodies(&mut transaction, &pods).await?;
    let adverse: Vec<&AdverseEvent> = late.adverse.values().collect();
    record::write_adverse(&mut transaction, &adverse).await?;
    transaction.commit().await?;
    Ok(())
}
