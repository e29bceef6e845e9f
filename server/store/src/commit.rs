//! Group commit: one task owns the partition that is written, gathers requests for a moment, and commits them in one
//! transaction before any of them is acknowledged.

mod group;
mod live;
mod recent;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::partition::Shared;
use crate::{Appended, Batch, Error};
use live::Live;

/// A group waits so long for others after its first request.
const WAIT: Duration = Duration::from_millis(50);
/// A group of so many bytes does not wait.
const GROUP: usize = 4 << 20;
/// What may wait in all; more is refused, so that a slow disk does not fill the memory.
const QUEUE_KIB: usize = 64 << 10;
const QUEUE: usize = 4_096;

const ENDED: &str = "the writer ended";

/// The writer's hand: sends it requests.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    sender: Mutex<Option<mpsc::Sender<Message>>>,
    room: Arc<Semaphore>,
    task: Mutex<Option<JoinHandle<Result<(), Error>>>>,
}

enum Message {
    Append(Box<Waiting>),
    /// Cuts the partition if its time is over; answers when that is done.
    Cut(Timestamp, oneshot::Sender<()>),
}

/// A request that waits for its commit.
struct Waiting {
    batch: Batch,
    answer: oneshot::Sender<Result<Appended, Error>>,
    /// Its share of the queue's bytes, given back when it is dropped.
    _room: OwnedSemaphorePermit,
}

impl Writer {
    /// Takes up the newest partition, if its time is not over, and starts the task.
    pub(crate) async fn start(shared: Arc<Shared>) -> Result<Self, Error> {
        let live = Live::resume(Arc::clone(&shared)).await?;
        let (sender, receiver) = mpsc::channel(QUEUE);
        let task = tokio::spawn(run(live, receiver));
        Ok(Self {
            shared,
            sender: Mutex::new(Some(sender)),
            room: Arc::new(Semaphore::new(QUEUE_KIB)),
            task: Mutex::new(Some(task)),
        })
    }

    /// Appends a request; returns after its commit.
    pub(crate) async fn append(&self, batch: Batch) -> Result<Appended, Error> {
        if !batch.is_whole() {
            return Err(Error::Damaged("a record names an owner that its batch does not have".into()));
        }
        batch.fits()?;
        let kib = room_for(batch.size());
        let full = || Error::Busy("too much waits to be written".into());
        let room = Arc::clone(&self.room).try_acquire_many_owned(kib).map_err(|_| full())?;
        let (answer, answered) = oneshot::channel();
        let sender = self.sender()?;
        let waiting = Box::new(Waiting { batch, answer, _room: room });
        sender.try_send(Message::Append(waiting)).map_err(|_| full())?;
        drop(sender);
        answered.await.unwrap_or_else(|_| {
            self.shared.failing(ENDED.into());
            Err(Error::Busy(ENDED.into()))
        })
    }

    /// Cuts the live partition if its time is over.
    pub(crate) async fn cut(&self, now: Timestamp) -> Result<(), Error> {
        let (done, answered) = oneshot::channel();
        let ended = || Error::Busy(ENDED.into());
        self.sender()?.send(Message::Cut(now, done)).await.map_err(|_| ended())?;
        answered.await.map_err(|_| ended())
    }

    /// Lets no more in, waits until everything that waits is committed.
    pub(crate) async fn close(&self) -> Result<(), Error> {
        drop(self.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        match task {
            Some(task) => task.await.unwrap_or_else(|error| Err(Error::Busy(format!("the writer: {error}")))),
            None => Ok(()),
        }
    }

    fn sender(&self) -> Result<mpsc::Sender<Message>, Error> {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        sender.clone().ok_or_else(|| Error::Busy("it is closing".into()))
    }
}

/// KiB of the queue that a request of so many bytes takes. However large, it is no more than half: a request that needed
/// all of it would be refused for as long as any other waits.
fn room_for(bytes: usize) -> u32 {
    (bytes / 1024 + 1).min(QUEUE_KIB / 2) as u32
}

/// Ends when all senders are gone and the queue is empty.
async fn run(mut live: Live, mut receiver: mpsc::Receiver<Message>) -> Result<(), Error> {
    while let Some(message) = receiver.recv().await {
        match message {
            Message::Append(first) => {
                let (group, cut) = gather(first, &mut receiver).await;
                live.commit(group).await;
                if let Some((now, done)) = cut {
                    live.cut(now).await;
                    let _ = done.send(());
                }
            }
            Message::Cut(now, done) => {
                live.cut(now).await;
                let _ = done.send(());
            }
        }
    }
    live.close().await
}

type Cut = (Timestamp, oneshot::Sender<()>);

/// Waits a moment for more requests to commit together with the first.
async fn gather(first: Box<Waiting>, receiver: &mut mpsc::Receiver<Message>) -> (Vec<Waiting>, Option<Cut>) {
    let until = Instant::now() + WAIT;
    let mut bytes = first.batch.size();
    let mut group = vec![*first];
    while bytes < GROUP {
        match tokio::time::timeout_at(until, receiver.recv()).await {
            Ok(Some(Message::Append(next))) => {
                bytes += next.batch.size();
                group.push(*next);
            }
            Ok(Some(Message::Cut(now, done))) => return (group, Some((now, done))),
            Ok(None) | Err(_) => break,
        }
    }
    (group, None)
}
