//! Which service is looked at next. Pure.

use std::collections::{BTreeSet, HashMap, HashSet};

use model::{ServiceId, Timestamp};

/// Services with when each is due: each once.
#[derive(Debug, Default)]
pub(super) struct Due {
    times: HashMap<ServiceId, Timestamp>,
    queue: BTreeSet<(Timestamp, ServiceId)>,
}

impl Due {
    /// Whether it holds just these.
    pub(super) fn is(&self, watched: &[&ServiceId]) -> bool {
        watched.len() == self.times.len() && watched.iter().all(|id| self.times.contains_key(*id))
    }

    /// Only these, those that were not known before with when they are due first.
    pub(super) fn list(&mut self, watched: &HashSet<&ServiceId>, first: impl Fn(&ServiceId) -> Timestamp) {
        let gone: Vec<ServiceId> = self.times.keys().filter(|id| !watched.contains(id)).cloned().collect();
        for id in gone {
            self.take(&id);
        }
        for id in watched {
            if !self.times.contains_key(*id) {
                self.put((*id).clone(), first(id));
            }
        }
    }

    /// The one that is due for longest by now, which is not due any more.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<ServiceId> {
        let (at, id) = self.queue.first()?;
        if *at > now {
            return None;
        }
        let id = id.clone();
        self.take(&id);
        Some(id)
    }

    /// A service is due then, and at no other time.
    pub(super) fn put(&mut self, id: ServiceId, at: Timestamp) {
        self.take(&id);
        self.times.insert(id.clone(), at);
        self.queue.insert((at, id));
    }

    fn take(&mut self, id: &ServiceId) {
        if let Some((id, at)) = self.times.remove_entry(id) {
            self.queue.remove(&(at, id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> ServiceId {
        ServiceId::new("c", "shop", "Deployment", name)
    }

    #[test]
    fn each_is_due_once_however_often_it_comes_and_goes() {
        let (cart, web, mut due) = (id("cart"), id("web"), Due::default());
        let both = HashSet::from([&cart, &web]);
        due.list(&both, |id| Timestamp(if id.name == "cart" { 10 } else { 20 }));
        assert!(due.is(&[&web, &cart]) && !due.is(&[&web]) && !due.is(&[&web, &id("mail")]));
        assert_eq!((due.next(Timestamp(9)), due.next(Timestamp(10))), (None, Some(cart.clone())));
        due.put(cart.clone(), Timestamp(70));
        assert_eq!((due.next(Timestamp(69)), due.next(Timestamp(69))), (Some(web.clone()), None));
        due.put(web.clone(), Timestamp(80));
        due.list(&HashSet::from([&web]), |_| Timestamp(0));
        due.list(&both, |_| Timestamp(75));
        let mut order = Vec::new();
        while let Some(id) = due.next(Timestamp(100)) {
            order.push(id);
        }
        assert_eq!(order, [cart, web], "the time from before it was gone does not count");
    }
}
