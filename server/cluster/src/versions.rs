//! Versions of objects: redacted, without noise, as text of a line a field with keys in order, known by its hash.

use std::fmt::Write;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// A text longer than this is cut; its hash is of the whole.
const LONGEST: usize = 256 * 1024;
/// Deeper than this is not written out: the API server accepts no such template, others might.
const DEEPEST: usize = 64;

/// The text of the version that says an object is gone.
pub(crate) const GONE: &str = "";

/// The text of a version and its hash of 32 hexadecimal digits.
pub(crate) fn version(value: &Value) -> (String, String) {
    let mut text = String::new();
    block(&mut text, value, 0);
    let hash = digest(&[text.as_bytes()]);
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push_str("\n# cut here, too long\n");
    }
    (text, hash)
}

/// SHA-256 cut to 32 hexadecimal digits.
pub(crate) fn digest(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An object without what is noise in a difference.
pub(crate) fn denoise(mut object: Value) -> Value {
    let Some(root) = object.as_object_mut() else { return object };
    root.remove("status");
    // Items of a list come without these two, the same object of a watch with them
    // (https://github.com/kubernetes/kubernetes/issues/3030).
    root.remove("apiVersion");
    root.remove("kind");
    if let Some(Value::Object(meta)) = root.get_mut("metadata") {
        for noise in ["managedFields", "resourceVersion", "generation", "uid", "selfLink", "creationTimestamp"] {
            meta.remove(noise);
        }
        if let Some(Value::Object(notes)) = meta.get_mut("annotations") {
            notes.retain(|key, _| {
                !key.ends_with("last-applied-configuration")
                    && !key.ends_with("kubernetes.io/revision")
                    && key != "rollout.argoproj.io/revision"
            });
            // A controller's first note leaves an empty map behind, which is no change.
            if notes.is_empty() {
                meta.remove("annotations");
            }
        }
    }
    if let Some(Value::Object(spec)) = root.get_mut("spec") {
        spec.remove("replicas");
        clean_template(spec.get_mut("template"));
    }
    object
}

/// A pod template without what controllers add to it.
pub(crate) fn clean_template(template: Option<&mut Value>) {
    let Some(Value::Object(template)) = template else { return };
    template.remove("$patch");
    if let Some(Value::Object(meta)) = template.get_mut("metadata") {
        meta.remove("creationTimestamp");
        if let Some(Value::Object(labels)) = meta.get_mut("labels") {
            for label in ["pod-template-hash", "rollouts-pod-template-hash", "controller-revision-hash"] {
                labels.remove(label);
            }
        }
    }
}

fn block(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(map) if !map.is_empty() && depth < DEEPEST => object(out, map, depth, false),
        Value::Array(items) if !items.is_empty() && depth < DEEPEST => array(out, items, depth),
        other => {
            indent(out, depth);
            scalar(out, other, depth);
        }
    }
}

fn indent(out: &mut String, depth: usize) {
    (0..depth).for_each(|_| out.push_str("  "));
}

fn object(out: &mut String, map: &Map<String, Value>, depth: usize, after_dash: bool) {
    let mut keys: Vec<&String> = map.keys().collect();
    keys.sort();
    for (at, key) in keys.into_iter().enumerate() {
        if at > 0 || !after_dash {
            indent(out, depth);
        }
        text(out, key);
        out.push(':');
        match &map[key] {
            Value::Object(inner) if !inner.is_empty() && depth + 1 < DEEPEST => {
                out.push('\n');
                object(out, inner, depth + 1, false);
            }
            Value::Array(items) if !items.is_empty() && depth + 1 < DEEPEST => {
                out.push('\n');
                array(out, items, depth + 1);
            }
            other => {
                out.push(' ');
                scalar(out, other, depth + 1);
            }
        }
    }
}

fn array(out: &mut String, items: &[Value], depth: usize) {
    for item in items {
        indent(out, depth);
        out.push_str("- ");
        match item {
            Value::Object(map) if !map.is_empty() && depth + 1 < DEEPEST => object(out, map, depth + 1, true),
            other => scalar(out, other, depth + 1),
        }
    }
}

/// A value on the rest of its line; a text of several lines follows as a block.
fn scalar(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::String(lines) if lines.trim_end_matches('\n').contains('\n') => {
            out.push_str(if lines.ends_with('\n') { "|" } else { "|-" });
            for line in lines.trim_end_matches('\n').split('\n') {
                out.push('\n');
                indent(out, depth);
                out.push_str(line.trim_end_matches('\r'));
            }
        }
        Value::String(word) => text(out, word),
        other => write!(out, "{other}").expect("writing to a string cannot fail"),
    }
    out.push('\n');
}

/// A text as it is, or in quotes where it would read as something else.
fn text(out: &mut String, word: &str) {
    let plain = |c: char| {
        c.is_alphanumeric() || matches!(c, ' ' | '_' | '.' | '/' | '-' | '+' | '@' | '(' | ')' | '=' | ',' | '$' | ':')
    };
    let reserved = matches!(word, "" | "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "~");
    let starts = |c: char| c.is_alphabetic() || c == '/' || c == '_';
    if !reserved
        && word.chars().all(plain)
        && word.starts_with(starts)
        && !word.contains(": ")
        && !word.ends_with([':', ' '])
    {
        out.push_str(word);
    } else {
        out.push_str(&Value::from(word).to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_is_a_line_a_field_with_keys_in_order() {
        let (text, hash) = version(
            &json!({"spec": {"b": ["x", {"name": "n", "a": 1}], "a": "1", "c": {}}, "data": {"f": "one\ntwo\n"}}),
        );
        assert_eq!(
            text,
            "data:\n  f: |\n    one\n    two\nspec:\n  a: \"1\"\n  b:\n    - x\n    - a: 1\n      name: n\n  c: {}\n"
        );
        assert_eq!(hash.len(), 32);
    }

    #[test]
    fn noise_makes_no_version() {
        let one = json!({"metadata": {"name": "web", "generation": 1, "managedFields": [], "annotations": {"deployment.kubernetes.io/revision": "1"}},
            "spec": {"replicas": 1}, "status": {"replicas": 1}});
        let two = json!({"metadata": {"name": "web", "generation": 9, "resourceVersion": "5", "annotations": {"deployment.kubernetes.io/revision": "2"}},
            "spec": {"replicas": 7}, "status": {"replicas": 7}});
        let bare = json!({"metadata": {"name": "web"}, "spec": {}});
        assert_eq!(version(&denoise(one)), version(&denoise(two.clone())));
        assert_eq!(version(&denoise(bare)), version(&denoise(two)));
    }

    #[test]
    fn an_object_of_a_list_is_the_version_it_is_in_a_watch() {
        let listed = json!({"metadata": {"name": "web"}, "spec": {"paused": true}});
        let mut watched = listed.clone();
        (watched["apiVersion"], watched["kind"]) = ("apps/v1".into(), "Deployment".into());
        assert_eq!(version(&denoise(watched)), version(&denoise(listed)));
    }

    #[test]
    fn what_is_too_long_is_cut_and_still_told_apart() {
        let long = |tail: &str| json!({ "a": format!("{}{tail}", "x".repeat(LONGEST)) });
        let ((text, one), (_, two)) = (version(&long("1")), version(&long("2")));
        assert!(text.len() < LONGEST + 100);
        assert_ne!(one, two);
    }
}
