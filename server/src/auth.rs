//! Who asks: everyone (loopback), who has the token, or whom a trusted proxy names.

use axum::Form;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::header::{AUTHORIZATION, CONTENT_SECURITY_POLICY, COOKIE, SET_COOKIE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use model::Viewer;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::api::Problem;
use crate::config::Access;

const SESSION: &str = "binnacle_session";

/// Lets in who may see the interface, as the request's [`Viewer`]; shows the others the way.
pub(crate) async fn require(State(access): State<Access>, mut request: Request, next: Next) -> Response {
    let Some(viewer) = viewer(&access, request.headers()) else {
        let wants_page = request.method() == Method::GET && !request.uri().path().starts_with("/api");
        let is_machine = request.uri().path().starts_with("/api/v1");
        return match access {
            _ if is_machine => ([(WWW_AUTHENTICATE, "Bearer")], Problem::signed_out()).into_response(),
            Access::Token(_) if wants_page => Redirect::to("/login").into_response(),
            _ => (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], "Sign in first.\n").into_response(),
        };
    };
    request.extensions_mut().insert(viewer);
    next.run(request).await
}

fn viewer(access: &Access, headers: &HeaderMap) -> Option<Viewer> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    match access {
        Access::Open => Some(Viewer::local()),
        Access::Token(token) => {
            let bearer = text(AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
            let has_token = bearer.is_some_and(|given| is_equal(given, token));
            let session = text(COOKIE).and_then(session_cookie);
            (has_token || session.is_some_and(|given| is_equal(given, &session_of(token)))).then(Viewer::local)
        }
        Access::Proxy(header) => {
            let name = headers.get(header).and_then(|value| value.to_str().ok()).filter(|name| !name.is_empty())?;
            Some(Viewer { name: name.to_owned() })
        }
    }
}

/// Whether a request may read `/metrics`.
pub(crate) fn may_read_metrics(token: Option<&str>, headers: &HeaderMap) -> bool {
    let Some(token) = token else { return true };
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    given.and_then(|value| value.strip_prefix("Bearer ")).is_some_and(|given| is_equal(given, token))
}

/// Compares digests, so that the time it takes says nothing of the secret.
fn is_equal(given: &str, secret: &str) -> bool {
    Sha256::digest(given) == Sha256::digest(secret)
}

/// What the cookie holds: not the token itself, and changed with it.
fn session_of(token: &str) -> String {
    let digest = Sha256::new().chain_update("binnacle session\0").chain_update(token).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn session_cookie(cookies: &str) -> Option<&str> {
    cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix(SESSION)?.strip_prefix('='))
}

/// The page that asks for the token.
pub(crate) async fn login_page() -> Response {
    page(StatusCode::OK, "")
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct Login {
    token: String,
}

/// Takes the token and gives the session's cookie.
pub(crate) async fn login(State(access): State<Access>, Form(form): Form<Login>) -> Response {
    let Access::Token(token) = access else { return Redirect::to("/").into_response() };
    if !is_equal(form.token.trim(), &token) {
        return page(StatusCode::UNAUTHORIZED, "That is not the token.");
    }
    let cookie = format!("{SESSION}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age=2592000", session_of(&token));
    ([(SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}

/// As the bar has it.
const LOGO: &str = r#"<svg class="logo" viewBox="0 0 20 20" width="22" height="22" aria-hidden="true"><circle cx="10"
cy="10" r="8.6" fill="none" stroke="currentColor" stroke-width="1.6"/><path class="needle" d="M10 3.6 12.2 10 10 16.4
7.8 10Z"/><circle cx="10" cy="10" r="1.1" class="hub"/></svg>"#;

fn page(status: StatusCode, problem: &str) -> Response {
    let html = format!(
        r#"<!doctype html><html lang="en" data-theme="system"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Sign in · Binnacle</title>
<link rel="stylesheet" href="/pkg/binnacle.css"><main class="login"><h1>{LOGO}Binnacle</h1>
<form method="post" action="/login"><label>Token
<input type="password" name="token" autocomplete="current-password" autofocus required></label>
<p role="alert">{problem}</p><button type="submit">Sign in</button></form>
<p>It is what Binnacle was started with: <code>--auth-token</code> or <code>BINNACLE_AUTH_TOKEN</code>.</p></main></html>"#
    );
    let policy = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    (status, [(CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        [(http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())].into_iter().collect()
    }

    #[test]
    fn a_token_opens_by_header_or_session() {
        let access = Access::Token("correct-horse-battery".into());
        assert_eq!(viewer(&access, &HeaderMap::new()), None);
        assert_eq!(viewer(&access, &headers("authorization", "Bearer wrong")), None);
        assert!(viewer(&access, &headers("authorization", "Bearer correct-horse-battery")).is_some());
        let cookie = format!("zone=UTC; {SESSION}={}", session_of("correct-horse-battery"));
        assert!(viewer(&access, &headers("cookie", &cookie)).is_some());
        assert_eq!(viewer(&access, &headers("cookie", &format!("{SESSION}=correct-horse-battery"))), None);
    }

    #[test]
    fn a_proxy_names_the_viewer() {
        let access = Access::Proxy(http::HeaderName::from_static("x-user"));
        assert_eq!(viewer(&access, &headers("x-user", "ada")), Some(Viewer { name: "ada".into() }));
        assert_eq!(viewer(&access, &headers("x-user", "")), None);
        assert_eq!(viewer(&access, &HeaderMap::new()), None);
    }

    #[test]
    fn metrics_ask_for_their_token_where_one_is_set() {
        assert!(may_read_metrics(None, &HeaderMap::new()));
        assert!(!may_read_metrics(Some("m"), &HeaderMap::new()));
        assert!(may_read_metrics(Some("m"), &headers("authorization", "Bearer m")));
    }
}
