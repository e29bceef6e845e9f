//! The Traces tab: a query, how long the requests that match took, and the requests. All in the address.

mod controls;
mod spans;

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use leptos_router::hooks::use_query_map;
use leptos_router::{LazyRoute, lazy_route};
use model::{Marks, ServiceId, SpanFilter, SpanPage, Window};

use super::{Asked, known, use_asked};
use crate::AppError;
use crate::answer::ask;
use crate::panel::panel;
use crate::ui::filter::TextFilter;

/// The tab.
pub(crate) struct Traces;

/// What is in the address.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Words {
    text: String,
    kinds: String,
    sort: String,
    before: String,
}

#[lazy_route]
impl LazyRoute for Traces {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
        let (asked, query) = (use_asked(), use_query_map());
        let words = Memo::new(move |_| {
            let get = |key: &str| query.with(|query| query.get_str(key).unwrap_or_default().to_owned());
            Words { text: get("q"), kinds: get("kinds"), sort: get("sort"), before: get("before") }
        });
        let text = Memo::new(move |_| words.with(|words| words.text.clone()));
        let of_spans = Memo::new(move |_| (asked.get(), words.get()));
        let spans = ask(of_spans, |((id, moment), words): (Asked, Words)| async move {
            // What can't be read is said here, without asking.
            words.text.parse::<SpanFilter>().map_err(AppError::Invalid)?;
            let Words { text, kinds, sort, before } = words;
            let answer = read_spans(known(id)?, moment.window, text, kinds, sort, before).await?;
            Ok((moment.window, answer))
        });
        let path = move || asked.with(|(id, _)| id.as_ref().map(ServiceId::path)).unwrap_or_default();
        let draw = move |(window, (page, marks)): &(Window, (SpanPage, Marks))| {
            let words = words.get_untracked();
            spans::page(page, marks, *window, &path(), &words)
        };
        view! {
            <div class="toolbar logs-bar">
                <TextFilter
                    text
                    label="Search spans"
                    placeholder="endpoint:\"POST /checkout\" status:error duration:>250ms http:5xx key=value words"
                />
                {controls::controls(words)}
            </div>
            {panel(spans, "tall", draw)}
        }
        .into_any()
    }
}

/// Spans and marks in one answer, so that flags and points are of the same moment.
#[server(input = GetUrl)]
async fn read_spans(
    id: ServiceId,
    window: Window,
    q: String,
    kinds: String,
    sort: String,
    before: String,
) -> Result<(SpanPage, Marks), AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    let query = model::SpanQuery::of_words(q, &kinds, &sort, &before).map_err(AppError::Invalid)?;
    let page = backend.spans(&viewer, &id, window, query).await?;
    Ok((page, backend.marks(&viewer, &id, window).await?))
}
