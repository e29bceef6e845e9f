//! Questions to the server as resources, all made in one place: concrete over what is asked and answered, so that
//! each costs little code. Lazy routes ask in their view, and their `data` makes nothing: what it made would belong to
//! an owner that the router drops before the view that uses it, and a tick in between would find it gone. Answers are
//! decoded by the one reader that server functions use as well; another would double the code of every type.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use codee::{Decoder, Encoder};
use leptos::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::AppError;
use crate::not_found::Status;

/// An answer as pages hold it: shared, since each panel of a page reads it, and more than once.
pub(crate) type Answer<T> = Resource<Result<Arc<T>, AppError>, Json>;

/// What may be an answer.
pub(crate) trait Shown: Clone + Send + Sync + Serialize + DeserializeOwned + 'static {}

impl<T: Clone + Send + Sync + Serialize + DeserializeOwned + 'static> Shown for T {}

/// What a question depends on.
pub(crate) trait Key: Clone + PartialEq + Send + Sync + 'static {}

impl<K: Clone + PartialEq + Send + Sync + 'static> Key for K {}

type Coming<T> = Pin<Box<dyn Future<Output = Result<T, AppError>> + Send>>;
type Question<K, T> = Box<dyn Fn(K) -> Coming<T> + Send + Sync>;

/// Asks whenever the key changes.
pub(crate) fn ask<K: Key, T: Shown, F>(key: Memo<K>, question: impl Fn(K) -> F + Send + Sync + 'static) -> Answer<T>
where
    F: Future<Output = Result<T, AppError>> + Send + 'static,
{
    made(key, Box::new(move |key| Box::pin(question(key))), false)
}

/// Asks what decides title and status: nothing is sent before its answer, and where that is "not found", neither is
/// the page.
pub(crate) fn ask_first<K: Key, T: Shown, F>(
    key: Memo<K>,
    question: impl Fn(K) -> F + Send + Sync + 'static,
) -> Answer<T>
where
    F: Future<Output = Result<T, AppError>> + Send + 'static,
{
    let with_status = move |key| -> Coming<T> {
        let (status, coming) = (Status::of_page(), question(key));
        Box::pin(async move {
            let answer = coming.await;
            if matches!(answer, Err(AppError::NotFound(_))) {
                status.set_not_found();
            }
            answer
        })
    };
    made(key, Box::new(with_status), true)
}

fn made<K: Key, T: Shown>(key: Memo<K>, question: Question<K, T>, blocking: bool) -> Answer<T> {
    let shared = move |key| {
        let coming = question(key);
        async move { coming.await.map(Arc::new) }
    };
    Resource::new_with_options(move || key.get(), shared, blocking)
}

/// JSON, read from bytes.
#[derive(Debug)]
pub(crate) struct Json;

impl<T: Serialize> Encoder<T> for Json {
    type Error = serde_json::Error;
    type Encoded = String;

    fn encode(value: &T) -> Result<String, Self::Error> {
        serde_json::to_string(value)
    }
}

impl<T: DeserializeOwned> Decoder<T> for Json {
    type Error = serde_json::Error;
    type Encoded = str;

    fn decode(text: &str) -> Result<T, Self::Error> {
        serde_json::from_slice(text.as_bytes())
    }
}
