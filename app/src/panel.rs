//! A question's answer in its place: reserved while it is awaited, kept and dimmed while a newer one comes, kept when
//! the way to the server breaks, an error where there is nothing to keep. One panel failing leaves the others.

use std::sync::Arc;

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::AppError;
use crate::answer::{Answer, Shown};
use crate::late::Late;
use crate::live::Live;
use crate::navigate::arrived;
use crate::session::Clock;

/// The answer; while the way to the server is broken, the last one that was of the same thing. What failed is asked
/// again when the stream is back.
pub(crate) fn kept<T: Shown>(
    answer: Answer<T>,
) -> impl Fn() -> Option<Result<Arc<T>, AppError>> + Send + Sync + 'static {
    let (path, epoch) = (use_location().pathname, Live::of_page().epoch);
    arrived();
    let last = StoredValue::new(None::<(String, Arc<T>)>);
    Effect::new(move |_| {
        if epoch.get() > 0 && matches!(answer.get_untracked(), Some(Err(error)) if error.is_passing()) {
            answer.refetch();
        }
    });
    move || {
        // A page that is left, or a request whose client hung up, may be drawn once more after what it owned is gone;
        // the page's contexts go first, and what is drawn stands on them.
        // What is drawn reads the zone without following it.
        use_context::<Clock>()?.zone.track();
        let got = answer.try_get().flatten()?;
        let here = path.try_with_untracked(|path| subject(path).to_owned())?;
        Some(match got {
            Ok(value) => {
                last.set_value(Some((here, value.clone())));
                Ok(value)
            }
            Err(error) => {
                let kept = last.try_get_value().flatten().filter(|(of, _)| error.is_passing() && *of == here);
                kept.map(|(_, value)| value).ok_or(error)
            }
        })
    }
}

/// The part of a path that says what the page is about: a service without its tab.
fn subject(path: &str) -> &str {
    path.match_indices('/').nth(5).map_or(path, |(at, _)| &path[..at])
}

/// Draws an answer. `tall` reserves the space of the first load, as a style class does.
pub(crate) fn panel<T: Shown>(
    answer: Answer<T>,
    tall: &'static str,
    draw: impl Fn(&T) -> AnyView + Send + Sync + 'static,
) -> AnyView {
    let (pending, set_pending) = signal(false);
    let kept = kept(answer);
    let again = Callback::new(move |()| answer.refetch());
    let draw = Arc::new(draw);
    let shown = move || {
        let (got, draw) = (kept()?, Arc::clone(&draw));
        Some(Late::new(move || got.map_or_else(|error| failed(&error, again), |value| draw(&value))))
    };
    let held = held(move || waiting(tall), Some(set_pending.into()), shown);
    view! {
        <div class="answer" class:pending=move || pending.try_get().unwrap_or_default()>
            {held}
        </div>
    }
    .into_any()
}

/// Holds the old view while a newer one is awaited. Concrete inside: a boundary is much code, and pages have many.
pub(crate) fn held(
    fallback: impl FnOnce() -> AnyView + Send + 'static,
    set_pending: Option<SignalSetter<bool>>,
    shown: impl Fn() -> Option<Late> + Send + 'static,
) -> AnyView {
    boundary(Box::new(fallback), set_pending.unwrap_or_else(|| SignalSetter::map(|_| ())), Box::new(shown))
}

fn boundary(
    fallback: Box<dyn FnOnce() -> AnyView + Send>,
    set_pending: SignalSetter<bool>,
    shown: Box<dyn Fn() -> Option<Late> + Send>,
) -> AnyView {
    // On the server nobody sees that something is pending, and what tells it would read the boundary's state on another
    // thread while the page is drawn, which fails the page (`reactive_graph` takes no lock that is held).
    #[cfg(feature = "ssr")]
    let boundary = {
        _ = set_pending;
        view! { <Transition fallback=fallback>{shown}</Transition> }
    };
    #[cfg(not(feature = "ssr"))]
    let boundary = view! { <Transition fallback=fallback set_pending=set_pending>{shown}</Transition> };
    boundary.into_any()
}

/// A part of an answer that another panel shows in full: nothing while it is awaited or failed.
pub(crate) fn part<T: Shown>(answer: Answer<T>, draw: impl Fn(&T) -> AnyView + Send + Sync + 'static) -> AnyView {
    drawn(answer, || ().into_any(), draw)
}

/// A part that is large: its space is reserved while it is awaited, so that what stands below stays where it is.
pub(crate) fn large<T: Shown>(
    answer: Answer<T>,
    tall: &'static str,
    draw: impl Fn(&T) -> AnyView + Send + Sync + 'static,
) -> AnyView {
    drawn(answer, move || waiting(tall), draw)
}

fn drawn<T: Shown>(
    answer: Answer<T>,
    fallback: impl FnOnce() -> AnyView + Send + 'static,
    draw: impl Fn(&T) -> AnyView + Send + Sync + 'static,
) -> AnyView {
    let kept = kept(answer);
    let draw = Arc::new(draw);
    let shown = move || {
        let (value, draw) = (kept()?.ok()?, Arc::clone(&draw));
        Some(Late::new(move || draw(&value)))
    };
    held(fallback, None, shown)
}

/// What an answer is drawn as that was not asked for, because another view of the page is shown.
pub(crate) fn none() -> AnyView {
    ().into_any()
}

/// The space of an answer that is awaited for the first time.
fn waiting(tall: &'static str) -> AnyView {
    view! {
        <div class=format!("skeleton {tall}") role="status">
            <span class="late">"Loading…"</span>
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

#[cfg(test)]
mod tests {
    #[test]
    fn a_page_is_about_the_same_thing_on_all_its_tabs() {
        assert_eq!(super::subject("/services/c/n/Deployment/web/overview"), "/services/c/n/Deployment/web");
        assert_eq!(super::subject("/services/c/n/Deployment/web"), "/services/c/n/Deployment/web");
        assert_eq!(super::subject("/"), "/");
    }
}
