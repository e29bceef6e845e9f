//! The release that brought a workload, as its labels and annotations name it: Helm, Argo CD, Flux.

use serde_json::Value;

use crate::text::Text;

/// What brought a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Release {
    /// `Helm release`, `Argo CD application`.
    pub(crate) kind: &'static str,
    /// Its name.
    pub(crate) name: Text,
    /// The chart, or the namespace it is in.
    pub(crate) state: Text,
}

/// What brought an object.
pub(crate) fn releases(raw: &Value) -> Box<[Release]> {
    let label = |key: &str| word(raw, "labels", key);
    let note = |key: &str| word(raw, "annotations", key);
    let mut found = Vec::new();
    let mut add = |kind, name: Option<&str>, state: Option<String>| {
        if let Some(name) = name {
            found.push(Release { kind, name: name.into(), state: state.unwrap_or_default().into() });
        }
    };
    let by_helm = label("app.kubernetes.io/managed-by") == Some("Helm");
    let name = note("meta.helm.sh/release-name").or_else(|| label("app.kubernetes.io/instance").filter(|_| by_helm));
    add("Helm release", name, label("helm.sh/chart").map(|chart| format!("chart {chart}")));
    let application = note("argocd.argoproj.io/tracking-id").and_then(|id| id.split(':').next());
    add("Argo CD application", application.or(label("argocd.argoproj.io/instance")), None);
    for (kind, of) in [("Flux Kustomization", "kustomize"), ("Flux HelmRelease", "helm")] {
        let from = label(&format!("{of}.toolkit.fluxcd.io/namespace")).map(|namespace| format!("in {namespace}"));
        add(kind, label(&format!("{of}.toolkit.fluxcd.io/name")), from);
    }
    found.into()
}

fn word<'a>(raw: &'a Value, map: &str, key: &str) -> Option<&'a str> {
    let word = raw.get("metadata")?.get(map)?.get(key)?.as_str()?;
    (!word.is_empty()).then_some(word)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn named(metadata: Value) -> Vec<String> {
        let found = releases(&json!({ "metadata": metadata }));
        found.iter().map(|release| format!("{} {} {}", release.kind, release.name, release.state)).collect()
    }

    #[test]
    fn the_release_is_read_from_labels_and_annotations() {
        let helm = json!({"labels": {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "shop",
            "helm.sh/chart": "web-1.2.3"}});
        assert_eq!(named(helm), ["Helm release shop chart web-1.2.3"]);
        let argo = json!({"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"}});
        assert_eq!(named(argo), ["Argo CD application shop "]);
        let flux = json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps",
            "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}});
        assert_eq!(named(flux), ["Flux Kustomization apps in flux-system"]);
        assert!(named(json!({"labels": {"app.kubernetes.io/instance": "shop"}})).is_empty());
    }
}
