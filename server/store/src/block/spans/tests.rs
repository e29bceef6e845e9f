//! Round trips and damage.

use std::sync::Arc;

use model::{Owner, SpanFilter, SpanId, SpanKind, SpanStatus, Timestamp, TraceId, Value};

use super::{SpanBlock, SpanColumns, search, words};
use crate::block::columns::Columns;
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

fn owner() -> Arc<Owner> {
    Arc::new(Owner { attributes: Vec::new(), peer: None })
}

#[test]
fn spans_come_back_in_any_order() {
    let columns = sample(40);
    for order in [(0..40).collect::<Vec<_>>(), (0..40).rev().collect(), columns.by_owner_endpoint_time()] {
        let read = SpanColumns::decode(&columns.encode(&order, 1).unwrap()).unwrap();
        assert_eq!(read.len(), 40);
        for (place, at) in order.iter().enumerate() {
            assert_eq!(read.get(place, owner()), columns.get(*at, owner()));
            assert_eq!((read.owner[place], read.weight[place]), (columns.owner[*at], columns.weight[*at]));
            assert_eq!(read.flags[place], columns.flags[*at]);
        }
    }
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
    let columns = sample(12);
    let sealed = columns.encode(&(0..12).collect::<Vec<_>>(), 1).unwrap();
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut wrong = sealed.clone();
            wrong[at] ^= 1 << bit;
            assert!(matches!(SpanColumns::decode(&wrong), Err(Error::Damaged(_))), "byte {at} bit {bit}");
        }
        assert!(SpanColumns::decode(&sealed[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn a_body_that_lies_about_itself_is_damage_and_no_panic() {
    let columns = sample(12);
    let sealed = columns.encode(&(0..12).collect::<Vec<_>>(), 1).unwrap();
    let body = crate::block::open(super::encode::MAGIC, super::encode::FORMAT, &sealed).unwrap();
    for at in 0..body.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut wrong = body.clone();
            wrong[at] = value;
            let sealed = crate::block::seal(super::encode::MAGIC, super::encode::FORMAT, &wrong, 1).unwrap();
            // The checksum is right, so some changes give other spans; none may panic.
            let _ = SpanColumns::decode(&sealed).map(|read| {
                (0..read.len()).for_each(|at| drop(read.get(at, owner())));
            });
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
    let sealed = columns.seal(1).unwrap();
    let mut block = SpanBlock::open(&sealed).unwrap();
    let mut wanted = vec![true; 40];
    search::matching(&mut block, &"n=7".parse().unwrap(), &mut wanted, &|_, _| None).unwrap();
    // Only the first of a key that stands twice counts.
    let order = columns.by_owner_endpoint_time();
    let found: Vec<usize> = (0..40).filter(|place| wanted[*place]).map(|place| order[place]).collect();
    assert_eq!(found, [10]);
}
