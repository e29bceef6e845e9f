//! Where a receiver is.

use anyhow::{Context, ensure};
use http::Uri;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Host and port.
    pub(crate) authority: String,
    /// What stands before `/v1/…` over HTTP; empty or with a slash in front.
    pub(crate) path: String,
}

impl Endpoint {
    /// From `http://host:port`, with a path or none.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let uri: Uri = text.parse().with_context(|| format!("{text} is no address"))?;
        ensure!(uri.scheme_str() == Some("http"), "{text}: only http:// is spoken");
        let authority = uri.authority().with_context(|| format!("{text} names no host"))?;
        ensure!(authority.port().is_some(), "{text} names no port");
        Ok(Self { authority: authority.to_string(), path: uri.path().trim_end_matches('/').to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_a_host_a_port_and_perhaps_a_path() {
        let parse = |text: &str| Endpoint::parse(text).ok().map(|end| format!("{} {}", end.authority, end.path));
        assert_eq!(parse("http://127.0.0.1:4317").as_deref(), Some("127.0.0.1:4317 "));
        assert_eq!(parse("http://vt:10428/insert/otlp/").as_deref(), Some("vt:10428 /insert/otlp"));
        for wrong in ["https://a:1", "a:1", "http://a", ""] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
