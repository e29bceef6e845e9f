//! Binnacle's pages: everything a person sees, rendered on the server and hydrated in the browser.
//!
//! `app` holds the providers and the route table, `shell` the document around it, `router` the axum side. Pages:
//! `catalog`, `service` (with a lazy route a tab), `feed` of deploys, `trace`, `status`. Under them `charts` (geometry
//! and frames), `ui` (widgets without data), `demo` (what a demo says of itself) and `panel` (a question's answer,
//! waiting or failed), `phase` (how far a deploy is). Page-wide state: `session` (what the request brought), `live` (the
//! event stream), `range` (the window of time), `navigate` and `scroll` (the way between pages), `hydrate` (the page's
//! takeover by the browser). `backend` is the one way to data.

// Unerased view types of a release nest deeper than the default 128.
#![recursion_limit = "512"]
// `#[component]` and `#[server]` expand into `pub` items wherever they stand.
#![allow(unreachable_pub)]

mod answer;
mod app;
#[cfg(feature = "ssr")]
pub mod backend;
mod bar;
mod catalog;
mod charts;
mod demo;
pub mod error;
mod feed;
#[cfg(feature = "hydrate")]
mod hydrate;
mod late;
mod live;
mod navigate;
mod not_found;
mod panel;
mod phase;
mod range;
#[cfg(feature = "ssr")]
mod router;
mod scroll;
mod service;
mod session;
#[cfg(feature = "ssr")]
mod shell;
mod status;
mod trace;
mod ui;
mod url;

pub use app::App;
#[cfg(feature = "ssr")]
pub use backend::Backend;
pub use error::AppError;
#[cfg(feature = "hydrate")]
pub use hydrate::hydrate;
#[cfg(feature = "ssr")]
pub use router::router;
