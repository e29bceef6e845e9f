//! What Kubernetes says of the service: what went wrong, its resources, its pods, as they are or were at a moment; and
//! the resource that is open, with its history. Moment and resource are in the address.

mod events;
mod memory;
mod pods;
mod resource;
mod resources;
mod timeline;
mod travel;

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use leptos_router::hooks::{use_location, use_query_map};
use leptos_router::{LazyRoute, lazy_route};
use model::{KubernetesTab, MemoryChart, ResourceId, ResourcePage, ServiceId, Timestamp, Window};

use super::{Asked, known, use_asked};
use crate::AppError;
use crate::answer::ask;
use crate::charts::hover::Hover;
use crate::live::Live;
use crate::panel::{panel, part};
use crate::range::{Range, use_range};
use crate::session::Clock;
use crate::url::Query;

/// The tab.
pub(crate) struct Kubernetes;

/// Path and query that links on this tab change.
type Address = Memo<(String, Query)>;

#[lazy_route]
impl LazyRoute for Kubernetes {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
        let (asked, at, address) = (use_asked(), use_at(), use_address());
        let key = Memo::new(move |_| (asked.get(), at.get()));
        let tab = ask(key, |((id, moment), at): (Asked, Option<Timestamp>)| async move {
            read_kubernetes(known(id)?, moment.window, at.unwrap_or_default()).await
        });
        let window = Memo::new(move |_| asked.with(|(_, moment)| moment.window));
        let path = move || asked.with(|(id, _)| id.as_ref().map(ServiceId::path)).unwrap_or_default();
        let draw = move |tab: &KubernetesTab| {
            view! {
                {travel::travel(tab, window, address)}
                {events::events(tab, &path())}
                {resources::resources(tab, address)}
            }
            .into_any()
        };
        let memory = ask(key, |((id, moment), at): (Asked, Option<Timestamp>)| async move {
            let until = at.map_or(moment.window.to, |at| at.clamp(moment.window.from, moment.window.to));
            read_memory(known(id)?, Window::new(moment.window.from, until)).await
        });
        let pointer = Hover::new();
        view! {
            {panel(tab, "tall", draw)}
            {part(memory, move |found: &Option<MemoryChart>| memory::memory(found.as_ref(), &path(), pointer).into_any())}
            {part(tab, move |tab: &KubernetesTab| pods::pods(tab, address))}
            {opened(asked, at, address)}
        }
        .into_any()
    }
}

/// The resource that is open, over the tab.
fn opened(asked: Memo<Asked>, at: Memo<Option<Timestamp>>, address: Address) -> AnyView {
    let live = Live::of_page();
    let open = Memo::new(move |_| address.with(|(_, query)| wanted(query)));
    let range = use_range();
    // A range that has ended is of the past as well.
    let at = Memo::new(move |_| {
        let ended = || match range.get() {
            Range::Between(window) => Some(window.to).filter(|to| *to < Clock::of_page().now.get_untracked()),
            Range::Last(_) => None,
        };
        at.get().or_else(ended)
    });
    let key = Memo::new(move |_| (asked.with(|(id, _)| id.clone()), open.get(), at.get(), live.cluster.get()));
    let page =
        ask(key, |(id, open, at, _): (Option<ServiceId>, Option<Wanted>, Option<Timestamp>, Timestamp)| async move {
            match open {
                Some(open) => {
                    let page =
                        read_resource(known(id)?, open.resource, at.unwrap_or_default(), open.version, open.against);
                    page.await.map(Some)
                }
                None => Ok(None),
            }
        });
    resource::drawer(page, Memo::new(move |_| open.with(Option::is_some)), address)
}

/// The resource and versions in an address.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    resource: ResourceId,
    version: String,
    against: String,
}

fn wanted(query: &Query) -> Option<Wanted> {
    let word = |key| query.get(key).unwrap_or_default().to_owned();
    Some(Wanted { resource: word("resource").parse().ok()?, version: word("version"), against: word("against") })
}

/// The past moment in the address.
fn use_at() -> Memo<Option<Timestamp>> {
    let query = use_query_map();
    Memo::new(move |_| {
        let millis: Option<i64> = query.with(|query| query.get_str("at").and_then(|text| text.parse().ok()));
        millis.filter(|millis| *millis > 0).map(|millis| Timestamp(millis.saturating_mul(1_000_000)))
    })
}

fn use_address() -> Address {
    let (path, query) = (use_location().pathname, use_query_map());
    Memo::new(move |_| (path.get(), query.with(Query::of)))
}

/// An address of this tab with some of its pairs changed.
fn href(address: Address, pairs: &[(&str, &str)]) -> String {
    address.with(|(path, query)| {
        let query = pairs.iter().fold(query.clone(), |query, (key, value)| query.with(key, value));
        format!("{path}{query}")
    })
}

/// The address with a resource open as it is.
fn opening(address: Address, resource: &str) -> String {
    href(address, &[("resource", resource), ("version", ""), ("against", ""), ("view", "")])
}

/// The tab as of an instant; 0 is the end of the window.
#[server(input = GetUrl)]
async fn read_kubernetes(id: ServiceId, window: Window, at: Timestamp) -> Result<KubernetesTab, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.kubernetes(&viewer, &id, window, Some(at).filter(|at| at.0 > 0)).await
}

/// Memory over a window; nothing where it is not measured.
#[server(input = GetUrl)]
async fn read_memory(id: ServiceId, window: Window) -> Result<Option<MemoryChart>, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.memory(&viewer, &id, window).await
}

/// A resource as of an instant (0 is now); an empty hash is the usual version.
#[server(input = GetUrl)]
async fn read_resource(
    id: ServiceId,
    resource: ResourceId,
    until: Timestamp,
    version: String,
    against: String,
) -> Result<ResourcePage, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.resource(&viewer, &id, model::ResourceAsk::new(resource, until, version, against)).await
}
