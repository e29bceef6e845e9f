//! Watches: from a version on, or from everything that is there; bookmarks; 410 when too old.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use tokio::sync::watch::Receiver;
use tokio::time::Instant;

use super::target::Target;
use super::{Answer, Api, Call, answer, dialect};
use crate::error::Refusal;
use crate::object::Object;
use crate::objects::{Ask, Change, Entry};
use crate::select::Selector;

/// So many changes go out at once.
const PIECE: usize = 256;
/// A bookmark comes so often, and two seconds before the end.
const BOOKMARKS: Duration = Duration::from_secs(60);
/// How long a watch stays open where nothing is said of it.
const LONGEST: Duration = Duration::from_secs(2_400);

struct Watch {
    api: Arc<Api>,
    target: Target,
    selector: Selector,
    cursor: u64,
    initial: VecDeque<Arc<Object>>,
    /// A bookmark says that the initial objects are through.
    mark_end: bool,
    bookmarks: bool,
    next_bookmark: Instant,
    end: Instant,
    changes: Receiver<u64>,
    faults: Receiver<()>,
    spared: bool,
    over: bool,
}

impl Call {
    /// A watch.
    pub(super) fn watch(&self, target: &Target) -> Result<Answer, Refusal> {
        let (wants_initial, version) = self.start()?;
        let objects = &self.api.objects;
        let selector = self.selector(target)?;
        let changes = objects.changes(target.kind);
        let mut cursor = version;
        let mut initial = VecDeque::new();
        if version == 0 || wants_initial == Some(true) {
            let ask = Ask { namespace: &target.namespace, selector: selector.clone(), ..Ask::default() };
            let page = objects.list(target.kind, &ask)?;
            cursor = page.version;
            if wants_initial != Some(false) {
                initial.extend(page.items);
            }
        }
        let seconds = self.query.number("timeoutSeconds")?.filter(|seconds| *seconds > 0);
        let end = Instant::now() + seconds.map_or(LONGEST, Duration::from_secs);
        let watch = Watch {
            api: self.api.clone(),
            target: target.clone(),
            selector,
            cursor,
            initial,
            mark_end: wants_initial == Some(true),
            bookmarks: self.query.flag("allowWatchBookmarks"),
            next_bookmark: next_bookmark(Instant::now(), end),
            end,
            changes,
            faults: self.api.controls.changes(),
            spared: self.who == super::Who::Admin,
            over: false,
        };
        let pieces =
            stream::unfold(watch, |mut watch| async move { watch.next().await.map(|piece| (Ok(piece), watch)) });
        Ok(answer::stream("application/json", pieces))
    }

    /// Whether everything that is there is wanted first, and the version to start from.
    fn start(&self) -> Result<(Option<bool>, u64), Refusal> {
        let rule = self.query.get("resourceVersionMatch");
        let wants = self.query.has("sendInitialEvents").then(|| self.query.flag("sendInitialEvents"));
        let invalid = |why: &str| Err(Refusal::invalid(format!("ListOptions.meta.k8s.io \"\" is invalid: {why}")));
        if wants.is_none() && !rule.is_empty() {
            return invalid(
                "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            );
        }
        if wants.is_some() && rule != "NotOlderThan" {
            return invalid(
                "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            );
        }
        Ok((wants, self.query.number("resourceVersion")?.unwrap_or(0)))
    }
}

fn next_bookmark(now: Instant, end: Instant) -> Instant {
    let last = end - Duration::from_secs(2).min(end - now);
    if last > now { last.min(now + BOOKMARKS) } else { now + BOOKMARKS }
}

impl Watch {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.over {
                return None;
            }
            if !self.spared && self.api.controls.get().half_open {
                // Nothing more comes, also when the fault is over: the other end must find out.
                std::future::pending::<()>().await;
            }
            if let Some(piece) = self.ready() {
                return Some(piece);
            }
            tokio::select! {
                _ = self.changes.changed() => {}
                _ = self.faults.changed() => {}
                () = tokio::time::sleep_until(self.end) => return None,
                () = tokio::time::sleep_until(self.next_bookmark), if self.bookmarks => {
                    self.next_bookmark = next_bookmark(Instant::now(), self.end);
                    return Some(self.bookmark(false));
                }
            }
        }
    }

    /// What can be sent now.
    fn ready(&mut self) -> Option<Bytes> {
        if !self.initial.is_empty() {
            let count = self.initial.len().min(PIECE);
            let mut out = Vec::new();
            for object in self.initial.drain(..count) {
                frame(&mut out, "ADDED", &dialect::whole(&self.target, &object));
            }
            return Some(out.into());
        }
        if std::mem::take(&mut self.mark_end) {
            return Some(self.bookmark(true));
        }
        self.changes.borrow_and_update();
        let (entries, seen) = match self.api.objects.since(self.target.kind, self.cursor, PIECE) {
            Ok(found) => found,
            Err(oldest) => {
                self.over = true;
                let mut out = Vec::new();
                frame(&mut out, "ERROR", Refusal::too_old(self.cursor, oldest).status().to_string().as_bytes());
                return Some(out.into());
            }
        };
        self.cursor = seen;
        let mut out = Vec::new();
        for entry in &entries {
            self.entry(&mut out, entry);
        }
        // What does not pass leaves nothing to send, and more may follow at once.
        if out.is_empty() && entries.len() == PIECE {
            return self.ready();
        }
        (!out.is_empty()).then(|| out.into())
    }

    fn entry(&self, out: &mut Vec<u8>, entry: &Entry) {
        let namespace = &self.target.namespace;
        if !namespace.is_empty() && *entry.object.key.namespace != **namespace {
            return;
        }
        let Some((change, body)) = self.seen_as(entry) else { return };
        let share = if self.spared { 0.0 } else { self.api.controls.get().duplicates };
        for _ in 0..if self.api.controls.happens(share) { 2 } else { 1 } {
            frame(out, change, &body);
        }
    }

    /// What a change is for somebody who sees only what passes a selector.
    fn seen_as(&self, entry: &Entry) -> Option<(&'static str, Vec<u8>)> {
        let kind = self.target.kind;
        let passes = |object: &Object| self.selector.is_everything() || self.selector.matches(&object.value(kind));
        let now = entry.change != Change::Deleted && passes(&entry.object);
        let before = entry.before.as_ref().filter(|before| passes(before));
        match (before, now) {
            (None, false) => None,
            (None, true) => Some(("ADDED", dialect::whole(&self.target, &entry.object))),
            (Some(_), true) => Some(("MODIFIED", dialect::whole(&self.target, &entry.object))),
            (Some(_), false) if entry.change == Change::Deleted => {
                Some(("DELETED", dialect::whole(&self.target, &entry.object)))
            }
            // It is still there but passes no more: what it was, with the version of now.
            (Some(before), false) => {
                let mut value = before.value(kind).into_owned();
                value["metadata"]["resourceVersion"] = entry.version.to_string().into();
                let last = Object::plain(before.key.clone(), entry.version, value);
                Some(("DELETED", dialect::whole(&self.target, &last)))
            }
        }
    }

    fn bookmark(&self, end_of_initial: bool) -> Bytes {
        let mut metadata = serde_json::json!({"resourceVersion": self.cursor.to_string(), "creationTimestamp": null});
        if end_of_initial {
            metadata["annotations"] = serde_json::json!({"k8s.io/initial-events-end": "true"});
        }
        let mut object = dialect::head(&self.target);
        object.extend_from_slice(format!("\"metadata\":{metadata}}}").as_bytes());
        let mut out = Vec::new();
        frame(&mut out, "BOOKMARK", &object);
        out.into()
    }
}

fn frame(out: &mut Vec<u8>, change: &str, object: &[u8]) {
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(change.as_bytes());
    out.extend_from_slice(b"\",\"object\":");
    out.extend_from_slice(object);
    out.extend_from_slice(b"}\n");
}
