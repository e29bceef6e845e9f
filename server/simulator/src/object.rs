//! One version of one object: a JSON value with its bytes, or a canned body that is rendered when somebody asks.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde_json::Value;

use crate::kind::Kind;

/// Where an object is among those of its kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    /// Empty for cluster-wide kinds.
    pub(crate) namespace: Arc<str>,
    /// The object's name.
    pub(crate) name: Arc<str>,
}

impl Key {
    /// A key from its parts.
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The key in an object's metadata.
    pub(crate) fn of(value: &Value) -> Self {
        Self::new(text(value, "/metadata/namespace"), text(value, "/metadata/name"))
    }
}

/// One version of an object.
#[derive(Debug)]
pub(crate) struct Object {
    /// Where it is.
    pub(crate) key: Key,
    /// Its resource version.
    pub(crate) version: u64,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Plain { value: Value, bytes: OnceLock<Bytes> },
    Canned { render: Arc<dyn Render>, index: u32, revision: u32 },
}

/// Renders bodies that are not kept: thousands of objects that differ in little.
pub(crate) trait Render: Send + Sync + std::fmt::Debug {
    /// The JSON of an object without kind and API version, after so many changes of it.
    fn render(&self, kind: Kind, index: u32, revision: u32, version: u64) -> Bytes;
}

impl Object {
    /// A version of an object that is kept as a value; its metadata must have the version already.
    pub(crate) fn plain(key: Key, version: u64, value: Value) -> Self {
        Self { key, version, body: Body::Plain { value, bytes: OnceLock::new() } }
    }

    /// A version of a canned object.
    pub(crate) fn canned(key: Key, version: u64, render: Arc<dyn Render>, index: u32, revision: u32) -> Self {
        Self { key, version, body: Body::Canned { render, index, revision } }
    }

    /// Which canned body it has, and after how many changes.
    pub(crate) fn canned_index(&self) -> Option<(u32, u32)> {
        match &self.body {
            Body::Plain { .. } => None,
            Body::Canned { index, revision, .. } => Some((*index, *revision)),
        }
    }

    /// What renders it, where it is canned.
    pub(crate) fn renderer(&self) -> Option<&Arc<dyn Render>> {
        match &self.body {
            Body::Plain { .. } => None,
            Body::Canned { render, .. } => Some(render),
        }
    }

    /// The value, without kind and API version.
    pub(crate) fn value(&self, kind: Kind) -> Cow<'_, Value> {
        match &self.body {
            Body::Plain { value, .. } => Cow::Borrowed(value),
            Body::Canned { .. } => Cow::Owned(serde_json::from_slice(&self.item(kind)).unwrap_or_default()),
        }
    }

    /// The value where it is kept as one; controllers leave canned objects alone.
    pub(crate) fn plain_value(&self) -> Option<&Value> {
        match &self.body {
            Body::Plain { value, .. } => Some(value),
            Body::Canned { .. } => None,
        }
    }

    /// The JSON as lists have it: without kind and API version.
    pub(crate) fn item(&self, kind: Kind) -> Bytes {
        match &self.body {
            Body::Plain { value, bytes } => {
                bytes.get_or_init(|| serde_json::to_vec(value).unwrap_or_default().into()).clone()
            }
            Body::Canned { render, index, revision } => render.render(kind, *index, *revision, self.version),
        }
    }
}

/// A text in a value, empty where there is none.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A number in a value, 0 where there is none.
pub(crate) fn number(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

/// The uid of an object.
pub(crate) fn uid(value: &Value) -> &str {
    text(value, "/metadata/uid")
}

/// The uid of the controller that owns an object.
pub(crate) fn owner(value: &Value) -> Option<&str> {
    let owners = value.pointer("/metadata/ownerReferences")?.as_array()?;
    owners.iter().find(|owner| owner["controller"] == Value::Bool(true))?.get("uid")?.as_str()
}
