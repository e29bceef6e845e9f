//! One object, and lists in pages.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream;
use serde_json::json;

use super::target::Target;
use super::{Answer, Call, Dropped, answer, dialect};
use crate::error::Refusal;
use crate::object::Object;
use crate::objects::{Ask, Page};
use crate::select::Selector;

/// So many objects are rendered at once.
const PIECE: usize = 128;

impl Call {
    /// One object.
    pub(super) fn get(&self, target: &Target) -> Result<Answer, Refusal> {
        let object = self.api.objects.get(target.kind, &target.key());
        let object = object.ok_or_else(|| Refusal::not_found(target.kind, &target.name))?;
        Ok(answer::whole(200, "application/json", dialect::whole(target, &object)))
    }

    /// What the query narrows a list or a watch to.
    pub(super) fn selector(&self, target: &Target) -> Result<Selector, Refusal> {
        Selector::parse(target.kind, self.query.get("labelSelector"), self.query.get("fieldSelector"))
    }

    /// A page of a list.
    pub(super) fn list(&self, target: &Target) -> Result<Answer, Refusal> {
        let token = self.query.get("continue");
        self.check_version(token)?;
        let ask = Ask {
            namespace: &target.namespace,
            limit: self.query.number("limit")?.unwrap_or(0) as usize,
            token,
            selector: self.selector(target)?,
        };
        let page = self.api.objects.list(target.kind, &ask)?;
        let cut = self.api.controls.happens(self.faults.half_pages);
        Ok(answer::stream("application/json", pieces(target.clone(), page, cut)))
    }

    /// What may be said of the version that is wanted.
    fn check_version(&self, token: &str) -> Result<(), Refusal> {
        let (version, rule) = (self.query.get("resourceVersion"), self.query.get("resourceVersionMatch"));
        if !token.is_empty() && !version.is_empty() && version != "0" {
            return Err(Refusal::bad("specifying resource version is not allowed when using continue"));
        }
        if !rule.is_empty() && version.is_empty() {
            return Err(Refusal::invalid(
                "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
            ));
        }
        let wanted = self.query.number("resourceVersion")?.unwrap_or(0);
        let present = self.api.objects.version();
        if wanted > present {
            let message = format!("Too large resource version: {wanted}, current: {present}");
            return Err(Refusal { retry_after: Some(1), ..Refusal::new(504, "Timeout", message) });
        }
        if rule == "Exact" && wanted != present {
            return Err(Refusal::expired(format!("The resourceVersion for the provided list is too old: {wanted}")));
        }
        Ok(())
    }
}

/// A list as it goes out, some objects at a time, so that 50,000 of them are never in memory.
fn pieces(target: Target, page: Page, cut: bool) -> impl futures::Stream<Item = Result<Bytes, Dropped>> + Send {
    let mut metadata = json!({"resourceVersion": page.version.to_string()});
    if let Some(next) = &page.next {
        metadata["continue"] = json!(next);
    }
    if let Some(remaining) = page.remaining {
        metadata["remainingItemCount"] = json!(remaining);
    }
    let (kind, version) = (target.kind.place().name, target.api_version());
    let head = format!("{{\"kind\":\"{kind}List\",\"apiVersion\":\"{version}\",\"metadata\":{metadata},\"items\":[");
    let end = if cut { page.items.len() / 2 } else { usize::MAX };
    let first = (Some(Bytes::from(head)), page.items.into_iter(), 0usize);
    stream::unfold(Some(first), move |state| {
        let (head, mut items, sent) = match state {
            Some(state) => state,
            None => return std::future::ready(None),
        };
        if let Some(head) = head {
            return std::future::ready(Some((Ok(head), Some((None, items, sent)))));
        }
        if sent >= end {
            return std::future::ready(Some((Err(Dropped), None)));
        }
        let next: Vec<Arc<Object>> = items.by_ref().take(PIECE.min(end - sent)).collect();
        if next.is_empty() {
            return std::future::ready(Some((Ok(Bytes::from_static(b"]}\n")), None)));
        }
        let piece = render(&target, &next, sent == 0);
        std::future::ready(Some((Ok(piece), Some((None, items, sent + next.len())))))
    })
}

fn render(target: &Target, objects: &[Arc<Object>], first: bool) -> Bytes {
    let mut out = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        if at > 0 || !first {
            out.push(b',');
        }
        out.extend_from_slice(&dialect::item(target, object));
    }
    out.into()
}
