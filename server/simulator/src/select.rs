//! Label and field selectors: parsing and matching, pure.

use serde_json::Value;

use crate::error::Refusal;
use crate::kind::Kind;

/// What a list or watch is narrowed to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selector {
    labels: Vec<Term>,
    fields: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq)]
enum Term {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Has(String),
    HasNot(String),
}

#[derive(Debug, Clone, PartialEq)]
struct Field {
    pointer: String,
    value: String,
    equal: bool,
}

impl Selector {
    /// From the query of a request.
    pub(crate) fn parse(kind: Kind, labels: &str, fields: &str) -> Result<Self, Refusal> {
        let labels = split(labels).into_iter().map(term).collect::<Option<_>>();
        let labels = labels.ok_or_else(|| Refusal::bad("unable to parse requirement: found unexpected token"))?;
        let fields = fields.split(',').filter(|part| !part.trim().is_empty()).map(|part| field(kind, part));
        Ok(Self { labels, fields: fields.collect::<Result<_, _>>()? })
    }

    /// Labels as a workload's `spec.selector` or a service's has them.
    pub(crate) fn of_labels(labels: &Value) -> Self {
        let pairs = labels.as_object().into_iter().flatten();
        let term = |(key, value): (&String, &Value)| Term::In(key.clone(), vec![value.as_str().unwrap_or("").into()]);
        Self { labels: pairs.map(term).collect(), fields: Vec::new() }
    }

    /// Whether everything passes.
    pub(crate) fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether an object passes.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.labels.iter().all(|term| term.matches(labels)) && self.fields.iter().all(|field| field.matches(object))
    }
}

impl Term {
    fn matches(&self, labels: &Value) -> bool {
        let has = |key: &String| labels.get(key).and_then(Value::as_str);
        match self {
            Self::In(key, values) => has(key).is_some_and(|value| values.iter().any(|wanted| wanted == value)),
            Self::NotIn(key, values) => has(key).is_none_or(|value| values.iter().all(|wanted| wanted != value)),
            Self::Has(key) => has(key).is_some(),
            Self::HasNot(key) => has(key).is_none(),
        }
    }
}

impl Field {
    fn matches(&self, object: &Value) -> bool {
        let value = match object.pointer(&self.pointer) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None if self.pointer.ends_with("hostNetwork") => "false".to_owned(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        (value == self.value) == self.equal
    }
}

/// Splits at commas that are not inside parentheses.
fn split(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn term(text: &str) -> Option<Term> {
    let set = |text: &str| {
        let inside = text.trim().strip_prefix('(')?.strip_suffix(')')?;
        Some(inside.split(',').map(|value| value.trim().to_owned()).collect::<Vec<_>>())
    };
    let one = |text: &str| vec![text.trim().to_owned()];
    let key = |text: &str| {
        let text = text.trim();
        let good = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
        (!text.is_empty() && text.chars().all(good)).then(|| text.to_owned())
    };
    if let Some((name, values)) = text.split_once(" notin ").or_else(|| text.split_once(" notin(")) {
        return Some(Term::NotIn(key(name)?, set(&format!("({}", values.trim().trim_start_matches('(')))?));
    }
    if let Some((name, values)) = text.split_once(" in ").or_else(|| text.split_once(" in(")) {
        return Some(Term::In(key(name)?, set(&format!("({}", values.trim().trim_start_matches('(')))?));
    }
    if let Some((name, value)) = text.split_once("!=") {
        return Some(Term::NotIn(key(name)?, one(value)));
    }
    if let Some((name, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Some(Term::In(key(name)?, one(value)));
    }
    match text.strip_prefix('!') {
        Some(name) => Some(Term::HasNot(key(name)?)),
        None => Some(Term::Has(key(text)?)),
    }
}

fn field(kind: Kind, text: &str) -> Result<Field, Refusal> {
    let (name, value, equal) = if let Some((name, value)) = text.split_once("!=") {
        (name, value, false)
    } else if let Some((name, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        (name, value, true)
    } else {
        return Err(Refusal::bad(format!("invalid selector: '{text}'; can't understand '{text}'")));
    };
    let name = name.trim();
    if !is_selectable(kind, name) {
        return Err(Refusal::bad(format!("field label not supported: {name}")));
    }
    let pointer = match name {
        "source" => "/source/component".to_owned(),
        "status.successful" => "/status/succeeded".to_owned(),
        name => format!("/{}", name.replace('.', "/")),
    };
    Ok(Field { pointer, value: value.trim().to_owned(), equal })
}

fn is_selectable(kind: Kind, field: &str) -> bool {
    if field == "metadata.name" || (field == "metadata.namespace" && kind.is_namespaced()) {
        return true;
    }
    let fields: &[&str] = match kind {
        Kind::Pod => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        Kind::Event => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        Kind::Node => &["spec.unschedulable"],
        Kind::Namespace => &["status.phase"],
        Kind::ReplicaSet => &["status.replicas"],
        Kind::Job => &["status.successful"],
        _ => &[],
    };
    fields.contains(&field)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(labels: &str, fields: &str, expect: bool) {
        let pod = json!({"metadata": {"name": "web-1", "namespace": "shop", "labels": {"app": "web", "tier": "front"}},
            "spec": {"nodeName": "node-1"}, "status": {"phase": "Running"}});
        let selector = Selector::parse(Kind::Pod, labels, fields).unwrap();
        assert_eq!(selector.matches(&pod), expect, "{labels} {fields}");
    }

    #[test]
    fn selectors_match_as_kubernetes_says() {
        for (labels, expect) in [
            ("", true),
            ("app=web", true),
            ("app==web,tier=front", true),
            ("app!=web", false),
            ("other!=web", true),
            ("app in (api, web)", true),
            ("app in (api),tier", false),
            ("app notin (api,db)", true),
            ("other notin (api)", true),
            ("tier", true),
            ("!tier", false),
            ("!other", true),
        ] {
            check(labels, "", expect);
        }
        for (fields, expect) in [
            ("metadata.name=web-1", true),
            ("metadata.namespace!=shop", false),
            ("spec.nodeName=node-1,status.phase=Running", true),
            ("status.phase!=Running", false),
            ("status.podIP=", true),
            ("spec.hostNetwork=false", true),
        ] {
            check("", fields, expect);
        }
    }

    #[test]
    fn an_unknown_field_or_a_broken_label_is_a_bad_request() {
        assert_eq!(Selector::parse(Kind::Pod, "", "spec.color=red").unwrap_err().code, 400);
        assert_eq!(Selector::parse(Kind::ConfigMap, "", "status.phase=x").unwrap_err().code, 400);
        assert_eq!(Selector::parse(Kind::Pod, "a b c", "").unwrap_err().code, 400);
    }
}
