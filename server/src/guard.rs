//! What every request to the web interface must pass: a known Host (against DNS rebinding), and for writes a
//! same-origin sender (against forged requests).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

use crate::api::Problem;

/// Hosts under which the interface answers, lower case, without port.
#[derive(Clone)]
pub(crate) struct Hosts(pub(crate) Arc<[String]>);

/// Kubelets send the pod's IP as Host, so these two are exempt.
const EXEMPT: [&str; 2] = ["/livez", "/readyz"];

/// Refuses unknown hosts and forged writes; adds the headers that hold for every answer.
pub(crate) async fn check(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    if !EXEMPT.contains(&request.uri().path()) && !is_known_host(&hosts, request.uri(), request.headers()) {
        let text = "This host name is not allowed. Add it with --allowed-host.";
        return refused(&request, StatusCode::MISDIRECTED_REQUEST, text);
    }
    if is_forged(request.method(), request.headers()) {
        return refused(&request, StatusCode::FORBIDDEN, "Writes are taken from Binnacle's own pages only.");
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));
    // Pages bring their own policy with its nonce; nothing else may run anything.
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static("default-src 'none'"));
    response
}

/// As text for people; what machines ask is answered as all their problems are.
fn refused(request: &Request, status: StatusCode, text: &str) -> Response {
    if request.uri().path().starts_with("/api/v1") {
        return Problem::new(status, text).into_response();
    }
    (status, format!("{text}\n")).into_response()
}

fn is_known_host(hosts: &Hosts, uri: &Uri, headers: &HeaderMap) -> bool {
    let header = headers.get(HOST).and_then(|value| value.to_str().ok());
    let Some(authority) = uri.authority().map(|a| a.as_str()).or(header) else { return false };
    hosts.0.contains(&host_of(authority).to_ascii_lowercase())
}

/// The host of `host`, `host:port`, `[::1]` or `[::1]:port`.
fn host_of(authority: &str) -> &str {
    if authority.starts_with('[') {
        return authority.find(']').map_or(authority, |end| &authority[..=end]);
    }
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}

fn is_forged(method: &Method, headers: &HeaderMap) -> bool {
    if method.is_safe() {
        return false;
    }
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    match (text(&HeaderName::from_static("sec-fetch-site")), text(&ORIGIN)) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, authority)| authority);
            host.is_none() || host != text(&HOST)
        }
        // No browser: whoever can send this holds whatever credential it carries.
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn only_listed_hosts_are_known() {
        let hosts = Hosts(["localhost".to_owned(), "[::1]".into()].into());
        let known = |host| is_known_host(&hosts, &Uri::from_static("/"), &headers(&[("host", host)]));
        for host in ["localhost", "localhost:7700", "LOCALHOST:1", "[::1]:7700", "[::1]"] {
            assert!(known(host), "{host}");
        }
        for host in ["evil.example", "evil.example:7700", "localhost.evil.example", "", "127.0.0.1"] {
            assert!(!known(host), "{host}");
        }
        assert!(!is_known_host(&hosts, &Uri::from_static("/"), &HeaderMap::new()));
    }

    #[test]
    fn machines_are_refused_with_a_problem_and_people_with_words() {
        let kind = |path: &'static str| {
            let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
            let response = refused(&request, StatusCode::MISDIRECTED_REQUEST, "no");
            assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST);
            response.headers()["content-type"].to_str().unwrap().to_owned()
        };
        assert_eq!(kind("/api/v1/services"), "application/problem+json");
        assert_eq!(kind("/services"), "text/plain; charset=utf-8");
    }

    #[test]
    fn writes_from_elsewhere_are_forged() {
        let forged = |pairs: &[(&'static str, &'static str)]| is_forged(&Method::POST, &headers(pairs));
        assert!(forged(&[("sec-fetch-site", "cross-site")]));
        assert!(forged(&[("sec-fetch-site", "same-site")]));
        assert!(forged(&[("origin", "http://evil.example"), ("host", "localhost:7700")]));
        assert!(forged(&[("origin", "null"), ("host", "localhost:7700")]));
        assert!(!forged(&[("sec-fetch-site", "same-origin")]));
        assert!(!forged(&[("origin", "http://localhost:7700"), ("host", "localhost:7700")]));
        assert!(!forged(&[]));
        assert!(!is_forged(&Method::GET, &headers(&[("sec-fetch-site", "cross-site")])));
    }
}
