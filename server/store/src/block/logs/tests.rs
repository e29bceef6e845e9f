use model::{Level, LogFilter, SpanId, Timestamp, TraceId, Value, Window};

use super::filter::{Filter, of};
use super::{LogColumns, LogReader, search};
use crate::LogRow;
use crate::block::columns::Columns;

fn row<'a>(body: &'a str, attributes: &'a [(&'a str, Value)]) -> LogRow<'a> {
    LogRow {
        owner: 3,
        at: Timestamp(1_000),
        level: Level::Info,
        severity: "INFO",
        body,
        pattern: "p",
        scope: "s",
        trace: None,
        span: None,
        attributes,
    }
}

fn columns(rows: &[LogRow<'_>]) -> LogColumns {
    let mut logs = LogColumns::default();
    rows.iter().for_each(|row| logs.push(row));
    logs
}

#[test]
fn records_come_back_in_the_order_of_owner_and_time() {
    let attributes = [("k", Value::Text("v".into())), ("n", Value::Int(-3)), ("d", Value::Double(0.5))];
    let trace = Some(TraceId([7; 16]));
    let rows = [
        LogRow { owner: 5, at: Timestamp(i64::MAX), trace, span: Some(SpanId([1; 8])), ..row("last", &attributes) },
        LogRow { at: Timestamp(i64::MIN), level: Level::Fatal, ..row("", &[]) },
        LogRow { trace, ..row("größe", &attributes) },
        LogRow { at: Timestamp(1_001), trace: Some(TraceId([8; 16])), ..row("größe", &[]) },
    ];
    let logs = columns(&rows);
    let expected: Vec<_> = [1, 2, 3, 0].map(|at| logs.get(at)).to_vec();
    for sealed in [logs.seal(3).unwrap(), logs.seal_merged(3).unwrap()] {
        let read = LogColumns::unseal(&sealed).unwrap();
        assert_eq!((0..4).map(|at| read.get(at)).collect::<Vec<_>>(), expected);
        assert_eq!(read.owners(), [3, 3, 3, 5]);
        assert_eq!(LogColumns::count(&sealed).unwrap(), 4);
    }
}

#[test]
fn of_a_block_in_groups_those_that_are_asked_for_are_read() {
    let mut logs = LogColumns::default();
    for n in 0..3_000_u32 {
        let (owner, at) = (n % 3, Timestamp(i64::from(n)));
        let attributes = [("n", Value::Int(i64::from(n)))];
        logs.push(&LogRow { owner, at, trace: Some(TraceId([owner as u8; 16])), ..row(&n.to_string(), &attributes) });
    }
    let sealed = logs.seal_merged(3).unwrap();
    let mut reader = LogReader::open(&sealed).unwrap();
    assert_eq!(reader.len(), 3);
    let all = Window::new(Timestamp(0), Timestamp(3_000));
    for owner in 0..3 {
        let groups: Vec<usize> = (0..3).filter(|group| reader.may_have(*group, &[owner], all).unwrap()).collect();
        assert_eq!(groups.len(), 1);
        let mut block = reader.group(groups[0]).unwrap();
        assert!(block.logs.owner.iter().all(|own| *own == owner));
        let mut wanted = vec![true; 1_000];
        let ask: LogFilter = format!("trace={} n={}", TraceId([owner as u8; 16]), owner + 30).parse().unwrap();
        search::matching(&mut reader, &mut block, &ask, &mut wanted, &|_, _| None).unwrap();
        assert_eq!((0..1_000).filter(|row| wanted[*row]).collect::<Vec<_>>(), [10]);
    }
    let read = LogColumns::unseal(&sealed).unwrap();
    let again = LogColumns::unseal(&logs.seal(1).unwrap()).unwrap();
    assert!((0..3_000).all(|at| read.get(at) == again.get(at)));
}

#[test]
fn every_flipped_bit_is_found() {
    let logs = columns(&[row("a line", &[("k", Value::Text("v".into()))]), row("another", &[])]);
    for sealed in [logs.seal(3).unwrap(), logs.seal_merged(3).unwrap()] {
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut damaged = sealed.clone();
                damaged[at] ^= 1 << bit;
                assert!(LogColumns::unseal(&damaged).is_err(), "byte {at} bit {bit}");
            }
            assert!(LogColumns::unseal(&sealed[..at]).is_err());
        }
    }
}

#[test]
fn a_filter_never_denies_what_is_there_and_mostly_what_is_not() {
    let bodies: Vec<String> = (0..2_000).map(|n| format!("word{n} Shared")).collect();
    let rows: Vec<LogRow<'_>> = bodies.iter().map(|body| row(body, &[])).collect();
    let stored = of(&columns(&rows));
    let filter = Filter::open(&stored, &[1, 3]).unwrap();
    let may = |text: &str| search::may_match(&filter, &text.parse::<LogFilter>().unwrap(), &|_| false);
    assert!((0..2_000).all(|n| may(&format!("\"WORD{n}\" \"shared\""))));
    let wrong = (2_000..12_000).filter(|n| may(&format!("\"word{n}\""))).count();
    assert!(wrong < 100, "{wrong} of 10,000");
    assert!(filter.is_owned && !Filter::open(&stored, &[2, 4]).unwrap().is_owned);
}

#[test]
fn each_test_of_a_query_holds_where_it_should() {
    let attributes = [("http.route", Value::Text("/pay".into())), ("code", Value::Int(42))];
    let trace = TraceId([9; 16]);
    let rows = [
        LogRow { level: Level::Error, trace: Some(trace), ..row("Connection refused by peer", &attributes) },
        LogRow { scope: "db", ..row("reconnection to größe", &[]) },
    ];
    let logs = columns(&rows);
    let stored = of(&logs);
    let filter = Filter::open(&stored, &[1, 3]).unwrap();
    let resource = |_: u32, key: &str| (key == "service.name").then(|| "pay".to_owned());
    let trace = format!("trace={trace}");
    for (query, expected) in [
        ("", [true, true]),
        ("level:error", [true, false]),
        ("level:>=info", [true, true]),
        ("connection", [true, true]),
        ("\"connection\"", [true, false]),
        ("\"connection refused\"", [true, false]),
        ("\"connection peer\"", [false, false]),
        ("-refused", [false, true]),
        ("\"größe\"", [false, true]),
        ("\"gr\"", [false, false]),
        ("http.route=/pay", [true, false]),
        ("code=42", [true, false]),
        ("-code=42", [false, true]),
        ("http.route=*", [true, false]),
        ("service.name=pay", [true, true]),
        ("scope=db", [false, true]),
        ("pattern=p", [true, true]),
        (&trace, [true, false]),
        ("trace=nonsense", [false, false]),
    ] {
        let ask: LogFilter = query.parse().unwrap();
        for sealed in [logs.seal(1).unwrap(), logs.seal_merged(3).unwrap()] {
            let mut reader = LogReader::open(&sealed).unwrap();
            let (mut block, mut wanted) = (reader.group(0).unwrap(), [true, true]);
            search::matching(&mut reader, &mut block, &ask, &mut wanted, &resource).unwrap();
            assert_eq!(wanted, expected, "{query}");
        }
        let may = search::may_match(&filter, &ask, &|key| resource(0, key).is_some());
        assert!(may || !expected.contains(&true), "{query} is denied by the filter");
    }
}
