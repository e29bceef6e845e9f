//! Create, update, patch, delete, each with the rules that a client can see.

use serde_json::{Map, Value, json};

use super::target::Target;
use super::{Answer, Call, answer, dialect};
use crate::error::Refusal;
use crate::kind::Kind;
use crate::object::{Key, Object, text};
use crate::{defaults, random, time};

impl Call {
    /// Whatever writes.
    pub(super) fn write(&self, target: &Target, content_type: &str, body: &[u8]) -> Result<Answer, Refusal> {
        let status = target.sub == "status";
        if status && !target.kind.has_status() {
            return Err(super::target::no_such_path());
        }
        match self.method {
            http::Method::POST if target.name.is_empty() => self.create(target, parse(target, body)?),
            http::Method::PUT if !target.name.is_empty() => {
                let value = parse(target, body)?;
                let given = text(&value, "/metadata/name").to_owned();
                if given != target.name {
                    let message = format!(
                        "the name of the object ({given}) does not match the name on the URL ({})",
                        target.name
                    );
                    return Err(Refusal::bad(message));
                }
                self.change(target, status, |_| Ok(value))
            }
            http::Method::PATCH if !target.name.is_empty() => self.patch(target, status, content_type, body),
            http::Method::DELETE if target.name.is_empty() => self.delete_all(target),
            http::Method::DELETE => self.delete(target, body),
            _ => Err(Refusal::new(
                405,
                "MethodNotAllowed",
                "the server does not allow this method on the requested resource",
            )),
        }
    }

    fn create(&self, target: &Target, mut value: Value) -> Result<Answer, Refusal> {
        let kind = target.kind;
        place(target, &mut value)?;
        if kind.is_namespaced() {
            let namespace = Key::new("", &target.namespace);
            if self.api.objects.get(Kind::Namespace, &namespace).is_none() {
                return Err(Refusal::not_found(Kind::Namespace, &target.namespace));
            }
        }
        let prefix = text(&value, "/metadata/generateName").to_owned();
        if text(&value, "/metadata/name").is_empty() && !prefix.is_empty() {
            let mut drawn = random::Random::of(self.api.objects.version(), &prefix);
            value["metadata"]["name"] = json!(format!("{prefix}{}", drawn.suffix(5)));
        }
        check_name(kind, text(&value, "/metadata/name"))?;
        if kind.has_status() && kind != Kind::Node {
            value.as_object_mut().map(|object| object.remove("status"));
        }
        if let Some(metadata) = value["metadata"].as_object_mut() {
            for field in
                ["uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "managedFields", "selfLink"]
            {
                metadata.remove(field);
            }
        }
        defaults::fill(kind, &mut value);
        let object = self.api.objects.create(kind, value)?;
        Ok(answer::whole(201, "application/json", dialect::whole(target, &object)))
    }

    fn change(
        &self,
        target: &Target,
        status: bool,
        change: impl FnOnce(&Value) -> Result<Value, Refusal>,
    ) -> Result<Answer, Refusal> {
        let kind = target.kind;
        let object = self.api.objects.try_modify(kind, &target.key(), |value| {
            let mut new = change(value)?;
            let wanted = text(&new, "/metadata/resourceVersion");
            if !wanted.is_empty() && wanted != text(value, "/metadata/resourceVersion") {
                return Err(Refusal::conflict(kind, &target.name));
            }
            if status {
                value["status"] = new["status"].take();
                return Ok(());
            }
            defaults::fill(kind, &mut new);
            if kind.has_status() {
                match value.get("status") {
                    Some(kept) => new["status"] = kept.clone(),
                    None => _ = new.as_object_mut().and_then(|object| object.remove("status")),
                }
            }
            *value = new;
            Ok(())
        })?;
        Ok(answer::whole(200, "application/json", dialect::whole(target, &object)))
    }

    fn patch(&self, target: &Target, status: bool, content_type: &str, body: &[u8]) -> Result<Answer, Refusal> {
        let patch: Value = serde_json::from_slice(body).map_err(|error| Refusal::bad(error.to_string()))?;
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/merge-patch+json" => {}
            // Server-side apply, with lists as a whole: enough for one manager who sends what it means.
            "application/apply-patch+yaml" => {
                if self.api.objects.get(target.kind, &target.key()).is_none() {
                    return self.create(target, parse(target, body)?);
                }
            }
            other => {
                let message = format!(
                    "the body of the request was in an unknown format - accepted media types \
                    include: application/merge-patch+json, application/apply-patch+yaml; not {other}"
                );
                return Err(Refusal::new(415, "UnsupportedMediaType", message));
            }
        }
        self.change(target, status, |value| {
            let mut new = value.clone();
            if let Some(version) = patch.pointer("/metadata/resourceVersion").filter(|version| !version.is_null()) {
                new["metadata"]["resourceVersion"] = version.clone();
            }
            merge(&mut new, &strip(patch));
            Ok(new)
        })
    }

    fn delete(&self, target: &Target, body: &[u8]) -> Result<Answer, Refusal> {
        let options: Value = if body.is_empty() { json!({}) } else { parse_any(body)? };
        let (objects, kind, key) = (&self.api.objects, target.kind, target.key());
        let object = objects.get(kind, &key).ok_or_else(|| Refusal::not_found(kind, &target.name))?;
        let value = object.value(kind).into_owned();
        let wanted = text(&options, "/preconditions/uid");
        if !wanted.is_empty() && wanted != text(&value, "/metadata/uid") {
            return Err(Refusal::conflict(kind, &target.name));
        }
        let grace = self.query.number("gracePeriodSeconds")?.map(|seconds| seconds as i64);
        let grace = grace.or(options["gracePeriodSeconds"].as_i64()).unwrap_or_else(|| {
            value.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_i64).unwrap_or(30)
        });
        let runs = kind == Kind::Pod && !text(&value, "/spec/nodeName").is_empty() && grace > 0;
        let held = value["metadata"]["finalizers"].as_array().is_some_and(|held| !held.is_empty());
        if runs || held {
            let now = objects.now();
            let grace = if runs { grace } else { 0 };
            let marked = objects.modify(kind, &key, |value| mark_deleted(value, now, grace));
            let marked = marked.ok_or_else(|| Refusal::not_found(kind, &target.name))?;
            return Ok(answer::whole(200, "application/json", dialect::whole(target, &marked)));
        }
        if kind == Kind::Namespace {
            self.empty(&target.name);
        }
        let gone = objects.remove(kind, &key).ok_or_else(|| Refusal::not_found(kind, &target.name))?;
        Ok(removed(target, &gone, &value))
    }

    /// Removes everything in a namespace.
    fn empty(&self, namespace: &str) {
        for kind in Kind::ALL.into_iter().filter(|kind| kind.is_namespaced()) {
            let ask = crate::objects::Ask { namespace, ..Default::default() };
            for object in self.api.objects.list(kind, &ask).into_iter().flat_map(|page| page.items) {
                self.api.objects.remove(kind, &object.key);
            }
        }
    }

    fn delete_all(&self, target: &Target) -> Result<Answer, Refusal> {
        let selector = self.selector(target)?;
        let ask = crate::objects::Ask { namespace: &target.namespace, selector, ..Default::default() };
        for object in self.api.objects.list(target.kind, &ask)?.items {
            self.api.objects.remove(target.kind, &object.key);
        }
        Ok(answer::json(200, &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})))
    }
}

/// Marks an object as one that is being deleted.
pub(crate) fn mark_deleted(value: &mut Value, now: model::Timestamp, grace: i64) {
    let metadata = &mut value["metadata"];
    if metadata.get("deletionTimestamp").is_none() {
        metadata["deletionTimestamp"] = json!(time::text(time::after(now, grace * time::SECOND)));
        metadata["deletionGracePeriodSeconds"] = json!(grace);
    }
}

fn removed(target: &Target, gone: &Object, value: &Value) -> Answer {
    if target.kind == Kind::Pod {
        return answer::whole(200, "application/json", dialect::whole(target, gone));
    }
    let mut details = json!({"name": target.name, "kind": target.plural, "uid": value["metadata"]["uid"]});
    if !target.group.is_empty() {
        details["group"] = json!(target.group);
    }
    answer::json(
        200,
        &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}),
    )
}

fn parse_any(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::bad(error.to_string()))
}

/// The object in a body, which must be of the target's kind.
fn parse(target: &Target, body: &[u8]) -> Result<Value, Refusal> {
    let value = parse_any(body)?;
    let (kind, version) = (text(&value, "/kind"), text(&value, "/apiVersion"));
    let wrong = (!kind.is_empty() && kind != target.kind.place().name)
        || (!version.is_empty() && version != target.api_version());
    if wrong || !value.is_object() {
        let message = format!("{} in version \"{version}\" cannot be handled as a {}", kind, target.kind.place().name);
        return Err(Refusal::bad(message));
    }
    let mut value = strip(value);
    if !value["metadata"].is_object() {
        value["metadata"] = json!({});
    }
    Ok(value)
}

fn strip(mut value: Value) -> Value {
    if let Some(object) = value.as_object_mut() {
        object.remove("kind");
        object.remove("apiVersion");
    }
    value
}

/// Puts the path's namespace into an object, or refuses one that names another.
fn place(target: &Target, value: &mut Value) -> Result<(), Refusal> {
    let given = text(value, "/metadata/namespace");
    if !given.is_empty() && given != target.namespace {
        return Err(Refusal::bad(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    if target.kind.is_namespaced() {
        value["metadata"]["namespace"] = json!(target.namespace);
    }
    if !target.name.is_empty() {
        value["metadata"]["name"] = json!(target.name);
    }
    Ok(())
}

fn check_name(kind: Kind, name: &str) -> Result<(), Refusal> {
    let good = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-' || letter == '.';
    let ends = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    if name.len() <= 253 && name.chars().all(good) && ends(name.chars().next()) && ends(name.chars().last()) {
        return Ok(());
    }
    let why = if name.is_empty() { "Required value: name or generateName is required" } else { "Invalid value" };
    Err(Refusal::invalid(format!("{} \"{name}\" is invalid: metadata.name: {why}", kind.place().name)))
}

/// JSON merge patch, RFC 7396.
pub(crate) fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let Some(object) = value.as_object_mut() else { return };
    for (key, change) in changes {
        if change.is_null() {
            object.remove(key);
        } else {
            merge(object.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}
