//! Profiles from the socket into a real store, by every way that there is.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use common::{Receivers, call, gzip, send, zstd};
use ingest::{Ingest, Limits};
use model::DAY;
use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use opentelemetry_proto::tonic::profiles::v1development::{
    Function, Line, Location, Profile, ProfilesDictionary, ResourceProfiles, Sample, ScopeProfiles, Stack, ValueType,
};
use prost::Message;
use store::{Config, Keep, Store};

const CPU: &[u8] = include_bytes!("data/go-cpu.pprof");
const EXPORT: &str = "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export";

async fn open(path: &std::path::Path) -> Store {
    let keep = Keep { age: 3_650 * DAY, bytes: 1 << 30 };
    Store::open(Config { path: path.to_owned(), raw: keep, summaries: keep }).await.unwrap()
}

/// One profile of one sample.
fn request(value: i64) -> ExportProfilesServiceRequest {
    let dictionary = ProfilesDictionary {
        string_table: ["", "cpu", "nanoseconds", "main"].map(str::to_owned).to_vec(),
        function_table: vec![Function::default(), Function { name_strindex: 3, ..Function::default() }],
        location_table: vec![
            Location::default(),
            Location { lines: vec![Line { function_index: 1, ..Line::default() }], ..Location::default() },
        ],
        stack_table: vec![Stack::default(), Stack { location_indices: vec![1] }],
        ..ProfilesDictionary::default()
    };
    let profile = Profile {
        sample_type: Some(ValueType { type_strindex: 1, unit_strindex: 2 }),
        samples: vec![Sample { stack_index: 1, values: vec![value], ..Sample::default() }],
        time_unix_nano: 1_790_000_000_000_000_000,
        ..Profile::default()
    };
    let scope = ScopeProfiles { profiles: vec![profile], ..ScopeProfiles::default() };
    let group = ResourceProfiles { scope_profiles: vec![scope], ..ResourceProfiles::default() };
    ExportProfilesServiceRequest { resource_profiles: vec![group], dictionary: Some(dictionary) }
}

/// Field 1 of a message.
fn field(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x0a];
    prost::encoding::encode_varint(bytes.len() as u64, &mut out);
    out.extend_from_slice(bytes);
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_are_taken_by_every_way_that_they_are_sent() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let receivers = Receivers::of(Ingest::new(store.clone(), Limits::default())).await;
    let (protobuf, json) = ([("content-type", "application/x-protobuf")], [("content-type", "application/json")]);
    let otlp = "POST /v1development/profiles";
    assert_eq!(send(receivers.http, otlp, &protobuf, &request(1).encode_to_vec()).await.status, 200);
    assert_eq!(send(receivers.http, otlp, &json, &serde_json::to_vec(&request(2)).unwrap()).await.status, 200);
    call(receivers.grpc, EXPORT, true, request(3).encode_to_vec()).await.unwrap();
    assert_eq!(receivers.ingest.status().profiles, 3);
    // A series with one sample, which is a pprof; labels are field 1 of a series, samples field 2.
    let mut series =
        field(&[0x0a, 12, b's', b'e', b'r', b'v', b'i', b'c', b'e', b'_', b'n', b'a', b'm', b'e', 0x12, 1, b'a']);
    let mut sample = field(&field(CPU));
    sample[0] = 0x12;
    series.extend(sample);
    let push = [("content-type", "application/proto"), ("content-encoding", "gzip")];
    let answer = send(receivers.http, "POST /push.v1.PusherService/Push", &push, &gzip(&field(&series))).await;
    assert_eq!((answer.status, answer.header("content-type"), answer.body.len()), (200, Some("application/proto"), 0));
    // The same in another packing is the same request.
    let push = [("content-type", "application/proto"), ("content-encoding", "zstd")];
    let again = send(receivers.http, "POST /push.v1.PusherService/Push", &push, &zstd(&field(&series))).await;
    assert_eq!((again.status, receivers.ingest.status().duplicates), (200, 1));
    let answer = send(receivers.http, "POST /push.v1.PusherService/Push", &json, b"{}").await;
    assert_eq!((answer.status, answer.json()), (200, serde_json::json!({})));
    let words = "POST /ingest?name=shop.cpu%7Bpod%3Dp%7D&from=1790000000&until=1790000010";
    assert_eq!(send(receivers.http, words, &[], b"main;pay 3").await.status, 200);
    assert_eq!(send(receivers.http, &words.replace("%3Dp", "%3Dq"), &[], b"main;pay 3").await.status, 200);
    assert_eq!(send(receivers.http, words, &[], b"main;pay 3").await.status, 200);
    assert_eq!(send(receivers.http, "POST /v1/profiles?service.name=shop", &[], CPU).await.status, 200);
    let plain = "POST /v1/profiles?service.name=shop&version=2";
    assert_eq!(send(receivers.http, plain, &[("content-encoding", "zstd")], &zstd(CPU)).await.status, 200);
    let status = receivers.ingest.status();
    assert_eq!((status.profiles, status.duplicates), (3 + 1 + 2 + 1 + 1, 2), "whose it is makes another request");
    assert!(store.status().await.unwrap().samples > 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_profile_is_refused_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let limits = Limits { message: 1 << 20, ..Limits::default() };
    let receivers = Receivers::of(Ingest::new(store.clone(), limits)).await;
    let push = [("content-type", "application/proto")];
    let answer = send(receivers.http, "POST /push.v1.PusherService/Push", &push, b"\xff").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (400, Some("invalid_argument")));
    let text = [("content-type", "text/plain")];
    assert_eq!(send(receivers.http, "POST /push.v1.PusherService/Push", &text, b"").await.status, 415);
    let answer = send(receivers.http, "POST /v1/profiles", &[], CPU).await;
    assert_eq!(answer.status, 400);
    assert!(String::from_utf8(answer.body).unwrap().contains("/v1development/profiles"));
    for (start, body, status) in [
        ("POST /ingest", &b"main 1"[..], 400),
        ("POST /ingest?name=shop&format=jfr", b"", 400),
        ("POST /ingest?name=shop", b"main", 400),
        ("GET /ingest?name=shop", b"", 405),
        ("POST /v1/profiles?service.name=shop", b"\x1f\x8bno gzip", 400),
    ] {
        assert_eq!(send(receivers.http, start, &[], body).await.status, status, "{start}");
    }
    // Each of two bombs is smaller than a message may be, together they are not.
    let bomb = gzip(&vec![0; 700 << 10]);
    let samples: Vec<u8> = [&bomb, &bomb]
        .iter()
        .flat_map(|bomb| {
            let mut sample = field(&field(bomb));
            sample[0] = 0x12;
            sample
        })
        .collect();
    let answer = send(receivers.http, "POST /push.v1.PusherService/Push", &push, &field(&samples)).await;
    assert!(matches!(answer.status, 400 | 413), "{}", answer.status);
    assert_eq!(store.status().await.unwrap().samples, 0);
}
