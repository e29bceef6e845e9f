//! A question's answer in its place: reserved while it is awaited, kept and dimmed while a newer one comes, kept when
//! the way to the server breaks, an error where there is nothing to keep. One panel failing leaves the others.

use leptos::prelude::*;

use crate::AppError;

/// An answer as pages hold it.
pub(crate) type Answer<T> = Resource<Result<T, AppError>>;

/// Draws an answer. `tall` reserves the space of the first load, as a style class does.
pub(crate) fn panel<T>(
    answer: Answer<T>,
    tall: &'static str,
    draw: impl Fn(T) -> AnyView + Send + Sync + 'static,
) -> AnyView
where
    T: Clone + Send + Sync + serde::Serialize + serde::de::DeserializeOwned + 'static,
{
    let (pending, set_pending) = signal(false);
    let last = StoredValue::new(None::<T>);
    let shown = move || {
        let got = match (answer.get()?, last.get_value()) {
            (Err(error), Some(kept)) if error.is_passing() => Ok(kept),
            (got, _) => got,
        };
        Some(match got {
            Ok(value) => {
                last.set_value(Some(value.clone()));
                draw(value)
            }
            Err(error) => failed(&error, Callback::new(move |()| answer.refetch())),
        })
    };
    view! {
        <div class="answer" class:pending=move || pending.get()>
            <Transition fallback=move || waiting(tall) set_pending=set_pending>
                {shown}
            </Transition>
        </div>
    }
    .into_any()
}

/// A part of an answer that another panel shows in full: nothing while it is awaited or failed.
pub(crate) fn part<T>(answer: Answer<T>, draw: impl Fn(T) -> AnyView + Send + Sync + 'static) -> AnyView
where
    T: Clone + Send + Sync + serde::Serialize + serde::de::DeserializeOwned + 'static,
{
    let last = StoredValue::new(None::<T>);
    let shown = move || {
        let value = answer.get()?.ok().or_else(|| last.get_value())?;
        last.set_value(Some(value.clone()));
        Some(draw(value))
    };
    view! { <Transition fallback=|| ()>{shown}</Transition> }.into_any()
}

/// The space of an answer that is awaited for the first time.
fn waiting(tall: &'static str) -> AnyView {
    view! {
        <div class=format!("skeleton {tall}") role="status">
            <span class="sr">"Loading"</span>
        </div>
    }
    .into_any()
}

/// What stands in the place of an answer that failed.
pub(crate) fn failed(error: &AppError, again: Callback<()>) -> AnyView {
    let retry = error.is_passing().then(|| {
        view! {
            <button type="button" on:click=move |_| again.run(())>
                "Try again"
            </button>
        }
    });
    view! {
        <div class="failure" role="alert">
            <p>{sentence(error)}</p>
            {retry}
        </div>
    }
    .into_any()
}

fn sentence(error: &AppError) -> String {
    match error {
        AppError::NotFound(what) => format!("Not found: {what}"),
        AppError::Transport(_) => "Binnacle does not answer. This recovers by itself when it is back.".to_owned(),
        other => {
            let mut text = other.to_string();
            if let Some(first) = text.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            text
        }
    }
}
