//! What a profiler finds in the pods that serve: where their processor time went and what holds their memory, adding
//! up to what their kubelets measure. A route that something makes slower has the frames of that; what leaks is held
//! where requests are handled. Pure.

mod dictionary;

use std::ops::Range;
use std::sync::Arc;

use model::Timestamp;
use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use opentelemetry_proto::tonic::profiles::v1development::{Profile, ResourceProfiles, ScopeProfiles};

use self::dictionary::Dictionary;
use super::spans::resource;
use crate::fleet::{Fleet, Server};
use crate::kubelet::figures::Run;
use crate::random::{Random, hash};
use crate::story::{Call, Effect, Route, Scenario, Service};
use crate::time::SECOND;

/// A profile is of so many seconds at least.
const EVERY: i64 = 10;
/// The share of a container's memory that its heap is.
const HEAP: f64 = 0.7;

/// Frames from the outermost on, and their part of all.
type Stack = (Vec<String>, f64);

/// The request that carries the profiles of some seconds; nothing where none is due.
pub(crate) fn profiles(
    scenario: &Scenario,
    fleet: &Fleet,
    seconds: &Range<i64>,
) -> Option<ExportProfilesServiceRequest> {
    let due = |second: i64| second.div_euclid(EVERY) * EVERY;
    let (from, to) = (due(seconds.start), due(seconds.end));
    let servers = fleet.iter().flatten().filter(|server| !server.is_silent);
    let mut dictionary = Dictionary::default();
    let of_server = |server: &Arc<Server>| {
        let profiles = [cpu(scenario, server, from..to, &mut dictionary), heap(scenario, server, to, &mut dictionary)];
        let scope = ScopeProfiles { profiles: profiles.into(), ..ScopeProfiles::default() };
        ResourceProfiles {
            resource: Some(resource(scenario, server)),
            scope_profiles: vec![scope],
            ..ResourceProfiles::default()
        }
    };
    let resource_profiles: Vec<ResourceProfiles> =
        if from < to { servers.map(of_server).collect() } else { Vec::new() };
    let dictionary = Some(dictionary.finish());
    (!resource_profiles.is_empty()).then_some(ExportProfilesServiceRequest { resource_profiles, dictionary })
}

fn run<'a>(scenario: &'a Scenario, server: &'a Server) -> Run<'a> {
    let service = &scenario.services[server.service];
    Run { service, uid: &server.uid, started: server.started, leak: server.leak, killed: None }
}

/// Where the processor time of some seconds went.
fn cpu(scenario: &Scenario, server: &Server, seconds: Range<i64>, dictionary: &mut Dictionary) -> Profile {
    let run = run(scenario, server);
    let at = |second: i64| run.at(Timestamp(second * SECOND)).cpu;
    let nanos = (at(seconds.end) - at(seconds.start)) * 1e9;
    let mut stacks = Vec::new();
    for route in &run.service.routes {
        let effects = scenario.effects.iter().enumerate();
        let of_route = effects
            .filter(|(_, effect)| {
                effect.slower > 0.0 && effect.service == run.service.id() && effect.route == route.name
            })
            .map(|(index, effect)| (effect, server.effects.contains(&index)));
        work(run.service, route, of_route, &mut stacks);
    }
    let all: f64 = stacks.iter().map(|(_, part)| part).sum();
    let collector = ["runtime.gcBgMarkWorker", "runtime.gcDrain", "runtime.scanobject"];
    stacks.push((collector.map(str::to_owned).to_vec(), all * 0.08 + 0.02));
    stacks.push((["runtime.schedule", "runtime.findRunnable"].map(str::to_owned).to_vec(), all * 0.04 + 0.01));
    let duration = (seconds.end - seconds.start) * SECOND;
    let mut random = Random::new(hash(server.uid.as_bytes()) ^ seconds.end as u64);
    Profile {
        time_unix_nano: (seconds.start * SECOND).unsigned_abs(),
        duration_nano: duration.unsigned_abs(),
        ..dictionary.profile(("cpu", "nanoseconds"), stacks, nanos, || random.between(0.85, 1.15))
    }
}

/// The work of one route, in milliseconds; an effect on it stands beside whether it is there.
fn work<'a>(
    service: &Service,
    route: &Route,
    effects: impl Iterator<Item = (&'a Effect, bool)>,
    stacks: &mut Vec<Stack>,
) {
    let handler = handler(service, route);
    let mut add = |inner: &[&str], part: f64| {
        let inner = inner.iter().map(|name| name.replace("{}", &service.name));
        stacks.push((handler.iter().cloned().chain(inner).collect(), part * route.millis));
    };
    add(&["encoding/json.Unmarshal", "encoding/json.(*decodeState).object"], 0.16);
    add(&["{}.validate"], 0.08);
    add(&["{}.compute"], 0.26);
    add(&["{}.compute", "runtime.mallocgc"], 0.07);
    for call in &route.calls {
        add(way(call), 0.1 * if call.share > 0.0 { call.share } else { 1.0 });
    }
    add(&["encoding/json.Marshal", "encoding/json.structEncoder.encode"], 0.15);
    add(&["go.opentelemetry.io/otel/sdk/trace.(*recordingSpan).End"], 0.04);
    for (effect, is_there) in effects {
        add(&["{}.(*cache).get"], 0.05);
        if is_there {
            let part = effect.slower / route.millis;
            add(&["{}.(*cache).get", "{}.(*cache).refill", "{}.(*index).rebuild"], part * 0.6);
            add(&["{}.(*cache).get", "{}.(*cache).refill", "{}.(*index).rebuild", "sort.Strings"], part * 0.4);
        }
    }
}

/// The frames of a call of another service, a database or a queue.
fn way(call: &Call) -> &'static [&'static str] {
    if !call.database.is_empty() {
        &["database/sql.(*DB).QueryContext", "github.com/lib/pq.(*conn).query"]
    } else if !call.queue.is_empty() {
        &["github.com/segmentio/kafka-go.(*Writer).WriteMessages"]
    } else {
        &["net/http.(*Client).Do", "net/http.(*Transport).roundTrip"]
    }
}

/// The frames under which a route is served.
fn handler(service: &Service, route: &Route) -> Vec<String> {
    let word = |word: &str| {
        let letters: String = word.chars().filter(char::is_ascii_alphanumeric).collect();
        let (first, rest) = letters.split_at(letters.len().min(1));
        format!("{}{}", first.to_ascii_uppercase(), rest.to_ascii_lowercase())
    };
    let name: String = route.name.split([' ', '/', '{', '}']).map(word).collect();
    let outer = ["net/http.(*conn).serve", "net/http.HandlerFunc.ServeHTTP"].map(str::to_owned);
    outer.into_iter().chain([format!("{}.(*Server).{name}", service.name)]).collect()
}

/// What holds a pod's memory at a moment.
fn heap(scenario: &Scenario, server: &Server, second: i64, dictionary: &mut Dictionary) -> Profile {
    let run = run(scenario, server);
    let at = Timestamp(second * SECOND);
    let bytes = run.at(at).memory * HEAP;
    let age = (at.0 - server.started.0).max(0) as f64 / SECOND as f64;
    let grown = server.leak * age / 3_600.0 * f64::from(1 << 20) * HEAP;
    let leaked = if bytes > 0.0 { (grown / bytes).clamp(0.0, 1.0) } else { 0.0 };
    let service = run.service;
    let frames = |names: &[&str]| names.iter().map(|name| name.replace("{}", &service.name)).collect::<Vec<_>>();
    let own = 1.0 - leaked;
    let mut stacks = vec![
        (frames(&["runtime.main", "main.main", "{}.New", "{}.(*cache).warm"]), own * 0.38),
        (frames(&["runtime.main", "main.main", "{}.New", "database/sql.Open"]), own * 0.14),
        (frames(&["net/http.(*conn).serve", "bufio.NewReaderSize"]), own * 0.2),
        (frames(&["net/http.(*conn).serve", "net/http.HandlerFunc.ServeHTTP", "encoding/json.Marshal"]), own * 0.12),
        (frames(&["runtime.mstart", "runtime.malg"]), own * 0.16),
    ];
    if let Some(route) = service.routes.first().filter(|_| leaked > 0.0) {
        let held = frames(&["{}.(*model).remember", "runtime.growslice"]);
        stacks.push((handler(service, route).into_iter().chain(held).collect(), leaked));
    }
    Profile {
        time_unix_nano: at.0.unsigned_abs(),
        ..dictionary.profile(("inuse_space", "bytes"), stacks, bytes, || 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::tests::fleet;

    /// The share of the samples of one type whose stack has a function, of a service.
    fn share(request: &ExportProfilesServiceRequest, pod: usize, kind: &str, function: &str) -> f64 {
        let dictionary = request.dictionary.as_ref().unwrap();
        let text = |at: i32| dictionary.string_table[at as usize].as_str();
        let has = |stack: i32| {
            dictionary.stack_table[stack as usize].location_indices.iter().any(|location| {
                let line = &dictionary.location_table[*location as usize].lines[0];
                text(dictionary.function_table[line.function_index as usize].name_strindex).contains(function)
            })
        };
        let profiles = &request.resource_profiles[pod].scope_profiles[0].profiles;
        let of = |profile: &&Profile| text(profile.sample_type.unwrap().type_strindex) == kind;
        let samples = &profiles.iter().find(of).unwrap().samples;
        let sum = |all: &mut dyn Iterator<Item = i64>| all.sum::<i64>() as f64;
        let own = sum(&mut samples.iter().filter(|sample| has(sample.stack_index)).map(|sample| sample.values[0]));
        own / sum(&mut samples.iter().map(|sample| sample.values[0]))
    }

    /// The shop, one server a service; one of them is under all effects of its service, or leaks.
    fn made(service: &str, is_changed: bool) -> (ExportProfilesServiceRequest, usize) {
        let scenario = Scenario::shop();
        let place = scenario.find(service).unwrap();
        let mut servers = fleet(&scenario).to_vec();
        let effects = scenario.effects.iter().enumerate().filter(|(_, effect)| effect.service == service);
        let server = Arc::get_mut(&mut servers[place][0]).unwrap();
        if is_changed {
            server.effects = effects.map(|(index, _)| index).collect();
            server.leak = scenario.effects.iter().filter(|e| e.service == service).map(|e| e.leak).sum();
        }
        (profiles(&scenario, &Arc::new(servers), &(100_000..100_120)).unwrap(), place)
    }

    #[test]
    fn what_makes_a_route_slower_is_seen_in_its_frames() {
        let (slow, pod) = made("shop/search", true);
        let (fast, _) = made("shop/search", false);
        assert!(share(&slow, pod, "cpu", "rebuild") > 0.6);
        assert!(share(&fast, pod, "cpu", "rebuild") < 1e-9 && share(&fast, pod, "cpu", "cache).get") > 0.0);
        assert!((share(&fast, pod, "cpu", "") - 1.0).abs() < 1e-9);
    }

    #[test]
    fn what_leaks_is_held_where_requests_are_handled() {
        let (leaking, pod) = made("shop/recommendations", true);
        let (other, _) = made("shop/recommendations", false);
        assert!(share(&leaking, pod, "inuse_space", "remember") > 0.5);
        assert!(share(&other, pod, "inuse_space", "remember") < 1e-9);
    }

    #[test]
    fn profiles_are_of_ten_seconds_at_least_and_leave_no_gap() {
        let scenario = Scenario::shop();
        let fleet = fleet(&scenario);
        assert!(profiles(&scenario, &fleet, &(1_001..1_009)).is_none());
        let spans = [1_001..1_013, 1_013..1_019, 1_019..1_034].map(|seconds| profiles(&scenario, &fleet, &seconds));
        let of = |request: &ExportProfilesServiceRequest| {
            let profile = &request.resource_profiles[0].scope_profiles[0].profiles[0];
            (profile.time_unix_nano / 1_000_000_000, profile.duration_nano / 1_000_000_000)
        };
        assert_eq!(spans.each_ref().map(|span| span.as_ref().map(of)), [Some((1_000, 10)), None, Some((1_010, 20))]);
    }
}
