//! Label selectors, by labels and by expressions.

use serde_json::Value;

use crate::links::{list, text};
use crate::text::{Labels, Text};

/// A label selector; an empty one selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    labels: Labels,
    expressions: Box<[Expression]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Expression {
    key: Text,
    operator: Operator,
    values: Box<[Text]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

impl Selector {
    /// As a manifest writes it; none selects everything.
    pub(crate) fn of(value: Option<&Value>) -> Self {
        let Some(value) = value else { return Self::default() };
        let labels = value.get("matchLabels").and_then(Value::as_object).into_iter().flatten();
        let labels = labels.map(|(key, value)| (key.as_str().into(), value.as_str().unwrap_or_default().into()));
        let expression = |value: &Value| {
            let operator = match text(value, "operator") {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                _ => return None,
            };
            let values = list(value, "values").filter_map(Value::as_str).map(Text::from).collect();
            Some(Expression { key: text(value, "key").into(), operator, values })
        };
        Self { labels: labels.collect(), expressions: list(value, "matchExpressions").filter_map(expression).collect() }
    }

    /// Whether it selects pods with these labels.
    pub(crate) fn matches(&self, labels: &Labels) -> bool {
        let says = |Expression { key, operator, values }: &Expression| {
            let value = labels.get(key);
            let among = value.is_some_and(|value| values.iter().any(|wanted| **wanted == *value));
            match operator {
                Operator::In => among,
                Operator::NotIn => !among,
                Operator::Exists => value.is_some(),
                Operator::DoesNotExist => value.is_none(),
            }
        };
        self.labels.pairs().all(|(key, value)| labels.get(key) == Some(value)) && self.expressions.iter().all(says)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| (Text::from(*key), Text::from(*value))).collect()
    }

    #[test]
    fn selectors_match_by_labels_and_expressions_and_an_empty_one_matches_all() {
        let web = labels(&[("app", "web"), ("tier", "front")]);
        let selector = |value: Value| Selector::of(Some(&value));
        assert!(selector(json!({})).matches(&web));
        assert!(selector(json!({"matchLabels": {"app": "web"}})).matches(&web));
        assert!(!selector(json!({"matchLabels": {"app": "cart"}})).matches(&web));
        let expression = |operator: &str, values: Value| {
            selector(json!({"matchExpressions": [{"key": "tier", "operator": operator, "values": values}]}))
        };
        assert!(expression("In", json!(["front", "back"])).matches(&web));
        assert!(!expression("NotIn", json!(["front"])).matches(&web));
        assert!(expression("Exists", json!([])).matches(&web));
        assert!(!expression("DoesNotExist", json!([])).matches(&web));
    }
}
