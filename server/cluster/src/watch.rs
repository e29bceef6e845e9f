//! One watcher: lists and follows a kind in one namespace or all, and hands batches to the owner of the world.

use std::borrow::Cow;
use std::fmt::Debug;
use std::pin::Pin;
use std::time::Duration;

use futures::{Stream, StreamExt};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::DynamicResourceScope;
use kube::runtime::watcher::{self, DefaultBackoff, Event};
use kube::{Api, Client, Resource};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};
use tokio::sync::{Notify, mpsc};

use crate::kind::Kind;
use crate::rights::{Problem, problem};
use crate::slim::{ConfigMap, ControllerRevision, EndpointSlice, Node, Object, Pod, Related, Service, Workload};
use crate::world::Scope;

/// Objects asked for at once.
const PAGE: u32 = 500;
/// Objects of a list handed over at once: with the owner's queue, what may wait for it with its whole documents.
const BATCH: usize = 50;
/// Rights that were given back, and kinds that were added, are seen after so long at most.
const DENIED_AGAIN: Duration = Duration::from_secs(30);
/// A watch that was tried again and has not failed for so long works.
const QUIET: Duration = Duration::from_secs(2);

/// What a watcher says.
#[derive(Debug)]
pub(crate) enum Said {
    /// A list begins.
    Begun,
    /// Objects of the list.
    Listed(Vec<Object>),
    /// The list is done.
    Done,
    /// An object was added or changed.
    Applied(Object),
    /// An object is gone.
    Deleted(Object),
    /// It failed.
    Failed(Problem),
    /// It tried again and has not failed since.
    Quiet,
}

/// What a watcher says, with its place among the watchers.
pub(crate) type Message = (usize, Said);

/// A slim type as the client wants it: with the metadata that following needs.
#[derive(Clone)]
struct Watched<T> {
    meta: ObjectMeta,
    object: T,
}

impl<T> Debug for Watched<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Objects hold values that are not redacted yet.
        write!(
            f,
            "{}/{}",
            self.meta.namespace.as_deref().unwrap_or_default(),
            self.meta.name.as_deref().unwrap_or_default()
        )
    }
}

/// A slim type that is watched.
trait Slim: DeserializeOwned + Clone + Send + Sync + 'static {
    fn object(self, kind: Kind) -> Object;
}

macro_rules! slim {
    ($type:ty, $this:ident, $kind:ident => $object:expr) => {
        impl Slim for $type {
            fn object(self, $kind: Kind) -> Object {
                let $this = self;
                $object
            }
        }
    };
}

slim!(Workload, this, kind => Object::Workload(kind, Box::new(this)));
slim!(Related, this, kind => Object::Related(kind, Box::new(this)));
slim!(ControllerRevision, this, _kind => Object::Revision(Box::new(this)));
slim!(Pod, this, _kind => Object::Pod(Box::new(this)));
slim!(Node, this, _kind => Object::Node(this));
slim!(Service, this, _kind => Object::Service(this));
slim!(EndpointSlice, this, _kind => Object::Slice(this));
slim!(ConfigMap, this, _kind => Object::ConfigMap(Box::new(this)));
slim!(crate::slim::Event, this, _kind => Object::Event(Box::new(this)));

impl<'de, T: Slim + Metadata> Deserialize<'de> for Watched<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = T::deserialize(deserializer)?;
        let meta = object.metadata();
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let meta = ObjectMeta {
            name: text(&meta.name),
            namespace: text(&meta.namespace),
            resource_version: text(&meta.resource_version),
            ..ObjectMeta::default()
        };
        Ok(Self { meta, object })
    }
}

/// A slim type's own metadata.
trait Metadata {
    fn metadata(&self) -> &crate::slim::Meta;
}

macro_rules! metadata {
    ($($type:ty),*) => { $(impl Metadata for $type { fn metadata(&self) -> &crate::slim::Meta { &self.meta } })* };
}

metadata!(Workload, ControllerRevision, Pod, Node, Service, EndpointSlice, ConfigMap, Related, crate::slim::Event);

impl<T: Slim> Resource for Watched<T> {
    type DynamicType = Kind;
    type Scope = DynamicResourceScope;

    fn kind(kind: &Kind) -> Cow<'_, str> {
        kind.parts().2.into()
    }
    fn group(kind: &Kind) -> Cow<'_, str> {
        kind.parts().0.into()
    }
    fn version(kind: &Kind) -> Cow<'_, str> {
        kind.parts().1.into()
    }
    fn plural(kind: &Kind) -> Cow<'_, str> {
        kind.parts().3.into()
    }
    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}

/// What a watcher is given.
pub(crate) struct Post {
    pub(crate) client: Client,
    pub(crate) scope: Scope,
    pub(crate) place: usize,
    /// Seconds after which a watch ends.
    pub(crate) length: u32,
    pub(crate) sender: mpsc::Sender<Message>,
    /// Rings when the cluster answers again: nobody has to wait out a backoff.
    pub(crate) wake: std::sync::Arc<Notify>,
}

/// Watches until the receiver is gone.
pub(crate) async fn watch(post: Post) {
    match post.scope.0 {
        Kind::ControllerRevision => follow::<ControllerRevision>(post).await,
        Kind::Pod => follow::<Pod>(post).await,
        Kind::Node => follow::<Node>(post).await,
        Kind::Service => follow::<Service>(post).await,
        Kind::EndpointSlice => follow::<EndpointSlice>(post).await,
        Kind::ConfigMap => follow::<ConfigMap>(post).await,
        Kind::Event => follow::<crate::slim::Event>(post).await,
        kind if kind.is_related() => follow::<Related>(post).await,
        _ => follow::<Workload>(post).await,
    }
}

type Events<T> = Pin<Box<dyn Stream<Item = watcher::Result<Event<Watched<T>>>> + Send>>;

fn events<T: Slim + Metadata>(post: &Post) -> Events<T> {
    let (kind, namespace) = &post.scope;
    let api: Api<Watched<T>> = match namespace {
        Some(namespace) => Api::namespaced_with(post.client.clone(), namespace, kind),
        None => Api::all_with(post.client.clone(), kind),
    };
    let config = watcher::Config::default().page_size(PAGE).timeout(post.length);
    // What is normal is never adverse, and it is most of all events.
    let config = if *kind == Kind::Event { config.fields("type!=Normal") } else { config };
    watcher::watcher(api, config).boxed()
}

async fn follow<T: Slim + Metadata>(post: Post) {
    let mut events = events::<T>(&post);
    let mut backoff = DefaultBackoff::default();
    let mut batch: Vec<Object> = Vec::new();
    let mut failed = false;
    let mut denied = 0;
    loop {
        let next = if failed {
            match tokio::time::timeout(QUIET, events.next()).await {
                Ok(next) => next,
                Err(_) => {
                    failed = false;
                    if post.say(Said::Quiet).await { continue } else { return }
                }
            }
        } else {
            events.next().await
        };
        match next {
            None => return,
            Some(Ok(event)) => {
                // A list that only begins has not worked yet.
                let begins = matches!(event, Event::Init);
                failed &= begins;
                denied *= u32::from(begins);
                if !post.hand(event, &mut batch).await {
                    return;
                }
            }
            Some(Err(error)) => {
                let problem = problem(&error);
                let again = match problem {
                    Problem::Forbidden | Problem::Absent => {
                        denied += 1;
                        denied_again(denied)
                    }
                    Problem::Expired | Problem::Failing(_) => backoff.next().unwrap_or(DENIED_AGAIN),
                };
                let wakes = matches!(problem, Problem::Failing(_));
                failed = true;
                if !post.say(Said::Failed(problem)).await || !post.pause(again, wakes).await {
                    return;
                }
            }
        }
    }
}

/// An API server that has just started forbids everything until it has read its roles, for about a second; a right
/// that is not given stays away for long.
fn denied_again(times: u32) -> Duration {
    Duration::from_secs(1 << times.saturating_sub(1).min(5)).min(DENIED_AGAIN)
}

impl Post {
    /// Whether somebody still listens.
    async fn say(&self, said: Said) -> bool {
        self.sender.send((self.place, said)).await.is_ok()
    }

    async fn pause(&self, pause: Duration, wakes: bool) -> bool {
        tokio::select! {
            () = self.sender.closed() => return false,
            () = self.wake.notified(), if wakes => {}
            () = tokio::time::sleep(pause) => {}
        }
        true
    }

    async fn hand<T: Slim>(&self, event: Event<Watched<T>>, batch: &mut Vec<Object>) -> bool {
        let kind = self.scope.0;
        match event {
            Event::Init => {
                batch.clear();
                self.say(Said::Begun).await
            }
            Event::InitApply(watched) => {
                batch.push(watched.object.object(kind));
                if batch.len() < BATCH {
                    return true;
                }
                self.say(Said::Listed(std::mem::take(batch))).await
            }
            Event::InitDone => self.say(Said::Listed(std::mem::take(batch))).await && self.say(Said::Done).await,
            Event::Apply(watched) => self.say(Said::Applied(watched.object.object(kind))).await,
            Event::Delete(watched) => self.say(Said::Deleted(watched.object.object(kind))).await,
        }
    }
}
