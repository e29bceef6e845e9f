//! The list of services, worst first. The address holds filters and order; the server sorts, filters and gives the
//! rows of the window that is on the screen.

mod empty;
mod filter;
mod query;
mod row;
mod scroll;
mod table;

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_query_map;
use model::{CatalogPage, CatalogQuery, Window};

use crate::AppError;
use crate::answer::{Answer, ask_first};
use crate::late::Late;
use crate::navigate::use_go;
use crate::panel::{panel, part};
use crate::range::{Moment, Range, use_kept, use_moment, use_range};
use crate::ui::filter::{TextFilter, into_list};
use crate::ui::keys::unfocused;
use crate::ui::number::{self, plural};
use crate::url::Query;
use query::Ask;

/// What was asked, with its rows.
type Found = Answer<(CatalogQuery, CatalogPage)>;

/// The page at `/`.
#[component]
pub(crate) fn Catalog() -> impl IntoView {
    let (params, moment, kept, range) = (use_query_map(), use_moment(), use_kept(), use_range());
    let query = Memo::new(move |_| params.with(|params| query::of_url(&Query::of(params))));
    let text = Memo::new(move |_| query.with(|query| query.text.clone()));
    let offset = RwSignal::new((query.get_untracked(), 0));
    let ask = Memo::new(move |_| {
        let query = query.get();
        let offset = offset.with(|(of, offset)| if *of == query { *offset } else { 0 });
        (CatalogQuery { offset, ..query }, moment.get())
    });
    // What was asked travels with its rows: by the time they are drawn, something else may be wanted.
    let answer: Found = ask_first(ask, |(ask, moment): (CatalogQuery, Moment)| async move {
        list_services(Ask(ask.clone()), moment.window).await.map(|page| (ask, page))
    });
    scroll::follow(query, offset, answer);
    unfocused(into_list);
    let body = move |(asked, page): &(CatalogQuery, CatalogPage)| match empty::state_of(page) {
        Some(state) => empty::draw(&state, page),
        None => {
            let table = table::draw(page, asked.offset, query, params, kept);
            Late::still(|| table).into_any()
        }
    };
    let on_enter = opens_first(query, answer, kept);
    view! {
        <Title text="Services" />
        <div class="page catalog">
            <div class="head">
                <h1>"Services"</h1>
                {part(answer, move |(_, page)| totals(page, range.get_untracked()))}
            </div>
            <div class="toolbar">
                <TextFilter text label="Filter services" placeholder="Filter by name, namespace, team…" on_enter />
                {part(answer, move |(_, page)| filter::chips(page, query, params))}
            </div>
            {panel(answer, "table", body)}
        </div>
    }
}

/// Goes to the first service of the text that was entered, when the address has followed and its answer is there.
fn opens_first(query: Memo<CatalogQuery>, answer: Found, kept: Memo<String>) -> Callback<String> {
    let (entered, followed, go) = (RwSignal::new(None::<String>), StoredValue::new(false), use_go());
    Effect::new(move |_| {
        let (wanted, query) = (entered.get()?, query.get());
        if query.text != wanted {
            // What is typed after Enter is not what was entered.
            if followed.get_value() {
                entered.set(None);
            }
            return None;
        }
        followed.set_value(true);
        let found = answer.get()?.ok()?;
        let (asked, page) = &*found;
        if (CatalogQuery { offset: 0, ..asked.clone() }) == query {
            entered.set(None);
            let first = page.rows.first()?;
            go.run((format!("{}/overview{}", first.id.path(), kept.get_untracked()), NavigateOptions::default()));
        }
        Some(())
    });
    Callback::new(move |text| {
        followed.set_value(false);
        entered.set(Some(text));
    })
}

fn totals(page: &CatalogPage, range: Range) -> AnyView {
    let found = if page.matched == page.total {
        format!(
            "{} in {}",
            number::count(page.total.into()),
            plural(page.namespaces.len() as u64, "namespace", "namespaces")
        )
    } else {
        format!("{} of {}", number::count(page.matched.into()), number::count(page.total.into()))
    };
    let deploys = format!("{} in the last hour", plural(page.deploys.into(), "deploy", "deploys"));
    let is_over = page.of_past && matches!(range, Range::Between(_));
    let of_now = is_over.then(|| {
        view! { <span class="muted" data-testid="of-now">"health and pods as of now, requests of the range"</span> }
    });
    view! {
        <span class="muted">{found}</span>
        {of_now}
        <span class="muted end">{deploys}</span>
    }
    .into_any()
}

#[server(input = GetUrl)]
async fn list_services(ask: Ask, window: Window) -> Result<CatalogPage, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.catalog(&viewer, ask.0, window).await
}
