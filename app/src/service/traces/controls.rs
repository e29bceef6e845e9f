//! What is asked for most, without typing: links and a choice that change the address.

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};
use model::{Compare, SpanFilter, SpanQuery, SpanTest};

use super::Words;
use crate::range::use_requery;
use crate::url::Query;

/// Least durations to choose from, as a query has them.
const LEAST: [(&str, i64); 7] = [
    ("10 ms", 10_000_000),
    ("50 ms", 50_000_000),
    ("100 ms", 100_000_000),
    ("250 ms", 250_000_000),
    ("500 ms", 500_000_000),
    ("1 s", 1_000_000_000),
    ("5 s", 5_000_000_000),
];
/// The choice where a duration was typed that is none of them.
const TYPED: &str = "typed";

/// Errors only, the least duration, the order, requests or all spans.
pub(super) fn controls(words: Memo<Words>) -> AnyView {
    let (query, path) = (use_query_map(), use_location().pathname);
    let filter = Memo::new(move |_| words.with(|words| words.text.parse::<SpanFilter>().unwrap_or_default()));
    let failing = Memo::new(move |_| filter.with(|filter| filter.terms.iter().any(|t| !t.not && is_failed(&t.test))));
    let to = move |key: &'static str, value: &str| {
        format!("{}{}", path.get(), query.with(Query::of).with(key, value).with("before", ""))
    };
    let to_failed = move || {
        let test = (!failing.get()).then_some(SpanTest::Failed(true));
        to("q", &filter.get().with(test, |test| matches!(test, SpanTest::Failed(_))).to_string())
    };
    let switch = move |label: &'static str, key: &'static str, choices: [(&'static str, &'static str); 2]| {
        let now = move |value: &str| {
            words.with(|words| if key == "sort" { words.sort == value } else { words.kinds == value })
        };
        let link = move |(value, word): (&'static str, &'static str)| {
            let is_current = move || match value {
                "" => !now(choices[1].0),
                value => now(value),
            };
            view! {
                <a
                    href=move || to(key, value)
                    data-noscroll
                    data-testid=format!("{key}-{}", if value.is_empty() { "usual" } else { value })
                    aria-current=move || is_current().then_some("true")
                >
                    {word}
                </a>
            }
        };
        view! {
            <nav class="switch" aria-label=label>
                {choices.map(link).collect_view()}
            </nav>
        }
    };
    view! {
        <a
            class="chip bad"
            class:chosen=move || failing.get()
            href=to_failed
            data-noscroll
            data-testid="only-errors"
            aria-current=move || failing.get().then_some("true")
        >
            "Errors only"
        </a>
        {least(filter)}
        {switch("Order", "sort", [("", "Newest"), (SpanQuery::SLOWEST, "Slowest")])}
        {switch("Which spans", "kinds", [("", "Requests"), (SpanQuery::ALL, "All spans")])}
    }
    .into_any()
}

fn is_failed(test: &SpanTest) -> bool {
    *test == SpanTest::Failed(true)
}

fn is_duration(test: &SpanTest) -> bool {
    matches!(test, SpanTest::Duration(..))
}

/// The least duration.
fn least(filter: Memo<SpanFilter>) -> AnyView {
    let (params, requery) = (use_query_map(), StoredValue::new(use_requery()));
    let now = Memo::new(move |_| filter.with(chosen));
    let choose = move |event| {
        let word = event_target_value(&event);
        let test = LEAST.iter().find(|(own, _)| *own == word).map(|(_, n)| SpanTest::Duration(Compare::AtLeast, *n));
        let text = filter.get_untracked().with(test, is_duration).to_string();
        let to = params.with_untracked(Query::of).with("q", &text).with("before", "");
        requery.with_value(|requery| requery(to, false));
    };
    let option = move |word: &'static str, shown: String| {
        view! {
            <option value=word selected=move || now.get() == word>
                {shown}
            </option>
        }
    };
    view! {
        <select
            class="chip"
            class:chosen=move || !now.get().is_empty()
            aria-label="Least duration"
            data-testid="least"
            prop:value=move || now.get()
            on:change=choose
        >
            {option("", "Any duration".to_owned())}
            {LEAST.map(|(word, _)| option(word, format!("≥ {word}"))).collect_view()}
            {move || (now.get() == TYPED).then(|| option(TYPED, "As typed".to_owned()))}
        </select>
    }
    .into_any()
}

/// The choice that a query stands for.
fn chosen(filter: &SpanFilter) -> &'static str {
    let mut tests = filter.terms.iter().filter(|term| is_duration(&term.test));
    match (tests.next(), tests.next()) {
        (None, _) => "",
        (Some(term), None) if !term.not => LEAST
            .iter()
            .find(|(_, nanos)| term.test == SpanTest::Duration(Compare::AtLeast, *nanos))
            .map_or(TYPED, |(word, _)| word),
        _ => TYPED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_is_what_the_query_says() {
        for (text, word) in [
            ("", ""),
            ("status:error", ""),
            ("duration:>=250ms status:error", "250 ms"),
            ("duration:>250ms", TYPED),
            ("-duration:>=250ms", TYPED),
            ("duration:>=250ms duration:<1s", TYPED),
        ] {
            assert_eq!(chosen(&text.parse().unwrap()), word, "{text}");
        }
    }
}
