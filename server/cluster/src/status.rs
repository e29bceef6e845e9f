//! How a cluster's connection and watchers stand, pure; the owner of the world tells it what it hears.

use model::{ClusterStatus, Connection, KubeletStatus, LogCoverage, SECOND, Timestamp, WatchState, WatcherStatus};

use crate::rights::{Problem, rule};
use crate::watch::Said;
use crate::world::Scope;

/// What only counts is published this often.
const THROTTLE: i64 = SECOND;

/// How a cluster stands.
#[derive(Debug)]
pub(crate) struct Board {
    status: ClusterStatus,
    scopes: Vec<Scope>,
    published: Option<(Connection, Vec<WatchState>)>,
    at: Timestamp,
    counted: bool,
    /// The whole cluster was there once.
    connected: bool,
    /// Watchers that tried again and have not failed since: whether they work, the next knock tells.
    quiet: Vec<bool>,
}

impl Board {
    /// A cluster that was not heard of yet.
    pub(crate) fn new(name: &str) -> Self {
        let connection = Connection::Connecting { reason: None };
        let status = ClusterStatus {
            id: String::new(),
            name: name.to_owned(),
            connection,
            heard: None,
            watchers: Vec::new(),
            kubelets: KubeletStatus::default(),
            logs: LogCoverage::default(),
        };
        Self {
            status,
            scopes: Vec::new(),
            published: None,
            at: Timestamp::default(),
            counted: false,
            connected: false,
            quiet: Vec::new(),
        }
    }

    /// It could not be reached.
    pub(crate) fn unreachable(&mut self, reason: String) {
        self.status.connection = Connection::Connecting { reason: Some(reason) };
    }

    /// It answered: these are its id and its watchers.
    pub(crate) fn answered(&mut self, id: &str, scopes: &[Scope], now: Timestamp) {
        self.status.id = id.to_owned();
        self.status.connection = Connection::Syncing;
        self.status.heard = Some(now);
        self.scopes = scopes.to_vec();
        self.quiet = vec![false; scopes.len()];
        let watcher = |(kind, namespace): &Scope| WatcherStatus {
            resource: kind.resource(),
            namespace: namespace.as_ref().map(ToString::to_string),
            state: WatchState::Syncing,
            objects: 0,
            lists: 0,
            events: 0,
            heard: None,
        };
        self.status.watchers = scopes.iter().map(watcher).collect();
    }

    /// How its kubelets answer.
    pub(crate) fn kubelets(&mut self, status: KubeletStatus) {
        self.status.kubelets = status;
        self.counted = true;
    }

    /// Whose logs are read.
    pub(crate) fn logs(&mut self, coverage: LogCoverage) {
        self.status.logs = coverage;
        self.counted = true;
    }

    /// It answered a knock: watchers that are quiet since they tried again work.
    pub(crate) fn heard(&mut self, now: Timestamp) {
        self.status.heard = Some(now);
        self.counted = true;
        for (watcher, quiet) in self.status.watchers.iter_mut().zip(&mut self.quiet) {
            if std::mem::take(quiet) {
                watcher.state = if watcher.lists > 0 { WatchState::Synced } else { WatchState::Syncing };
            }
        }
        self.look(now);
    }

    /// It did not answer a knock.
    pub(crate) fn silent(&mut self, reason: &str, now: Timestamp) {
        if self.connected && !matches!(self.status.connection, Connection::Lost { .. }) {
            self.status.connection = Connection::Lost { reason: reason.to_owned(), since: now };
        }
    }

    /// Whether a watcher waits to try again though the cluster may answer.
    pub(crate) fn is_failing(&self) -> bool {
        self.status.watchers.iter().any(|watcher| matches!(watcher.state, WatchState::Failing { .. }))
    }

    /// How a watcher stands.
    pub(crate) fn state(&self, place: usize) -> Option<&WatchState> {
        self.status.watchers.get(place).map(|watcher| &watcher.state)
    }

    /// What a watcher said.
    pub(crate) fn said(&mut self, place: usize, said: &Said, now: Timestamp) {
        let Some(watcher) = self.status.watchers.get_mut(place) else { return };
        self.counted = true;
        self.quiet[place] = matches!(said, Said::Quiet);
        let kind = self.scopes[place].0;
        match said {
            Said::Begun => {
                // A list that begins after a failure has not worked yet.
                if matches!(watcher.state, WatchState::Synced) {
                    watcher.state = WatchState::Syncing;
                }
                return;
            }
            Said::Failed(problem) => {
                let told = matches!(watcher.state, WatchState::Synced | WatchState::Syncing);
                watcher.state = state(problem, &watcher.state, kind, now);
                if !matches!(problem, Problem::Failing(_)) {
                    self.status.heard = Some(now);
                }
                // A refusal tells nothing of what is watched: until the first one it was told.
                if *problem == Problem::Forbidden && told {
                    watcher.heard = watcher.heard.map(|_| now);
                }
                self.look(now);
                return;
            }
            Said::Listed(objects) => watcher.events += objects.len() as u64,
            Said::Done => {
                watcher.lists += 1;
                watcher.state = WatchState::Synced;
            }
            Said::Applied(_) | Said::Deleted(_) => {
                watcher.events += 1;
                watcher.state = WatchState::Synced;
            }
            Said::Quiet => return,
        }
        watcher.heard = Some(now);
        self.status.heard = Some(now);
        self.look(now);
    }

    /// How the connection stands, from its watchers: lost when none of them gets through.
    fn look(&mut self, now: Timestamp) {
        let states = || self.status.watchers.iter().map(|watcher| &watcher.state);
        let failing = states().find_map(|state| match state {
            WatchState::Failing { reason, .. } => Some(reason.clone()),
            _ => None,
        });
        let through = states().any(|state| matches!(state, WatchState::Synced | WatchState::Syncing));
        let synced = states()
            .all(|state| matches!(state, WatchState::Synced | WatchState::Forbidden { .. } | WatchState::Absent));
        let since = match &self.status.connection {
            Connection::Lost { since, .. } => *since,
            _ => now,
        };
        self.status.connection = match failing {
            Some(reason) if !through && self.connected => Connection::Lost { reason, since },
            Some(reason) if !through => Connection::Connecting { reason: Some(reason) },
            _ if synced => Connection::Connected,
            _ if self.connected => Connection::Connected,
            _ => Connection::Syncing,
        };
        self.connected |= synced;
    }

    /// The status, when it is time to publish it: at once when something changed, else about once a second.
    pub(crate) fn publish(&mut self, now: Timestamp, objects: impl Fn(&Scope) -> u64) -> Option<ClusterStatus> {
        let states: Vec<WatchState> = self.status.watchers.iter().map(|watcher| watcher.state.clone()).collect();
        let new = (self.status.connection.clone(), states);
        let changed = self.published.as_ref() != Some(&new);
        if !changed && (!self.counted || now.since(self.at) < THROTTLE) {
            return None;
        }
        for (watcher, scope) in self.status.watchers.iter_mut().zip(&self.scopes) {
            watcher.objects = objects(scope);
        }
        self.published = Some(new);
        (self.at, self.counted) = (now, false);
        Some(self.status.clone())
    }
}

fn state(problem: &Problem, before: &WatchState, kind: crate::Kind, now: Timestamp) -> WatchState {
    match problem {
        Problem::Forbidden => WatchState::Forbidden { rule: rule(kind) },
        Problem::Absent => WatchState::Absent,
        Problem::Expired => WatchState::Syncing,
        Problem::Failing(reason) => {
            let since = if let WatchState::Failing { since, .. } = before { *since } else { now };
            WatchState::Failing { reason: reason.clone(), since }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    fn board() -> Board {
        let mut board = Board::new("test");
        board.answered("id", &[(Kind::Pod, None), (Kind::Node, None)], Timestamp(0));
        board
    }

    fn failing() -> Said {
        Said::Failed(Problem::Failing("connection refused".into()))
    }

    #[test]
    fn a_cluster_is_connected_when_every_list_that_may_be_made_was_made() {
        let mut board = board();
        board.said(0, &Said::Done, Timestamp(1));
        assert_eq!(board.status.connection, Connection::Syncing);
        board.said(1, &Said::Failed(Problem::Forbidden), Timestamp(2));
        assert_eq!(board.status.connection, Connection::Connected);
        assert!(matches!(&board.status.watchers[1].state, WatchState::Forbidden { rule } if rule.contains("nodes")));
    }

    #[test]
    fn a_cluster_is_lost_when_no_watcher_gets_through_and_comes_back_by_itself() {
        let mut board = board();
        (0..2).for_each(|place| board.said(place, &Said::Done, Timestamp(1)));
        board.said(0, &failing(), Timestamp(2));
        assert_eq!(board.status.connection, Connection::Connected, "one watcher alone is no loss");
        board.said(1, &failing(), Timestamp(3));
        board.said(1, &failing(), Timestamp(9));
        assert_eq!(
            board.status.connection,
            Connection::Lost { reason: "connection refused".into(), since: Timestamp(3) }
        );
        board.said(0, &Said::Quiet, Timestamp(10));
        assert!(matches!(board.status.connection, Connection::Lost { .. }), "silence is no answer");
        board.heard(Timestamp(11));
        assert_eq!(board.status.connection, Connection::Connected);
    }

    #[test]
    fn a_watcher_that_is_refused_was_heard_when_it_still_told_something() {
        let mut board = board();
        (0..2).for_each(|place| board.said(place, &Said::Done, Timestamp(1)));
        for at in [5, 9] {
            board.said(0, &Said::Failed(Problem::Forbidden), Timestamp(at));
        }
        assert_eq!((board.status.watchers[0].heard, board.status.heard), (Some(Timestamp(5)), Some(Timestamp(9))));
        assert_eq!(board.status.connection, Connection::Connected);
    }

    #[test]
    fn what_never_answered_is_connecting_and_says_why() {
        let mut board = board();
        (0..2).for_each(|place| board.said(place, &failing(), Timestamp(1)));
        assert_eq!(board.status.connection, Connection::Connecting { reason: Some("connection refused".into()) });
    }

    #[test]
    fn counters_are_published_once_a_second_and_changes_at_once() {
        let mut board = board();
        assert!(board.publish(Timestamp(0), |_| 0).is_some());
        board.said(0, &Said::Done, Timestamp(1));
        assert!(board.publish(Timestamp(1), |_| 0).is_some());
        let applied = || Said::Listed(Vec::new());
        board.said(0, &applied(), Timestamp(2));
        assert!(board.publish(Timestamp(2), |_| 0).is_none());
        assert!(board.publish(Timestamp(2 + THROTTLE), |_| 0).is_some());
    }
}
