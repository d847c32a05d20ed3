//! Open sessions by host and way to it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fabric_wire::endpoint::SshHost;
use fabric_wire::{Deadline, WireError};

use super::session::Session;

/// How long a goodbye may take before the others go on: a server that is there hears it at once.
const GOODBYE_LIMIT: Duration = Duration::from_secs(1);

/// The sessions. Each is opened by the first call that needs it while the others wait, and taken out when it is found dead.
#[derive(Default)]
pub(super) struct Pool {
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

struct Slot {
    state: tokio::sync::Mutex<State>,
    /// How many attempts to open have ended.
    attempts: AtomicU64,
    /// The host, and every jump host that a session with it may go through.
    way: Vec<String>,
}

#[derive(Default)]
struct State {
    session: Option<Arc<Session>>,
    failure: Option<WireError>,
}

/// A session, and whether this call was the one to open it.
pub(super) struct Pooled {
    pub(super) session: Arc<Session>,
    pub(super) fresh: bool,
}

impl Pool {
    /// The session with `host`; `open` makes it when there is none. Calls that waited while another one's attempt failed share
    /// its failure, so that two hundred calls do not each knock on a closed door. A timeout is not shared: it was the other
    /// call's deadline.
    ///
    /// # Errors
    /// [`WireError::Timeout`] when the deadline passes, else those of `open`.
    pub(super) async fn session(
        &self,
        host: &SshHost,
        deadline: Deadline,
        open: impl Future<Output = Result<Session, WireError>>,
    ) -> Result<Pooled, WireError> {
        let slot = self.slot(host);
        let attempts_seen = slot.attempts.load(Ordering::Acquire);
        deadline
            .bound(async {
                let mut state = slot.state.lock().await;
                if let Some(session) = state.session.as_ref().filter(|session| !session.is_closed()) {
                    return Ok(Pooled { session: session.clone(), fresh: false });
                }
                if slot.attempts.load(Ordering::Acquire) > attempts_seen
                    && let Some(failure) = &state.failure
                {
                    return Err(failure.clone());
                }
                let opened = open.await;
                slot.attempts.fetch_add(1, Ordering::AcqRel);
                state.failure = opened.as_ref().err().filter(|error| **error != WireError::Timeout).cloned();
                let session = opened.map(Arc::new);
                state.session = session.as_ref().ok().cloned();
                Ok(Pooled { session: session?, fresh: true })
            })
            .await
    }

    /// Takes out `dead`, unless another one has taken its place already.
    pub(super) async fn forget(&self, host: &SshHost, dead: &Arc<Session>) {
        let slot = self.slot(host);
        let mut state = slot.state.lock().await;
        if state.session.as_ref().is_some_and(|session| Arc::ptr_eq(session, dead)) {
            state.session = None;
        }
    }

    /// Takes out and ends every session with a host of that name and those that go through one. Nothing that is asked from now on
    /// comes over a connection that was made, or begun, before.
    pub(super) async fn forget_way(&self, name: &str) {
        for slot in self.take(name) {
            // A task of its own: the session may be in the making, and a server that takes nothing any more holds up the goodbye.
            let name = name.to_owned();
            let ending = tokio::spawn(async move {
                let session = slot.state.lock().await.session.take();
                if let Some(session) = session.filter(|session| session.leads_through(&name)) {
                    session.close().await;
                }
            });
            // Whether it ended in time, or at all, makes no difference to what comes after.
            let _ = tokio::time::timeout(GOODBYE_LIMIT, ending).await;
        }
    }

    /// The slots whose sessions go through a host, or may go through it once they are made.
    fn take(&self, name: &str) -> Vec<Arc<Slot>> {
        let concerned = |slot: &Slot| match slot.state.try_lock() {
            Ok(state) => state.session.as_ref().is_some_and(|session| session.leads_through(name)),
            Err(_) => slot.way.iter().any(|host| host == name),
        };
        let mut slots = self.slots();
        slots.extract_if(|_, slot| concerned(slot)).map(|(_, slot)| slot).collect()
    }

    fn slot(&self, host: &SshHost) -> Arc<Slot> {
        self.slots().entry(key(host)).or_insert_with(|| Arc::new(Slot::new(host))).clone()
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<String, Arc<Slot>>> {
        // A poisoned lock only says that another thread panicked between two map operations; the map is whole.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn new(host: &SshHost) -> Self {
        Self { state: tokio::sync::Mutex::default(), attempts: AtomicU64::new(0), way: way(host) }
    }
}

fn way(host: &SshHost) -> Vec<String> {
    std::iter::once(host.name.to_string()).chain(host.jump.iter().flat_map(way)).collect()
}

/// One text for a host, the account on it and the whole way to it. Names cannot hold the separators.
fn key(host: &SshHost) -> String {
    let SshHost { name, address, user, jump } = host;
    let jumps: Vec<String> = jump.iter().map(key).collect();
    format!("{user} {name} {address} ({})", jumps.join(", "))
}
