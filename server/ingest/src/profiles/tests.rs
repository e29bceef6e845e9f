use std::io::Read;

use model::{Owner, Timestamp};
use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest as Request;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::profiles::v1development::{
    Function, Line, Location, Mapping, Profile, ProfilesDictionary, ResourceProfiles, Sample, ScopeProfiles, Stack,
    ValueType,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use store::{OwnerFacts, ProfileRow};

use super::pyroscope::{Sent, ingest, plain, push};
use super::{Sink, otlp};
use crate::envelope::{Owning, Report};
use crate::{Error, Limits, json};

/// Owner, time, duration, type, and samples.
type Row = (u32, i64, i64, String, Vec<(String, i64)>);

/// Stacks as folded texts, and what was told of them.
#[derive(Default)]
struct Told {
    owners: Vec<Owner>,
    frames: Vec<String>,
    stacks: Vec<String>,
    profiles: Vec<Row>,
}

impl Owning for Told {
    fn owner(&mut self, owner: Owner, _: OwnerFacts) -> u32 {
        self.owners.push(owner);
        self.owners.len() as u32 - 1
    }
}

impl Sink for Told {
    fn frame(&mut self, name: &str, file: &str) -> u32 {
        self.frames.push(if file.is_empty() { name.to_owned() } else { format!("{name}@{file}") });
        self.frames.len() as u32
    }

    fn stack(&mut self, outer: u32, frame: u32) -> u32 {
        let outer = outer.checked_sub(1).map_or("", |outer| self.stacks[outer as usize].as_str());
        self.stacks.push(format!("{outer}/{}", self.frames[frame as usize - 1]));
        self.stacks.len() as u32
    }

    fn push(&mut self, row: &ProfileRow<'_>) {
        let name = |stack: u32| stack.checked_sub(1).map_or_else(String::new, |at| self.stacks[at as usize].clone());
        let samples = row.samples.iter().map(|(stack, value)| (name(*stack), *value)).collect();
        self.profiles.push((row.owner, row.at.0, row.duration, format!("{}:{}", row.kind, row.unit), samples));
    }
}

fn number(texts: &[&str], text: &str) -> i32 {
    texts.iter().position(|known| *known == text).unwrap() as i32
}

const TEXTS: [&str; 10] =
    ["", "samples", "count", "cpu", "nanoseconds", "main", "pay", "shop.py", "libc.so", "service.name"];

/// main → pay, inlined into one location; and a location in a library.
fn dictionary() -> ProfilesDictionary {
    let texts = TEXTS.map(str::to_owned).to_vec();
    let at = |text: &str| number(&TEXTS, text);
    let function =
        |name: &str| Function { name_strindex: at(name), filename_strindex: at("shop.py"), ..Function::default() };
    let line = |function: i32| Line { function_index: function, ..Line::default() };
    let location = |mapping_index: i32, lines: Vec<Line>| Location { mapping_index, lines, ..Location::default() };
    ProfilesDictionary {
        mapping_table: vec![Mapping::default(), Mapping { filename_strindex: at("libc.so"), ..Mapping::default() }],
        location_table: vec![Location::default(), location(0, vec![line(2), line(1)]), location(1, vec![])],
        function_table: vec![Function::default(), function("main"), function("pay")],
        string_table: texts,
        stack_table: vec![
            Stack::default(),
            Stack { location_indices: vec![1] },
            Stack { location_indices: vec![2, 1] },
        ],
        ..ProfilesDictionary::default()
    }
}

fn profile() -> Profile {
    let sample = |stack_index: i32, values: Vec<i64>, times: Vec<u64>| Sample {
        stack_index,
        values,
        timestamps_unix_nano: times,
        ..Sample::default()
    };
    let kind =
        |kind: &str, unit: &str| ValueType { type_strindex: number(&TEXTS, kind), unit_strindex: number(&TEXTS, unit) };
    Profile {
        sample_type: Some(kind("samples", "count")),
        period_type: Some(kind("cpu", "nanoseconds")),
        period: 50,
        time_unix_nano: 7,
        duration_nano: 9,
        samples: vec![sample(1, vec![3, 1], vec![]), sample(2, vec![], vec![1, 2]), sample(0, vec![1], vec![5])],
        ..Profile::default()
    }
}

fn request(key: KeyValue) -> Request {
    let scope = ScopeProfiles { profiles: vec![profile()], ..ScopeProfiles::default() };
    let resource = Resource { attributes: vec![key], ..Resource::default() };
    let group =
        ResourceProfiles { resource: Some(resource), scope_profiles: vec![scope], ..ResourceProfiles::default() };
    Request { resource_profiles: vec![group], dictionary: Some(dictionary()) }
}

fn service(text: &str) -> KeyValue {
    let value = AnyValue { value: Some(any_value::Value::StringValue(text.into())) };
    KeyValue { key: "service.name".into(), value: Some(value), key_strindex: 0 }
}

fn of_otlp(bytes: &[u8]) -> Result<(Told, Report), crate::wire::Malformed> {
    let mut told = Told::default();
    let report = otlp::decode(bytes, None, &|_| false, &Limits::default(), Timestamp(99), &mut told)?;
    Ok((told, report))
}

#[test]
fn profiles_of_otlp_are_stacks_with_the_time_that_they_took() {
    let (told, report) = of_otlp(&request(service("checkout")).encode_to_vec()).unwrap();
    assert_eq!((report.taken, report.invalid, report.over), (1, 0, 0));
    assert_eq!(told.owners[0].get("service.name"), Some("checkout"));
    let pay = "/main@shop.py/pay@shop.py".to_owned();
    let library = format!("{pay}/[libc.so]@libc.so");
    let samples = vec![(pay, 200), (library, 100), (String::new(), 50)];
    assert_eq!(told.profiles, [(0, 7, 9, "cpu:nanoseconds".into(), samples)]);
}

#[test]
fn texts_of_resources_may_stand_in_the_dictionary() {
    let at = number(&TEXTS, "service.name");
    let key = KeyValue {
        key: String::new(),
        value: Some(AnyValue { value: Some(any_value::Value::StringValueStrindex(number(&TEXTS, "pay"))) }),
        key_strindex: at,
    };
    let (told, _) = of_otlp(&request(key).encode_to_vec()).unwrap();
    assert_eq!(told.owners[0].get("service.name"), Some("pay"));
    let unknown = KeyValue { key_strindex: 77, ..service("x") };
    assert!(of_otlp(&request(unknown).encode_to_vec()).is_err());
}

#[test]
fn json_says_the_same_as_protobuf() {
    let request = request(service("checkout"));
    let text = serde_json::to_vec(&request).unwrap();
    let (of_json, _) = of_otlp(&json::profiles(&text).unwrap()).unwrap();
    let (of_bytes, _) = of_otlp(&request.encode_to_vec()).unwrap();
    assert_eq!(of_json.profiles, of_bytes.profiles);
    assert_eq!(of_json.owners, of_bytes.owners);
}

#[test]
fn places_that_are_nowhere_are_refused() {
    let change = |change: fn(&mut Request)| {
        let mut request = request(service("checkout"));
        change(&mut request);
        of_otlp(&request.encode_to_vec())
    };
    let samples = |request: &mut Request| request.resource_profiles[0].scope_profiles[0].profiles[0].samples.clone();
    assert!(change(|request| request.dictionary.as_mut().unwrap().stack_table.truncate(2)).is_err());
    assert!(change(|request| request.dictionary.as_mut().unwrap().location_table.truncate(1)).is_err());
    assert!(change(|request| request.dictionary.as_mut().unwrap().function_table.truncate(1)).is_err());
    assert!(change(|request| request.dictionary = None).is_err());
    assert_eq!(samples(&mut request(service(""))).len(), 3);
    let (_, report) =
        change(|request| request.resource_profiles[0].scope_profiles[0].profiles[0].sample_type = None).unwrap();
    assert_eq!((report.taken, report.invalid), (0, 1), "what does not say what it samples is left out");
}

#[test]
fn requests_cut_or_damaged_anywhere_never_panic() {
    let bytes = request(service("checkout")).encode_to_vec();
    for end in 0..bytes.len() {
        _ = of_otlp(&bytes[..end]);
    }
    for at in 0..bytes.len() {
        for change in [1, 0x80, 0xff] {
            let mut wrong = bytes.clone();
            wrong[at] ^= change;
            _ = of_otlp(&wrong);
        }
    }
}

#[test]
fn stacks_that_would_be_walked_without_end_are_refused_or_cut() {
    let mut deep = request(service("checkout"));
    let dictionary = deep.dictionary.as_mut().unwrap();
    dictionary.stack_table[1] = Stack { location_indices: vec![1; 100_000] };
    let (told, report) = of_otlp(&deep.encode_to_vec()).unwrap();
    assert_eq!((told.stacks.len(), report.cuts.values), (512 + 3, 1));
    let mut wide = request(service("checkout"));
    let dictionary = wide.dictionary.as_mut().unwrap();
    dictionary.stack_table = vec![Stack { location_indices: vec![1; 400] }; 12_000];
    let sample = |stack_index: i32| Sample { stack_index, values: vec![1], ..Sample::default() };
    wide.resource_profiles[0].scope_profiles[0].profiles[0].samples = (0..12_000).map(sample).collect();
    let mut none = Nothing;
    let decoded = otlp::decode(&wide.encode_to_vec(), None, &|_| false, &Limits::default(), Timestamp(0), &mut none);
    assert!(decoded.is_err(), "five million frames");
}

/// A sink that keeps nothing.
struct Nothing;

impl Owning for Nothing {
    fn owner(&mut self, _: Owner, _: OwnerFacts) -> u32 {
        0
    }
}

impl Sink for Nothing {
    fn frame(&mut self, _: &str, _: &str) -> u32 {
        1
    }

    fn stack(&mut self, _: u32, _: u32) -> u32 {
        1
    }

    fn push(&mut self, _: &ProfileRow<'_>) {}
}

const CPU: &[u8] = include_bytes!("../../tests/data/go-cpu.pprof");
const HEAP: &[u8] = include_bytes!("../../tests/data/go-heap.pprof");

fn gunzip(packed: &[u8]) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = flate2::read::MultiGzDecoder::new(packed).read_to_end(&mut bytes);
    read.map(|_| bytes).map_err(|error| Error::Malformed(error.to_string()))
}

type Way = fn(&[u8], &Sent<'_>, &mut super::pyroscope::Unpack<'_>, &mut Told) -> Result<Report, Error>;

fn sent(way: Way, words: &[(&str, &str)], body: &[u8]) -> Result<(Told, Report), Error> {
    let words: Vec<(String, String)> = words.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    let limits = Limits::default();
    let sent = Sent { words: &words, peer: None, found: &|_| false, limits: &limits, now: Timestamp(99) };
    let mut told = Told::default();
    let report = way(body, &sent, &mut gunzip, &mut told)?;
    Ok((told, report))
}

const NAMED: [(&str, &str); 2] = [("service.name", "shop"), ("k8s.pod.name", "shop-1")];

#[test]
fn a_cpu_profile_of_go_is_read_as_its_own_tool_reads_it() {
    let (told, report) = sent(plain, &NAMED, CPU).unwrap();
    assert_eq!(report.taken, 1, "how often it was looked is the same again");
    let (_, at, duration, kind, samples) = &told.profiles[0];
    assert_eq!(kind, "cpu:nanoseconds");
    assert!(*at > 1_700_000_000_000_000_000 && *duration > 1_000_000_000);
    assert!(samples.iter().map(|(_, value)| value).sum::<i64>() > 1_000_000_000);
    let tax = samples.iter().find(|(stack, _)| stack.contains("/main.tax@")).unwrap();
    assert!(tax.0.starts_with("/runtime.main@runtime/proc.go/main.main@shop/main.go/main.checkout@"), "{}", tax.0);
    assert_eq!(told.owners[0].get("k8s.pod.name"), Some("shop-1"));
}

#[test]
fn a_heap_profile_of_go_is_four_profiles() {
    let (told, report) = sent(plain, &NAMED, HEAP).unwrap();
    assert_eq!(report.taken, 4);
    let kinds: Vec<&str> = told.profiles.iter().map(|profile| profile.3.as_str()).collect();
    assert_eq!(kinds, ["alloc_objects:count", "alloc_space:bytes", "inuse_objects:count", "inuse_space:bytes"]);
    let held = told.profiles[3].4.iter().filter(|(stack, _)| stack.contains("main.hold")).map(|(_, value)| value);
    // Eight slices, and what holds them.
    assert_eq!(held.sum::<i64>() >> 20, 8);
}

#[test]
fn a_pprof_cut_or_damaged_anywhere_never_panics() {
    let bytes = gunzip(CPU).unwrap();
    for end in (0..bytes.len()).step_by(3) {
        _ = sent(plain, &NAMED, &bytes[..end]);
    }
    for at in 0..bytes.len() {
        let mut wrong = bytes.clone();
        wrong[at] ^= 0x81;
        _ = sent(plain, &NAMED, &wrong);
    }
    assert!(sent(plain, &NAMED, b"no profile").is_err());
    assert!(sent(plain, &[("from", "1")], CPU).is_err(), "nobody's profile");
}

#[derive(Clone, PartialEq, Message)]
struct PushRequest {
    #[prost(message, repeated, tag = "1")]
    series: Vec<Series>,
}

#[derive(Clone, PartialEq, Message)]
struct Series {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<RawSample>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct RawSample {
    #[prost(bytes = "vec", tag = "1")]
    profile: Vec<u8>,
    #[prost(string, tag = "2")]
    id: String,
}

fn pushed() -> PushRequest {
    let labels = [
        ("__name__", "mutex"),
        ("service_name", "store/checkout"),
        ("namespace", "shop"),
        ("pod", "checkout-1"),
        ("k8s_pod_uid", "u-1"),
        ("span_name", "GET /"),
    ];
    let label = |(name, value): (&str, &str)| Label { name: name.into(), value: value.into() };
    let sample = |profile: &[u8]| RawSample { profile: profile.to_vec(), id: "x".into() };
    let samples = vec![sample(CPU), sample(&gunzip(HEAP).unwrap())];
    PushRequest { series: vec![Series { labels: labels.map(label).to_vec(), samples }] }
}

#[test]
fn pushed_labels_are_attributes_and_the_profiles_name_tells_locks_from_blocking() {
    let (told, report) = sent(push, &[], &pushed().encode_to_vec()).unwrap();
    assert_eq!((report.taken, told.owners.len()), (5, 1));
    let attributes: Vec<(&str, &str)> =
        told.owners[0].attributes.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let expected = [
        ("k8s.namespace.name", "shop"),
        ("k8s.pod.name", "checkout-1"),
        ("k8s.pod.uid", "u-1"),
        ("service.name", "checkout"),
        ("service.namespace", "store"),
    ];
    assert_eq!(attributes, expected);
    assert_eq!(told.profiles[0].3, "mutex_cpu:nanoseconds");
}

#[test]
fn pushed_json_says_the_same() {
    use base64::Engine;
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let series = &pushed().series[0];
    let labels: Vec<_> = series.labels.iter().map(|l| serde_json::json!({"name": l.name, "value": l.value})).collect();
    let samples: Vec<_> =
        series.samples.iter().map(|s| serde_json::json!({"rawProfile": base64(&s.profile), "ID": s.id})).collect();
    let text = serde_json::json!({"series": [{"labels": labels, "samples": samples}]}).to_string();
    let (of_json, _) = sent(push, &[], &json::push(text.as_bytes()).unwrap()).unwrap();
    let (of_bytes, _) = sent(push, &[], &pushed().encode_to_vec()).unwrap();
    assert_eq!(of_json.profiles, of_bytes.profiles);
    assert_eq!(of_json.owners, of_bytes.owners);
}

#[test]
fn folded_stacks_are_the_time_between_two_looks() {
    let words =
        [("name", "shop.cpu{pod=shop-1,namespace=\"x\"}"), ("from", "100"), ("until", "110"), ("sampleRate", "50")];
    let (told, _) = sent(ingest, &words, b"main;pay 3\nmain;a b c 2\n\nmain 1\n").unwrap();
    let samples = [("/main/pay", 60_000_000), ("/main/a b c", 40_000_000), ("/main", 20_000_000)];
    let samples = samples.map(|(stack, value)| (stack.to_owned(), value)).to_vec();
    assert_eq!(told.profiles, [(0, 100_000_000_000, 10_000_000_000, "cpu:nanoseconds".into(), samples)]);
    assert_eq!(told.owners[0].get("service.name"), Some("shop"));
    assert_eq!(told.owners[0].get("k8s.namespace.name"), Some("x"));
    let words = [("name", "shop"), ("units", "bytes"), ("format", "lines")];
    let (told, _) = sent(ingest, &words, b"main;pay\nmain;pay\n").unwrap();
    assert_eq!((told.profiles[0].3.as_str(), told.profiles[0].1), ("alloc_space:bytes", 99));
    assert!(sent(ingest, &words[1..], b"main 1").is_err(), "no name");
    assert!(sent(ingest, &words[..1], b"main;pay many").is_err(), "no count");
    assert!(sent(ingest, &[("name", "shop"), ("format", "jfr")], b"x").is_err());
    assert!(sent(ingest, &words[..1], &[0xff, 0xfe]).is_err(), "no text");
}

#[test]
fn a_form_has_the_profile_as_one_of_its_parts() {
    let part = |name: &str, content: &[u8]| {
        let head = format!("--b0undary\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"x\"\r\n\r\n");
        [head.as_bytes(), content, b"\r\n"].concat()
    };
    let form = [part("sample_type_config", b"{}"), part("profile", CPU), b"--b0undary--\r\n".to_vec()].concat();
    let words = [("name", "shop.cpu"), ("format", "pprof")];
    let (told, report) = sent(ingest, &words, &form).unwrap();
    assert_eq!((report.taken, told.profiles[0].3.as_str()), (1, "cpu:nanoseconds"));
    for end in (0..form.len()).step_by(5) {
        _ = sent(ingest, &words, &form[..end]);
    }
    assert!(sent(ingest, &words, &part("other", CPU)).is_err());
}
