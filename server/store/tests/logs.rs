//! Searches of logs against the lines themselves, in every state of the files.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use model::*;
use store::*;
use support::*;

#[derive(Debug, Clone)]
struct Told {
    owner: usize,
    at: Timestamp,
    level: Level,
    body: String,
    route: Option<&'static str>,
    trace: Option<TraceId>,
}

fn random_lines(random: &mut Random, count: u64) -> Vec<Told> {
    let line = |n| Told {
        owner: random.below(2) as usize,
        at: NOW.plus(random.below(3_000) as i64 * SECOND - 40 * MINUTE),
        level: Level::ALL[random.below(7) as usize],
        body: match random.below(3) {
            0 => format!("order {n} was paid"),
            1 => format!("Connection refused by host{}", random.below(4)),
            _ => "the cache is warm".to_owned(),
        },
        route: [None, Some("/pay"), Some("/cart")][random.below(3) as usize],
        trace: (random.below(2) == 0).then(|| TraceId(u128::from(random.below(9) + 1).to_be_bytes())),
    };
    (0..count).map(line).collect()
}

async fn append_all(store: &Store, random: &mut Random, lines: &[Told]) {
    for chunk in lines.chunks(37) {
        let mut batch = Batch::new((u128::from(random.0) << 32 | lines.len() as u128).to_be_bytes());
        random.below(9);
        let owners =
            [("checkout", "p1"), ("cart", "p2")].map(|(name, pod)| batch.owner(owner(name), facts_of_pod(pod)));
        for told in chunk {
            let route = told.route.map(|route| [("http.route", Value::Text(route.to_owned()))]);
            batch.push_log(&LogRow {
                owner: owners[told.owner],
                at: told.at,
                level: told.level,
                severity: "",
                body: &told.body,
                pattern: &pattern::of_message(&told.body),
                scope: "shop",
                trace: told.trace,
                span: None,
                attributes: route.as_ref().map_or(&[], |route| &route[..]),
            });
        }
        assert_eq!(store.telemetry().append(batch).await.unwrap(), Appended::Stored);
    }
}

fn matches(told: &Told, query: &str) -> bool {
    let lower = told.body.to_lowercase();
    match query {
        "" => true,
        "level:error" => told.level == Level::Error,
        "level:>=warn -cache" => told.level >= Level::Warn && !lower.contains("cache"),
        "\"connection refused\"" => lower.starts_with("connection refused"),
        "\"connection refuse\"" => false,
        "http.route=/pay refused" => told.route == Some("/pay") && lower.contains("refused"),
        "-http.route=*" => told.route.is_none(),
        "pod=checkout-7d9f-p1" => told.owner == 0,
        "trace=00000000000000000000000000000004" => told.trace == Some(TraceId(4_u128.to_be_bytes())),
        other => panic!("{other} is not in the model"),
    }
}

const QUERIES: [&str; 9] = [
    "",
    "level:error",
    "level:>=warn -cache",
    "\"connection refused\"",
    "\"connection refuse\"",
    "http.route=/pay refused",
    "-http.route=*",
    "pod=checkout-7d9f-p1",
    "trace=00000000000000000000000000000004",
];

fn question(query: &str, after: Option<Cursor>) -> LogAsk {
    LogAsk {
        service: id("checkout"),
        window: Window::new(NOW.plus(-30 * MINUTE), NOW.plus(5 * MINUTE)),
        step: Step(MINUTE),
        filter: query.parse().unwrap(),
        after,
        limit: 25,
        count: true,
    }
}

/// All lines of a query, page by page, and the counts that the first page has.
async fn all_pages(store: &Store, query: &str) -> (Vec<LogLine>, FoundLogs) {
    let first = store.telemetry().logs(question(query, None)).await.unwrap();
    let (mut lines, mut next) = (first.lines.clone(), first.next);
    while let Some(after) = next {
        let ask = LogAsk { count: false, ..question(query, Some(after)) };
        let page = store.telemetry().logs(ask).await.unwrap();
        lines.extend(page.lines);
        next = page.next;
    }
    (lines, first)
}

async fn compare(store: &Store, told: &[Told]) {
    for query in QUERIES {
        let window = question(query, None).window.aligned(Step(MINUTE));
        let wanted: Vec<&Told> =
            told.iter().filter(|t| t.owner == 0 && window.contains(t.at) && matches(t, query)).collect();
        let (lines, first) = all_pages(store, query).await;
        assert!(lines.is_sorted_by(|a, b| a.at >= b.at), "{query}: newest first");
        let mut found: Vec<(Timestamp, &str)> = lines.iter().map(|line| (line.at, line.body.as_str())).collect();
        let mut expected: Vec<(Timestamp, &str)> = wanted.iter().map(|t| (t.at, t.body.as_str())).collect();
        found.sort_unstable();
        expected.sort_unstable();
        let differ = found.iter().zip(&expected).position(|(a, b)| a != b);
        assert!(found == expected, "{query}: {} of {}, the first at {differ:?}", found.len(), expected.len());
        let mut levels: BTreeMap<Level, BTreeMap<u32, u64>> = BTreeMap::new();
        for told in wanted {
            let cell = (told.at.since(window.from) / MINUTE) as u32;
            *levels.entry(told.level).or_default().entry(cell).or_default() += 1;
        }
        assert_eq!(first.levels, levels, "{query}");
        assert_eq!(first.covered_from, None);
    }
    let patterns =
        store.telemetry().log_counts(&id("checkout"), question("", None).window, Step(MINUTE)).await.unwrap();
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for pattern in patterns {
        *found.entry(pattern.pattern).or_default() += pattern.cells.iter().map(|(_, _, count)| count).sum::<u64>();
    }
    let window = question("", None).window.aligned(Step(MINUTE));
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for told in told.iter().filter(|t| t.owner == 0 && window.contains(t.at)) {
        *expected.entry(pattern::of_message(&told.body)).or_default() += 1;
    }
    assert_eq!(found, expected);
}

#[tokio::test]
async fn searches_equal_a_naive_model_live_merged_and_reopened() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let mut random = Random(11);
    let mut told = random_lines(&mut random, 900);
    append_all(&store, &mut random, &told).await;
    compare(&store, &told).await;
    store.maintain(clock().plus(3 * MINUTE)).await.unwrap();
    compare(&store, &told).await;
    let more = random_lines(&mut random, 100);
    append_all(&store, &mut random, &more).await;
    told.extend(more);
    compare(&store, &told).await;
    store.close().await.unwrap();
    let store = open(folder.path()).await;
    compare(&store, &told).await;
    assert_eq!(store.status().await.unwrap().logs, 1_000);
}

#[tokio::test]
async fn a_pattern_keeps_its_first_sight_when_its_lines_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let now = clock();
    let line = Told {
        owner: 0,
        at: now.plus(-MINUTE),
        level: Level::Error,
        body: "the disk is full".into(),
        route: None,
        trace: None,
    };
    append_all(&store, &mut Random(1), std::slice::from_ref(&line)).await;
    store.maintain(now.plus(13 * HOUR)).await.unwrap();
    store.maintain(now.plus(8 * DAY)).await.unwrap();
    assert_eq!(store.status().await.unwrap().logs, 0);
    let window = Window::new(now.plus(-HOUR), now.plus(HOUR));
    let patterns = store.telemetry().log_counts(&id("checkout"), window, Step(MINUTE)).await.unwrap();
    assert_eq!(patterns.len(), 1);
    assert_eq!((patterns[0].first_seen, patterns[0].pattern.as_str()), (line.at, "the disk is full"));
}

#[tokio::test]
async fn a_flood_of_patterns_is_counted_together() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_services(folder.path()).await;
    let word = |n: usize| n.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect::<String>();
    let lines: Vec<Told> = (100..2_100)
        .map(|n| Told { owner: 0, at: NOW, level: Level::Info, body: word(n), route: None, trace: None })
        .collect();
    append_all(&store, &mut Random(2), &lines).await;
    store.maintain(clock().plus(3 * MINUTE)).await.unwrap();
    let patterns = store.telemetry().log_counts(&id("checkout"), around(NOW), Step(MINUTE)).await.unwrap();
    let count: u64 = patterns.iter().flat_map(|pattern| &pattern.cells).map(|(_, _, count)| count).sum();
    assert_eq!(count, 2_000, "none is lost");
    assert_eq!(patterns.len(), 401);
    assert!(patterns.iter().any(|pattern| pattern.pattern == "(others)"));
}
