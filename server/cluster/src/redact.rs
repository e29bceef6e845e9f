//! Hides secrets before anything is stored or logged: a salted hash shows that a value changed, not what it is.
//! Knows names and shapes of secrets; knows nothing of where the value goes.

mod lines;
mod shapes;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::kind::Kind;
use shapes::names_secret;
use shapes::{has_secret_shape, is_dense};

/// What is done with env values, arguments, annotations and ConfigMap data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Values {
    /// Stored, except where the key or the content looks like a secret.
    #[default]
    Safe,
    /// All are hashed.
    Hash,
}

/// Hides values, with the salt of one data directory.
#[derive(Clone)]
pub struct Redactor {
    salt: [u8; 32],
    values: Values,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor").field("values", &self.values).finish_non_exhaustive()
    }
}

impl Redactor {
    /// A redactor with a salt.
    pub fn new(salt: [u8; 32], values: Values) -> Self {
        Self { salt, values }
    }

    /// The salted hash that stands for a value.
    pub(crate) fn hashed(&self, value: &str) -> String {
        let digest = Sha256::new().chain_update(self.salt).chain_update(value).finalize();
        let short: String = digest[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("hashed:{short}")
    }

    /// A value under a key: env, annotation, header, ConfigMap entry.
    pub(crate) fn value(&self, key: &str, value: &str) -> String {
        if value.is_empty() {
            return String::new();
        }
        if self.values == Values::Hash || names_secret(key) {
            return self.hashed(value);
        }
        self.free(value)
    }

    /// A text that may hold a secret among other things: only what looks like one is hidden.
    pub(crate) fn free(&self, text: &str) -> String {
        if text.contains("-----BEGIN") {
            return self.hashed(text);
        }
        lines::hide(text, &|secret| self.hashed(secret))
    }

    /// A message of Kubernetes or of a probe, made of words: the words that look like secrets are hidden.
    pub(crate) fn message(&self, text: &str) -> String {
        let hide = |word: &str| has_secret_shape(word) || word.contains("eyJ") && is_dense(word);
        if text.contains("-----BEGIN") {
            return self.hashed(text);
        }
        if !text.split_whitespace().any(hide) {
            return text.to_owned();
        }
        let words = text.split(' ').map(|word| if hide(word) { self.hashed(word) } else { word.to_owned() });
        words.collect::<Vec<_>>().join(" ")
    }

    /// The values of an object or template, in place.
    pub(crate) fn document(&self, value: &mut Value) {
        match value {
            Value::Object(map) => self.object(map),
            Value::Array(items) => items.iter_mut().for_each(|item| self.document(item)),
            Value::String(text) if has_secret_shape(text) => *text = self.hashed(text),
            _ => {}
        }
    }

    fn object(&self, map: &mut Map<String, Value>) {
        for (key, value) in map.iter_mut() {
            match (key.as_str(), value) {
                ("env" | "httpHeaders", Value::Array(items)) => items.iter_mut().for_each(|item| self.named(item)),
                ("args" | "command", Value::Array(items)) => self.arguments(items),
                ("annotations", Value::Object(notes)) => self.entries(notes),
                // What a container said at its end, often the last lines of its log.
                ("terminated", Value::Object(end)) => {
                    if let Some(Value::String(text)) = end.get_mut("message") {
                        *text = self.value("", text);
                    }
                    self.object(end);
                }
                ("message", Value::String(text)) => *text = self.message(text),
                (_, value) => self.document(value),
            }
        }
    }

    /// `{name, value}` pairs; what refers to a source keeps its reference.
    fn named(&self, item: &mut Value) {
        let name = item.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        if let Some(Value::String(text)) = item.get_mut("value") {
            *text = self.value(&name, text);
        }
    }

    /// A map of texts: annotations, ConfigMap data.
    fn entries(&self, map: &mut Map<String, Value>) {
        for (key, value) in map.iter_mut() {
            if let Value::String(text) = value {
                // A time is what tells a restart; it is never a secret.
                if !(key.ends_with("restartedAt") && text.len() <= 40) {
                    *text = self.value(key, text);
                }
            }
        }
    }

    /// What an object holds values in that only its kind has: the data of a ConfigMap; of a ScaledObject the addresses
    /// and keys of what it asks how much there is to do.
    pub(crate) fn own(&self, kind: Kind, object: &mut Value) {
        match kind {
            Kind::ConfigMap => {
                if let Some(Value::Object(data)) = object.get_mut("data") {
                    self.entries(data);
                }
                if let Some(Value::Object(data)) = object.get_mut("binaryData") {
                    self.bytes(data);
                }
            }
            Kind::ScaledObject => {
                let triggers = object.pointer_mut("/spec/triggers").and_then(Value::as_array_mut);
                for trigger in triggers.into_iter().flatten() {
                    if let Some(Value::Object(entries)) = trigger.get_mut("metadata") {
                        self.entries(entries);
                    }
                }
            }
            _ => {}
        }
    }

    /// Bytes: only that they changed can be shown.
    fn bytes(&self, map: &mut Map<String, Value>) {
        for (_, value) in map.iter_mut() {
            if let Value::String(text) = value {
                *text = self.hashed(text);
            }
        }
    }

    /// Arguments: `--password x` hides the next one, `--password=x` its own tail.
    fn arguments(&self, items: &mut [Value]) {
        let mut next_is_secret = false;
        for item in items {
            let Value::String(text) = item else { continue };
            let names = text.starts_with('-') && !text.contains(['=', ' ']) && names_secret(text);
            let hide = self.values == Values::Hash && !text.is_empty() || next_is_secret && !text.starts_with("--");
            if !names || hide {
                *text = if hide { self.hashed(text) } else { self.free(text) };
            }
            next_is_secret = names;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn safe() -> Redactor {
        Redactor::new([7; 32], Values::Safe)
    }

    #[test]
    fn a_canary_in_any_place_of_a_template_is_never_kept() {
        let canary = "c4n4ry-S3cr3t-9d8f7a6b5c4d3e2f";
        let mut template = json!({"metadata": {"annotations": {"note": format!("token={canary}"), "vault-token": canary}},
            "spec": {"initContainers": [{"name": "i", "command": ["sh", "-c", format!("export API_KEY={canary} && run")]}],
            "containers": [{"name": "app",
                "args": ["--password", canary, format!("--db-password={canary}"), format!("-Dpw={canary}"), format!("https://u:{canary}@h/")],
                "env": [{"name": "DB_PASSWORD", "value": canary}, {"name": "URL", "value": format!("postgres://u:{canary}@db/x")},
                        {"name": "OPAQUE", "value": canary}, {"name": "JSON", "value": format!("{{\"a\":1,\"secret\":\"{canary}\"}}")}],
                "livenessProbe": {"httpGet": {"httpHeaders": [{"name": "Authorization", "value": format!("Bearer {canary}")}]},
                                  "exec": {"command": ["curl", "-H", format!("Authorization: Bearer {canary}")]}},
                "lifecycle": {"preStop": {"exec": {"command": ["redis-cli", "-a-token", canary]}}}}]}});
        safe().document(&mut template);
        let text = template.to_string();
        assert!(!text.contains(canary), "{text}");
        assert!(text.contains("hashed:"));
    }

    #[test]
    fn ordinary_values_are_kept() {
        for (key, value) in [
            ("LOG_LEVEL", "debug"),
            ("DB_HOST", "postgres.shop.svc.cluster.local:5432"),
            ("URL", "https://example.org/path?x=1"),
            ("JAVA_OPTS", "-Xmx512m -XX:+UseG1GC"),
            ("POOL", "20"),
            ("FEATURES", "new-checkout,dark-mode,free-shipping"),
        ] {
            assert_eq!(safe().value(key, value), value);
        }
    }

    #[test]
    fn a_change_of_a_secret_shows_without_its_value() {
        let (one, two) = (safe().value("API_TOKEN", "first"), safe().value("API_TOKEN", "second"));
        assert_ne!(one, two);
        assert_eq!(one, safe().value("API_TOKEN", "first"));
        assert_ne!(one, Redactor::new([8; 32], Values::Safe).value("API_TOKEN", "first"), "the salt counts");
    }

    #[test]
    fn with_values_hashed_nothing_is_readable() {
        let redactor = Redactor::new([7; 32], Values::Hash);
        let mut template = json!({"spec": {"containers": [{"name": "a", "image": "shop/web:v1",
            "args": ["--level=info"], "env": [{"name": "MODE", "value": "plain"}]}]}});
        redactor.document(&mut template);
        let text = template.to_string();
        assert!(!text.contains("plain") && !text.contains("info") && text.contains("shop/web:v1"));
    }

    #[test]
    fn secret_lines_of_a_file_are_hidden_and_the_others_kept() {
        let file = "server:\n  port: 8080\n  password: hunter2\n  private_key: |\n    abc\n    def\nlevel: info\n";
        let text = safe().value("app.yaml", file);
        assert!(text.contains("port: 8080") && text.contains("level: info"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("abc") && !text.contains("def"), "{text}");
    }

    #[test]
    fn messages_lose_only_the_words_that_are_secrets() {
        let text = safe().message("Get \"https://u:hunter2@web/health\": status 500");
        assert!(!text.contains("hunter2") && text.ends_with("status 500"), "{text}");
    }
}
