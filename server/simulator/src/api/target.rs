//! What a path and its query ask for, pure.

use http::Uri;

use crate::error::Refusal;
use crate::kind::Kind;
use crate::object::Key;

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) group: String,
    pub(crate) plural: String,
    pub(crate) kind: Kind,
    /// Empty for all, and for what is cluster-wide.
    pub(crate) namespace: String,
    /// Empty for a collection.
    pub(crate) name: String,
    /// The subresource and what follows it.
    pub(crate) sub: String,
}

/// There is nothing at that path.
pub(crate) fn no_such_path() -> Refusal {
    Refusal::new(404, "NotFound", "the server could not find the requested resource")
}

impl Target {
    /// From the segments of a path.
    pub(crate) fn parse(parts: &[&str]) -> Result<Self, Refusal> {
        let (group, rest) = match parts {
            ["api", "v1", rest @ ..] => ("", rest),
            ["apis", group, "v1", rest @ ..] => (*group, rest),
            _ => return Err(no_such_path()),
        };
        let (namespace, rest) = match rest {
            // A namespace's own subresources have the names of no kind.
            ["namespaces", namespace, plural, ..] if !matches!(*plural, "status" | "finalize") => {
                (*namespace, &rest[2..])
            }
            _ => ("", rest),
        };
        let (plural, rest) = rest.split_first().ok_or_else(no_such_path)?;
        let kind = Kind::find(group, plural).ok_or_else(no_such_path)?;
        if !namespace.is_empty() && !kind.is_namespaced() {
            return Err(no_such_path());
        }
        let (name, sub) = rest.split_first().map_or(("", String::new()), |(name, sub)| (*name, sub.join("/")));
        Ok(Self {
            group: group.to_owned(),
            plural: (*plural).to_owned(),
            kind,
            namespace: namespace.to_owned(),
            name: decode(name),
            sub,
        })
    }

    /// The object's key.
    pub(crate) fn key(&self) -> Key {
        Key::new(&self.namespace, &self.name)
    }

    /// `deployments.apps`.
    pub(crate) fn resource(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// `apps/v1`.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { "v1".to_owned() } else { format!("{}/v1", self.group) }
    }
}

/// The query of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// From a request's address.
    pub(crate) fn of(uri: &Uri) -> Self {
        let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let pair =
            |pair: &str| pair.split_once('=').map_or((decode(pair), String::new()), |(k, v)| (decode(k), decode(v)));
        Self(pairs.map(pair).collect())
    }

    /// A parameter, empty where it is not there.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Whether a parameter is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// Whether a parameter is set and not false.
    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), "1" | "true" | "True" | "t") || (self.has(name) && self.get(name).is_empty())
    }

    /// A number, or a refusal.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        match self.get(name) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| Refusal::bad(format!("{name}: invalid value \"{text}\""))),
        }
    }
}

/// Undoes percent-encoding and pluses.
fn decode(text: &str) -> String {
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while at < bytes.len() {
        let code = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match (bytes[at], code.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_kinds_namespaces_and_subresources() {
        for (path, expect) in [
            ("api/v1/pods", "v1 pods   "),
            ("api/v1/namespaces/shop/pods/web-1/log", "v1 pods shop web-1 log"),
            ("api/v1/namespaces/shop", "v1 namespaces  shop "),
            ("api/v1/namespaces/shop/status", "v1 namespaces  shop status"),
            ("apis/apps/v1/namespaces/shop/deployments/web/status", "apps/v1 deployments shop web status"),
            ("api/v1/nodes/n1/proxy/metrics/cadvisor", "v1 nodes  n1 proxy/metrics/cadvisor"),
            ("apis/events.k8s.io/v1/events", "events.k8s.io/v1 events   "),
        ] {
            let target = Target::parse(&path.split('/').collect::<Vec<_>>()).unwrap();
            let Target { plural, namespace, name, sub, .. } = &target;
            assert_eq!(format!("{} {plural} {namespace} {name} {sub}", target.api_version()), expect);
        }
        for path in ["apis/argoproj.io/v1alpha1/rollouts", "api/v1/secrets", "api/v1/namespaces/shop/nodes", "x"] {
            assert_eq!(Target::parse(&path.split('/').collect::<Vec<_>>()).unwrap_err().code, 404, "{path}");
        }
    }

    #[test]
    fn queries_are_decoded() {
        let query = Query::of(&"/x?labelSelector=app%20in+%28a%2Cb%29&watch=1&limit=x".parse().unwrap());
        assert_eq!(query.get("labelSelector"), "app in (a,b)");
        assert!(query.flag("watch") && !query.flag("follow"));
        assert!(query.number("limit").is_err());
    }
}
