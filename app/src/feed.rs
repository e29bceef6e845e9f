//! The deploys of all services in the page's range, newest first, with what was said of each. Filters and place are in
//! the address.

mod query;
mod row;

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use leptos_router::params::ParamsMap;
use leptos_router::{LazyRoute, lazy_route};
use model::{DAY, Feed as Page, FeedPlace, FeedQuery, Timestamp, VerdictLevel, Window};

use crate::AppError;
use crate::answer::{Answer, ask_first};
use crate::live::Live;
use crate::panel::{panel, part};
use crate::range::{Moment, use_kept, use_moment, use_requery};
use crate::ui::badge::verdict_tone;
use crate::ui::filter::TextFilter;
use crate::ui::select::Select;
use crate::url::Query;
use query::Ask;

type Asked = (FeedQuery, Moment, Timestamp);

/// Where a shorter range has no deploy, this one is offered.
const LONG: i64 = 30 * DAY;
/// As an address has it, from its first page.
const LONG_RANGE: [(&str, &str); 4] = [("range", "30d"), ("from", ""), ("to", ""), ("before", "")];

/// The page.
pub(crate) struct Feed;

#[lazy_route]
impl LazyRoute for Feed {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
        let (params, live, kept) = (use_query_map(), Live::of_page(), use_kept());
        let query = Memo::new(move |_| params.with(|params| query::of_url(&Query::of(params))));
        let moment = use_moment();
        let asked = Memo::new(move |_| (query.get(), moment.get(), live.cluster.get()));
        let page = ask_first(asked, |(ask, moment, _): Asked| list_all_deploys(Ask(ask), moment.window));
        let text = Memo::new(move |_| asked.with(|(ask, ..)| ask.text.clone()));
        view! {
            <Title text="Deploys" />
            <div class="page feed">
                <div class="head">
                    <h1>"Deploys"</h1>
                    <span class="muted">"of all services, newest first"</span>
                </div>
                <div class="toolbar">
                    <TextFilter text label="Filter deploys" placeholder="Service, namespace or revision" />
                    {chips(page, asked, params)}
                </div>
                {panel(page, "table", move |page| table(page, moment.get_untracked().window, params, kept))}
            </div>
        }
        .into_any()
    }
}

/// Levels and namespaces to choose from.
fn chips(page: Answer<Page>, asked: Memo<Asked>, params: Memo<ParamsMap>) -> AnyView {
    let requery = StoredValue::new(use_requery());
    let choose = Callback::new(move |namespace: String| {
        let to = params.with_untracked(Query::of).with("ns", &namespace).with("before", "");
        requery.with_value(|requery| requery(to, false));
    });
    let levels = move || {
        let (now, url) = (asked.with(|(ask, ..)| ask.levels.clone()), params.with(Query::of));
        VerdictLevel::ALL.map(|level| chip(level, &now, &url)).collect_view()
    };
    let draw = move |page: &Page| {
        let value = asked.with(|(ask, ..)| ask.namespace.clone());
        view! { <Select label="Namespace" options=page.namespaces.clone() value on_choose=choose /> }.into_any()
    };
    view! {
        <div class="chips">
            {levels} <i class="split"></i> {part(page, draw)}
        </div>
    }
    .into_any()
}

fn chip(level: VerdictLevel, now: &[VerdictLevel], url: &Query) -> AnyView {
    let chosen = now.contains(&level);
    let to = query::toggle(url.clone(), now, level);
    view! {
        <a
            class=format!("chip {}", verdict_tone(level))
            class:chosen=chosen
            href=href(&to)
            data-noscroll
            data-testid=format!("level-{}", level.key())
            aria-current=chosen.then_some("true")
        >
            <i class=format!("dot {}", verdict_tone(level))></i>
            {level.word()}
        </a>
    }
    .into_any()
}

fn table(page: &Page, window: Window, params: Memo<ParamsMap>, kept: Memo<String>) -> AnyView {
    if page.rows.is_empty() {
        let filtered = params.with(|params| ["q", "ns", "level", "before"].iter().any(|key| params.get(key).is_some()));
        let longer = (window.length() < LONG).then(|| {
            let to =
                move || href(&LONG_RANGE.iter().fold(params.with(Query::of), |url, (key, value)| url.with(key, value)));
            view! {
                <p>
                    <a href=to data-testid="longer">
                        "Show 30 days"
                    </a>
                </p>
            }
        });
        return view! {
            <section class="card empty">
                <h2>{if filtered { "No deploy in this range matches" } else { "No deploy in this range" }}</h2>
                <p>
                    {if filtered {
                        "Another text, other filters or a longer range may find some."
                    } else {
                        "When pods of a service move to another revision, that deploy is listed here with its verdict."
                    }}
                </p>
                {longer}
            </section>
        }
        .into_any();
    }
    let as_of = untrack(|| Live::of_page().as_of());
    let last = page.rows.last().filter(|_| page.more).map(|row| &row.deploy);
    let older = last.map(|deploy| {
        let before = FeedPlace { started: deploy.started, id: deploy.id.clone() }.to_string();
        let to = move || href(&params.with(Query::of).with("before", &before));
        view! { <p class="older"><a href=to data-testid="older">"Older deploys"</a></p> }
    });
    view! {
        <section class="card">
            <div class="scroll-x">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Service"</th>
                            <th scope="col">"Deploy"</th>
                            <th scope="col">"Verdict"</th>
                            <th scope="col">"Started"</th>
                        </tr>
                    </thead>
                    <tbody>{page.rows.iter().map(|row| row::row(row, as_of, kept)).collect_view()}</tbody>
                </table>
            </div>
            {older}
        </section>
    }
    .into_any()
}

/// An address of this page.
fn href(query: &Query) -> String {
    format!("/deploys{query}")
}

#[server(input = GetUrl)]
async fn list_all_deploys(ask: Ask, window: Window) -> Result<Page, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.feed(&viewer, FeedQuery { window: Some(window), ..ask.0 }).await
}
