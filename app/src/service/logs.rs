//! The Logs tab: a query, how many lines match when, the lines, or the patterns they fall into. All in the address.

mod lines;
mod patterns;

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use leptos_router::hooks::{use_location, use_query_map};
use leptos_router::{LazyRoute, lazy_route};
use model::{LogFilter, LogPage, LogPatterns, Marks, ServiceId, Window};

use super::{Asked, known, use_asked};
use crate::AppError;
use crate::answer::ask;
use crate::panel::{none, panel};
use crate::ui::filter::TextFilter;
use crate::url::Query;

/// The tab.
pub(crate) struct Logs;

#[lazy_route]
impl LazyRoute for Logs {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
        let (asked, query) = (use_asked(), use_query_map());
        let get = move |key: &'static str| query.with(|query| query.get_str(key).unwrap_or_default().to_owned());
        let text = Memo::new(move |_| get("q"));
        let by_pattern = Memo::new(move |_| get("show") == "patterns");
        let of_lines = Memo::new(move |_| (!by_pattern.get()).then(|| (asked.get(), text.get(), get("before"))));
        let lines = ask(of_lines, |asked: Option<(Asked, String, String)>| async move {
            match asked {
                Some(((id, moment), text, older)) => {
                    // What can't be read is said here, without asking.
                    text.parse::<LogFilter>().map_err(AppError::Invalid)?;
                    read_logs(known(id)?, moment.window, text, older).await.map(|answer| Some((moment.window, answer)))
                }
                None => Ok(None),
            }
        });
        let of_patterns = Memo::new(move |_| by_pattern.get().then(|| (asked.get(), text.get())));
        let patterns = ask(of_patterns, |asked: Option<(Asked, String)>| async move {
            match asked {
                Some(((id, moment), text)) => {
                    text.parse::<LogFilter>().map_err(AppError::Invalid)?;
                    read_log_patterns(known(id)?, moment.window, text).await.map(Some)
                }
                None => Ok(None),
            }
        });
        let path = move || asked.with(|(id, _)| id.as_ref().map(ServiceId::path)).unwrap_or_default();
        let shown = move || match by_pattern.get() {
            true => panel(patterns, "table", |found| found.as_ref().map_or_else(none, patterns::patterns)),
            false => panel(lines, "tall", move |found| {
                found.as_ref().map_or_else(none, |(window, (page, marks))| lines::page(page, marks, *window, &path()))
            }),
        };
        view! {
            <div class="toolbar logs-bar">
                <TextFilter
                    text
                    label="Search logs"
                    placeholder="level:error \"whole words\" part key=value -key=value"
                />
                {switch(by_pattern)}
            </div>
            {shown}
        }
        .into_any()
    }
}

/// Lines or patterns, in the address.
fn switch(by_pattern: Memo<bool>) -> AnyView {
    let (query, path) = (use_query_map(), use_location().pathname);
    let to = move |value: &'static str| {
        move || format!("{}{}", path.get(), query.with(Query::of).with("show", value).with("before", ""))
    };
    view! {
        <nav class="switch" aria-label="What is listed">
            <a href=to("") data-noscroll aria-current=move || (!by_pattern.get()).then_some("true")>
                "Lines"
            </a>
            <a
                href=to("patterns")
                data-noscroll
                data-testid="show-patterns"
                aria-current=move || by_pattern.get().then_some("true")
            >
                "Patterns"
            </a>
        </nav>
    }
    .into_any()
}

/// Lines and marks in one answer, so that flags and bars are of the same moment.
#[server(input = GetUrl)]
async fn read_logs(id: ServiceId, window: Window, q: String, older: String) -> Result<(LogPage, Marks), AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    let after = if older.is_empty() { None } else { Some(older.parse().map_err(AppError::Invalid)?) };
    let page = backend.logs(&viewer, &id, window, &q, after).await?;
    Ok((page, backend.marks(&viewer, &id, window).await?))
}

#[server(input = GetUrl)]
async fn read_log_patterns(id: ServiceId, window: Window, q: String) -> Result<LogPatterns, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.log_patterns(&viewer, &id, window, &q).await
}
