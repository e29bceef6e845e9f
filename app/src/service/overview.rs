//! The overview: what is going on in a sentence, three charts on one axis, pods, endpoints, errors.

mod banner;
mod endpoints;
mod errors;
mod lanes;
mod plots;

pub(super) use endpoints::{has_more_errors, is_slower};
pub(super) use plots::{SERIES, colour, colours};

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use leptos_router::hooks::use_query_map;
use leptos_router::{LazyRoute, lazy_route};
use model::{Apm, EndpointRow, ErrorRow, Marks, PodLanes, ServiceId, Split, Window};

use super::{Asked, Head, known, use_asked};
use crate::AppError;
use crate::answer::ask;
use crate::panel::panel;

/// The tab.
pub(crate) struct Overview;

#[lazy_route]
impl LazyRoute for Overview {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
        let (asked, query) = (use_asked(), use_query_map());
        let of_charts = Memo::new(move |_| {
            let split = match query.with(|query| query.get_str("split") == Some("revision")) {
                true => Split::Revision,
                false => Split::Together,
            };
            (asked.get(), split)
        });
        let charts = ask(of_charts, |((id, moment), split): (Asked, Split)| async move {
            read_charts(known(id)?, moment.window, split).await
        });
        let lanes = ask(asked, |(id, moment): Asked| async move { list_lanes(known(id)?, moment.window).await });
        let endpoints =
            ask(asked, |(id, moment): Asked| async move { list_endpoints(known(id)?, moment.window).await });
        let errors = ask(asked, |(id, moment): Asked| async move { list_errors(known(id)?, moment.window).await });
        let kept = crate::range::use_kept();
        let to = move |tab: &'static str, key: &'static str| {
            let kept = kept.get();
            let path = asked.with(|(id, _)| id.as_ref().map(ServiceId::path)).unwrap_or_default();
            format!("{path}/{tab}{kept}{}{key}=", if kept.is_empty() { '?' } else { '&' })
        };
        let deploys = move || to("deploys", "deploy");
        view! {
            {use_context::<Head>().map(|Head(head)| banner::banner(head, deploys))}
            {panel(charts, "charts", move |(apm, marks)| plots::plots(apm, marks, &deploys()))}
            {panel(lanes, "lanes", lanes::lanes)}
            <div class="pair">
                {panel(endpoints, "half", move |rows| endpoints::endpoints(rows, &to("traces", "q")))}
                {panel(errors, "half", move |rows| errors::errors(rows, kept))}
            </div>
        }
        .into_any()
    }
}

/// The charts with their marks: one answer, so that flags and lines are of the same moment.
#[server(input = GetUrl)]
async fn read_charts(id: ServiceId, window: Window, split: Split) -> Result<(Apm, Marks), AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    Ok((backend.apm(&viewer, &id, window, split).await?, backend.marks(&viewer, &id, window).await?))
}

#[server(input = GetUrl)]
async fn list_lanes(id: ServiceId, window: Window) -> Result<PodLanes, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.lanes(&viewer, &id, window).await
}

#[server(input = GetUrl)]
async fn list_endpoints(id: ServiceId, window: Window) -> Result<Vec<EndpointRow>, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.endpoints(&viewer, &id, window).await
}

#[server(input = GetUrl)]
async fn list_errors(id: ServiceId, window: Window) -> Result<Vec<ErrorRow>, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.errors(&viewer, &id, window).await
}
