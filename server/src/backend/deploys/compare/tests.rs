//! Two revisions in a store, compared: what was put in comes out, on the right side.

use model::{ClusterId, Deploy, DeployPhase, DiffLine, MINUTE, Revisions};
use store::ClusterRecord;

use super::super::shop::{Shop, hash, viewer};
use super::*;
use crate::fixtures::{deploy, id};

impl Shop {
    async fn compare(&self, old: &str, new: &str, by: Align) -> Result<Comparison, AppError> {
        let pair = Pair { old: old.parse().unwrap(), new: new.parse().unwrap(), by };
        compare(&self.answers, &viewer(), &id("cart"), pair).await
    }

    async fn revisions(&self) -> Revisions {
        super::super::revisions::list(&self.answers, &viewer(), &id("cart")).await.unwrap()
    }
}

/// Where a series has values.
fn measured(series: &model::Series) -> (Option<usize>, Option<usize>) {
    let has = Option::is_some;
    (series.points.iter().position(has), series.points.iter().rposition(has))
}

#[tokio::test]
async fn by_age_both_lie_on_each_other_and_differences_have_their_side() {
    let mut shop = Shop::open().await;
    shop.serve("p1", 0..31, 10_000_000, (100, "Timeout")).await;
    shop.serve("p2", 30..50, 90_000_000, (4, "Oh")).await;
    let found = shop.compare("a", "b", Align::Age).await.unwrap();
    // `b` has run for half an hour, `a` for 31 minutes: the numbers are of the shorter.
    assert_eq!((found.old.ran.length(), found.axis.from), (31 * MINUTE, Timestamp(0)));
    assert_eq!(found.old.measured.length(), found.new.measured.length());
    let [old, new] = &found.requests;
    assert_eq!((old.start, new.start, old.step), (Timestamp(0), Timestamp(0), new.step));
    assert_eq!((measured(old).0, measured(new).0), (Some(0), Some(0)));
    assert_eq!(measured(new).1, Some((20 * MINUTE / new.step.0) as usize - 1), "nothing after its last request");
    assert!(old.points[..50].iter().all(|rate| *rate == Some(1.0)), "{old:?}");
    assert_eq!((found.new.total.requests, found.new.total.errors), (1_200.0, 300.0));
    // It served for 20 of its 30 minutes, a request a second.
    assert_eq!((found.new.served, found.new.total.rate), (20 * MINUTE, Some(1.0)));
    let row = &found.endpoints[0];
    assert_eq!((row.now.rate, row.before.rate), (Some(1.0), Some(1.0)), "each by the time in which it served");
    assert!(row.now.p95 > row.before.p95 && row.now.error_share > row.before.error_share, "{row:?}");
    let groups: Vec<_> =
        found.groups.iter().map(|group| (group.error.as_str(), group.old > 0.0, group.new > 0.0)).collect();
    assert_eq!(groups, [("Oh", false, true), ("Timeout", true, false)]);
}

#[tokio::test]
async fn by_the_clock_each_stands_in_its_time() {
    let mut shop = Shop::open().await;
    shop.serve("p1", 0..31, 10_000_000, (100, "Timeout")).await;
    shop.serve("p2", 30..50, 10_000_000, (100, "Timeout")).await;
    let found = shop.compare("a", "b", Align::Clock).await.unwrap();
    assert_eq!(found.axis.from, shop.start);
    let [old, new] = &found.errors;
    assert_eq!((old.start, new.start), (shop.start, shop.start.plus(30 * MINUTE)));
    assert_eq!((found.old.total.requests, found.new.total.requests), (1_860.0, 1_200.0));
    assert_eq!(found.groups.len(), 1);
    assert!(found.groups[0].old > 0.0 && found.groups[0].new > 0.0);
}

#[tokio::test]
async fn templates_and_what_was_edited_between_are_compared_in_either_direction() {
    let shop = Shop::open().await;
    let changed = |found: &Comparison| -> Vec<(String, Vec<String>)> {
        let lines = |diff: &Diff| {
            diff.lines
                .iter()
                .filter_map(|line| match line {
                    DiffLine::Removed(_, text) => Some(format!("-{text}")),
                    DiffLine::Added(_, text) => Some(format!("+{text}")),
                    _ => None,
                })
                .collect()
        };
        found.diffs.iter().map(|diff| (diff.title.clone(), lines(diff))).collect()
    };
    let both =
        |title: &str, before: &str, after: &str| (title.to_owned(), vec![format!("-{before}"), format!("+{after}")]);
    let found = shop.compare("a", "b", Align::Age).await.unwrap();
    let config = "ConfigMap limits";
    let there = [both("Pod template", "image: v1", "image: v2"), both(config, "limit: 2", "limit: 4")];
    assert_eq!(changed(&found), there);
    let found = shop.compare("b", "a", Align::Age).await.unwrap();
    let back = [both("Pod template", "image: v2", "image: v1"), both(config, "limit: 4", "limit: 2")];
    assert_eq!(changed(&found), back);
}

#[tokio::test]
async fn a_revision_of_which_little_is_kept_is_compared_all_the_same() {
    let mut shop = Shop::open().await;
    shop.serve("p2", 30..50, 10_000_000, (100, "Timeout")).await;
    let found = shop.compare("old", "b", Align::Clock).await.unwrap();
    assert_eq!((found.old.has_template, found.new.has_template), (false, true));
    assert_eq!((found.old.total.requests, found.old.measured.length(), found.old.served), (0.0, 0, 0));
    assert!(found.diffs.iter().all(|diff| diff.title != "Pod template"));
    let [_, _, unseen] = &shop.revisions().await.rows[..] else { panic!() };
    assert_eq!((unseen.pods_ever, unseen.new_errors), (None, None), "how many there were is not known");
    let missing = shop.compare("none", "b", Align::Age).await;
    assert_eq!(missing, Err(AppError::NotFound("revision none".into())));
}

#[tokio::test]
async fn revisions_are_listed_with_their_life_their_last_hour_and_their_verdict() {
    let mut shop = Shop::open().await;
    shop.serve("p1", 0..31, 10_000_000, (100, "Timeout")).await;
    shop.serve("p2", 30..50, 10_000_000, (4, "Oh")).await;
    let all = shop.revisions().await;
    let names: Vec<&str> = all.rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!((names, all.more), (vec!["b-name", "a-name", "old-name"], 0));
    let [b, a, old] = &all.rows[..] else { panic!("{all:?}") };
    assert_eq!((b.current, b.pods, b.last_seen, b.new_errors), (true, 1, None, Some(1)));
    assert_eq!((a.current, a.pods, a.pods_ever), (false, 0, Some(1)));
    assert_eq!((a.first_seen, a.last_seen), (shop.start, Some(shop.start.plus(31 * MINUTE))));
    assert_eq!((a.hour.requests, b.hour.requests), (1_860.0, 1_200.0));
    assert_eq!((old.hour.clone(), old.last_seen), (Summary::default(), None));
}

#[tokio::test]
async fn a_revision_that_was_deployed_again_is_compared_by_the_run_that_is_meant() {
    let mut shop = Shop::open().await;
    let start = shop.start;
    let minute = |minutes: i64| start.plus(minutes * MINUTE);
    shop.serve("p2", 30..45, 10_000_000, (4, "Oh")).await;
    shop.serve("p2", 50..55, 10_000_000, (100, "Timeout")).await;
    let moves = |sequence: u32, from: &str, to: &str, at: i64| Deploy {
        from: Some(hash(from)),
        to: hash(to),
        started: minute(at),
        phase: DeployPhase::Settled { at: minute(at + 1) },
        ..deploy(sequence)
    };
    let mut record = ClusterRecord::new(ClusterId("c1".into()));
    record.deploys = vec![moves(1, "a", "b", 30), moves(2, "b", "a", 45), moves(3, "a", "b", 50)];
    shop.store().record(&record).await.unwrap();
    let newest = shop.compare("a", "b", Align::Clock).await.unwrap();
    assert_eq!((newest.new.ran.from, newest.new.total.requests), (minute(50), 300.0));
    let shown = |found: &Comparison| found.new.runs.iter().map(|run| (run.deploy, run.is_shown)).collect::<Vec<_>>();
    assert_eq!(shown(&newest), [(Some(3), true), (Some(1), false)]);
    let first = shop.compare("a", "b@1", Align::Clock).await.unwrap();
    assert_eq!((first.new.ran, first.new.total.requests), (Window::new(minute(30), minute(46)), 900.0));
    assert_eq!(shown(&first), [(Some(3), false), (Some(1), true)]);
    let both = shop.compare("b@1", "b@3", Align::Clock).await.unwrap();
    assert_eq!((both.old.total.errors, both.new.total.errors), (225.0, 3.0), "also with itself");
    let wrong = shop.compare("a", "b@2", Align::Age).await;
    assert_eq!(wrong, Err(AppError::NotFound("run b@2: that deploy brought another revision".into())));
}

#[test]
fn edits_are_cut_where_the_older_began_long_before() {
    let day = |days: i64| Window::new(Timestamp(days * DAY), Timestamp(days * DAY));
    let (window, cut) = config_window([day(1), day(4)]);
    assert_eq!((window.from, window.to, cut), (Timestamp(DAY + 1), Timestamp(4 * DAY + 1), false));
    let (window, cut) = config_window([day(30), day(4)]);
    assert_eq!((window.from, window.to, cut), (Timestamp(23 * DAY + 1), Timestamp(30 * DAY + 1), true));
}
