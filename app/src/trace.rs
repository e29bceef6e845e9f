//! A trace as a waterfall with the chosen span beside it.

mod detail;
mod tree;
mod waterfall;

use std::sync::Arc;

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use leptos_router::{LazyRoute, lazy_route};
use model::{SpanDetail, SpanId, TraceId, TracePage, duration_text};

use crate::AppError;
use crate::answer::{Answer, ask, ask_first};
use crate::late::Late;
use crate::not_found::missing;
use crate::panel::{failed, held, kept};
use crate::ui::badge::badge;
use crate::ui::number::plural;

/// The page.
pub(crate) struct Trace;

#[lazy_route]
impl LazyRoute for Trace {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
        let params = use_params_map();
        let id = Memo::new(move |_| params.with(|params| params.get_str("id").and_then(|text| text.parse().ok())));
        let page = ask_first(id, |id: Option<TraceId>| async move {
            read_trace(id.ok_or_else(|| AppError::NotFound("a trace id of that form".into()))?).await
        });
        let chosen = RwSignal::new(None::<SpanId>);
        let of_span = Memo::new(move |_| id.get().zip(chosen.get()));
        let detail = ask(of_span, |asked: Option<(TraceId, SpanId)>| async move {
            match asked {
                Some((trace, id)) => read_span(trace, id).await.map(Some),
                None => Ok(None),
            }
        });
        let last = kept(page);
        let shown = move || {
            let got = last()?;
            Some(Late::new(move || match got {
                Ok(page) => draw(page, chosen, detail),
                Err(AppError::NotFound(_)) => missing(
                    "Trace not found",
                    "No trace with this id is stored: it was never received, or is past its retention.".into(),
                ),
                Err(error) => failed(&error, Callback::new(move |()| page.refetch())),
            }))
        };
        let held = held(|| view! { <div class="skeleton tall"></div> }.into_any(), None, shown);
        view! { <div class="page trace">{held}</div> }.into_any()
    }
}

fn draw(page: Arc<TracePage>, chosen: RwSignal<Option<SpanId>>, detail: Answer<Option<SpanDetail>>) -> AnyView {
    let size = format!(
        "{} · {} · {}",
        duration_text(page.duration as f64),
        plural(page.spans.len() as u64, "span", "spans"),
        plural(page.services.len() as u64, "service", "services")
    );
    let orphans = (page.orphans > 0).then(|| {
        let spans = plural(page.orphans.into(), "span has", "spans have");
        view! { <p class="notice warn">{format!("{spans} a parent that never came; they stand at the root.")}</p> }
    });
    let cut = page.is_cut.then(|| {
        let shown = plural(page.spans.len() as u64, "span", "spans");
        let why = format!("This trace is too large to be shown whole: it has more than these {shown}.");
        view! { <p class="notice warn">{why}</p> }
    });
    view! {
        <Title text=page.title.clone() />
        <div class="title">
            <h1>{page.title.clone()}</h1>
            {page.failed.then(|| badge("bad", "Error"))}
            <span class="muted">{size}</span>
            <code class="faint trace-id">{page.id.to_string()}</code>
        </div>
        {cut}
        {orphans}
        <div class="trace-pair">
            <waterfall::Waterfall page chosen /> {detail::panel_of(detail)}
        </div>
    }
    .into_any()
}

#[server(input = GetUrl)]
async fn read_trace(id: TraceId) -> Result<TracePage, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.trace(&viewer, id).await
}

#[server(input = GetUrl)]
async fn read_span(trace: TraceId, id: SpanId) -> Result<SpanDetail, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.span(&viewer, trace, id).await
}
