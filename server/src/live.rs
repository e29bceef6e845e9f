//! `/live`: one stream of server-sent events a visible page, which says only what changed and as of when.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use futures::stream;
use store::{Change, Store};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::jobs::now;

/// At most four ticks a second and topic.
const GAP: Duration = Duration::from_millis(250);
/// A page hears something at least this often, so that it knows its age and that it is connected.
const HEARTBEAT: Duration = Duration::from_secs(5);

struct Ticks {
    changes: Receiver<Change>,
    token: CancellationToken,
    /// Topics that changed and were not told yet, in the order of `TOPICS`.
    pending: [bool; 3],
    first: bool,
}

const TOPICS: [&str; 3] = ["cluster", "telemetry", "status"];

fn place(change: &Change) -> usize {
    match change {
        Change::Cluster => 0,
        Change::Telemetry => 1,
        Change::Status => 2,
    }
}

/// The stream of one page; ends at shutdown.
pub(crate) fn ticks(
    store: &Store,
    token: CancellationToken,
) -> Sse<impl Stream<Item = Result<Event, Infallible>> + use<>> {
    let state = Ticks { changes: store.changes(), token, pending: [false, false, true], first: true };
    let events = stream::unfold(state, |mut state| async move {
        let events = state.next().await?;
        Some((stream::iter(events.into_iter().map(Ok)), state))
    });
    Sse::new(futures::StreamExt::flatten(events)).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}

impl Ticks {
    /// The next ticks together: the first change at once, those of the next quarter second joined.
    async fn next(&mut self) -> Option<Vec<Event>> {
        if !self.first {
            self.wait().await?;
        }
        self.first = false;
        let as_of = now();
        let events = (0..TOPICS.len()).filter(|i| std::mem::take(&mut self.pending[*i])).map(|i| {
            let data = format!(r#"{{"topic":"{}","as_of":"{}"}}"#, TOPICS[i], as_of.0);
            Event::default().event("tick").data(data)
        });
        Some(events.collect())
    }

    async fn wait(&mut self) -> Option<()> {
        let quiet = tokio::time::sleep(GAP);
        tokio::pin!(quiet);
        let heartbeat = tokio::time::sleep(HEARTBEAT);
        tokio::pin!(heartbeat);
        let mut rested = false;
        while !(rested && self.pending.contains(&true)) {
            tokio::select! {
                () = self.token.cancelled() => return None,
                () = &mut quiet, if !rested => rested = true,
                () = &mut heartbeat => self.pending[place(&Change::Status)] = true,
                change = self.changes.recv() => match change {
                    Ok(change) => self.pending[place(&change)] = true,
                    // Too slow: what was missed is unknown, so everything may have changed.
                    Err(RecvError::Lagged(_)) => self.pending = [true; 3],
                    Err(RecvError::Closed) => return None,
                },
            }
        }
        Some(())
    }
}
