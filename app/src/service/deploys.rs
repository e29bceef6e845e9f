//! The deploys of a service: what changed, what was said of it, the numbers before and after; the revisions they
//! brought, and two of them compared. What is open and what is compared is in the address.

mod chosen;
mod compare;
mod diff;
mod drawn;
mod evidence;
mod figures;
mod revisions;
mod row;

use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;
use leptos_router::hooks::{use_location, use_query_map};
use leptos_router::{LazyRoute, lazy_route};
use model::{Comparison, DeployDetail, DeployId, DeployRow, Pair, Revisions, ServiceId, Timestamp};

use super::{known, use_service};
use crate::AppError;
use crate::answer::{Answer, ask};
use crate::live::Live;
use crate::panel::panel;
use crate::url::Query;

/// The tab.
pub(crate) struct Deploys;

#[lazy_route]
impl LazyRoute for Deploys {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
        let (id, live, open, address) = (use_service(), Live::of_page(), use_open(), use_address());
        let of_list = Memo::new(move |_| (id.get(), live.cluster.get(), live.epoch.get()));
        let rows =
            ask(of_list, |(id, ..): (Option<ServiceId>, Timestamp, u32)| async move { list_deploys(known(id)?).await });
        // An open deploy is asked for again with the list: its verdict changes with it.
        let of_detail = Memo::new(move |_| {
            let open = id.get().zip(open.get()).map(|(service, sequence)| DeployId { service, sequence });
            (open, live.cluster.get(), live.epoch.get())
        });
        let detail = ask(of_detail, |(open, ..): (Option<DeployId>, Timestamp, u32)| async move {
            match open {
                Some(id) => read_deploy(id).await,
                None => Ok(DeployDetail { verdict: None, chart: None, diffs: Vec::new() }),
            }
        });
        // Another pair is another answer in the same place.
        let of_pair = Memo::new(move |_| address.with(|(_, query)| chosen::of_url(query)));
        let is_compared = Memo::new(move |_| of_pair.with(Option::is_some));
        let revisions =
            ask(
                of_list,
                |(id, ..): (Option<ServiceId>, Timestamp, u32)| async move { list_revisions(known(id)?).await },
            );
        view! {
            {panel(rows, "tall", move |rows| list(rows, open, detail, address))}
            {panel(revisions, "half", move |all| revisions::revisions(all, of_pair, address))}
            <div id=chosen::PLACE>{move || is_compared.get().then(|| comparison(id, of_pair, address))}</div>
        }
        .into_any()
    }
}

/// The two revisions in the address.
fn comparison(id: Memo<Option<ServiceId>>, pair: Memo<Option<Pair>>, address: Memo<(String, Query)>) -> AnyView {
    let live = Live::of_page();
    let asked = Memo::new(move |_| (id.get(), pair.get(), live.cluster.get(), live.epoch.get()));
    type Asked = (Option<ServiceId>, Option<Pair>, Timestamp, u32);
    let compared = ask(asked, |(id, pair, ..): Asked| async move {
        let id = known(id)?;
        compare_revisions(id, pair.ok_or_else(|| AppError::NotFound("two revisions".into()))?).await
    });
    let traces = move || id.get().map(|id| format!("{}/traces", id.path())).unwrap_or_default();
    panel(compared, "tall", move |all| compare::compare(all, address, &traces()))
}

/// The deploy in the address.
fn use_open() -> Memo<Option<u32>> {
    let query = use_query_map();
    Memo::new(move |_| query.with(|query| query.get_str("deploy").and_then(|text| text.parse().ok())))
}

/// The path and query that a deploy's link changes.
fn use_address() -> Memo<(String, Query)> {
    let (path, query) = (use_location().pathname, use_query_map());
    Memo::new(move |_| (path.get(), query.with(Query::of)))
}

fn list(
    rows: &[DeployRow],
    open: Memo<Option<u32>>,
    detail: Answer<DeployDetail>,
    address: Memo<(String, Query)>,
) -> AnyView {
    if rows.is_empty() {
        return view! {
            <section class="card empty">
                <h2>"No deploy yet"</h2>
                <p>"When pods of this service move to another revision, that deploy is listed here with what it changed."</p>
            </section>
        }
        .into_any();
    }
    let pair = |row: &DeployRow| chosen::of_deploy(&row.deploy, rows.iter().map(|row| &row.deploy));
    let rows = rows.iter().map(|one| row::row(one, pair(one), open, detail, address)).collect_view();
    view! {
        <section class="card">
            <div class="scroll-x">
                <table class="deploys">
                    <thead>
                        <tr>
                            <th scope="col">"Deploy"</th>
                            <th scope="col">"Verdict"</th>
                            <th scope="col">"What changed"</th>
                            <th scope="col">"Started"</th>
                            <th scope="col" class="num">"Requests /s"</th>
                            <th scope="col" class="num before">"before"</th>
                            <th scope="col" class="num">"Errors"</th>
                            <th scope="col" class="num before">"before"</th>
                            <th scope="col" class="num">"p95"</th>
                            <th scope="col" class="num before">"before"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

#[server(input = GetUrl)]
async fn list_deploys(id: ServiceId) -> Result<Vec<DeployRow>, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.deploys(&viewer, &id).await
}

#[server(input = GetUrl)]
async fn read_deploy(id: DeployId) -> Result<DeployDetail, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.deploy(&viewer, &id).await
}

#[server(input = GetUrl)]
async fn list_revisions(id: ServiceId) -> Result<Revisions, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.revisions(&viewer, &id).await
}

#[server(input = GetUrl)]
async fn compare_revisions(id: ServiceId, pair: Pair) -> Result<Comparison, AppError> {
    let (backend, viewer) = crate::backend::asked()?;
    backend.compare(&viewer, &id, pair).await
}
