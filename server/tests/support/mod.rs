//! What tests that start the binary share.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::path::{Path, PathBuf};

/// A site below a place, for `LEPTOS_SITE_ROOT`: pages need one, what is in it does not matter here.
pub(crate) fn site(place: &Path) -> PathBuf {
    let root = place.join("site");
    std::fs::create_dir_all(root.join("pkg")).unwrap();
    std::fs::write(root.join("pkg/binnacle.wasm"), "").unwrap();
    root
}
