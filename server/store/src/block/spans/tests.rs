//! Round trips and damage.

use std::sync::Arc;

use model::{Owner, SpanFilter, SpanId, SpanKind, SpanStatus, Timestamp, TraceId, Value, Window};

use super::{SpanColumns, SpanReader, search, words};
use crate::block::columns::Columns;
use crate::block::sections::{Sections, SectionsWriter};
use crate::{Error, EventRow, LinkRow, SpanRow};

fn sample(count: u64) -> SpanColumns {
    let mut columns = SpanColumns::default();
    for n in 0..count {
        let attributes = [
            ("http.request.method", Value::Text("GET".into())),
            ("n", Value::Int(n as i64 - 3)),
            ("n", Value::Int(7)),
            ("share", Value::Double(n as f64 / 3.0)),
            ("yes", Value::Bool(n % 2 == 0)),
            ("list", Value::Json(format!("[{n}]"))),
        ];
        let events = [EventRow {
            at: Timestamp(1_000 + n as i64),
            name: "exception",
            attributes: vec![("exception.type", Value::Text("Oh".into()))],
        }];
        let links =
            [LinkRow { trace: TraceId([9; 16]), span: SpanId([8; 8]), attributes: vec![("k", Value::Bool(true))] }];
        columns.push(&SpanRow {
            owner: n as u32 % 3,
            trace: TraceId([n as u8 / 4; 16]),
            id: SpanId((n + 1).to_be_bytes()),
            parent: match n % 4 {
                0 => None,
                1 => Some(SpanId([255; 8])),
                _ => Some(SpanId(n.to_be_bytes())),
            },
            kind: SpanKind::from_number(n % 6),
            name: "GET /a",
            endpoint: if n % 2 == 0 { "GET /a" } else { "" },
            callee: "",
            start: Timestamp(i64::MAX - n as i64 * 1_000),
            duration: n as i64 * 17,
            status: SpanStatus::from_number(n % 3),
            status_message: "späte Antwort",
            scope: "scope",
            http_status: 500,
            error: "Oh",
            weight: 1.0 + n as f32,
            sampled: n % 5 == 0,
            attributes: &attributes[..(n as usize % 7).min(6)],
            events: &events[..n as usize % 2],
            links: &links[..(n as usize + 1) % 2],
        });
    }
    columns
}

/// Sealed as it is committed, and as it is merged.
fn both(columns: &SpanColumns, order: &[usize]) -> [Vec<u8>; 2] {
    [columns.encode(order, 1).unwrap(), columns.encode_groups(order, 3).unwrap()]
}

fn owner() -> Arc<Owner> {
    Arc::new(Owner { attributes: Vec::new(), peer: None })
}

#[test]
fn spans_come_back_in_any_order() {
    let columns = sample(40);
    for order in [(0..40).collect::<Vec<_>>(), (0..40).rev().collect(), columns.by_owner_endpoint_time()] {
        for sealed in both(&columns, &order) {
            let read = SpanColumns::decode(&sealed).unwrap();
            assert_eq!((read.len(), SpanColumns::count(&sealed).unwrap()), (40, 40));
            for (place, at) in order.iter().enumerate() {
                assert_eq!(read.get(place, owner()), columns.get(*at, owner()));
                assert_eq!((read.owner[place], read.weight[place]), (columns.owner[*at], columns.weight[*at]));
                assert_eq!(read.flags[place], columns.flags[*at]);
            }
        }
    }
    assert_eq!(SpanColumns::decode(&SpanColumns::default().seal_merged(3).unwrap()).unwrap().len(), 0);
}

#[test]
fn of_a_block_in_groups_those_that_are_asked_for_are_read() {
    let columns = sample(4_000);
    let sealed = columns.seal_merged(3).unwrap();
    let reader = SpanReader::open(&sealed).unwrap();
    assert_eq!(reader.len(), 3, "one of each owner");
    let all = Window::new(Timestamp(i64::MIN), Timestamp(i64::MAX));
    for owner in 0..3 {
        let may = |group: &usize| reader.may_have(*group, &[owner], all).unwrap();
        let groups: Vec<usize> = (0..3).filter(may).collect();
        assert_eq!(groups.len(), 1);
        let group = reader.group(groups[0]).unwrap();
        assert!(group.spans.len() > 1_000 && group.spans.owner.iter().all(|own| *own == owner));
    }
    let whole = SpanColumns::decode(&sealed).unwrap();
    for trace in [TraceId([0; 16]), TraceId([7; 16]), TraceId([63; 16])] {
        let of = |columns: &SpanColumns| columns.of_trace(trace).map(|at| columns.get(at, owner())).collect::<Vec<_>>();
        let found: Vec<_> = SpanColumns::of_block(&sealed, trace).unwrap().iter().flat_map(of).collect();
        assert_eq!(found, of(&whole));
        assert!(!found.is_empty());
    }
    assert!(SpanColumns::of_block(&sample(1).seal_merged(3).unwrap(), TraceId([9; 16])).unwrap().is_empty());
}

#[test]
fn joined_columns_hold_all_spans_with_their_owners_renumbered() {
    let (a, b) = (sample(13), sample(29));
    let mut both = SpanColumns::default();
    both.append(&a, &[0, 1, 2]);
    both.append(&b, &[10, 11, 12]);
    assert_eq!(both.len(), 42);
    for at in 0..13 {
        assert_eq!(both.get(at, owner()), a.get(at, owner()));
    }
    for at in 0..29 {
        assert_eq!(both.get(13 + at, owner()), b.get(at, owner()));
        assert_eq!(both.owner[13 + at], b.owner[at] + 10);
    }
}

#[test]
fn every_flipped_bit_and_every_cut_is_found() {
    for sealed in both(&sample(12), &(0..12).collect::<Vec<_>>()) {
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut wrong = sealed.clone();
                wrong[at] ^= 1 << bit;
                assert!(matches!(SpanColumns::decode(&wrong), Err(Error::Damaged(_))), "byte {at} bit {bit}");
            }
            assert!(SpanColumns::decode(&sealed[..at]).is_err(), "cut at {at}");
        }
    }
}

#[test]
fn a_body_that_lies_about_itself_is_damage_and_no_panic() {
    let columns = sample(12);
    let [whole, grouped] = both(&columns, &(0..12).collect::<Vec<_>>());
    // The checksum is right, so some changes give other spans; none may panic.
    let read = |sealed: &[u8]| {
        let _ = SpanColumns::decode(sealed).map(|read| {
            (0..read.len()).for_each(|at| drop(read.get(at, owner())));
        });
    };
    let body = crate::block::open(super::encode::MAGIC, super::encode::FORMAT, &whole).unwrap();
    for (at, value) in (0..body.len()).flat_map(|at| [0, 1, 0x7f, 0xff].map(|value| (at, value))) {
        let mut wrong = body.clone();
        wrong[at] = value;
        read(&crate::block::seal(super::encode::MAGIC, super::encode::FORMAT, &wrong, 1).unwrap());
    }
    let sections = Sections::open(super::encode::MAGIC, super::encode::GROUPED, &grouped).unwrap();
    let mut parts: Vec<Vec<u8>> = (0..sections.len()).map(|number| sections.get(number).unwrap()).collect();
    parts.push(sections.about().to_vec());
    let lengths: Vec<usize> = parts.iter().map(Vec::len).collect();
    for (part, at) in (0..parts.len()).flat_map(|part| (0..lengths[part]).map(move |at| (part, at))) {
        for value in [0, 1, 0x7f, 0xff] {
            let right = std::mem::replace(&mut parts[part][at], value);
            let mut writer = SectionsWriter::new(1).unwrap();
            let (about, sections) = parts.split_last().unwrap();
            sections.iter().for_each(|section| writer.add(section).unwrap());
            read(&writer.seal(super::encode::MAGIC, super::encode::GROUPED, about).unwrap());
            parts[part][at] = right;
        }
    }
}

#[test]
fn words_never_deny_what_is_there_and_mostly_what_is_not() {
    let columns = sample(40);
    let stored = columns.words().unwrap();
    let may = |text: &str, owners: &[u32]| {
        let ask = text.parse::<SpanFilter>().unwrap();
        words::may_match(&stored, &ask, owners, &|key| key == "pod").unwrap()
    };
    for text in ["", "endpoint:\"GET /a\"", "n=7 yes=true", "error=Oh", "pod=p1", "-n=99", "zone=*", "share=2"] {
        assert!(may(text, &[1, 9]), "{text}");
    }
    assert!(!may("", &[3, 9]), "of no owner that is asked for");
    let denied = (100..1_100).filter(|n| !may(&format!("n={n}"), &[1]) && !may(&format!("endpoint:{n}"), &[1]));
    let denied = denied.count();
    assert!(denied > 970, "{denied} of 1,000");
    let order = columns.by_owner_endpoint_time();
    for sealed in [columns.seal(1).unwrap(), columns.seal_merged(3).unwrap()] {
        let found = |text: &str| -> Vec<usize> {
            let mut reader = SpanReader::open(&sealed).unwrap();
            let mut block = reader.group(0).unwrap();
            let mut wanted = vec![true; 40];
            search::matching(&mut reader, &mut block, &text.parse().unwrap(), &mut wanted, &|_, _| None).unwrap();
            (0..40).filter(|place| wanted[*place]).map(|place| order[place]).collect()
        };
        assert_eq!(found("n=7"), [10], "only the first of a key that stands twice counts");
        let trace = format!("trace={} n=7", columns.trace[10]);
        assert_eq!((found(&trace), found("trace=0 n=7")), (vec![10], vec![]));
    }
}
