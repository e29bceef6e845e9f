//! What people do in the shop: requests that walk the call graph and leave spans and lines. Pure: the same second,
//! seed and fleet give the same.

mod logs;
mod profiles;
mod spans;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Timestamp;

pub(crate) use self::logs::lines;
pub(crate) use self::profiles::profiles;
use self::spans::{Kind, Spans};
pub(crate) use self::spans::{request, word};
use crate::fleet::{Fleet, Server};
use crate::random::Random;
use crate::story::{Call, Effect, Route, Scenario};
use crate::time::{self, SECOND};

/// The spans of each server that has some.
pub(crate) type Batch = BTreeMap<String, (Arc<Server>, Spans)>;

/// Makes requests.
#[derive(Debug)]
pub(crate) struct Traffic {
    scenario: Arc<Scenario>,
    /// What comes from outside: service, route, weight.
    entries: Vec<(usize, usize, f64)>,
    seed: u64,
    /// Requests a second.
    rate: f64,
}

/// One request on its way.
struct Walk<'a> {
    traffic: &'a Traffic,
    fleet: &'a Fleet,
    random: Random,
    trace: [u8; 16],
    /// One of so many is kept.
    thinned: u32,
    batch: &'a mut Batch,
}

/// How a call ended.
struct Outcome {
    end: i64,
    status: u16,
}

/// Why a request was not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unserved {
    /// Nobody is there: the connection is refused at once.
    Refused,
    /// The server does not answer.
    TimedOut,
}

/// How long callers wait for an answer.
const PATIENCE: i64 = SECOND;

impl Traffic {
    /// Requests for a scenario at so many a second.
    pub(crate) fn new(scenario: Arc<Scenario>, seed: u64, rate: f64) -> Self {
        let mut entries = Vec::new();
        for (service, spec) in scenario.services.iter().enumerate() {
            let weighty = spec.routes.iter().enumerate().filter(|(_, route)| route.weight > 0.0);
            entries.extend(weighty.map(|(route, spec)| (service, route, spec.weight)));
        }
        Self { scenario, entries, seed, rate }
    }

    /// What it is about.
    pub(crate) fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Requests a second.
    pub(crate) fn rate(&self) -> f64 {
        self.rate
    }

    /// Adds the requests that start within a second; one of 2^`thin` is made and says so.
    pub(crate) fn second(&self, second: i64, fleet: &Fleet, thin: u32, batch: &mut Batch) {
        let mut random = Random::new(self.seed ^ (second as u64).wrapping_mul(0xd134_2543_de82_ef95));
        let wanted = self.rate / f64::from(1u32 << thin);
        let count = (wanted + random.unit()) as usize;
        for _ in 0..count {
            let at = second * SECOND + time::seconds(random.unit());
            let Some((service, route)) = self.draw(&mut random) else { return };
            let mut trace = [0; 16];
            trace[..8].copy_from_slice(&random.next().to_be_bytes());
            trace[8..].copy_from_slice(&random.next().to_be_bytes());
            let random = Random::new(random.next());
            let mut walk = Walk { traffic: self, fleet, random, trace, thinned: thin, batch };
            // Who comes in vain leaves no trace.
            let _ = walk.serve(service, &self.scenario.services[service].routes[route], at, None, None);
        }
    }

    fn draw(&self, random: &mut Random) -> Option<(usize, usize)> {
        let all: f64 = self.entries.iter().map(|(_, _, weight)| weight).sum();
        let mut at = random.unit() * all;
        let chosen = self.entries.iter().find(|(_, _, weight)| {
            at -= weight;
            at < 0.0
        });
        chosen.or(self.entries.last()).map(|(service, route, _)| (*service, *route))
    }
}

impl Walk<'_> {
    /// A server's side of a request: its own work, its calls, how it ends. No span where nobody serves.
    fn serve(
        &mut self,
        service: usize,
        route: &Route,
        at: i64,
        parent: Option<u64>,
        queue: Option<&str>,
    ) -> Result<Outcome, Unserved> {
        let servers = self.fleet.get(service).filter(|servers| !servers.is_empty()).ok_or(Unserved::Refused)?;
        let server = servers[self.random.below(servers.len())].clone();
        if server.is_silent {
            return Err(Unserved::TimedOut);
        }
        let id = self.random.next();
        let effect = self.effect(&server, route);
        let own = route.millis * self.random.spread(0.7)
            + effect.as_ref().map_or(0.0, |effect| effect.slower * self.random.spread(0.3));
        let mut end = at + millis(own * 0.4);
        let mut status = 200;
        for call in &route.calls {
            if call.share > 0.0 && self.random.unit() >= call.share {
                continue;
            }
            let outcome = self.call(&server, call, end, id);
            end = outcome.end;
            if outcome.status >= 500 {
                status = 502;
                break;
            }
        }
        end += millis(own * 0.6);
        let mut exception =
            (status >= 500).then(|| ("UpstreamError".to_owned(), "a service this depends on has failed".to_owned()));
        let share = effect.as_ref().map_or(0.0, |effect| effect.errors) + route.errors;
        if status == 200 && self.random.unit() < share {
            let effect = effect.unwrap_or_default();
            end += millis(effect.stalls);
            status = if effect.status == 0 { 500 } else { effect.status };
            let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
            exception = Some((or(&effect.exception, "InternalError"), or(&effect.message, "unexpected end of stream")));
        } else if status == 200 && self.random.unit() < 0.006 && !route.calls.is_empty() {
            status = 404;
        }
        let kind = if queue.is_some() { Kind::Consumer } else { Kind::Server };
        self.put(&server, |spans, walk| {
            spans.served(walk, kind, id, parent, route, (at, end), status, exception.as_ref())
        });
        Ok(Outcome { end, status })
    }

    /// A caller's side of a call.
    fn call(&mut self, caller: &Arc<Server>, call: &Call, at: i64, parent: u64) -> Outcome {
        let id = self.random.next();
        if !call.database.is_empty() {
            let end = at + millis(1.8 * self.random.spread(0.8));
            self.put(caller, |spans, walk| spans.queried(walk, id, parent, call, (at, end)));
            return Outcome { end, status: 200 };
        }
        let scenario = self.traffic.scenario.clone();
        let target = scenario.find(&call.service).map(|index| (index, &scenario.services[index]));
        let target = target
            .and_then(|(index, service)| Some((index, service.routes.iter().find(|route| route.name == call.route)?)));
        let Some((service, route)) = target else { return Outcome { end: at, status: 200 } };
        if !call.queue.is_empty() {
            let end = at + millis(1.5);
            self.put(caller, |spans, walk| spans.sent(walk, id, parent, call, (at, end)));
            let later = end + millis(20.0 * self.random.spread(1.0));
            // A message that nobody takes waits in the queue.
            let _ = self.serve(service, route, later, Some(id), Some(&call.queue));
            return Outcome { end, status: 200 };
        }
        let network = millis(0.4 * self.random.spread(0.5));
        let outcome = self.serve(service, route, at + network, Some(id), None);
        let (end, status, failure) = match outcome {
            Ok(outcome) => (outcome.end, outcome.status, None),
            Err(Unserved::Refused) => (at + network, 503, Some("ECONNREFUSED")),
            Err(Unserved::TimedOut) => (at + PATIENCE, 504, Some("ETIMEDOUT")),
        };
        let end = end + network;
        self.put(caller, |spans, walk| spans.called(walk, id, parent, call, (at, end), status, failure));
        Outcome { end, status }
    }

    fn effect(&self, server: &Server, route: &Route) -> Option<Effect> {
        let effects = server.effects.iter().map(|index| &self.traffic.scenario.effects[*index]);
        effects
            .filter(|effect| effect.route.is_empty() || effect.route == route.name)
            .find(|e| e.errors > 0.0 || e.slower > 0.0)
            .cloned()
    }

    fn put(&mut self, server: &Arc<Server>, add: impl FnOnce(&mut Spans, &spans::Context)) {
        let context = spans::Context { trace: self.trace, thinned: self.thinned };
        let entry = self.batch.entry(server.uid.clone()).or_insert_with(|| (server.clone(), Spans::default()));
        add(&mut entry.1, &context);
    }
}

fn millis(count: f64) -> i64 {
    (count * 1e6) as i64
}

/// Who served at a moment.
pub(crate) fn fleet_at(fleets: &[(Timestamp, Fleet)], at: Timestamp) -> Option<&Fleet> {
    let next = fleets.partition_point(|(since, _)| *since <= at);
    fleets.get(next.saturating_sub(1)).map(|(_, fleet)| fleet)
}

/// Thinning that keeps a past of so many seconds below so many requests: one of 2^n is sent.
pub(crate) fn thinning(rate: f64, seconds: f64, most: f64) -> u32 {
    (0..12).find(|thin| rate * seconds / f64::from(1u32 << thin) <= most).unwrap_or(12)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn fleet(scenario: &Scenario) -> Fleet {
        let one = |service| {
            let text = |word: &str| format!("{word}-{service}");
            let (pod, uid, node, address) = (text("pod"), text("uid"), text("node"), text("ip"));
            let (version, container) = (text("version"), text("container"));
            vec![Arc::new(Server {
                service,
                pod,
                uid,
                node,
                address,
                version,
                container,
                started: Timestamp(SECOND),
                leak: 0.0,
                effects: Vec::new(),
                is_silent: false,
            })]
        };
        Arc::new((0..scenario.services.len()).map(one).collect())
    }

    fn roots(batch: &Batch) -> Vec<String> {
        let spans = batch.values().flat_map(|(_, spans)| spans.all());
        spans.filter(|span| span.parent_span_id.is_empty()).map(|span| span.trace_state.clone()).collect()
    }

    #[test]
    fn the_same_second_is_the_same_and_a_thinned_one_says_for_how_many_it_stands() {
        let traffic = Traffic::new(Arc::new(Scenario::shop()), 1, 400.0);
        let fleet = fleet(traffic.scenario());
        let second = |thin| {
            let mut batch = Batch::new();
            traffic.second(1_000, &fleet, thin, &mut batch);
            batch
        };
        let (whole, again, thinned) = (second(0), second(0), second(2));
        assert_eq!(request(traffic.scenario(), whole), request(traffic.scenario(), again));
        assert_eq!(roots(&thinned).len(), 100);
        assert!(roots(&thinned).iter().all(|state| state == "ot=th:c"));
        assert_eq!(thinning(20.0, 3_600.0, 150_000.0), 0);
        assert_eq!(thinning(100.0, 3_600.0, 150_000.0), 2);
    }

    #[test]
    fn where_nobody_serves_the_caller_is_refused() {
        let traffic = Traffic::new(Arc::new(Scenario::shop()), 1, 200.0);
        let mut servers = fleet(traffic.scenario()).to_vec();
        let payments = traffic.scenario().find("payments/payments").unwrap();
        servers[payments].clear();
        let mut batch = Batch::new();
        traffic.second(1_000, &Arc::new(servers), 0, &mut batch);
        let spans =
            batch.values().flat_map(|(server, spans)| spans.all().iter().map(move |span| (server.service, span)));
        let checkouts: Vec<_> = spans.filter(|(_, span)| span.name == "POST /orders").collect();
        assert!(!checkouts.is_empty() && checkouts.iter().all(|(_, span)| span.status.is_some()));
    }
}
