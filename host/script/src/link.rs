//! The worker's end of the door: frames out under one lock, replies in to whichever branch waits for them.

use std::collections::HashMap;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fabric_model::door::{self, Broken, FromWorker, Reply};
use fabric_model::{Fault, Value};
use futures_channel::oneshot::{Receiver, Sender, channel};

/// What the host answered.
pub(crate) type Answer = Result<Value, Fault>;

/// Why a frame did not get through.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsent {
    /// The host is gone; nothing the script does matters any more.
    #[error("the host is gone")]
    Gone,
    /// The frame is over the limit of the door.
    #[error("{0} bytes are more than one frame holds")]
    TooLong(usize),
}

/// The stream to the host, shared by all branches.
pub(crate) struct Link {
    writer: Mutex<UnixStream>,
    /// Who waits for which call; nothing once the stream has ended.
    waiting: Mutex<Option<HashMap<u64, Sender<Answer>>>>,
    next: AtomicU64,
}

impl Link {
    pub(crate) fn new(writer: UnixStream) -> Self {
        Self {
            writer: Mutex::new(writer),
            waiting: Mutex::new(Some(HashMap::new())),
            next: AtomicU64::new(1),
        }
    }

    /// A number that no other call and no check of this run has.
    pub(crate) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends a frame that is not answered. Returns how many bytes it took.
    pub(crate) fn send(&self, frame: &FromWorker) -> Result<u64, Unsent> {
        let bytes = door::encode(frame).map_err(|broken| match broken {
            Broken::TooLong(bytes) => Unsent::TooLong(bytes),
            _ => Unsent::Gone,
        })?;
        held(&self.writer).write_all(&bytes).map_err(|_| Unsent::Gone)?;
        Ok(bytes.len() as u64)
    }

    /// Sends a frame with a new call id and waits for its answer.
    pub(crate) async fn ask(&self, frame: impl FnOnce(u64) -> FromWorker) -> Result<Answer, Unsent> {
        let call_id = self.number();
        let answer = self.expect(call_id)?;
        if let Err(unsent) = self.send(&frame(call_id)) {
            self.take(call_id);
            return Err(unsent);
        }
        answer.await.map_err(|_| Unsent::Gone)
    }

    fn expect(&self, call_id: u64) -> Result<Receiver<Answer>, Unsent> {
        let (sender, receiver) = channel();
        held(&self.waiting).as_mut().ok_or(Unsent::Gone)?.insert(call_id, sender);
        Ok(receiver)
    }

    fn take(&self, call_id: u64) -> Option<Sender<Answer>> {
        held(&self.waiting).as_mut()?.remove(&call_id)
    }

    /// Hands out replies until the stream ends or carries something that is not a reply to an open call.
    pub(crate) fn hand_out(&self, mut reader: UnixStream) {
        while let Ok(Reply { call_id, result }) = door::read(&mut reader) {
            // A branch waits until its answer comes, so a receiver that is gone means that the script has ended.
            let sent = self.take(call_id).and_then(|branch| branch.send(result).ok());
            if sent.is_none() {
                break;
            }
        }
        // Dropping the senders wakes every branch with `Gone`.
        held(&self.waiting).take();
    }
}

/// A lock whose holder panicked still guards plain data: the panic itself ends the worker.
pub(crate) fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
