//! What is remembered of a pod template: its hash, the hashes of its parts and what it refers to, never the document.

use std::hash::{DefaultHasher, Hash, Hasher};

use model::DeployKind;
use serde_json::{Map, Value};

use crate::redact::Redactor;
use crate::text::{Interner, Labels, Text};
use crate::versions::{clean_template, version};

/// What is remembered of a pod template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Hash of the redacted text among the stored versions.
    pub hash: Text,
    /// Containers and their images, in order.
    pub images: Box<[(Text, Text)]>,
    /// Its labels.
    pub labels: Labels,
    /// ConfigMaps it refers to, and how: `mounted`, `env`.
    pub config_maps: Box<[(Text, &'static str)]>,
    /// Secrets it refers to by name, and how: `mounted`, `env`, `pulls images`.
    pub secrets: Box<[(Text, &'static str)]>,
    /// Claims that all its pods share.
    pub claims: Box<[Text]>,
    /// The account its pods run as.
    pub account: Text,
    parts: Parts,
}

/// A hash for each part that tells one kind of deploy from another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Parts {
    images: u64,
    digests: u64,
    config: u64,
    resources: u64,
    rest: u64,
    restart: u64,
}

impl Facts {
    /// Of a bare pod only its labels are remembered.
    pub(crate) fn bare(labels: Labels) -> Self {
        Self { labels, ..Self::default() }
    }

    /// Redacts a template; gives what is remembered and the text that is stored.
    pub(crate) fn of(template: &Value, redactor: &Redactor, interner: &mut Interner) -> (Self, String) {
        let mut template = template.clone();
        clean_template(Some(&mut template));
        redactor.document(&mut template);
        let (text, hash) = version(&template);
        let mut labels = read_labels(&template);
        interner.labels(&mut labels);
        let mut facts = Self {
            hash: hash.into(),
            images: images(&template),
            labels,
            config_maps: references(&template, &CONFIG_MAPS),
            secrets: references(&template, &SECRETS),
            claims: claims(&template),
            account: template.pointer("/spec/serviceAccountName").and_then(Value::as_str).unwrap_or_default().into(),
            parts: parts(template),
        };
        for (name, image) in &mut facts.images {
            interner.text(name);
            interner.text(image);
        }
        facts.config_maps.iter_mut().chain(&mut facts.secrets).for_each(|(name, _)| interner.text(name));
        facts.claims.iter_mut().chain([&mut facts.account]).for_each(|name| interner.text(name));
        (facts, text)
    }

    /// What kind of change leads from one template to another: the first that holds.
    pub(crate) fn change(&self, to: &Self) -> DeployKind {
        let (a, b) = (&self.parts, &to.parts);
        if a.images != b.images {
            DeployKind::Image
        } else if a.digests != b.digests {
            DeployKind::Digest
        } else if a.config != b.config {
            DeployKind::Config
        } else if a.resources != b.resources {
            DeployKind::Resources
        } else if a.rest != b.rest || a.restart == b.restart {
            DeployKind::Template
        } else {
            DeployKind::Restart
        }
    }
}

fn read_labels(template: &Value) -> Labels {
    let labels = template.pointer("/metadata/labels").cloned().unwrap_or_default();
    serde_json::from_value(labels).unwrap_or_default()
}

fn containers(template: &Value) -> impl Iterator<Item = &Value> {
    let list = |key: &str| template.pointer(key).and_then(Value::as_array).into_iter().flatten();
    list("/spec/initContainers").chain(list("/spec/containers"))
}

fn images(template: &Value) -> Box<[(Text, Text)]> {
    let list = template.pointer("/spec/containers").and_then(Value::as_array).into_iter().flatten();
    list.map(|container| (string(container, "name").into(), string(container, "image").into())).collect()
}

fn string<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Where a template names objects of a kind.
struct Places {
    /// Of a volume: the source and its name.
    volume: (&'static str, &'static str),
    /// Of a source of a projected volume.
    projected: &'static str,
    /// Of `envFrom`, and of a variable.
    env: (&'static str, &'static str),
    /// Of the pod itself.
    pull: Option<&'static str>,
}

const CONFIG_MAPS: Places = Places {
    volume: ("configMap", "name"),
    projected: "configMap",
    env: ("configMapRef", "/valueFrom/configMapKeyRef"),
    pull: None,
};
const SECRETS: Places = Places {
    volume: ("secret", "secretName"),
    projected: "secret",
    env: ("secretRef", "/valueFrom/secretKeyRef"),
    pull: Some("imagePullSecrets"),
};

/// Every object of a kind that pods of this template read, and how.
fn references(template: &Value, places: &Places) -> Box<[(Text, &'static str)]> {
    let mut found: Vec<(Text, &'static str)> = Vec::new();
    let mut add = |name: &str, how| {
        if !name.is_empty() && !found.iter().any(|(known, _)| &**known == name) {
            found.push((name.into(), how));
        }
    };
    let spec = template.get("spec").unwrap_or(&Value::Null);
    let (source, key) = places.volume;
    for volume in list(spec, "volumes") {
        volume.get(source).iter().for_each(|it| add(string(it, key), "mounted"));
        let projected = volume.get("projected").into_iter().flat_map(|projected| list(projected, "sources"));
        projected.filter_map(|source| source.get(places.projected)).for_each(|it| add(string(it, "name"), "mounted"));
    }
    let (all, one) = places.env;
    for container in containers(template) {
        list(container, "envFrom").filter_map(|from| from.get(all)).for_each(|it| add(string(it, "name"), "env"));
        list(container, "env").filter_map(|one_of| one_of.pointer(one)).for_each(|it| add(string(it, "name"), "env"));
    }
    for pull in places.pull.into_iter().flat_map(|key| list(spec, key)) {
        add(string(pull, "name"), "pulls images");
    }
    found.into()
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn claims(template: &Value) -> Box<[Text]> {
    let volumes = template.get("spec").into_iter().flat_map(|spec| list(spec, "volumes"));
    let claims = volumes.filter_map(|volume| volume.pointer("/persistentVolumeClaim/claimName")?.as_str());
    claims.map(Text::from).collect()
}

/// Takes a template apart; what is left over is the rest.
fn parts(mut template: Value) -> Parts {
    let (mut images, mut digests, mut config, mut resources, mut restart) =
        <(Vec<Value>, Vec<_>, Vec<_>, Vec<_>, Vec<_>)>::default();
    for key in ["/spec/initContainers", "/spec/containers"] {
        for container in template.pointer_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
            let Value::Object(container) = container else { continue };
            let name = container.get("name").cloned().unwrap_or_default();
            let image = container.remove("image").unwrap_or_default();
            let (tag, digest) = split_digest(image.as_str().unwrap_or_default());
            images.push(Value::from(vec![name.clone(), tag.into()]));
            digests.push(digest.into());
            config.extend(["env", "envFrom", "args", "command"].map(|key| container.remove(key).unwrap_or_default()));
            resources.push(container.remove("resources").unwrap_or_default());
        }
    }
    if let Some(Value::Object(spec)) = template.get_mut("spec") {
        resources.push(spec.remove("resources").unwrap_or_default());
        config.push(take(spec, "volumes", |volume| {
            ["configMap", "secret", "projected"].iter().any(|key| volume.get(key).is_some())
        }));
    }
    if let Some(Value::Object(notes)) = template.pointer_mut("/metadata/annotations") {
        for (key, value) in std::mem::take(notes) {
            match () {
                () if key.to_ascii_lowercase().ends_with("restartedat") => restart.push(value),
                () if is_checksum(&key) => config.push(value),
                () => drop(notes.insert(key, value)),
            }
        }
    }
    prune(&mut template);
    let hash = |values: Vec<Value>| hash(&Value::from(values));
    Parts {
        images: hash(images),
        digests: hash(digests),
        config: hash(config),
        resources: hash(resources),
        rest: hash(vec![template]),
        restart: hash(restart),
    }
}

/// Helm and kustomize roll pods by putting a checksum of the configuration on the template.
fn is_checksum(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["checksum", "config-hash", "confighash", "configmap-hash", "config-sha"].iter().any(|word| key.contains(word))
}

fn take(spec: &mut Map<String, Value>, key: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let Some(Value::Array(items)) = spec.get_mut(key) else { return Value::Null };
    let (taken, left) = std::mem::take(items).into_iter().partition(wanted);
    *items = left;
    Value::Array(taken)
}

/// Removes what is empty: `annotations: {}` is the same as none.
fn prune(value: &mut Value) {
    if let Value::Object(map) = value {
        map.values_mut().for_each(prune);
        map.retain(|_, value| {
            !matches!(value, Value::Null)
                && !value.as_object().is_some_and(Map::is_empty)
                && !value.as_array().is_some_and(Vec::is_empty)
        });
    }
}

fn hash(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    version(value).1.hash(&mut hasher);
    hasher.finish()
}

/// An image without its digest, and the digest.
pub(crate) fn split_digest(image: &str) -> (&str, &str) {
    image.split_once('@').unwrap_or((image, ""))
}

/// The tag of an image: `v1` of `registry:5000/shop/web:v1@sha256:…`.
pub(crate) fn tag(image: &str) -> Option<&str> {
    let (name, _) = split_digest(image);
    let last = name.rsplit('/').next().unwrap_or(name);
    last.split_once(':').map(|(_, tag)| tag).filter(|tag| !tag.is_empty())
}

/// The first characters of the digest in an image reference.
pub(crate) fn short_digest(image: &str) -> Option<&str> {
    let (_, digest) = split_digest(image);
    let hex = digest.split_once(':').map_or(digest, |(_, hex)| hex);
    (!hex.is_empty()).then(|| hex.get(..12).unwrap_or(hex))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::Values;
    use serde_json::json;

    fn facts(change: impl FnOnce(&mut Value)) -> Facts {
        let mut template = json!({"metadata": {"labels": {"app": "web"}, "annotations": {"a": "b"}}, "spec": {
            "containers": [{"name": "app", "image": "shop/web:v1@sha256:aa", "env": [{"name": "A", "value": "1"}],
                "envFrom": [{"configMapRef": {"name": "flags"}}], "resources": {"limits": {"memory": "1Gi"}}}],
            "volumes": [{"name": "c", "configMap": {"name": "files"}}, {"name": "t", "emptyDir": {}}]}});
        change(&mut template);
        Facts::of(&template, &Redactor::new([0; 32], Values::Safe), &mut Interner::default()).0
    }

    #[test]
    fn the_first_part_that_differs_is_the_kind_of_a_deploy() {
        type Change = fn(&mut Value);
        let rows: [(DeployKind, Change); 11] = [
            (DeployKind::Image, |t| t["spec"]["containers"][0]["image"] = json!("shop/web:v2@sha256:aa")),
            (DeployKind::Digest, |t| t["spec"]["containers"][0]["image"] = json!("shop/web:v1@sha256:bb")),
            (DeployKind::Config, |t| t["spec"]["containers"][0]["env"][0]["value"] = json!("2")),
            (DeployKind::Config, |t| t["spec"]["containers"][0]["args"] = json!(["--x"])),
            (DeployKind::Config, |t| t["spec"]["volumes"][0]["configMap"]["name"] = json!("files-2")),
            (DeployKind::Config, |t| t["metadata"]["annotations"]["checksum/config"] = json!("77")),
            (DeployKind::Resources, |t| t["spec"]["containers"][0]["resources"]["limits"]["memory"] = json!("2Gi")),
            (DeployKind::Resources, |t| t["spec"]["resources"]["limits"]["memory"] = json!("4Gi")),
            (DeployKind::Template, |t| t["metadata"]["labels"]["app"] = json!("web2")),
            (DeployKind::Template, |t| t["spec"]["volumes"][1]["emptyDir"]["medium"] = json!("Memory")),
            (DeployKind::Restart, |t| {
                t["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = json!("2026-01-01T00:00:00Z")
            }),
        ];
        for (kind, change) in rows {
            assert_eq!(facts(|_| ()).change(&facts(change)), kind);
        }
    }

    #[test]
    fn a_restart_of_a_template_without_annotations_is_still_a_restart() {
        let bare = facts(|t| drop(t["metadata"].as_object_mut().unwrap().remove("annotations")));
        let restarted = facts(|t| {
            t["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"})
        });
        assert_eq!(bare.change(&restarted), DeployKind::Restart);
    }

    #[test]
    fn config_maps_are_found_wherever_a_template_refers_to_them() {
        let facts = facts(|t| {
            t["spec"]["volumes"][1] =
                json!({"name": "p", "projected": {"sources": [{"configMap": {"name": "projected"}}]}});
            t["spec"]["containers"][0]["env"][0] =
                json!({"name": "K", "valueFrom": {"configMapKeyRef": {"name": "keys", "key": "k"}}});
        });
        let names: Vec<&str> = facts.config_maps.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["files", "projected", "flags", "keys"]);
    }

    #[test]
    fn tags_and_digests_are_read_from_images() {
        assert_eq!(tag("registry:5000/shop/web:v1@sha256:aa"), Some("v1"));
        assert_eq!(tag("registry:5000/shop/web"), None);
        assert_eq!(short_digest("web@sha256:0123456789abcdef"), Some("0123456789ab"));
        assert_eq!(short_digest("web:v1"), None);
    }
}
