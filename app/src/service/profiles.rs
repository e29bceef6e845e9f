//! The Profiles tab: where the time or the memory goes, as a flame graph and by function, alone or beside what it was
//! before. All in the address.

mod choices;
mod flame;
mod functions;
mod summary;

use std::sync::Arc;

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use leptos_router::hooks::use_query_map;
use leptos_router::{LazyRoute, lazy_route};
use model::{ProfilePage, ProfileWords, ServiceId, Window};

use super::{Asked, known, use_asked};
use crate::AppError;
use crate::answer::ask;
use crate::panel::panel;
use crate::ui::filter::TextFilter;

/// The tab.
pub(crate) struct Profiles;

#[lazy_route]
impl LazyRoute for Profiles {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
        let (asked, query) = (use_asked(), use_query_map());
        let get = move |key: &'static str| query.with(|query| query.get_str(key).unwrap_or_default().to_owned());
        let key = Memo::new(move |_| {
            let (sample, pod) = (get("type"), get("pod"));
            let words = ProfileWords { sample, pod, revision: get("revision"), against: get("against") };
            (asked.get(), words)
        });
        let answer = ask(key, |((id, moment), words): (Asked, ProfileWords)| async move {
            let ProfileWords { sample, pod, revision, against } = words.clone();
            Ok((words, read_profiles(known(id)?, moment.window, sample, pod, revision, against).await?))
        });
        let shown = Shown {
            text: Memo::new(move |_| get("q").to_lowercase()),
            at: Memo::new(move |_| u64::from_str_radix(&get("at"), 16).ok()),
            sort: Memo::new(move |_| get("sort")),
        };
        let text = Memo::new(move |_| get("q"));
        view! {
            <div class="toolbar">
                <TextFilter text label="Find functions" placeholder="Find functions…" />
            </div>
            {panel(answer, "tall", move |(words, page)| draw(words, page, shown))}
        }
        .into_any()
    }
}

/// What the address says of how an answer is shown.
#[derive(Clone, Copy)]
struct Shown {
    /// Functions that are looked for, in lower case.
    text: Memo<String>,
    /// The path of the node that is zoomed to.
    at: Memo<Option<u64>>,
    /// By what the functions are sorted.
    sort: Memo<String>,
}

fn draw(words: &ProfileWords, page: &ProfilePage, shown: Shown) -> AnyView {
    if page.types.types.is_empty() {
        return summary::empty(&words.pod);
    }
    let choices = choices::choices(words, page);
    let head = summary::summary(words, page);
    let Some((sample, tree)) = page.shown.clone() else { return choices };
    let tree = Arc::new(tree);
    let functions = {
        let (tree, sample) = (Arc::clone(&tree), sample.clone());
        move || functions::functions(&tree, &sample, &shown.text.get(), &shown.sort.get())
    };
    view! {
        {choices}
        <section class="card flame-card" data-testid="profile">
            {head} {flame::flame(&tree, sample, shown)}
        </section>
        {functions}
    }
    .into_any()
}

#[server(input = GetUrl)]
async fn read_profiles(
    id: ServiceId,
    window: Window,
    sample: String,
    pod: String,
    revision: String,
    against: String,
) -> Result<ProfilePage, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.profiles(&viewer, &id, window, ProfileWords { sample, pod, revision, against }).await
}
