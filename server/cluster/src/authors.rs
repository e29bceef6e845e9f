//! Who changed an object, and when, as its managed fields say. Controllers that only note something in the metadata
//! or write the status are nobody.

use model::Timestamp;
use serde_json::Value;

/// Who changed an object last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Author {
    /// The field manager, `kubectl-client-side-apply`, `helm`.
    pub(crate) manager: Option<String>,
    /// When it did.
    pub(crate) at: Option<Timestamp>,
}

/// Who changed what an object asks for.
pub(crate) fn author(object: &Value) -> Author {
    let own = |entry: &&Value| text(entry, "subresource").is_empty();
    newest(entries(object).filter(own).filter(|entry| wants_something(entry)))
        .or_else(|| newest(entries(object).filter(own)))
        .unwrap_or_default()
}

/// Who changed how many replicas it has.
pub(crate) fn scaler(object: &Value) -> Author {
    newest(entries(object).filter(|entry| entry.pointer("/fieldsV1/f:spec/f:replicas").is_some())).unwrap_or_default()
}

fn entries(object: &Value) -> impl Iterator<Item = &Value> {
    object.pointer("/metadata/managedFields").and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(entry: &'a Value, key: &str) -> &'a str {
    entry.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Whether an entry has fields that are neither metadata nor status: the spec, data, rules, subjects …
fn wants_something(entry: &Value) -> bool {
    let fields = entry.get("fieldsV1").and_then(Value::as_object);
    fields.is_some_and(|fields| fields.keys().any(|key| key != "f:metadata" && key != "f:status"))
}

fn newest<'a>(entries: impl Iterator<Item = &'a Value>) -> Option<Author> {
    let at = |entry: &Value| {
        let time = text(entry, "time").parse::<jiff::Timestamp>().ok()?;
        i64::try_from(time.as_nanosecond()).ok().map(Timestamp)
    };
    let entry = entries.max_by_key(|entry| at(entry))?;
    let manager = text(entry, "manager");
    Some(Author { manager: (!manager.is_empty()).then(|| manager.to_owned()), at: at(entry) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_asked_for_something_is_the_author_not_who_noted_it() {
        let object = json!({"metadata": {"managedFields": [
            {"manager": "helm", "time": "2026-01-01T10:00:00Z", "fieldsV1": {"f:spec": {"f:template": {}}}},
            {"manager": "kubectl", "time": "2026-01-01T09:00:00Z", "fieldsV1": {"f:spec": {"f:paused": {}}}},
            {"manager": "kube-controller-manager", "time": "2026-01-01T10:00:01Z",
             "fieldsV1": {"f:metadata": {"f:annotations": {}}}},
            {"manager": "kube-controller-manager", "time": "2026-01-01T11:00:01Z", "subresource": "status",
             "fieldsV1": {"f:status": {}}},
            {"manager": "autoscaler", "time": "2026-01-01T12:00:00Z", "subresource": "scale",
             "fieldsV1": {"f:spec": {"f:replicas": {}}}},
        ]}});
        assert_eq!(author(&object).manager.as_deref(), Some("helm"));
        assert_eq!(author(&object).at, Some(Timestamp::from_seconds(1_767_261_600)));
        assert_eq!(scaler(&object).manager.as_deref(), Some("autoscaler"));
        assert_eq!(author(&json!({})), Author::default());
    }
}
