//! Widgets that know nothing of where their data come from.

pub(crate) mod ago;
pub(crate) mod badge;
pub(crate) mod coverage;
pub(crate) mod diff;
pub(crate) mod filter;
pub(crate) mod judged;
pub(crate) mod keys;
pub(crate) mod menu;
pub(crate) mod number;
pub(crate) mod select;
pub(crate) mod sentence;
pub(crate) mod tabs;
