//! The built site: embedded in a release, compressed only, and unpacked once beside the data, since Leptos reads its
//! split manifest from the site root. A build without the `embed` feature serves what `cargo leptos` left in the target directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use http::{HeaderValue, StatusCode};
use leptos::config::{Env, LeptosOptions};
use sha2::{Digest, Sha256};
use tower_http::services::{ServeDir, ServeFile};

/// What lies in `public`.
const PUBLIC: [&str; 2] = ["favicon.svg", "robots.txt"];

/// Where the site is and which build it is.
#[derive(Clone)]
pub(crate) struct Site {
    /// How Leptos finds it.
    pub(crate) options: LeptosOptions,
    /// `"…"`, as an entity tag.
    build: Arc<str>,
    root: PathBuf,
}

#[cfg(feature = "embed")]
#[derive(rust_embed::Embed)]
#[folder = "$BINNACLE_SITE"]
#[include = "*.br"]
#[include = "*.gz"]
struct Embedded;

/// Makes the site ready below the data directory and says where.
pub(crate) fn unpack(data: &Path) -> anyhow::Result<Site> {
    let (root, build) = place(data)?;
    let options = LeptosOptions::builder()
        .output_name("binnacle")
        .site_root(root.to_string_lossy().as_ref())
        .site_pkg_dir("pkg")
        .env(Env::PROD)
        .build();
    Ok(Site { options, build: format!("\"{build}\"").into(), root })
}

#[cfg(feature = "embed")]
fn place(data: &Path) -> anyhow::Result<(PathBuf, String)> {
    let names: std::collections::BTreeSet<_> = Embedded::iter().collect();
    let mut hash = Sha256::new();
    for name in &names {
        hash.update(name.as_bytes());
        hash.update(Embedded::get(name).map(|file| file.metadata.sha256_hash()).unwrap_or_default());
    }
    let build: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let sites = data.join("site");
    let root = sites.join(&build);
    if !root.exists() {
        let fail = || format!("could not unpack the web interface into {}", sites.display());
        // Written beside and renamed, so that a half-written site is never served; older builds go.
        let fresh = sites.join(format!(".{build}"));
        let _ = std::fs::remove_dir_all(&sites);
        for name in &names {
            let path = fresh.join(name.as_ref());
            let file = Embedded::get(name).with_context(fail)?;
            path.parent().map_or(Ok(()), std::fs::create_dir_all).with_context(fail)?;
            std::fs::write(&path, &file.data).with_context(fail)?;
            if path.extension().is_some_and(|extension| extension == "gz") {
                let mut plain = std::fs::File::create(path.with_extension("")).with_context(fail)?;
                let mut packed = flate2::read::GzDecoder::new(file.data.as_ref());
                std::io::copy(&mut packed, &mut plain).with_context(fail)?;
            }
        }
        std::fs::rename(&fresh, &root).with_context(fail)?;
    }
    Ok((root, build))
}

#[cfg(not(feature = "embed"))]
fn place(_data: &Path) -> anyhow::Result<(PathBuf, String)> {
    let root = PathBuf::from(std::env::var("LEPTOS_SITE_ROOT").unwrap_or_else(|_| "target/site".into()));
    let wasm = root.join("pkg/binnacle.wasm");
    let bytes = std::fs::read(&wasm)
        .with_context(|| format!("no web interface at {}: build it with `make build`", root.display()))?;
    let build = Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Ok((root, build))
}

/// The site's files, without Leptos' fallback for files: that one can take the headers of a page that is being
/// rendered meanwhile.
pub(crate) fn files(site: &Site) -> Router {
    let served = |path: &str| ServeFile::new(site.root.join(path)).precompressed_br().precompressed_gzip();
    let packages = ServeDir::new(site.root.join("pkg")).precompressed_br().precompressed_gzip();
    PUBLIC
        .iter()
        .fold(Router::new(), |router, name| router.route_service(&format!("/{name}"), served(name)))
        .nest_service("/pkg", packages)
}

/// The style sheet, which the sign-in page needs before anyone is signed in.
pub(crate) fn styles(site: &Site) -> Router {
    let file = ServeFile::new(site.root.join("pkg/binnacle.css")).precompressed_br().precompressed_gzip();
    Router::new()
        .route_service("/pkg/binnacle.css", file)
        .layer(axum::middleware::from_fn_with_state(site.clone(), cache))
}

/// Files keep their names between builds, so they are asked for anew each time, and answered "not changed".
pub(crate) async fn cache(State(site): State<Site>, request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with("/pkg/") {
        return next.run(request).await;
    }
    let tag = HeaderValue::from_str(&site.build).ok();
    let known = request.headers().get(IF_NONE_MATCH);
    let mut response = match (&tag, known) {
        (Some(tag), Some(known)) if tag == known => StatusCode::NOT_MODIFIED.into_response(),
        _ => next.run(request).await,
    };
    if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        tag.map(|tag| headers.insert(ETAG, tag));
    }
    response
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_public_file_is_served() {
        let mut names: Vec<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../public"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, super::PUBLIC);
    }
}
