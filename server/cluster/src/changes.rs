//! What changed between two templates, in lines that a person would say, from their stored texts.

use std::collections::BTreeMap;

use crate::template::tag;

/// More lines than this say nothing more.
const MOST_LINES: usize = 40;
/// A value longer than this is cut.
const LONGEST: usize = 80;

/// The changes from one stored template to another, a line each.
pub fn changes(from: &str, to: &str) -> Vec<String> {
    let (from, to) = (flatten(from), flatten(to));
    let mut paths: Vec<&String> = from.keys().chain(to.keys()).collect();
    paths.sort();
    paths.dedup();
    let mut lines: Vec<String> = Vec::new();
    for path in paths {
        let (before, after) = (from.get(path).map(String::as_str), to.get(path).map(String::as_str));
        if before != after {
            lines.extend(line(path, before, after));
        }
    }
    // The image first, as one would say it.
    lines.sort_by_key(|line| (!line.starts_with("image of"), !line.starts_with("env")));
    if lines.len() > MOST_LINES {
        let more = lines.len() - MOST_LINES;
        lines.truncate(MOST_LINES);
        lines.push(format!("and {more} more"));
    }
    lines
}

/// Keys of a ConfigMap whose values differ between two stored versions.
pub(crate) fn changed_keys(from: &str, to: &str) -> Vec<String> {
    let (from, to) = (flatten(from), flatten(to));
    let mut keys: Vec<String> =
        from.keys().chain(to.keys()).filter(|path| from.get(*path) != to.get(*path)).cloned().collect();
    keys.iter_mut().for_each(|path| *path = path.split_once('.').map_or("", |(_, key)| key).to_owned());
    keys.sort();
    keys.dedup();
    keys.retain(|key| !key.is_empty());
    keys
}

fn line(path: &str, before: Option<&str>, after: Option<&str>) -> Option<String> {
    // The name of an item is in its path.
    if path.ends_with("].name") {
        return None;
    }
    // A whole workload says of its template what the template alone does.
    let path = ["spec.template.", "spec.jobTemplate.spec.template."]
        .iter()
        .find_map(|prefix| path.strip_prefix(prefix))
        .unwrap_or(path);
    let subject = subject(path);
    if path.ends_with("].image") {
        return Some(format!("{subject}: {}", image(before, after)));
    }
    if path.to_ascii_lowercase().contains("restartedat") {
        return after.map(|at| format!("restarted at {}", cut(at)));
    }
    Some(match (before, after) {
        (Some(before), Some(after)) => format!("{subject}: {} → {}", cut(before), cut(after)),
        (None, Some(after)) => format!("{subject} added: {}", cut(after)),
        (Some(before), None) => format!("{subject} removed, was {}", cut(before)),
        (None, None) => return None,
    })
}

/// `shop/web:v1 → v2`, in full where more than the tag changed.
fn image(before: Option<&str>, after: Option<&str>) -> String {
    let name = |image: &str| tag(image).and_then(|tag| image.strip_suffix(tag)).map(str::to_owned);
    match (before, after) {
        (Some(before), Some(after)) => match (name(before), name(after)) {
            (Some(one), Some(two)) if one == two => format!("{before} → {}", &after[two.len()..]),
            _ => format!("{} → {}", cut(before), cut(after)),
        },
        (None, Some(after)) => format!("added {}", cut(after)),
        (Some(before), None) => format!("removed, was {}", cut(before)),
        (None, None) => String::new(),
    }
}

fn cut(value: &str) -> String {
    let first = value.lines().next().unwrap_or_default();
    let short: String = first.chars().take(LONGEST).collect();
    if short.len() < value.len() { format!("{short}…") } else { short }
}

/// What a path is about, in words: `env LOG_LEVEL of app`, `memory limit of app`.
fn subject(path: &str) -> String {
    let Some((container, rest)) = container(path) else {
        let path = path.strip_prefix("spec.").unwrap_or(path);
        if let Some(words) = amount(path) {
            // What has storage is a claim.
            return if words.starts_with("storage") { words } else { format!("{words} of the pod") };
        }
        return match path.strip_prefix("metadata.annotations.") {
            Some(key) => format!("annotation {key}"),
            None => path.strip_prefix("metadata.labels.").map_or_else(|| path.to_owned(), |key| format!("label {key}")),
        };
    };
    let words = if let Some((variable, field)) = rest.strip_prefix("env[").and_then(|rest| rest.split_once(']')) {
        format!("env {variable}{}", if field == ".value" { String::new() } else { field.replacen('.', " ", 1) })
    } else if let Some(at) = rest.strip_prefix("args[").or_else(|| rest.strip_prefix("command[")) {
        let number = at.trim_end_matches(']').parse::<usize>().map_or(0, |at| at + 1);
        format!("{} {number}", if rest.starts_with("args") { "argument" } else { "command part" })
    } else {
        amount(rest).unwrap_or_else(|| rest.to_owned())
    };
    format!("{words} of {container}")
}

/// An amount that is asked for a container or a pod, in words: `memory limit`.
fn amount(path: &str) -> Option<String> {
    let (kind, resource) = path.strip_prefix("resources.")?.split_once('.')?;
    Some(format!("{resource} {}", kind.strip_suffix('s').filter(|word| matches!(*word, "limit" | "request"))?))
}

fn container(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("spec.containers[").or_else(|| path.strip_prefix("spec.initContainers["))?;
    rest.split_once("].")
}

/// The fields of a stored text by their path; items of a list are known by their name where they have one.
fn flatten(text: &str) -> BTreeMap<String, String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut fields = BTreeMap::new();
    let mut at = 0;
    walk(&lines, &mut at, 0, "", &mut fields);
    fields
}

fn depth(line: &str) -> usize {
    (line.len() - line.trim_start_matches(' ').len()) / 2
}

/// Reads the lines of one object or list at a depth.
fn walk(lines: &[&str], at: &mut usize, level: usize, path: &str, fields: &mut BTreeMap<String, String>) {
    let mut index = 0;
    while let Some(line) = lines.get(*at).filter(|line| depth(line) >= level && !line.trim().is_empty()) {
        let content = line.trim_start_matches(' ');
        if let Some(item) = content.strip_prefix("- ") {
            let name = item_name(&lines[*at..], level).unwrap_or_else(|| index.to_string());
            let path = format!("{path}[{name}]");
            index += 1;
            if key_of(item).is_some() {
                field(lines, at, level + 1, item, &path, fields);
                walk_fields(lines, at, level + 1, &path, fields);
            } else {
                value(lines, at, level + 1, item, path, fields);
            }
        } else {
            field(lines, at, level, content, path, fields);
        }
    }
}

/// The further fields of an item, up to the next one.
fn walk_fields(lines: &[&str], at: &mut usize, level: usize, path: &str, fields: &mut BTreeMap<String, String>) {
    while let Some(line) = lines.get(*at).filter(|line| depth(line) == level && !line.trim_start().starts_with("- ")) {
        field(lines, at, level, line.trim_start_matches(' '), path, fields);
    }
}

fn field(
    lines: &[&str],
    at: &mut usize,
    level: usize,
    content: &str,
    path: &str,
    fields: &mut BTreeMap<String, String>,
) {
    let Some((key, rest)) = key_of(content) else {
        *at += 1;
        return;
    };
    let path = if path.is_empty() { key } else { format!("{path}.{key}") };
    if rest.is_empty() {
        *at += 1;
        walk(lines, at, level + 1, &path, fields);
    } else {
        value(lines, at, level + 1, rest, path, fields);
    }
}

/// A scalar, with the lines of its block where it has one.
fn value(
    lines: &[&str],
    at: &mut usize,
    level: usize,
    rest: &str,
    path: String,
    fields: &mut BTreeMap<String, String>,
) {
    *at += 1;
    let mut text = unquoted(rest);
    if matches!(rest, "|" | "|-") {
        let mut block = Vec::new();
        while let Some(line) = lines.get(*at).filter(|line| line.trim().is_empty() || depth(line) >= level) {
            block.push(line.get(level * 2..).unwrap_or_default());
            *at += 1;
        }
        text = block.join("\n");
    }
    fields.insert(path, text);
}

/// A line's key and what stands behind it.
fn key_of(content: &str) -> Option<(String, &str)> {
    if content.starts_with('"') {
        let end = content.match_indices('"').skip(1).find(|(at, _)| !content[..*at].ends_with('\\'))?.0;
        let rest = content[end + 1..].strip_prefix(':')?;
        return Some((unquoted(&content[..=end]), rest.trim_start()));
    }
    match content.split_once(": ") {
        Some((key, rest)) => Some((key.to_owned(), rest)),
        None => content.strip_suffix(':').map(|key| (key.to_owned(), "")),
    }
}

fn unquoted(text: &str) -> String {
    serde_json::from_str::<String>(text).unwrap_or_else(|_| text.to_owned())
}

/// The `name` of the item that begins with the first of these lines.
fn item_name(lines: &[&str], level: usize) -> Option<String> {
    for (at, line) in lines.iter().enumerate() {
        let content = line.trim_start_matches(' ');
        let content = if at == 0 { content.strip_prefix("- ")? } else { content };
        if at > 0 && (depth(line) < level + 1) {
            return None;
        }
        if (at == 0 || depth(line) == level + 1)
            && let Some(name) = content.strip_prefix("name: ")
        {
            return Some(unquoted(name));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::version;
    use serde_json::{Value, json};

    fn check(before: Value, after: Value, expect: &[&str]) {
        assert_eq!(changes(&version(&before).0, &version(&after).0), expect);
    }

    fn app(fields: Value) -> Value {
        let mut container = json!({"name": "app", "image": "shop/web:v1"});
        container.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        json!({"spec": {"containers": [{"name": "a-sidecar", "image": "x"}, container]}})
    }

    #[test]
    fn changes_are_said_in_words() {
        check(app(json!({})), app(json!({"image": "shop/web:v2"})), &["image of app: shop/web:v1 → v2"]);
        check(
            app(json!({"env": [{"name": "LEVEL", "value": "info"}, {"name": "B", "value": "1"}]})),
            app(json!({"env": [{"name": "LEVEL", "value": "debug"}, {"name": "C", "value": "x: y"}]})),
            &["env B of app removed, was 1", "env C of app added: x: y", "env LEVEL of app: info → debug"],
        );
        check(
            app(json!({"resources": {"limits": {"memory": "256Mi"}}, "args": ["--a", "two\nlines"]})),
            app(json!({"resources": {"limits": {"memory": "512Mi"}}, "args": ["--a", "two\nother"]})),
            &["argument 2 of app: two… → two…", "memory limit of app: 256Mi → 512Mi"],
        );
        let whole = |memory: &str| json!({"spec": {"containers": [], "resources": {"limits": {"memory": memory}}}});
        check(whole("1Gi"), whole("2Gi"), &["memory limit of the pod: 1Gi → 2Gi"]);
        let claim = |storage: &str| json!({"spec": {"resources": {"requests": {"storage": storage}}}});
        check(claim("1Gi"), claim("2Gi"), &["storage request: 1Gi → 2Gi"]);
        check(
            json!({"metadata": {"labels": {"a": "1"}}}),
            json!({"metadata": {"labels": {"a": "2"}, "annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}}),
            &["restarted at 2026-01-01T00:00:00Z", "label a: 1 → 2"],
        );
    }

    #[test]
    fn the_order_of_named_items_is_no_change_of_their_fields() {
        let ports = |list: Value| app(json!({ "ports": list }));
        check(
            ports(json!([{"name": "http", "containerPort": 80}, {"name": "admin", "containerPort": 81}])),
            ports(json!([{"name": "admin", "containerPort": 81}, {"name": "http", "containerPort": 80}])),
            &[],
        );
    }

    #[test]
    fn text_that_is_not_ours_does_not_hang_or_panic() {
        for text in ["", "-", "- ", "a", ":", "   x", "\"", "- - -\n  - x: |", "a:\n\n\n  b"] {
            changes(text, "spec: 1\n");
        }
    }
}
