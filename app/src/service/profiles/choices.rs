//! What is chosen of the profiles that there are: type, pod, revision, and what it is compared with.

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};
use model::{BEFORE, DEPLOY, ProfilePage, ProfileType, ProfileWords};

use crate::range::use_requery;
use crate::ui::select::Select;
use crate::url::Query;

/// Words for what it may be compared with beside revisions.
const COMPARED: [(&str, &str); 2] = [(DEPLOY, "Newest deploy"), (BEFORE, "The time before")];

/// The bar of choices.
pub(super) fn choices(words: &ProfileWords, page: &ProfilePage) -> AnyView {
    let params = use_query_map();
    let requery = StoredValue::new(use_requery());
    let set = move |key: &'static str, value: &str| {
        let to = params.with_untracked(Query::of).with(key, value).with("at", "");
        requery.with_value(|requery| requery(to, false));
    };
    let revisions: Vec<(String, String)> =
        page.revisions.iter().map(|revision| (revision.hash.to_string(), revision.name.clone())).collect();
    let named = |pairs: Vec<(String, String)>, key: &'static str| {
        Callback::new(move |name: String| {
            let found = pairs.iter().find(|(_, known)| *known == name);
            set(key, found.map_or("", |(value, _)| value));
        })
    };
    let name_of = |pairs: &[(String, String)], value: &str| {
        pairs.iter().find(|(known, _)| known == value).map(|(_, name)| name.clone()).unwrap_or_default()
    };
    let names = |pairs: &[(String, String)]| pairs.iter().map(|(_, name)| name.clone()).collect::<Vec<_>>();
    let own = |(value, name): (&str, &str)| (value.to_owned(), name.to_owned());
    let compared: Vec<(String, String)> = COMPARED.map(own).into_iter().chain(revisions.iter().cloned()).collect();
    let (revision, against) = (name_of(&revisions, &words.revision), name_of(&compared, &words.against));
    let several = (page.types.pods.len() > 1 || !words.pod.is_empty()).then(|| {
        let choose = Callback::new(move |pod: String| set("pod", &pod));
        view! { <Select label="All pods" options=page.types.pods.clone() value=words.pod.clone() on_choose=choose /> }
    });
    view! {
        <div class="toolbar profile-choices">
            {types(page)} {several}
            <Select
                label="All revisions"
                options=names(&revisions)
                value=revision
                on_choose=named(revisions.clone(), "revision")
            />
            <Select
                label="Compare with"
                options=names(&compared)
                value=against
                on_choose=named(compared.clone(), "against")
            />
        </div>
    }
    .into_any()
}

/// A link for each type.
fn types(page: &ProfilePage) -> AnyView {
    let (params, path) = (use_query_map(), use_location().pathname);
    let chosen = page.shown.as_ref().map(|(sample, _)| sample.clone());
    let one = |row: &ProfileType| {
        let word = row.sample.to_string();
        let to = move || format!("{}{}", path.get(), params.with(Query::of).with("type", &word).with("at", ""));
        let current = chosen.as_ref() == Some(&row.sample);
        view! {
            <a
                href=to
                data-noscroll
                data-testid=format!("type-{}", row.sample.name)
                title=row.sample.to_string()
                aria-current=current.then_some("true")
            >
                {row.sample.title()}
            </a>
        }
    };
    view! {
        <nav class="switch types" aria-label="What is sampled">
            {page.types.types.iter().map(one).collect_view()}
        </nav>
    }
    .into_any()
}
